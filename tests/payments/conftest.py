"""Two of finance, and somebody whose application was approved and whose card was checked."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from app.appeals.tables import Appeal
from app.applications.path import Action, Kind, State
from app.applications.tables import Passage
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.make import Case, Someone, Town, World
from tests.paying import carded


@dataclass(frozen=True)
class Till:
    """A town with a maker and a checker."""

    world: World
    town: Town
    maker: Someone
    checker: Someone

    async def approved(self, *, kind: Kind = Kind.HARDSHIP_AID, card: bool = True, **given: Any) -> Case:
        """An application that may be paid, of somebody with a household, a plan and a card."""
        home = given.pop("home", self.town.units[0])
        someone = given.pop("who", None) or await self.world.person(home=home)
        if kind is not Kind.SECONDARY_MEDICAL and "household_id" not in given:
            given["household_id"] = await self.world.household(someone, home)
        if card:
            await carded(self.world, someone)
        given.setdefault("item", "living" if kind is Kind.HARDSHIP_AID else None)
        return await self.world.application(someone, home, kind=kind, state=given.pop("state", State.APPROVED), **given)


@pytest.fixture
async def till(world: World, town: Town) -> Till:
    maker = await world.staff(Role.FINANCE_MAKER, town.city, consents=())
    checker = await world.staff(Role.FINANCE_CHECKER, town.city, consents=())
    return Till(world, town, maker, checker)


async def appealed(till: Till, case: Case) -> None:
    """Let its applicant appeal against what was granted; the city looks at it."""
    passage_id = new_id()
    await till.world.insert(
        Passage, id=passage_id, created_at=make.NOW, application_id=case.id, round=1,
        person_id=(await till.world.person()).id, action=Action.APPROVE, from_state=State.CITY_APPROVAL,
        to_state=State.APPROVED, counts_as_review=True,
    )  # fmt: skip
    await till.world.insert(
        Appeal, id=new_id(), created_at=make.NOW, application_id=case.id, decision_id=passage_id, kind=case.kind,
        ground="too_low", applicant_id=case.applicant.id, state="at_city", version=1, reason=b"sealed", before_fen=1,
        due_at=make.NOW + timedelta(days=9), **{f"{tier}_id": at for tier, at in case.home.ancestors.items()},
    )  # fmt: skip
