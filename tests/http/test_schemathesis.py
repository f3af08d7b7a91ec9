"""The contract against itself: thousands of requests that it allows, and that it does not, made up from it."""

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.generation.meta import CoveragePhaseData
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.specs.openapi import checks

from app.kernel.actor import Role
from app.main import create_app
from app.policies.tables import PolicyVersion
from app.settings import Settings
from tests import make
from tests.contract import document
from tests.http.fuzzing import PATIENCE_SECONDS, UNFIT, contract
from tests.http.raw import in_a_thread
from tests.make import Someone, World
from tests.policies.making import row

EXAMPLES = int(os.environ.get("AID_SCHEMATHESIS_EXAMPLES", "2"))
"""How many requests are made up by chance for each operation."""
EVERY = int(os.environ.get("AID_SCHEMATHESIS_EVERY", "12"))
"""Of those that go through the contract systematically, each kind of request is sent once and then every so many-th."""
SACRIFICED = 300
TWO_FACED = {"/api/v1/staff/calendar/changes"}
"""To the router a POST there is one to /calendar/{year} with a year that is none: it is refused, but not with 405."""
OPERATIONS = {found.ok().label: found.ok() for found in contract.get_all_operations()}
LAST = [label for label in OPERATIONS if label in ("DELETE /api/v1/me", "DELETE /api/v1/sessions/current")]
"""Their DELETE ends the session that asks."""
STAFF = [label for label in OPERATIONS if " /api/v1/staff/" in label]
EVERYONE = [label for label in OPERATIONS if label not in {*LAST, *STAFF}]
thorough = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass
class Side:
    """One who asks, and the ids of what is theirs to ask for."""

    url: str
    who: Someone
    ids: dict[str, str] = field(default_factory=dict)
    fresh: Iterator[Someone] = field(default_factory=lambda: iter(()))

    def ask(self, case: schemathesis.Case, who: Someone | None = None) -> None:
        """Send the case, with real ids where it is meant to be right, and judge the answer."""
        if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            for name in set(case.path_parameters or {}) & set(self.ids):
                case.path_parameters[name] = self.ids[name]
            if "If-Match" in (case.headers or {}):
                case.headers["If-Match"] = self.version(case)
        case.call_and_validate(
            base_url=self.url,
            headers=(who or self.who).headers,
            timeout=PATIENCE_SECONDS,
            allow_redirects=False,
            excluded_checks=[*UNFIT, *unfit_for(case)],
        )

    def version(self, case: schemathesis.Case) -> str:
        """The version of what the case is about, as it is now."""
        address = case.formatted_path
        for step in ("/submit", "/withdraw", "/actions", "/publish"):
            address = address.removesuffix(step)
        shown = requests.get(self.url + address, headers=self.who.headers, timeout=PATIENCE_SECONDS)
        return shown.headers.get("ETag", '"1"')


def unfit_for(case: schemathesis.Case) -> list[Callable[..., Any]]:
    """Checks that would judge this one case by what it is not."""
    unfit: list[Callable[..., Any]] = [checks.unsupported_method] if case.path in TWO_FACED else []
    if any(value in ([], {}) for value in (case.query or {}).values()):
        unfit.append(checks.negative_data_rejection)  # an empty list in an address is sent as nothing, which is allowed
    return unfit


@pytest.fixture(scope="module")
def url(configured: Settings) -> Iterator[str]:
    """The app served from a thread with a loop of its own: the tests of this file are not coroutines."""
    with in_a_thread(create_app(configured)) as address:
        yield address


@pytest.fixture(scope="module")
async def worker(url: str, world: World) -> Side:
    unit = (await world.town()).units[0]
    who = await world.worker(unit)
    case = await world.application(who, unit, state=make.State.DRAFT)
    return Side(url, who, {"application_id": str(case.id)})


@pytest.fixture(scope="module")
async def reviewer(url: str, world: World) -> Side:
    town = await world.town()
    roles = (Role.UNIT_CLERK, Role.UNIT_CHAIR)
    city = (Role.MUTUAL_AID_OFFICER, Role.CITY_LEADER)
    who = await world.person(posts=(*((r, town.units[0]) for r in roles), *((r, town.city) for r in city)))
    applicant = await world.worker(town.units[0])
    case = await world.application(applicant, town.units[0])
    household = await world.household(await world.person(), town.units[0], state="submitted")
    proposal = row()
    await world.insert(PolicyVersion, **proposal)
    planned = await world.household(await world.person(), town.units[0], plan=None)
    plan_id = await world.plan(planned, ("counselling",))
    ids = {
        "application_id": case.id,
        "household_id": household,
        "policy_id": proposal["id"],
        "plan_id": plan_id,
        "measure_id": world.measures[planned, "counselling"],
        "year": 2098,  # what other tests count on is left as it was announced
        "day": "2098-02-17",
    }
    return Side(url, who, {name: str(value) for name, value in ids.items()})


@pytest.fixture(scope="module")
async def leaving(url: str, world: World) -> Side:
    people = [await world.person(consents=()) for _ in range(SACRIFICED)]
    return Side(url, people[0], fresh=itertools.chain(people, itertools.repeat(people[0])))


def tried(label: str, ask: Callable[[schemathesis.Case], None]) -> None:
    """Ask all that can be made up for one operation.

    It is made up here and not, as the library's own decorator does, while tests are collected: by every process, which
    would keep all of it.
    """

    met: Counter[tuple[str, str]] = Counter()

    def one(case: schemathesis.Case) -> None:
        systematic = case.meta.phase.data if case.meta is not None else None
        if isinstance(systematic, CoveragePhaseData):
            kind = systematic.scenario, case.method
            met[kind] += 1
            if met[kind] % EVERY != 1 % EVERY:
                return
        ask(case)

    build_operation_test(
        config=contract.config,
        operation=OPERATIONS[label],
        test_func=one,
        given_kwargs={},
        feedback=FeedbackSources(),
        explicit_settings=thorough,
    )()


@pytest.mark.parametrize("label", EVERYONE)
def test_a_worker_gets_what_the_contract_promises(label: str, worker: Side) -> None:
    tried(label, worker.ask)


@pytest.mark.parametrize("label", STAFF)
def test_staff_get_what_the_contract_promises(label: str, reviewer: Side) -> None:
    tried(label, reviewer.ask)


@pytest.mark.parametrize("label", LAST)
def test_who_leaves_gets_what_the_contract_promises(label: str, leaving: Side) -> None:
    tried(label, lambda case: leaving.ask(case, next(leaving.fresh)))


def test_all_of_the_contract_was_asked() -> None:
    assert len(OPERATIONS) == sum(map(len, document()["paths"].values()))
    assert len(LAST) == 2
    assert len(OPERATIONS) == len({*EVERYONE, *STAFF, *LAST}) >= 35
