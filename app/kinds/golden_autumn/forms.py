"""What a worker fills in for a Golden Autumn grant (金秋助学): the student, the school, the academic year."""

from typing import Annotated, Literal

from pydantic import Field

from app.kinds.golden_autumn.policy import Enrolment, ProgrammeType, Stage
from app.policy.fields import Fen, FileIds, Frozen, IdNumber, IsoDate, PersonName, ShortText


class Student(Frozen):
    """`relation`: what the student is to the applicant (GB/T 4761; `child` where the form does not tell which)."""

    name: PersonName
    id_number: IdNumber
    relation: Literal["self", "spouse", "child", "son", "daughter", "grandchild", "sibling", "other"]


class OtherGrant(Frozen):
    """What somebody else gives the student for the same academic year."""

    giver: ShortText
    amount_fen: Fen


class GoldenAutumnForm(Frozen):
    """`form` of an application of this kind. `academic_year` 2026 is September 2026 to July 2027."""

    student: Student
    stage: Stage
    school: ShortText
    school_public: bool
    enrolment: Enrolment
    academic_year: Annotated[int, Field(ge=2000, le=2100)]
    tuition_fen: Fen
    admitted_on: IsoDate | None = None
    programme_type: ProgrammeType | None = Field(default=None, description="就读类型；不填按普通招生")
    other_grants: Annotated[list[OtherGrant], Field(max_length=20)] = Field(default_factory=list)
    file_ids: FileIds = Field(default_factory=list)
