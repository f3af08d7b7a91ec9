"""A town in which everybody sits who may have to do with an application, and what they are asked to do with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from app.applications.path import STAGES, Action, Kind, State
from app.applications.reasons.rules import BY_RULE, POLICY, ReasonCatalogue
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.programmes import shipped
from app.workflow.path import Path, Step
from tests import make
from tests.make import Guild, Someone, Town, World

TIER_OF: Mapping[Role, str] = {
    Role.UNIT_CLERK: "unit",
    Role.UNIT_CHAIR: "unit",
    Role.HOME_VISITOR: "unit",
    Role.STREET_REVIEWER: "street",
    Role.DISTRICT_REVIEWER: "district",
    Role.DISTRICT_LEADER: "district",
}
"""Where a role is held; every other in the city."""
(*_, CATALOGUE) = shipped().of(POLICY, ReasonCatalogue)
REASON = next(
    reason.code
    for reason in CATALOGUE.reasons
    if reason.code != BY_RULE and all(reason.may_be_given(kind, "reject") for kind in Kind)
)
"""Why anything may be refused."""


def union_of(town: Town, role: Role) -> Guild:
    """Where the first unit of the town has somebody with this role."""
    over = {"unit": town.units[0], "street": town.streets[0], "district": town.districts[0]}
    return over.get(TIER_OF.get(role, "city"), town.city)


def body_of(action: str, step: Step | None = None) -> dict[str, Any]:
    """What is sent with an action: whatever the row of a step asks for; of what is no step, whatever any does."""
    body: dict[str, Any] = {"action": action}
    if step is None or step.needs_note:
        body["note"] = "材料与实际不符，请核对"
    if (step is None and action == Action.REJECT) or (step is not None and step.needs_reason):
        body["reason_code"] = REASON
    return body


async def act(
    client: httpx.AsyncClient, by: Someone, application_id: UUID, version: int, body: Mapping[str, Any]
) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/staff/applications/{application_id}/actions", json=dict(body), headers=headers)


async def ask(client: httpx.AsyncClient, by: Someone, application_id: UUID, version: int) -> httpx.Response:
    """A reviewer asks the applicant for more, which has a door of its own."""
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    body = {"text": "请说明学费由谁支付"}
    return await client.post(f"/staff/applications/{application_id}/supplements", json=body, headers=headers)


async def own(
    client: httpx.AsyncClient, by: Someone, application_id: UUID, version: int, action: str
) -> httpx.Response:
    """What only an applicant does, at the door of its own."""
    path, body = {
        Action.SUBMIT: ("submit", None),
        Action.WITHDRAW: ("withdraw", None),
        Action.APPEAL: ("appeals", {"reason": "材料齐全，请再看一次"}),
        Action.SUPPLEMENT: ("supplement", {"note": "学费由本人支付"}),
    }[Action(action)]
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/applications/{application_id}/{path}", json=body, headers=headers)


@dataclass(frozen=True)
class Hand:
    """Somebody with the posts that they hold: (role, union)."""

    who: Someone
    posts: tuple[tuple[Role, Guild], ...]

    def may(self, permission: Permission, home: Guild) -> bool:
        """Whether a post of theirs gives this permission over what belongs to this union."""
        return any(
            permission in PERMISSIONS[role] and home.ancestors.get(union.tier) == union.id for role, union in self.posts
        )


def may_undo(path: Path, undoing: Step, by: Hand, home: Guild, decided_by: str) -> bool:
    """Whether somebody approves at the stage that the row leads back to or at a later one, or for the city, by a post
    over this union that takes decisions back and is of another role than the one that decided."""
    later = {step.by for step in path.steps if step.action == Action.APPROVE and _not_before(undoing.to, step.at)}
    later.add(Permission.APPROVE_AT_CITY)
    return any(
        undoing.by in PERMISSIONS[role] and later & PERMISSIONS[role] and role != decided_by
        for role, union in by.posts
        if home.ancestors.get(union.tier) == union.id
    )


def _not_before(stage: str, other: str) -> bool:
    return STAGES.index(State(other)) >= STAGES.index(State(stage))


async def hand(world: World, *posts: tuple[Role, Guild], **given: Any) -> Hand:
    return Hand(await world.person(posts=posts, **{"consents": ()} | given), posts)


async def seated(world: World, town: Town, *roles: Role, **given: Any) -> Hand:
    """Somebody with these roles, each where the first unit of the town has it."""
    return await hand(world, *((role, union_of(town, role)) for role in roles), **given)


async def applicant(world: World, home: Guild, *, posts: tuple[tuple[Role, Guild], ...] = ()) -> tuple[Someone, str]:
    """A worker who may be granted every kind of aid, and the number of their child who studies."""
    student = make.member()
    someone = await world.worker(home, members=[student, make.member("spouse", name="林阿妹")], posts=posts)
    return someone, student["id_number"]


def form_of(kind: Kind, student: str, **given: Any) -> dict[str, Any]:
    """Filled in so that the rules grant something."""
    if kind is Kind.GOLDEN_AUTUMN:
        return make.golden_autumn(student, **given)
    return make.FORMS[kind](**given)
