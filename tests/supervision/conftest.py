"""Two of finance, an auditor, and somebody who is paid."""

import pytest

from app.kernel.actor import Role
from tests.make import Someone
from tests.payments.conftest import Till, till

__all__ = ["till"]


@pytest.fixture
async def auditor(till: Till) -> Someone:
    return await till.world.staff(Role.AUDITOR, till.town.city, consents=())
