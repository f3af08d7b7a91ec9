"""Books of a city of one's own, for each test."""

import asyncpg
import pytest

from tests.make import World
from tests.payments.conftest import till
from tests.reconciliations.making import Books, books_of

__all__ = ["till"]


@pytest.fixture
async def books(world: World, owner: asyncpg.Connection) -> Books:
    return await books_of(world, owner)
