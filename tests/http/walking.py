"""One who walks along the links of the contract: what an answer says is what the next request is made of."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation.stateful.control import TransitionController
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput, normalize_name
from schemathesis.specs.openapi import checks

from app.applications.path import Kind, State
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.articles.making import content
from tests.http.bodies import VALID
from tests.http.fuzzing import PATIENCE_SECONDS, UNFIT, contract
from tests.http.matrix import DESKS
from tests.make import Guild, Someone, Town, World
from tests.notices.making import publish, waiting
from tests.paying import carded
from tests.visits.making import visit_of

PREFIX = "/api/v1"
FITTING = 0.7
"""How often a body is one that its operation would read."""
Body = Callable[["Ground", Someone], dict[str, Any]]
BODIES: Mapping[str, Body] = {
    "POST /applications": lambda ground, who: _application(ground.chance),
    "PUT /me/household": lambda ground, who: make.household_form(who),
    "POST /applications/{application_id}/appeals": lambda ground, who: {"reason": "请再看一次", "file_ids": []},
    "POST /applications/{application_id}/supplement": lambda ground, who: {"note": "说明"},
    "POST /staff/batches": lambda ground, who: ground.batch(),
    "POST /staff/funds": lambda ground, who: ground.fund(),
    "POST /staff/articles": lambda ground, who: {"kind": "policy", "content": content(None)},
    "POST /staff/households/{household_id}/visits": lambda ground, who: ground.visit(),
    "POST /staff/households/{household_id}/plans": lambda ground, who: {"measures": [ground.measure()]},
    "POST /staff/plans/{plan_id}/measures": lambda ground, who: ground.measure(),
    "POST /staff/applications/{application_id}/supplements": lambda ground, who: {"text": "请说明"},
    "POST /staff/visits/{visit_id}/actions": lambda ground, who: {"action": "start"},
    "POST /staff/articles/{article_id}/actions": lambda ground, who: {"action": "submit"},
} | dict.fromkeys(
    (f"POST /staff/{place}/actions" for place in (
        "applications/{application_id}", "households/{household_id}", "appeals/{appeal_id}",
    )),
    lambda ground, who: {"action": "approve", "note": "好"},
)  # fmt: skip
"""Where tests/http/bodies.py names what is not there, or what is there already, or all that could be said at once."""


def _application(chance: random.Random) -> dict[str, Any]:
    kind = chance.choice(list(Kind))
    return {"kind": kind.value, "form": make.FORMS[kind]()}


@dataclass
class Ground:
    """Where the walks begin: one town, with people at every desk, and workers to whom much has happened."""

    url: str
    town: Town
    workers: list[Someone]
    desks: Iterator[Someone]
    clerk: Someone
    visitor: Someone
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    walks: int = 0
    findings: list[str] = field(default_factory=list)
    steps: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each link (or beginning) was followed, by what it was answered."""

    def batch(self) -> dict[str, Any]:
        return {
            "organisation_code": self.town.city.code, "kinds": [kind.value for kind in Kind],
            "approved_until": "2099-01-01T00:00:00+08:00", "bank": "icbc",
        }  # fmt: skip

    def fund(self) -> dict[str, Any]:
        body = {**VALID["POST /staff/funds"], "code": make.unique("ZX-"), "organisation_code": self.town.city.code}
        return body | {"categories": None, "archive_levels": None, "intent": None}

    def visit(self) -> dict[str, Any]:
        planned = (make.TODAY.replace(year=make.TODAY.year + 1)).isoformat()
        return {"purpose": "spot", "planned_on": planned, "visitor_ids": [str(self.visitor.id)]}

    def measure(self) -> dict[str, Any]:
        due = (make.TODAY.replace(year=make.TODAY.year + 1)).isoformat()
        return {"kind": self.chance.choice(["counselling", "legal", "employment"]), "due_on": due, "take": True}

    def body(self, label: str, who: Someone) -> dict[str, Any] | None:
        made = BODIES.get(label)
        return made(self, who) if made else VALID.get(label)


async def ground_of(url: str, world: World) -> Ground:
    town = await world.town()
    unit = town.units[0]
    chain: Mapping[str, Guild] = {
        "unit": unit, "street": town.streets[0], "district": town.districts[0], "city": town.city,
    }  # fmt: skip
    posts = tuple((role, chain[DESKS.get(role, "city")]) for role in Role)
    staff = [await world.person(posts=posts) for _ in range(4)]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    visitor = await world.staff(Role.HOME_VISITOR, unit)
    workers = [await _worker(world, unit, visitor) for _ in range(3)]
    workers += [await world.person(home=unit) for _ in range(2)]  # nothing has happened yet
    await world.household(workers[-1], unit, state="draft")
    return Ground(url, town, workers, itertools.cycle(staff), clerk, visitor)


