"""Who and what several files of these tests begin with; the town is that of tests/conftest.py."""

import pytest

from tests.http.change_requests import Place, placed
from tests.http.household_acts import officed
from tests.http.matrix import Matrix, build
from tests.make import Someone, Town, World
from tests.visits.making import Household, family_of


@pytest.fixture(scope="module")
async def matrix(world: World) -> Matrix:
    """Everybody and everything that the walls stand between, anew for each file of tests."""
    return await build(world)


@pytest.fixture
async def office(world: World, town: Town) -> dict[str, Someone]:
    """Somebody at each desk that a household file of the town's first unit passes."""
    return await officed(world, town)


@pytest.fixture
async def family(world: World, town: Town) -> Household:
    """A family at the step of the home visit."""
    return await family_of(world, town)


@pytest.fixture
async def place(world: World, town: Town) -> Place:
    """A unit with somebody at each desk that a change to a file passes."""
    return await placed(world, town)
