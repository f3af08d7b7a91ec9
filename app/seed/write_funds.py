"""Writing the demo world's money: two sources, and what the city has budgeted of them."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from app.applications.path import Kind
from app.db.base import table_of
from app.db.statements import insertion
from app.db.work import Work
from app.funds.commands import RECEIVED
from app.funds.ledger import Event, Leg, post
from app.funds.policy import Source
from app.funds.rules import levels_of
from app.funds.tables import Budget, Fund
from app.kernel.actor import Tier
from app.kernel.ids import new_id
from app.seed.organisations import tree
from app.seed.write import tiers, write_all

_INSERT_FUND = insertion(
    table_of(Fund),
    *"id created_at code name source year organisation_id city_id district_id street_id unit_id kinds".split(),
    *"categories archive_levels intent carry_over_years received_fen allocated_fen version".split(),
)
_INSERT_BUDGET = insertion(
    table_of(Budget),
    *"id created_at fund_id organisation_id organisation_name city_id district_id street_id unit_id kind year".split(),
    *"allocated_fen reserved_fen committed_fen spent_fen".split(),
)
Budgeted = dict[Kind, int]
FUNDS: Final[tuple[tuple[str, str, Source, int, Budgeted], ...]] = (
    ("ZJ-PT", "市财政困难职工帮扶配套资金", "match", 100_000, {Kind.HARDSHIP_AID: 100_000}),
    (
        "ZJ-GH", "市总工会帮扶资金", "union", 200_000_000,
        {Kind.HARDSHIP_AID: 100_000_000, Kind.SECONDARY_MEDICAL: 50_000_000},
    ),
)  # fmt: skip
"""Code, name, source, what was received, and the city's budgets of it. The first is soon used up, so that a payment
comes from both; of Golden Autumn there is no budget yet, so that somebody has to wait for one."""


async def write_funds(work: Work, unions: Mapping[str, UUID]) -> None:
    city = next(union for union in tree() if union.tier is Tier.CITY)
    place: dict[str, Any] = {"organisation_id": unions[city.code], **tiers(city, unions)}
    year = work.today.year
    for code, name, source, received, budgeted in FUNDS:
        fund_id = new_id()
        fund = {
            "id": fund_id, "created_at": work.now, "code": f"{code}-{year}", "name": f"{year}年{name}",
            "source": source, "year": year, **place, "kinds": [kind.value for kind in Kind], "categories": None,
            "archive_levels": levels_of(source, None), "intent": None, "carry_over_years": 1,
            "received_fen": received, "allocated_fen": sum(budgeted.values()), "version": 1,
        }  # fmt: skip
        await write_all(work, _INSERT_FUND, [fund])
        event = Event(f"receipt:{fund_id}:{code}", RECEIVED[source], None, code)
        await post(work, event, [Leg(fund_id, None, "source", -received), Leg(fund_id, None, "unallocated", received)])
        for kind, fen in budgeted.items():
            budget_id = new_id()
            budget = {
                "id": budget_id, "created_at": work.now, "fund_id": fund_id, "organisation_name": city.name, **place,
                "kind": kind.value, "year": year, "allocated_fen": fen, "reserved_fen": 0, "committed_fen": 0,
                "spent_fen": 0,
            }  # fmt: skip
            await write_all(work, _INSERT_BUDGET, [budget])
            legs = [
                Leg(fund_id, None, "unallocated", -fen),
                Leg(fund_id, place["organisation_id"], "allocated", fen),
            ]
            await post(work, Event(f"allocation:{budget_id}", "allocation", None), legs)