async def _worker(world: World, unit: Guild, visitor: Someone) -> Someone:
    """Somebody with a file in force, an application in each state and kind, a notice and a visit."""
    worker = await world.worker(unit)
    neighbour = await world.person(home=unit)
    household_id = await world.household(neighbour, unit, state="submitted")
    for kind, state in itertools.product(Kind, State):
        medical = kind is Kind.SECONDARY_MEDICAL  # the rules look at the facts of one's earlier claims: here are none
        if not (medical and state is State.PUBLIC_NOTICE):
            await world.application(neighbour if medical else worker, unit, kind=kind, state=state)
    await publish(world, await waiting(world, unit))
    await visit_of(world, household_id, worker, unit, (visitor,))
    await carded(world, worker)
    return worker


class Onwards(TransitionController):
    """Begins anew only where nothing can follow: otherwise most steps would be beginnings."""

    def allow_root_transition(self, source: str, bundles: Any) -> bool:
        told = {label for name, values in bundles.items() if values for label in _producers(self, name)}
        return not any(
            link.source.label in told and self.allow_transition(link.source.label, link.target.label)
            for operation in self.transitions.operations.values()
            for link in operation.incoming
        )


def _producers(control: TransitionController, bundle: str) -> Iterator[str]:
    yield from control.transitions.producer_labels_for_bundle(bundle)


def _machine() -> Any:
    """Without beginnings that need an id: what they would ask about is not there."""
    machine: Any = contract.as_state_machine()
    for label in machine._root_labels:
        if "{" in label:
            setattr(machine, normalize_name(f"RANDOM -> {label}"), None)
    return machine


class Walk(_machine()):  # type: ignore[misc]
    """Each walk is of one worker, and of whoever of the union is next."""

    ground: ClassVar[Ground]
    body_linked = False

    def setup(self) -> None:
        self.control = Onwards(self._transitions, self._root_labels)
        self.ground.walks += 1
        self.worker = self.ground.workers[self.ground.walks % len(self.ground.workers)]

    def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
        return {
            "base_url": self.ground.url,
            "headers": self.who(case).headers,
            "timeout": PATIENCE_SECONDS,
            "allow_redirects": False,
        }

    def who(self, case: schemathesis.Case) -> Someone:
        return next(self.ground.desks) if case.path.startswith(f"{PREFIX}/staff/") else self.worker

    def before_call(self, case: schemathesis.Case) -> None:
        """A key that is new, as whoever presses a button has one; and often a body that can be read."""
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
            return
        if "Idempotency-Key" in (case.headers or {}):
            case.headers["Idempotency-Key"] = str(new_id())
        body = self.ground.body(f"{case.method} {case.path.removeprefix(PREFIX)}", self.worker)
        if body is not None and isinstance(case.body, dict) and self.ground.chance.random() < FITTING:
            linked = {name: case.body[name] for name in ("action",) if name in case.body}
            case.body = body | linked

    def step(self, input: StepInput) -> StepOutput:
        self.body_linked = any(location is ParameterLocation.BODY for location, _ in input.applied_parameters)
        output: StepOutput = super().step(input)
        followed = input.transition.id if input.transition is not None else input.case.operation.label
        self.ground.steps[followed, output.response.status_code] += 1
        turn_over(output.response, self.ground.chance)
        return output

    def _get_target_for_result(self, result: StepOutput) -> str | None:
        """Nothing can follow an empty list."""
        return None if b'"items":[]' in result.response.content else super()._get_target_for_result(result)

    def validate_response(
        self, response: Response, case: schemathesis.Case, additional_checks: Any = None, **kwargs: Any
    ) -> None:
        # Where a link has put its body in the place of a wrong one, nothing is wrong any more.
        righted = [checks.negative_data_rejection] if self.body_linked else []
        try:
            case.validate_response(
                response,
                additional_checks=additional_checks,
                excluded_checks=[*UNFIT, *righted],
                transport_kwargs=kwargs,
                recorder=self.recorder,
            )
        except BaseException as failed:
            self.ground.findings.append(f"{failed}\n{case.as_curl_command()}")
            raise


def turn_over(response: Response, chance: random.Random) -> None:
    """Links go on with the first of a list, and with the first of what may be done: let it be any."""
    if response.status_code >= 300 or not response.content.startswith(b"{"):
        return
    document = orjson.loads(response.content)
    for name in ("items", "open_actions"):
        if isinstance(document.get(name), list):
            chance.shuffle(document[name])
    response.content = orjson.dumps(document)
    response.clear_cache()
