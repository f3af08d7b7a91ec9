"""What the rules of hardship aid may know. Pure; amounts in fen."""

from dataclasses import dataclass
from datetime import date

from app.households.facts import HouseholdFacts
from app.kernel.money import Fen
from app.kinds.hardship_aid.policy import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Aid the household was granted this calendar year, approved and not yet paid included, reversed left out."""

    kind: str
    item: str | None
    amount_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may know. `applied_on` is the day of submission, and its year the year of the caps.

    `granted_this_year`: to the household, over all kinds of aid, this application left out.
    `temporary_granted_this_year_fen`: temporary aid to the applicant in person. `medical_mutual_aid_paid_fen` is what
    the form says, `mutual_aid_found_fen` what our own records say that the secondary insurance has paid, or has under
    way, for the same bill: the larger counts. `medical_aided_before_fen`: medical aid of ours for the same bill, of any
    year. None: not known.
    """

    applied_on: date
    household: HouseholdFacts
    item: Item
    requested_fen: Fen
    granted_this_year: tuple[Granted, ...]
    temporary_granted_this_year_fen: Fen | None
    medical_self_paid_fen: Fen | None = None
    medical_mutual_aid_paid_fen: Fen | None = None
    medical_settled_on: date | None = None
    mutual_aid_found_fen: Fen | None = None
    medical_aided_before_fen: Fen = 0
    accident_caused_fen: Fen | None = None
    accident_happened_on: date | None = None
