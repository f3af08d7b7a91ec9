"""A refusal or an approval is taken back by another role of the same level or above, before money moves."""

import asyncio
from itertools import product
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import PATHS, Kind, State
from app.applications.undoing.rules import appeal_is_open, last_move, of_another_role, reviewing
from app.jobs.handlers import open_notice, take_down
from app.jobs.running import Jobs
from app.kernel.actor import Permission, Place, Post, Role, Tier
from app.kernel.ids import new_id
from tests import make
from tests.applications.reviewing import Desks, act, ask, case_at, desks_of, own, queue, seen
from tests.make import Case, World

DECIDED = (State.UNIT_REVIEW, State.DISTRICT_REVIEW, State.CITY_APPROVAL)
REJECT: dict[str, Any] = {"action": "reject", "note": "材料不足", "reason_code": "documents_not_valid"}
WORDS = {"note": "复查发现材料齐全"}


@pytest.fixture(scope="module")
async def desks(world: World) -> Desks:
    return await desks_of(world)


async def decided(client: httpx.AsyncClient, desks: Desks, state: State, kind: Kind, *, rejects: bool) -> Case:
    case = await case_at(desks, state, kind)
    body = {k: v for k, v in REJECT.items() if k != "action"} if rejects else {}
    done = await act(client, desks.reviewer(state, kind), case, 1, "reject" if rejects else "approve", **body)
    assert done.status_code == 200, done.text
    return case


def test_only_a_step_of_staff_that_led_here_can_be_taken_back() -> None:
    def passed(action: str, at: str, to: str, role: str | None = "unit_chair") -> dict[str, Any]:
        return {"action": action, "from_state": at, "to_state": to, "post_role": role}

    approve = passed("approve", "unit_review", "district_review")
    asked = passed("ask_supplement", "district_review", "district_review")
    assert last_move("district_review", [approve, asked]) is approve
    for timeline in (
        [],
        [asked],
        [passed("object", "public_notice", "district_review")],
        [passed("refuse_by_rule", "draft", "district_review", None)],
        [approve, passed("reject", "district_review", "rejected")],
    ):
        assert last_move("district_review", timeline) is None


@pytest.mark.parametrize(
    ("ends", "is_open"),
    [((), True), (("uphold_decision",), False), (("withdraw_appeal",), False), (("reopen", "appeal"), True)],
)
def test_an_appeal_is_open_until_it_is_answered(ends: tuple[str, ...], is_open: bool) -> None:
    assert appeal_is_open([{"action": action} for action in ("approve", "appeal", *ends)]) is is_open
    assert not appeal_is_open([{"action": "approve"}])


@pytest.mark.parametrize(("kind", "state", "role"), list(product(Kind, DECIDED, Role)))
def test_whoever_reviews_that_stage_or_a_later_one_may(kind: Kind, state: State, role: Role) -> None:
    levels = {
        Role.UNIT_CHAIR: 0, Role.DISTRICT_REVIEWER: 1, Role.DISTRICT_LEADER: 1,
        Role.CITY_REVIEWER: 2, Role.CITY_LEADER: 2,
        **({Role.MUTUAL_AID_OFFICER: 2} if kind is Kind.SECONDARY_MEDICAL else {}),
    }  # fmt: skip
    post = Post(role, Place(new_id(), "x", "x", "city", Tier.CITY))
    may = role in levels and levels[role] >= DECIDED.index(state)
    assert reviewing(PATHS[kind], state, (post,)) == ([post] if may else [])


def test_the_role_that_decided_takes_nothing_back() -> None:
    place = Place(new_id(), "x", "x", "city", Tier.CITY)
    reviewer, leader = Post(Role.CITY_REVIEWER, place), Post(Role.CITY_LEADER, place)
    undone = {"post_role": "city_reviewer"}
    assert of_another_role((reviewer, leader), undone) is leader
    assert of_another_role((reviewer,), undone) is None
    assert of_another_role((), undone) is None


# ---- over HTTP ----


