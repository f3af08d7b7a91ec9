from collections.abc import Iterator

import httpx
import pytest

from app.simulator.app import DEMO_ACCOUNTS, create_app
from tests.serving import serving

EVENING = 1_790_000_000.0
"""The simulator's clock stands still here (21 September 2026, 22:13 in Shanghai) until a test moves it."""

OTHER_APPID, OTHER_SECRET = "wx00000000000other", "another-secret"


@pytest.fixture(scope="session")
def running() -> Iterator[str]:
    accounts = {**DEMO_ACCOUNTS, OTHER_APPID: OTHER_SECRET}
    with serving(create_app(accounts, clock=lambda: EVENING)) as base_url:
        yield base_url


@pytest.fixture
def wechat(running: str) -> Iterator[httpx.Client]:
    """A plain HTTP client of a simulator that has just been reset."""
    with httpx.Client(base_url=running, trust_env=False, verify=False) as client:
        client.post("/_sim/reset").raise_for_status()
        yield client
