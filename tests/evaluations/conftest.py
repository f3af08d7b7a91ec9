import pytest

from tests.evaluations.evaluating import Office, office
from tests.make import Town, World


@pytest.fixture
async def made(world: World, town: Town) -> Office:
    return await office(world, town)
