"""Many cases at once: what would become of each is seen first, and what has moved since stays as it is."""

import asyncio
import time

import asyncpg
import httpx

from app.applications.path import Kind, State
from app.applications.steps import NOTE
from app.applications.tables import Passage
from app.audit.chain import verify
from app.db.database import Database
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests.calling import post
from tests.http.batches import asked, codes, done, each_with, few, many, previewed, traces
from tests.http.refusals import refused
from tests.make import AMOUNT_FEN, NOW, Case, Someone, Town, World

MIB = 1024 * 1024
THOUSAND = 1_000


async def act(client: httpx.AsyncClient, by: Someone, case: Case, version: int, action: str) -> httpx.Response:
    path = f"/staff/applications/{case.id}/actions"
    return await post(client, by, path, {"action": action, "note": "同意"}, version)


async def test_what_is_previewed_is_what_becomes_of_each(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    chair, cases = await world.staff(Role.UNIT_CHAIR, town.units[0]), await few(world, town.units[0])
    shown = await previewed(client, chair, cases, note="材料齐全")
    assert shown["totals"] == {"count": 3, "allowed": 3, "skipped": 0, "amount_fen": 3 * AMOUNT_FEN}
    assert shown["items"][0] == {
        "application_id": str(cases[0].id), "number": cases[0].number, "kind": "hardship_aid", "state": "unit_review",
        "version": 1, "amount_fen": AMOUNT_FEN, "allowed": True, "to_state": "district_review", "code": None,
        "message": None,
    }  # fmt: skip
    result = await done(client, chair, shown["token"])
    assert result["action"] == "approve"
    assert result["totals"] == {"done": 3, "skipped": 0, "amount_fen": 3 * AMOUNT_FEN}
    assert result["items"] == [
        {"application_id": str(case.id), "result": "done", "code": None, "message": None, "state": "district_review",
         "version": 2}
        for case in cases
    ]  # fmt: skip
    assert await traces(owner, cases) == each_with([1, 1, 1])
    after = await client.get(f"/staff/applications/{cases[0].id}", headers=chair.headers)
    assert [after.json()[name] for name in ("state", "version")] == ["district_review", 2]
    last = after.json()["timeline"][-1]
    assert (last["note"], last["by"]["role"]) == ("材料齐全", "unit_chair")


async def test_a_step_among_many_writes_what_a_single_one_writes(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection, jobs: Database
) -> None:
    chair, (alone, together) = await world.staff(Role.UNIT_CHAIR, town.units[0]), await few(world, town.units[0], 2)
    assert (await act(client, chair, alone, 1, "approve")).status_code == 200
    token = (await previewed(client, chair, [together], note="同意"))["token"]
    await done(client, chair, token)

    async def written(case: Case) -> list[dict[str, object]]:
        rows = [
            await owner.fetchrow("select * from application where id = $1", case.id),
            await owner.fetchrow("select * from passage where application_id = $1 and action = 'approve'", case.id),
            await owner.fetchrow(
                "select * from audit_entry where subject_id = $1 and action = 'application.approve'", case.id
            ),
            await owner.fetchrow("select * from out_message where body ->> 'application_id' = $1::text", str(case.id)),
        ]
        note = world.keyring.open_text(NOTE, rows[1]["id"], rows[1]["note"])
        return [*(_without_what_is_its_own(dict(row), case) for row in rows), {"note": note}]

    def _without_what_is_its_own(row: dict[str, object], case: Case) -> dict[str, object]:
        own = "id created_at updated_at number period applicant_id form decision due_at application_id note".split()
        own += "subject_id subject_person_id sequence shard hash relayed_at".split()
        return {name: str(value).replace(str(case.id), "…") for name, value in row.items() if name not in own}

    first, second = await written(alone), await written(together)
    # That it was done with others is what the trail says beyond that.
    details = second[2].pop("details")
    assert str(first[2].pop("details")).strip("{}") in str(details)
    assert token in str(details)
    assert first == second
    due = await owner.fetch("select due_at from application where id = any($1)", [alone.id, together.id])
    assert due[0]["due_at"] == due[1]["due_at"] is not None
    async with jobs.begin(Sight("job")) as transaction:
        assert (await verify(transaction))[1] == []


async def test_a_thousand_are_done_within_three_seconds_and_answered_within_a_megabyte(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    cases = await many(world, owner, town.units[0], THOUSAND)
    preview = await asked(client, chair, cases)
    assert preview.json()["totals"] == {
        "count": THOUSAND, "allowed": THOUSAND, "skipped": 0, "amount_fen": THOUSAND * AMOUNT_FEN,
    }  # fmt: skip
    begun = time.monotonic()
    result = await done(client, chair, preview.json()["token"])
    took = time.monotonic() - begun
    assert result["totals"]["done"] == THOUSAND
    assert took <= 3.0, took
    assert max(len(preview.content), len(str(result).encode())) <= MIB
    assert await traces(owner, cases) == each_with([1] * THOUSAND)
    one_more = [*cases, (await few(world, town.units[0], 1))[0]]
    problem = refused(await asked(client, chair, one_more), 422)
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/items", "too_long")]


async def test_what_is_not_taken_says_why_and_the_others_are_done(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    home = town.units[0]
    chair = await world.person(posts=((Role.UNIT_CHAIR, home), (Role.UNIT_CLERK, home)))
    good, moved, seen_before, signed = await few(world, home, 4)
    elsewhere = (await few(world, town.units[1], 1))[0]
    own = await world.application(chair, home, state=State.UNIT_REVIEW)
    accepted = (await few(world, home, 1, state=State.SUBMITTED))[0]
    ended = (await few(world, home, 1, state=State.REJECTED))[0]
    assert (await act(client, chair, accepted, 1, "accept")).status_code == 200
    passage_id = new_id()
    await world.insert(
        Passage, id=passage_id, created_at=NOW, application_id=signed.id, round=1, person_id=chair.id,
        action="accept", from_state="submitted", to_state="unit_review", counts_as_review=True,
    )  # fmt: skip
    cases = [good, moved, seen_before, signed, elsewhere, own, accepted, ended, new_id()]
    items = [{"application_id": str(each.id if isinstance(each, Case) else each)} for each in cases]
    items[2]["version"] = 7  # type: ignore[assignment]
    shown = (await post(client, chair, "/staff/batch_actions/preview", {"action": "approve", "items": items})).json()
    expected = [
        None, None, "stale_version", "already_signed", "application_not_found", "application_not_found",
        "already_signed", "not_allowed_now", "application_not_found",
    ]  # fmt: skip
    assert codes(shown) == expected
    assert [item["allowed"] for item in shown["items"]] == [code is None for code in expected]
    assert shown["totals"] == {"count": 9, "allowed": 2, "skipped": 7, "amount_fen": 2 * AMOUNT_FEN}
    told = [{k: v for k, v in item.items() if k != "application_id"} for item in shown["items"]]
    assert told[4] == told[5] == told[8]  # foreign, one's own, and what never was
    another = await world.staff(Role.UNIT_CHAIR, home)
    assert (await act(client, another, moved, 1, "return")).status_code == 200
    result = await done(client, chair, shown["token"])
    assert codes(result) == [None, "stale_version", *expected[2:]]
    assert [item["result"] for item in result["items"]] == ["done", *["skipped"] * 8]
    assert [item["state"] for item in result["items"]][:3] == ["district_review", "returned", "unit_review"]
    assert all(item["message"].endswith("。") for item in result["items"][1:])
    assert result["totals"] == {"done": 1, "skipped": 8, "amount_fen": AMOUNT_FEN}
    assert (await traces(owner, [good, moved, seen_before, signed, elsewhere, own]))["passages"] == [1, 0, 0, 0, 0, 0]


async def test_a_refusal_is_given_one_by_one_and_a_return_says_what_to_do(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    chair, cases = await world.staff(Role.UNIT_CHAIR, town.units[0]), await few(world, town.units[0], 2)
    for action in ("reject", "object", "stop_payment", "submit", "dance"):
        more = {"note": "不符合", "reason_code": "not_in_hardship"}
        refused(await asked(client, chair, cases, action, **more), 409, "not_in_bulk")
    problem = refused(await asked(client, chair, cases, "return"), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == ["note_required"]
    problem = refused(await asked(client, chair, [cases[0], cases[1], cases[0]]), 422, "invalid")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/items/2/application_id", "item_repeated")]
    token = (await previewed(client, chair, cases, "return", note="请补交户口本复印件"))["token"]
    assert (await done(client, chair, token))["totals"] == {"done": 2, "skipped": 0, "amount_fen": 2 * AMOUNT_FEN}
    for case in cases:
        shown = await client.get(f"/applications/{case.id}", headers=case.applicant.headers)
        assert (shown.json()["state"], shown.json()["timeline"][-1]["note"]) == ("returned", "请补交户口本复印件")


async def test_kinds_that_go_different_ways_go_them_together(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    """Each to where its own path leads, by whichever post of the actor's reaches it."""
    both = await world.person(posts=((Role.CITY_LEADER, town.city), (Role.MUTUAL_AID_OFFICER, town.city)))
    leader = await world.staff(Role.CITY_LEADER, town.city)
    aid = (await few(world, town.units[0], 1, state=State.CITY_APPROVAL))[0]
    claim = (await few(world, town.units[2], 1, state=State.CITY_APPROVAL, kind=Kind.SECONDARY_MEDICAL))[0]
    assert codes(await previewed(client, leader, [aid, claim])) == [None, "not_allowed"]
    result = await done(client, both, (await previewed(client, both, [aid, claim]))["token"])
    assert [item["state"] for item in result["items"]] == ["public_notice", "approved"]
    approved = await owner.fetch("select id from application where id = any($1) and approved_at is not null",
                                 [aid.id, claim.id])  # fmt: skip
    assert [row["id"] for row in approved] == [claim.id]


async def test_a_bulk_and_a_single_step_at_once_move_each_case_once(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    home = town.units[0]
    chairs = [await world.staff(Role.UNIT_CHAIR, home) for _ in range(3)]
    for _ in range(4):
        cases = await many(world, owner, home, 60)
        tokens = [(await previewed(client, chair, cases[:: step or 1]))["token"] for chair, step in
                  zip(chairs[:2], (1, -1), strict=True)]  # fmt: skip
        singles = [act(client, chairs[2], case, 1, "approve") for case in cases[::7]]
        answers = await asyncio.gather(*(done(client, c, t) for c, t in zip(chairs, tokens, strict=False)), *singles)
        moved = [item["application_id"] for each in answers[:2] for item in each["items"] if item["result"] == "done"]
        moved += [answer.json()["id"] for answer in answers[2:] if answer.status_code == 200]
        assert sorted(moved) == sorted(str(case.id) for case in cases)
        skipped = {item["code"] for each in answers[:2] for item in each["items"] if item["result"] == "skipped"}
        assert skipped <= {"stale_version"}
        assert await traces(owner, cases) == each_with([1] * 60)


async def test_what_was_paid_before_an_appeal_is_not_counted_again(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    (case,) = await few(world, town.units[0], 1, paid_before_fen=1_000_00)
    shown = await previewed(client, chair, [case])
    assert (shown["items"][0]["amount_fen"], shown["totals"]["amount_fen"]) == (AMOUNT_FEN, AMOUNT_FEN - 1_000_00)


async def test_payments_have_batches_of_their_own(client: httpx.AsyncClient, world: World, town: Town) -> None:
    maker = await world.staff(Role.FINANCE_MAKER, town.city)
    cases = await few(world, town.units[0], 1, state=State.APPROVED)
    for action in ("start_payment", "confirm_payment"):
        refused(await asked(client, maker, cases, action), 409, "not_in_bulk")


async def test_who_may_read_no_case_looks_at_none(client: httpx.AsyncClient, world: World, town: Town) -> None:
    editor = await world.staff(Role.PUBLICITY_EDITOR, town.city)
    refused(await asked(client, editor, await few(world, town.units[0], 1)), 403, "not_allowed")
