"""The same thing is paid once: under whatever account, at the same moment, and after an appeal raised what was paid."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from app.applications.path import State
from app.kernel.actor import Role
from tests import make
from tests.appeals.making import decide, lodged, office
from tests.appeals.making import refused as rejected
from tests.http.refusals import refused
from tests.make import Someone, World


async def drafted(client: httpx.AsyncClient, who: Someone, form: dict[str, Any], kind: str = "hardship_aid") -> str:
    answer = await client.post("/applications", json={"kind": kind, "form": form}, headers=who.headers | make.keyed())
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def submitted(client: httpx.AsyncClient, who: Someone, draft: str, version: int = 1) -> httpx.Response:
    headers = who.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(f"/applications/{draft}/submit", headers=headers)


async def worker_with_file(world: World) -> tuple[Someone, UUID]:
    town = await world.town()
    worker = await world.person(home=town.units[0])
    return worker, await world.household(worker, town.units[0])


@pytest.mark.parametrize(
    ("form", "changed"),
    [
        (make.living_aid(requested_fen=100_00), make.living_aid(requested_fen=101_00)),
        (
            make.living_aid(item="medical", medical={"self_paid_fen": 9_000_00, "mutual_aid_paid_fen": 0,
                                                     "settled_on": str(make.TODAY)}),
            make.living_aid(item="medical", medical={"self_paid_fen": 9_500_00, "mutual_aid_paid_fen": 0,
                                                     "settled_on": str(make.TODAY)}),
        ),
    ],
    ids=["living", "medical"],
)  # fmt: skip
async def test_the_very_same_claim_lives_once_and_another_beside_it(
    client: httpx.AsyncClient, world: World, form: dict[str, Any], changed: dict[str, Any]
) -> None:
    worker, _ = await worker_with_file(world)
    assert (await submitted(client, worker, await drafted(client, worker, form))).json()["state"] == "submitted"
    again = await drafted(client, worker, form)
    refused(await submitted(client, worker, again), 409, "subject_already_aided")
    put = await client.put(
        f"/applications/{again}", json={"form": changed}, headers=worker.headers | {"If-Match": '"1"'} | make.keyed()
    )
    assert (await submitted(client, worker, again, put.json()["version"])).status_code == 200


async def test_under_a_new_account_the_same_claim_is_still_the_same(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    """Temporary aid needs no file, so that nothing but the claim itself says that it was made before."""
    town, form = await world.town(), make.living_aid(item="temporary", requested_fen=500_00)
    worker = await world.person(home=town.units[0])
    first = await submitted(client, worker, await drafted(client, worker, form))
    assert first.json()["state"] == "submitted", first.text
    later = await world.person(home=town.units[0])
    await owner.execute("update person set closed_at = now() where id = $1", worker.id)
    await owner.execute(
        "update person set id_number_index = p.id_number_index from person p where person.id = $1 and p.id = $2",
        later.id, worker.id,
    )  # fmt: skip
    draft = await drafted(client, later, form)
    refused(await submitted(client, later, draft), 409, "subject_already_aided")
    seen = (await client.post(f"/applications/{draft}/preview", headers=later.headers | make.keyed())).json()
    steps = {step["step"]: step["amount_fen"] for step in seen["trace"]}
    assert steps["yearly_room"] == -500_00  # what is left of the year is the person's, not the account's


async def test_one_sheet_claimed_by_two_at_the_same_moment_is_taken_once(
    client: httpx.AsyncClient, world: World
) -> None:
    town, form = await world.town(), make.secondary_medical()
    spelt = orjson.loads(orjson.dumps(form))
    spelt["settlement"]["number"] = form["settlement"]["number"].lower()[:4] + "-" + form["settlement"]["number"][4:]
    claims = []
    for said in (form, spelt):
        worker = await world.person(home=town.units[0])
        await world.cover(worker, town.units[0])
        claims.append((worker, await drafted(client, worker, said, "secondary_medical")))
    answers = await asyncio.gather(*(submitted(client, worker, draft) for worker, draft in claims))
    outcomes = sorted(a.json().get("state", a.json().get("code")) for a in answers)
    assert outcomes.count("submitted") == 1, [a.text for a in answers]


async def test_less_than_was_paid_is_not_claimed_again_and_what_was_paid_stays_counted(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    worker = await world.person(home=town.units[0])
    household_id = await world.household(worker, town.units[0])
    case = await world.application(
        worker, town.units[0], state=State.RETURNED, household_id=household_id, item="living",
        form=make.living_aid(requested_fen=900_00), amount_fen=2_000_00,
    )  # fmt: skip
    await owner.execute("update application set paid_before_fen = 150000 where id = $1", case.id)
    less = await submitted(client, worker, str(case.id))
    refused(less, 409, "nothing_more_to_pay")
    assert (less.json()["paid_before_fen"], less.json()["amount_fen"]) == (1_500_00, 900_00)
    put = await client.put(
        f"/applications/{case.id}", json={"form": make.living_aid(requested_fen=1_800_00)},
        headers=worker.headers | {"If-Match": '"1"'} | make.keyed(),
    )  # fmt: skip
    more = await submitted(client, worker, str(case.id), put.json()["version"])
    assert more.json()["state"] == "submitted", more.text
    with pytest.raises(asyncpg.CheckViolationError, match="ck_application_rest"):
        await owner.execute(
            "update application set state = 'public_notice', amount_fen = 150000 where id = $1", case.id
        )


async def test_a_medical_claim_that_was_raised_and_then_refused_counts_what_was_paid_of_it(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    """The same bill gives the rest of it, not all of it once more."""
    worker, household_id = await worker_with_file(world)
    town = await world.town()
    bill = {"self_paid_fen": 9_000_00, "mutual_aid_paid_fen": 0, "settled_on": str(make.TODAY)}
    form = make.living_aid(item="medical", requested_fen=9_000_00, medical=bill)
    plain = await previewed(client, worker, form)
    case = await world.application(
        worker, town.units[0], state=State.REJECTED, household_id=household_id, item="medical", form=form,
        amount_fen=6_000_00,
    )  # fmt: skip
    await owner.execute("update application set paid_before_fen = 200000 where id = $1", case.id)
    assert await previewed(client, worker, form) < plain


async def previewed(client: httpx.AsyncClient, who: Someone, form: dict[str, Any]) -> int:
    listed = (await client.get("/applications", headers=who.headers)).json()["items"]
    drafts = [each["id"] for each in listed if each["state"] == "draft"]
    draft = drafts[0] if drafts else await drafted(client, who, form)
    answer = await client.post(f"/applications/{draft}/preview", headers=who.headers | make.keyed())
    assert answer.status_code == 200, answer.text
    amount: int = answer.json()["amount_fen"]
    assert answer.json()["outcome"] == "eligible", answer.text
    return amount


async def test_an_appeal_after_a_refusal_grants_more_than_was_paid_or_nothing(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    desks = await office(world)
    case = await rejected(client, desks, State.CITY_APPROVAL)
    await owner.execute("update application set paid_before_fen = 200000 where id = $1", case.id)
    leader, appeal = desks.again[Role.CITY_LEADER], await lodged(client, case)
    out = await decide(client, leader, appeal, "change", amount_fen=2_000_00)
    assert (out.status_code, out.json()["errors"][0]["code"]) == (422, "amount_out_of_range"), out.text
    assert (await decide(client, leader, appeal, "change", amount_fen=2_000_01)).status_code == 200
