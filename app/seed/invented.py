"""What an invented person is made of. Nothing here can belong to anybody.

Identity numbers are of region 99, which no authority issues; phones are of one unassigned block and cards of one
invented series. All are valid by their check digits, so that every rule of the service applies to them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from app.households.forms import (
    Cause,
    Head,
    Health,
    HouseholdForm,
    Member,
    Relation,
    RigidSpending,
    Schooling,
    Spending,
)
from app.kernel.actor import Role
from app.kernel.identifiers import check_digit
from app.seed.organisations import Union

Sex = Literal["male", "female"]
FileState = Literal[
    "draft", "submitted", "unit_review", "home_visit", "district_review", "means_check", "city_approval", "active",
    "annual_review", "relieved", "lifted", "cancelled", "returned",
]  # fmt: skip
Covered = Literal["no", "first_term", "renewed"]
Housing = Literal[
    "self_built", "commercial", "affordable", "public_rental", "private_rental", "employer", "none", "other"
]

FEN = 100
LARGEST_REGION = 9_999


def id_number(region: int, birth: date, sex: Sex, serial: int) -> str:
    """A valid identity number of region 990000 + `region` (0–9999); serial 0–499 tells apart who shares the rest."""
    if not (0 <= region <= LARGEST_REGION and 0 <= serial < 500):
        raise ValueError("no such invented number")
    first17 = f"99{region:04d}{birth:%Y%m%d}{2 * serial + (sex == 'male'):03d}"
    return first17 + check_digit(first17)


def phone_number(serial: int) -> str:
    """19900000000 and on: eleven digits, the serial last (0–99999)."""
    return f"199000{serial:05d}"


def card_number(serial: int) -> str:
    """19 digits with a right Luhn sum: 621700, zeros, the serial (0–99999), the check digit."""
    digits = f"6217000000000{serial:05d}"
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[::-2])
    return digits + str(-(sum(doubled) + sum(int(digit) for digit in digits[-2::-2])) % 10)


@dataclass(frozen=True, slots=True)
class Relative:
    """Somebody who lives with the head. `income` in yuan a year."""

    relation: Relation
    name: str
    sex: Sex
    birth: date
    health: Health = "healthy"
    income: int = 0
    schooling: Schooling = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardship:
    """What a file says beside who lives there. Amounts in yuan a year; `income` is the whole household's."""

    income: int
    spending: tuple[tuple[Spending, int], ...] = ()
    cause: Cause
    further_causes: tuple[Cause, ...] = ()
    demand: str
    health: Health = "healthy"
    housing: Housing = "self_built"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A household file as it stands, begun `days_ago`."""

    form: HouseholdForm
    state: FileState
    days_ago: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invented:
    """A person of the demo world, who signs in as `sim:<sim_name>`. Posts are held at the person's own union.

    `number` is their own alone: phone and card follow from it. Whoever has a file has also a bank card and has
    consented to everything; `signed_up` False: nothing is stored yet.
    """

    number: int
    sim_name: str
    name: str
    id_number: str
    union: Union
    note: str = ""
    roles: tuple[Role, ...] = ()
    file: File | None = None
    covered: Covered = "no"
    signed_up: bool = True

    @property
    def phone(self) -> str:
        return phone_number(self.number)

    @property
    def card(self) -> str:
        return card_number(self.number)


def household_form(
    head: Head, relatives: tuple[Relative, ...], hardship: Hardship, *, region: int, address: str, division_code: str
) -> HouseholdForm:
    """The form as the phone would have sent it; the relatives' identity numbers are of the head's region."""
    earned = hardship.income - sum(relative.income for relative in relatives)
    return HouseholdForm(
        head=_registered(head, relatives, hardship.cause, region, division_code, earned),
        members=[_member(relative, region, serial) for serial, relative in enumerate(relatives, 1)],
        address=address,
        division_code=division_code,
        housing=hardship.housing,
        income_fen_yearly=hardship.income * FEN,
        rigid_spending=[RigidSpending(kind=kind, amount_fen=amount * FEN) for kind, amount in hardship.spending],
        primary_cause=hardship.cause,
        secondary_causes=list(hardship.further_causes),
        demands=[hardship.demand],
        non_wage_income_fen_yearly=0,
        floor_area="50_to_70",
    )


def _registered(
    head: Head, relatives: tuple[Relative, ...], cause: Cause, region: int, division_code: str, earned: int
) -> Head:
    """The head with everything that the statutory register stars; `earned` in yuan a year."""
    number = head.id_number
    return head.model_copy(
        update={
            "ethnicity": "01",
            "sex": "male" if int(number[16]) % 2 else "female",
            "political_status": "masses",
            "birth_date": date(int(number[6:10]), int(number[10:12]), int(number[12:14])),
            "illness": _ILLNESSES.get(head.health),
            "disability": "physical" if head.health == "disabled" else None,
            "disability_grade": "second" if head.health == "disabled" else None,
            "medical_insurance": "resident" if cause == "no_social_insurance" else "employee",
            "marital_status": "married" if any(each.relation == "spouse" for each in relatives) else "divorced",
            "hukou_kind": "non_agricultural",
            "worker_identity": "worker",
            "model_worker": "none",
            "hukou_division_code": division_code,
            "mobile": phone_number(region),
            "other_contact": "同住家属",
            "employer_kind": "private",
            "employer_condition": "normal",
            "work_status": _WORK.get(cause, "on_post"),
            "work_began_on": date(int(number[6:10]) + 20, 7, 1),
            "monthly_income_fen": max(0, earned) * FEN // 12,
        }
    )


_ILLNESSES: dict[Health, str] = {"chronic_illness": "hypertension", "serious_illness": "cancer"}
_WORK: dict[Cause, str] = {"laid_off": "laid_off", "unemployed_able": "unemployed"}


def _member(relative: Relative, region: int, serial: int) -> Member:
    return Member(
        name=relative.name,
        id_number=id_number(region, relative.birth, relative.sex, serial),
        relation=relative.relation,
        birth_date=relative.birth,
        health=relative.health,
        income_fen_yearly=relative.income * FEN,
        schooling=relative.schooling,
    )
