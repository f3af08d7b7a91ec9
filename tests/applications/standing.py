"""Where an application may stand, by each way that it may go; a town with somebody of every kind around it; and what
the table says of whoever asks for something."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.applications.path import (
    AWAITS_SUPPLEMENT,
    STAGES,
    WHOLE_PATHS,
    Action,
    Kind,
    State,
    gates_shut,
    path_along,
    route_text,
)
from app.applications.steps import NOTE
from app.applications.supplements.steps import REQUEST
from app.applications.supplements.tables import Supplement
from app.applications.tables import Passage
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.ids import new_id
from app.workflow.path import Path, Step
from tests import make
from tests.applications.desks import Hand, act, ask, body_of, hand, seated
from tests.http.refusals import refused
from tests.make import Case, Someone, Town, World

ROUTES = (None, route_text(STAGES))
"""The usual way, and the one with every stage there is."""
STEPS = [step for route in ROUTES for kind in Kind for step in path_along(kind, route).steps]
ACTIONS = sorted({step.action for step in STEPS} | {"pay", ""})
OWN = sorted({step.action for step in STEPS if step.by is Permission.OWN})
SYSTEM = sorted({step.action for step in STEPS if step.by is Permission.SYSTEM})
ASKED_FOR = {step.by for step in STEPS} | {Permission.READ_CASES}
# One role for each set of permissions that a step could ask for.
ROLES = sorted({frozenset(PERMISSIONS[role] & ASKED_FOR): role for role in reversed(Role)}.values())
OTHER_DOORS = {Action.ASK_SUPPLEMENT: "/supplements", Action.CONVENE: "/staff/meetings"} | dict.fromkeys(
    (Action.START_PAYMENT, Action.REISSUE, Action.WRITE_OFF), "/staff/batches"
)
"""Steps of staff that are asked for elsewhere than at /actions, where nothing but words can be brought."""


@dataclass(frozen=True)
class At:
    """Where an application stands, and on which way; `awaits`: its applicant was asked for more."""

    kind: Kind
    route: str | None
    state: State
    awaits: bool = False

    @property
    def name(self) -> str:
        whole = "-whole" if self.route else ""
        return f"{self.kind}{whole}-{self.state}{'-awaits' if self.awaits else ''}"

    @property
    def path(self) -> Path:
        return path_along(self.kind, self.route)

    @property
    def rows(self) -> list[Step]:
        return [step for step in self.path.steps if step.at == self.state]

    def row(self, action: str) -> Step | None:
        """What the table says of an action here, however the application came here."""
        found = [step for step in self.rows if step.action == action and step.when is None]
        assert len(found) <= 1, "several ways: this test has to know which"
        return found[0] if found else None

    @property
    def shut(self) -> frozenset[str]:
        return gates_shut("open" if self.awaits else None)


def named(value: At | Step) -> str:
    """Of a parameter of a test."""
    return value.name if isinstance(value, At) else f"{value.action}-to-{value.to}"


def _everywhere() -> list[At]:
    """Each state of the usual way, and each of the whole way where that says something else."""
    found = []
    for kind in Kind:
        for route in ROUTES:
            for state in map(State, WHOLE_PATHS[kind].states):
                at = At(kind, route, state)
                if state in at.path.states and (route is None or at.rows != At(kind, None, state).rows):
                    found.append(at)
                    if any(AWAITS_SUPPLEMENT in step.gates for step in at.rows):
                        found.append(At(kind, route, state, awaits=True))
    return found


AT = _everywhere()


@dataclass(frozen=True)
class Ground:
    """A town with somebody of every kind, and an applicant."""

    world: World
    town: Town
    worker: Someone
    hands: dict[str, Hand]
    all_powerful: Hand
    apart: Someone
    """Somebody who has decided or asked, and is none of those who act."""

    async def case(self, at: At, who: Someone | None = None, *, decided: bool = True, **given: Any) -> Case:
        """An application that stands there; `decided`: with the decision that an appeal would be against."""
        routed = {"route": at.route, "route_version": "2026", "route_fen": make.AMOUNT_FEN} if at.route else {}
        if at.awaits:
            given["supplement"] = "open"
        applicant, home = who or self.worker, self.town.units[0]
        case = await self.world.application(applicant, home, kind=at.kind, state=at.state, **routed | given)
        if decided and at.row(Action.APPEAL) is not None:
            action = Action.REJECT if at.state is State.REJECTED else Action.APPROVE
            await self.passed(case, action, State.CITY_APPROVAL)
        if at.awaits:
            await self.asked(case)
        return case

    async def passed(
        self, case: Case, action: Action, from_state: str, by: Someone | None = None, post_role: str | None = None
    ) -> None:
        """A step that led to where it stands."""
        passage_id, words = new_id(), {}
        if action is Action.REJECT:
            note = self.world.keyring.seal_text(NOTE, passage_id, "不足")
            words = {"note": note, "reason_code": "duplicate_aid"}
        await self.world.insert(
            Passage, id=passage_id, created_at=make.NOW, application_id=case.id, round=1,
            person_id=(by or self.apart).id, action=action, from_state=from_state, to_state=case.state,
            counts_as_review=True, post_role=post_role, **words,
        )  # fmt: skip

    async def asked(self, case: Case) -> None:
        """What its applicant was asked for."""
        supplement_id = new_id()
        request = {"items": [], "text": "请说明学费由谁支付"}
        await self.world.insert(
            Supplement, id=supplement_id, created_at=make.NOW - timedelta(days=20), application_id=case.id,
            applicant_id=case.applicant.id, at_state=case.state, round=1, asked_by=self.apart.id,
            asked_by_role="unit_chair", asked_by_organisation="工会",
            request=self.world.keyring.seal_document(REQUEST, supplement_id, request),
            due_at=make.NOW + timedelta(days=10), state="open",
        )  # fmt: skip


async def ground_of(world: World) -> Ground:
    town = await world.town()
    hands: dict[str, Hand] = {role: await seated(world, town, role) for role in ROLES}
    # Sees the case, and has every post where it is not.
    elsewhere = [(role, town.units[2]) for role in Role]
    hands["elsewhere"] = await hand(world, (Role.AUDITOR, town.city), *elsewhere)
    hands["beyond"] = await hand(world, *((role, town.districts[1]) for role in Role))
    all_powerful = await hand(world, *((role, town.city) for role in Role))
    worker, apart = await world.person(home=town.units[0]), await world.person(consents=())
    return Ground(world, town, worker, hands, all_powerful, apart)


async def written(owner: asyncpg.Connection, application_id: UUID) -> tuple[Any, ...]:
    """Whatever a step writes, and whatever is kept of its answer."""
    return tuple(
        await owner.fetchrow(
            """
            select a::text, (select count(*) from passage where application_id = a.id),
              (select count(*) from audit_entry where subject_id = a.id),
              (select count(*) from out_message where body->>'application_id' = a.id::text),
              (select count(*) from appeal where application_id = a.id),
              (select count(*) from supplement where application_id = a.id and state = 'open'),
              (select count(*) from meeting where application_id = a.id),
              (select count(*) from keyed_answer)
            from application a where a.id = $1
            """,
            application_id,
        )
    )


def sees(case: Case, by: Hand, *, mine: bool = False) -> tuple[int, str] | None:
    """How somebody is refused who does not see the case at all."""
    if not any(Permission.READ_CASES in PERMISSIONS[role] for role, _ in by.posts):
        return 403, "not_allowed"
    if mine or case.state is State.DRAFT or not by.may(Permission.READ_CASES, case.home):
        return 404, "application_not_found"
    return None


def expected(
    case: Case, at: At, action: str, by: Hand, *, mine: bool = False, own_door: bool = False
) -> tuple[int, str]:
    """The status, and the code of the refusal or the state that follows. `own_door`: asked for where it belongs."""
    if unseen := sees(case, by, mine=mine):
        return unseen
    if action == Action.UNDO:
        return 409, "nothing_to_undo"  # nobody's decision led here
    step = at.row(action)
    elsewhere = (action in OTHER_DOORS) is not own_door
    if step is None or elsewhere or step.by in (Permission.OWN, Permission.SYSTEM):
        return 409, "not_allowed_now"
    if not by.may(step.by, case.home):
        return 403, "not_allowed"
    if at.shut.intersection(step.gates):
        return 409, "supplement_awaited" if at.awaits else "nothing_awaited"
    return (201 if own_door else 200), step.to


def told(answer: httpx.Response, status: int, code: str, at: At) -> None:
    """A refusal that says so; of what is not possible now, what would be."""
    problem = refused(answer, status, code)
    if code == "not_allowed_now":
        assert problem["state"] == at.state
        assert problem["allowed"] == ",".join(at.path.actions_at(at.state))


async def sent(
    client: httpx.AsyncClient, by: Someone, case: Case, at: At, action: str, *, own_door: bool = False
) -> httpx.Response:
    if own_door:
        assert action == Action.ASK_SUPPLEMENT
        return await ask(client, by, case.id, 1)
    return await act(client, by, case.id, 1, body_of(action, at.row(action)))