@pytest.mark.parametrize(("kind", "state", "rejects"), list(product(Kind, DECIDED, (True, False))))
async def test_the_case_goes_back_to_where_it_was_decided_in_a_new_round(
    client: httpx.AsyncClient, desks: Desks, kind: Kind, state: State, rejects: bool
) -> None:
    case = await decided(client, desks, state, kind, rejects=rejects)
    first = desks.reviewer(state, kind)
    second = next(desks.second[role] for role, someone in desks.first.items() if someone is first)
    leader = desks.first[Role.CITY_LEADER]
    before = await seen(client, leader, case)
    assert "undo" in before["open_actions"]
    for by, code in ((first, "own_decision"), (second, "decided_by_same_role")):
        assert "undo" not in (await seen(client, by, case))["open_actions"]
        refused = await act(client, by, case, 2, "undo", **WORDS)
        assert (refused.status_code, refused.json()["code"]) == (403, code)
    wordless = await act(client, leader, case, 2, "undo")
    assert wordless.json()["errors"][0]["code"] == "note_required"
    undone = await act(client, leader, case, 2, "undo", **WORDS)
    assert (undone.status_code, undone.json()) == (200, {"id": str(case.id), "state": state, "version": 3}), undone.text
    after = await seen(client, first, case)
    assert [s["action"] for s in after["timeline"]] == [*(s["action"] for s in before["timeline"]), "undo"]
    assert (after["timeline"][-1]["note"], after["submitted_at"]) == (WORDS["note"], before["submitted_at"])
    assert case.number in [task["number"] for task in await queue(client, first)]
    if "approve" in (await seen(client, desks.second[Role.CITY_LEADER], case))["open_actions"]:
        again = await act(client, leader, case, 3, "approve")
        assert (again.status_code, again.json()["code"]) == (403, "already_signed")
    anew = await act(client, first, case, 3, "approve")
    assert anew.status_code == 200, anew.text


async def test_who_is_below_or_has_signed_before_takes_nothing_back(client: httpx.AsyncClient, desks: Desks) -> None:
    case = await decided(client, desks, State.DISTRICT_REVIEW, Kind.HARDSHIP_AID, rejects=True)
    below = await act(client, desks.first[Role.UNIT_CHAIR], case, 2, "undo", **WORDS)
    assert (below.status_code, below.json()["code"]) == (403, "not_allowed")
    both = await desks.world.person(
        posts=((Role.UNIT_CHAIR, desks.town.units[0]), (Role.CITY_REVIEWER, desks.town.city)), consents=()
    )
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await act(client, both, case, 1, "approve")).status_code == 200
    assert (await act(client, desks.first[Role.DISTRICT_REVIEWER], case, 2, "approve")).status_code == 200
    signed = await act(client, both, case, 3, "undo", **WORDS)
    assert (signed.status_code, signed.json()["code"]) == (403, "already_signed")


