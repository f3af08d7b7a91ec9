"""The household file as the phone fills it in (api: `/me/household`)."""

from typing import Annotated, Literal

from pydantic import Field

from app.policy.fields import Code, Fen, FileIds, Frozen, Id, IdNumber, IsoDate, LongText, PersonName, ShortText

Cause = Literal[
    "no_labour_capacity",
    "unemployed_able",
    "laid_off",
    "no_social_insurance",
    "insurance_not_delivered",
    "serious_illness",
    "natural_disaster",
    "accident",
    "child_schooling",
    "other",
]
Relation = Literal["spouse", "son", "daughter", "grandchild", "parent", "grandparent", "sibling", "other"]
Health = Literal["healthy", "weak", "chronic_illness", "serious_illness", "disabled"]
Spending = Literal["illness", "disability", "schooling", "accident", "necessary_work_cost"]
Schooling = Literal[
    "none", "pre_school", "primary", "junior_high", "senior_high", "secondary_vocational", "junior_college",
    "undergraduate", "postgraduate",
]  # fmt: skip
MAX_MEMBERS = 20


class Head(Frozen):
    """户主：本人。"""

    name: PersonName
    id_number: IdNumber
    health: Health
    organisation_code: Code | None = None
    """The union that the worker belongs to; without one the service centre takes the file."""
    employer: ShortText | None = None


class Member(Frozen):
    """与户主共同生活的家庭成员。"""

    name: PersonName
    id_number: IdNumber
    relation: Relation
    birth_date: IsoDate | None = None
    health: Health
    income_fen_yearly: Fen
    schooling: Schooling | None = None
    child_consent_id: Id | None = None


class RigidSpending(Frozen):
    """过去一年的刚性支出（已扣除报销和救助）。"""

    kind: Spending
    amount_fen: Fen
    file_ids: FileIds = Field(default_factory=list)


class HouseholdForm(Frozen):
    """一户一档案：家庭档案登记表（简表）。"""

    head: Head
    members: Annotated[list[Member], Field(max_length=MAX_MEMBERS)]
    address: ShortText
    division_code: Annotated[str, Field(pattern=r"^[0-9]{6,12}$")]
    housing: Literal[
        "self_built", "commercial", "affordable", "public_rental", "private_rental", "employer", "none", "other"
    ]
    income_fen_yearly: Fen
    rigid_spending: Annotated[list[RigidSpending], Field(max_length=20)]
    primary_cause: Cause
    secondary_causes: Annotated[list[Cause], Field(max_length=3)] = Field(default_factory=list)
    demands: Annotated[list[LongText], Field(max_length=10)] = Field(default_factory=list)
    file_ids: FileIds = Field(default_factory=list)
