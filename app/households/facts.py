"""What the rules may know of a household. Pure."""

from dataclasses import dataclass
from datetime import date

from app.kernel.money import Fen
from app.policy.facts import added_later


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdFacts:
    """A household on the day of application. None: not known; what a rule needs and nobody knows refuses, by name.

    `filed_on` is the day the file was first submitted, and the criteria are those of that day; None: no file.
    Amounts in fen for the criteria's period (a year). `members` counts the co-living household, its head included.
    `rigid_spending_fen` is 0 when there is none, and includes `necessary_work_cost_fen`. `accident_cost_fen` and
    `grave_illness_cost_fen` are what remains of such costs after compensation and insurance; `financial_assets_fen`
    savings and investments, net of debts. `months_below` counts the months in a row, without government aid, in which
    the income was below the standard. Standard and edge line are per person and month, of the day of application.
    `review_overdue_days` counts the days since the yearly verification was due, 0 while it is not; None: not asked.
    `review_grace_days` are how many of them new aid does not mind; None: no limit of that day is known.
    """

    file_active: bool | None = None
    filed_on: date | None = None
    income_fen_yearly: Fen | None = None
    rigid_spending_fen: Fen | None = None
    necessary_work_cost_fen: Fen = 0
    members: int | None = None
    primary_cause: str | None = None
    circumstances: tuple[str, ...] = ()
    accident_cost_fen: Fen | None = None
    grave_illness_cost_fen: Fen | None = None
    financial_assets_fen: Fen | None = None
    receives_dibao: bool | None = None
    months_below: int | None = None
    homes: int | None = None
    runs_business: bool | None = None
    private_car: bool | None = None
    non_dwelling_property: bool | None = None
    high_fee_school: bool | None = None
    study_abroad: bool | None = None
    able_adult_not_working: bool | None = None
    migrant_worker: bool | None = None
    union_member: bool | None = None
    labour_relation_months: int | None = None
    minimum_living_standard_fen: Fen | None = None
    edge_line_fen: Fen | None = None
    minimum_living_standard_from: date | None = None
    minimum_living_standard_version: str | None = None
    minimum_living_standard_source: str = "没有登记低保标准的出处"
    review_overdue_days: int | None = added_later(None)
    review_grace_days: int | None = added_later(30)
    review_source: str = added_later(
        "困难职工档案管理要求每年至少全面清理一次（总工办〔2016〕36号）；逾期三十天暂停新的帮扶为本系统的管理规则"
    )
    upkeep_version: str | None = added_later(None)
    """None: judged when the limit stood in no policy yet, or by none."""