async def test_what_was_signed_below_stands_in_the_new_round(client: httpx.AsyncClient, desks: Desks) -> None:
    """So whoever reviewed an earlier stage cannot review a later one after a decision was taken back."""
    both = await desks.world.person(
        posts=((Role.UNIT_CHAIR, desks.town.units[0]), (Role.DISTRICT_REVIEWER, desks.town.districts[0])), consents=()
    )
    case = await case_at(desks, State.UNIT_REVIEW)
    assert (await act(client, both, case, 1, "approve")).status_code == 200
    assert (await act(client, desks.first[Role.DISTRICT_REVIEWER], case, 2, "approve")).status_code == 200
    undone = await act(client, desks.first[Role.CITY_LEADER], case, 3, "undo", **WORDS)
    assert undone.json()["state"] == "district_review", undone.text
    refused = await act(client, both, case, 4, "approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "already_signed")
    stands = (await own(client, case))["timeline"][-1]
    assert (stands["action"], stands["from_state"], stands["to_state"]) == (
        "stand",
        "district_review",
        "district_review",
    )
    assert (await act(client, desks.first[Role.DISTRICT_REVIEWER], case, 4, "approve")).status_code == 200


async def test_a_refusal_by_the_rules_a_return_and_what_was_paid_are_not_taken_back(
    client: httpx.AsyncClient, desks: Desks
) -> None:
    leader = desks.first[Role.CITY_LEADER]
    returned = await case_at(desks, State.UNIT_REVIEW)
    assert (await act(client, desks.first[Role.UNIT_CHAIR], returned, 1, "return", note="请改")).status_code == 200
    for case, version in (
        (returned, 2),
        *[(await case_at(desks, state), 1) for state in sorted(set(State) - {State.DRAFT})],
    ):
        refused = await act(client, leader, case, version, "undo", **WORDS)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_undo"), (case.state, refused.text)


async def test_an_ended_notice_an_open_appeal_and_an_open_supplement_refuse_it(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection
) -> None:
    kind, leader = Kind.HARDSHIP_AID, desks.first[Role.CITY_LEADER]
    noticed = await decided(client, desks, State.CITY_APPROVAL, kind, rejects=False)
    lodged = await client.post(
        f"/applications/{noticed.id}/appeals", json={"reason": "太少"},
        headers=noticed.applicant.headers | make.keyed() | {"If-Match": '"2"'},
    )  # fmt: skip
    assert lodged.status_code == 201, lodged.text
    refused = await act(client, leader, noticed, 3, "undo", **WORDS)
    assert (refused.status_code, refused.json()["code"]) == (409, "appeal_under_way"), refused.text
    taken_back = await client.post(
        f"/applications/{noticed.id}/appeals/{lodged.json()['id']}/withdraw",
        headers=noticed.applicant.headers | make.keyed() | {"If-Match": '"1"'},
    )
    assert taken_back.status_code == 200, taken_back.text
    undone = await act(client, leader, noticed, 4, "undo", **WORDS)
    assert (undone.status_code, undone.json()["state"]) == (200, "city_approval"), undone.text
    rejected = await decided(client, desks, State.UNIT_REVIEW, kind, rejects=True)
    await client.post(
        f"/applications/{rejected.id}/appeals", json={"reason": "请再看"},
        headers=rejected.applicant.headers | make.keyed() | {"If-Match": '"2"'},
    )  # fmt: skip
    refused = await act(client, leader, rejected, 3, "undo", **WORDS)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_undo"), refused.text
    asked = await decided(client, desks, State.UNIT_REVIEW, kind, rejects=False)
    assert (await ask(client, desks.first[Role.DISTRICT_REVIEWER], asked, 2)).status_code == 201
    refused = await act(client, leader, asked, 3, "undo", **WORDS)
    assert (refused.status_code, refused.json()["code"]) == (409, "supplement_awaited"), refused.text


async def test_a_notice_whose_approval_was_taken_back_comes_down(
    client: httpx.AsyncClient, desks: Desks, owner: asyncpg.Connection, background: Jobs
) -> None:
    case = await decided(client, desks, State.CITY_APPROVAL, Kind.HARDSHIP_AID, rejects=False)
    fact = {"application_id": str(case.id), "to_state": "public_notice", "kind": "hardship_aid", "action": "approve"}
    async with background.work() as work:
        await open_notice(work, fact)
    states = "select array_agg(state order by id) from notice where application_id = $1"
    assert await owner.fetchval(states, case.id) == ["open"]
    undone = await act(client, desks.first[Role.CITY_LEADER], case, 2, "undo", **WORDS)
    assert undone.json()["state"] == "city_approval", undone.text
    for _ in range(2):
        async with background.work() as work:
            await take_down(work, fact | {"action": "undo", "to_state": "city_approval"})
    assert await owner.fetchval(states, case.id) == ["withdrawn"]
    assert (await act(client, desks.first[Role.CITY_REVIEWER], case, 3, "approve")).json()["state"] == "public_notice"
    async with background.work() as work:
        await open_notice(work, fact)
    assert await owner.fetchval(states, case.id) == ["withdrawn", "open"]


async def test_of_undoing_and_the_next_step_at_once_one_is_taken(client: httpx.AsyncClient, desks: Desks) -> None:
    case = await decided(client, desks, State.UNIT_REVIEW, Kind.HARDSHIP_AID, rejects=False)
    undone, approved = await asyncio.gather(
        act(client, desks.second[Role.DISTRICT_REVIEWER], case, 2, "undo", **WORDS),
        act(client, desks.first[Role.DISTRICT_REVIEWER], case, 2, "approve"),
    )
    assert sorted((undone.status_code, approved.status_code)) == [200, 412], (undone.text, approved.text)


def test_no_other_permission_takes_a_decision_back() -> None:
    for kind in Kind:
        assert {step.by for step in PATHS[kind].steps if step.action == "undo"} == {Permission.UNDO_REVIEW}
