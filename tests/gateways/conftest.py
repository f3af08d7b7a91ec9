import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from app.gateways.wechat.breaker import Breaker
from app.gateways.wechat.miniprogram import MiniProgram
from app.simulator.app import create_app
from tests.gateways.steering import APPID, SECRET, Steering
from tests.serving import serving


@pytest.fixture(scope="session")
def base_url() -> Iterator[str]:
    with serving(create_app()) as url:
        yield url


@pytest.fixture
def simulator(base_url: str) -> Iterator[Steering]:
    with httpx.Client(base_url=base_url, trust_env=False, verify=False) as http:
        steering = Steering(http)
        steering.post("reset")
        yield steering


@pytest.fixture
async def wechat(base_url: str, simulator: Steering) -> AsyncIterator[MiniProgram]:
    program = MiniProgram(base_url, APPID, SECRET)
    yield program
    await program.aclose()


@pytest.fixture
async def hasty(base_url: str, simulator: Steering) -> AsyncIterator[MiniProgram]:
    """A client whose whole patience is 0.8 s."""
    program = MiniProgram(base_url, APPID, SECRET, total_s=0.8)
    yield program
    await program.aclose()


@pytest.fixture(scope="session")
async def shared(base_url: str) -> AsyncIterator[MiniProgram]:
    program = MiniProgram(base_url, APPID, SECRET, total_s=0.5, breaker=Breaker(most=sys.maxsize))
    yield program
    await program.aclose()
