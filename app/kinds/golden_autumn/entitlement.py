"""The grant that a student of a household could ask for (金秋助学): what screening and rehearsal put to the rules.

Pure. No earlier grant of the academic year is known of: an application shows whether there is one.
"""

from datetime import date
from typing import NamedTuple

from app.households.facts import HouseholdFacts
from app.kernel.business_time import academic_year
from app.kernel.money import Fen
from app.kinds.golden_autumn.policy import Enrolment, Policy, ProgrammeType, Stage
from app.kinds.golden_autumn.rules import Facts


class Student(NamedTuple):
    """What is known of a student. None: not known."""

    stage: Stage
    enrolment: Enrolment = "continuing"
    school_public: bool | None = True
    tuition_fen: Fen | None = None
    admitted_on: date | None = None
    programme_type: ProgrammeType = "ordinary"
    other_grants_fen: Fen = 0


def question(household: HouseholdFacts, student: Student, policy: Policy, on: date) -> Facts:
    """An application for the student on the first day from `on` on which the policy takes it."""
    year, applied_on = _when(policy, student.enrolment, on)
    return Facts(
        applied_on=applied_on,
        household=household,
        student_is_member=True,
        stage=student.stage,
        school_public=student.school_public,
        enrolment=student.enrolment,
        academic_year=year,
        tuition_fen=student.tuition_fen,
        admitted_on=student.admitted_on,
        granted_for_this_year=False,
        other_grants_fen=(student.other_grants_fen,) if student.other_grants_fen else (),
        programme_type=student.programme_type,
    )


def _when(policy: Policy, enrolment: Enrolment, on: date) -> tuple[int, date]:
    """The academic year of the window that is open, or opens next; and the first day of it from `on`."""
    window, year = policy.windows.of(enrolment), academic_year(on)
    while window.last(year) < on:
        year += 1
    return year, max(on, window.first(year))
