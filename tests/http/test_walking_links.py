"""Along the links of the contract, from one answer to the next request: thousands of ways through the same cases."""

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky

from app.main import create_app
from app.settings import Settings
from tests.http.raw import in_a_thread
from tests.http.walking import Ground, Walk, ground_of
from tests.make import World

FEW = 25
AT_LEAST = 20
"""So many ways, at fewest, must have been gone to their end: a walk that is refused everywhere finds nothing."""
WALKS = int(os.environ.get("AID_WALKS", str(FEW)))
STEPS = int(os.environ.get("AID_WALK_STEPS", "12"))
SEED = int(os.environ.get("AID_WALK_SEED", "1"))


def at_most(walks: int) -> settings:
    return settings(
        max_examples=walks,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture
def url(configured: Settings) -> Iterator[str]:
    """The app served from a thread with a loop of its own: the walk is no coroutine."""
    with in_a_thread(create_app(configured)) as address:
        yield address


@pytest.fixture
async def ground(url: str, world: World) -> Ground:
    return await ground_of(url, world)


def test_whoever_follows_the_links_gets_what_the_contract_promises(ground: Ground) -> None:
    Walk.ground = ground
    for number in itertools.count(SEED):
        with contextlib.suppress(Flaky):  # the service remembers: the same walk does not find the same twice
            seed(number)(Walk).run(settings=at_most(WALKS - ground.walks))
        if ground.findings or ground.walks >= WALKS:
            break
    assert not ground.findings, ground.findings[0]
    done = {followed for followed, status in ground.steps if status < 300}
    known = {followed for followed, _ in ground.steps}
    told = (
        f"{ground.walks} walks, {ground.steps.total()} steps; {len(done)} of {len(known)} ways were gone to their end"
    )
    if WALKS > FEW:
        sys.stderr.write(f"\n{told}\nnever: {sorted(known - done)}\n")
    assert len(done) >= AT_LEAST, told
