"""Two of finance, and somebody whose application was approved and whose card was checked."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.applications.path import Kind, State
from app.kernel.actor import Role
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
