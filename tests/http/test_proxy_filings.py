"""Staff fill in for a worker, who confirms; whoever filled in decides nothing of it."""

from typing import Any

import asyncpg
import httpx
import pytest

from app.db.sealing import Keyring
from app.kernel.actor import PERMISSIONS, Permission, Role
from tests import make
from tests.calling import bearer, sign_in, upload
from tests.files.samples import picture
from tests.forms import filing
from tests.make import Someone, World

NOBODY = "00000000-0000-7000-8000-000000000000"


async def post(client: httpx.AsyncClient, by: Someone, path: str, body: Any = None, version: int = 1) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(path, json=body, headers=headers)


async def act(client: httpx.AsyncClient, by: Someone, file: dict[str, Any], **action: Any) -> httpx.Response:
    return await post(client, by, f"/staff/households/{file['id']}/actions", action, file["version"])


async def test_a_worker_confirms_what_was_filled_in_and_its_author_decides_nothing_in_any_round(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    unit = town.units[0]
    worker = await world.person()
    author = await world.person(posts=((Role.UNIT_CLERK, unit), (Role.UNIT_CHAIR, unit)))
    clerk, chair = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CHAIR, unit)
    filed = await post(client, author, "/staff/proxy_households", filing(worker, unit))
    assert filed.status_code == 201, filed.text
    assert worker.id_number not in filed.text
    twice = await post(client, author, "/staff/proxy_households", filing(worker, unit))
    assert (twice.status_code, twice.json()["code"]) == (409, "proxy_filing_open")
    waiting = (await client.get("/me/household", headers=worker.headers)).json()
    assert (waiting["open_actions"], waiting["number"], waiting["form"]["head"]["id_number"]) == (
        ["confirm_proxy"], None, worker.id_number,
    )  # fmt: skip
    assert (await post(client, worker, "/me/household/submit")).status_code == 404
    assert (await post(client, worker, "/me/household/confirm_proxy", version=7)).status_code == 412
    confirmed = await post(client, worker, "/me/household/confirm_proxy")
    assert (confirmed.status_code, confirmed.json()["open_actions"]) == (200, ["submit", "withdraw"]), confirmed.text
    file = (await post(client, worker, "/me/household/submit")).json()
    assert file["state"] == "submitted"
    for _ in range(2):
        refused = await act(client, author, file, action="accept")
        assert (refused.status_code, refused.json()["code"]) == (403, "file_already_signed")
        file = (await act(client, clerk, file, action="accept")).json()
        refused = await act(client, author, file, action="approve")
        assert (refused.status_code, refused.json()["code"]) == (403, "file_already_signed")
        returned = await act(client, chair, file, action="return", note="请补充")
        assert returned.status_code == 200, returned.text
        file = (await post(client, worker, "/me/household/submit", version=returned.json()["version"])).json()
    file = (await act(client, clerk, file, action="accept")).json()
    assert (await act(client, chair, file, action="approve")).status_code == 200
    audited = await owner.fetch(
        "select person_id, action from audit_entry where subject_person_id = $1 and action like 'proxy_filing.%' "
        "order by id", worker.id,
    )  # fmt: skip
    assert [tuple(row) for row in audited] == [
        (author.id, "proxy_filing.assisted"), (worker.id, "proxy_filing.confirmed"),
    ]  # fmt: skip


async def test_somebody_who_signs_in_later_finds_what_was_filled_in_and_needs_the_consents(
    client: httpx.AsyncClient, world: World
) -> None:
    unit = (await world.town()).units[0]
    clerk, number = await world.staff(Role.UNIT_CLERK, unit), make.id_number()
    body = filing(None, unit, name="林阿伯", id_number=number, household={"address": "金霞街道"})
    assert (await post(client, clerk, "/staff/proxy_households", body)).status_code == 201
    headers = bearer(await sign_in(client, make.unique("p-")))
    assert (await client.get("/me/household", headers=headers)).status_code == 404
    await client.put("/me/identity", json={"name": "林阿伯", "id_number": number}, headers=headers)
    shown = (await client.get("/me/household", headers=headers)).json()
    assert shown["form"] == {"address": "金霞街道", "head": {"name": "林阿伯", "id_number": number}}
    steps = headers | make.keyed() | {"If-Match": '"1"'}
    refused = await client.post("/me/household/confirm_proxy", headers=steps)
    assert (refused.status_code, refused.json()["code"]) == (403, "consents_missing")


async def test_a_paper_is_confirmed_by_a_second_member_of_staff_and_neither_decides(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    unit = (await world.town()).units[0]
    both = ((Role.UNIT_CLERK, unit), (Role.UNIT_CHAIR, unit))
    author, second = await world.person(posts=both), await world.person(posts=both)
    clerk, chair = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CHAIR, unit)
    nobody = make.id_number()
    form = make.household_form(author)
    body = filing(None, unit, name="林阿伯", id_number=nobody, household=form)
    filed = (await post(client, author, "/staff/proxy_households", body)).json()
    assert [
        each["id"] for each in (await client.get("/staff/proxy_households", headers=second.headers)).json()["items"]
    ] == [filed["id"]]
    path = f"/staff/proxy_households/{filed['id']}/confirm_on_paper"
    paper = {"signature_file_id": str(await world.file(second))}
    alone = await post(client, author, path, paper)
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    done = await post(client, second, path, paper)
    assert (done.status_code, done.json()["state"]) == (200, "submitted"), done.text
    for assistant in (author, second):
        assert (await act(client, assistant, done.json(), action="accept")).json()["code"] == "file_already_signed"
    file = (await act(client, clerk, done.json(), action="accept")).json()
    for assistant in (author, second):
        assert (await act(client, assistant, file, action="approve")).json()["code"] == "file_already_signed"
    assert (await act(client, chair, file, action="approve")).status_code == 200
    row = await owner.fetchrow(
        "select openid, id_number_index from person where id = (select person_id from household where number = "
        "(select number from household where id = $1::text::uuid))", done.json()["id"],
    )  # fmt: skip
    assert tuple(row) == (None, keyring.blind_index("person.id_number", nobody))


async def test_a_paper_does_not_stand_for_somebody_who_has_an_account(client: httpx.AsyncClient, world: World) -> None:
    unit = (await world.town()).units[0]
    worker = await world.person()
    author, second = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(2)]
    filed = (await post(client, author, "/staff/proxy_households", filing(worker, unit))).json()
    path = f"/staff/proxy_households/{filed['id']}/confirm_on_paper"
    refused = await post(client, second, path, {"signature_file_id": filed["id"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "has_account")


async def test_a_filing_stays_within_the_reach_and_with_those_who_may_assist(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    worker = await world.person()
    clerk, other = [await world.staff(Role.UNIT_CLERK, unit) for unit in town.units[:2]]
    body = filing(worker, town.units[0])
    elsewhere = await post(client, other, "/staff/proxy_households", body)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "organisation_not_found")
    filed = (await post(client, clerk, "/staff/proxy_households", body)).json()
    path = f"/staff/proxy_households/{filed['id']}/confirm_on_paper"
    assert (await post(client, other, path, {"signature_file_id": filed["id"]})).status_code == 404
    assert (await client.get("/staff/proxy_households", headers=other.headers)).json()["items"] == []
    for role in {role for role, held in PERMISSIONS.items() if Permission.ASSIST not in held}:
        idle = await world.staff(role, town.units[0], consents=())
        assert (await post(client, idle, "/staff/proxy_households", body)).status_code == 403, role
        assert (await client.get("/staff/proxy_households", headers=idle.headers)).status_code == 403
    own = await post(client, clerk, "/staff/proxy_households", filing(clerk, town.units[0]))
    assert own.status_code == 403
    stranger = await world.person()
    assert (await client.get("/me/household", headers=stranger.headers)).status_code == 404
    assert (await post(client, stranger, "/me/household/confirm_proxy")).status_code == 404


@pytest.mark.parametrize("field", ["household", "organisation_code"])
async def test_a_filing_needs_its_parts(client: httpx.AsyncClient, world: World, field: str) -> None:
    unit = (await world.town()).units[0]
    body = filing(await world.person(), unit)
    del body[field]
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    assert (await post(client, clerk, "/staff/proxy_households", body)).status_code == 422


# ---- what the clerk uploaded ----


def with_files(someone: Someone, *file_ids: Any) -> dict[str, Any]:
    return make.household_form(someone) | {"file_ids": [str(each) for each in file_ids]}


async def read(client: httpx.AsyncClient, file_id: Any, *people: Someone) -> list[int]:
    return [(await client.get(f"/files/{file_id}", headers=each.headers)).status_code for each in people]


async def test_what_the_clerk_uploaded_goes_with_the_file_and_is_the_workers_from_their_confirmation_on(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    unit = town.units[0]
    worker = await world.person(home=unit)
    author, chair = await world.staff(Role.UNIT_CLERK, unit), await world.staff(Role.UNIT_CHAIR, unit)
    district, beside = (
        await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]),
        await world.staff(Role.UNIT_CHAIR, town.units[1]),
    )
    proof = (await upload(client, author, picture())).json()["id"]
    form = with_files(worker, proof)
    assert (await post(client, author, "/staff/proxy_households", filing(worker, unit, household=form))).is_success
    # Whoever has to confirm it sees what it rests on; nobody else does.
    assert await read(client, proof, author, worker, await world.person(), chair) == [200, 200, 404, 404]
    confirmed = await post(client, worker, "/me/household/confirm_proxy")
    assert confirmed.status_code == 200, confirmed.text
    # Nobody of the staff looks into a draft, whoever filled it in.
    assert await read(client, proof, worker, author, chair) == [200, 404, 404]
    assert await owner.fetchval("select person_id from file where id = $1::text::uuid", proof) == worker.id
    # It is theirs to leave out of a changed draft, and to use in it.
    for file_ids in ([], [proof]):
        kept = await client.put(
            "/me/household", json=confirmed.json()["form"] | {"file_ids": file_ids},
            headers=worker.headers | {"If-Match": confirmed.headers["etag"]},
        )  # fmt: skip
        assert kept.status_code == 200, kept.text
        confirmed = kept
    assert (await post(client, worker, "/me/household/submit", version=kept.json()["version"])).is_success
    assert await read(client, proof, worker, author, chair, district, beside) == [200, 200, 200, 200, 404]


async def test_a_clerk_names_their_own_uploads_alone(client: httpx.AsyncClient, world: World) -> None:
    unit, worker = (await world.town()).units[0], await world.person()
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    for foreign in (await world.file(worker), NOBODY):
        body = filing(worker, unit, household=with_files(worker, foreign))
        refused = await post(client, clerk, "/staff/proxy_households", body)
        assert refused.status_code == 422, refused.text
        (error,) = refused.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/household/file_ids/0", "file_unknown")


async def test_what_is_named_elsewhere_too_stays_with_whoever_uploaded_it(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    unit = (await world.town()).units[0]
    first, second = await world.person(), await world.person()
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    shared = (await upload(client, clerk, picture())).json()["id"]
    for worker in (first, second):
        body = filing(worker, unit, household=with_files(worker, shared))
        assert (await post(client, clerk, "/staff/proxy_households", body)).is_success
    assert (await post(client, first, "/me/household/confirm_proxy")).is_success
    assert await owner.fetchval("select person_id from file where id = $1::text::uuid", shared) == clerk.id


async def test_on_paper_the_files_go_to_the_worker_and_the_signature_stays_with_who_took_it(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    unit = (await world.town()).units[0]
    author, second, _ = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(3)]
    chair = await world.staff(Role.UNIT_CHAIR, unit)
    proof = (await upload(client, author, picture())).json()["id"]
    signature = (await upload(client, second, picture())).json()["id"]
    body = filing(None, unit, name="林阿伯", id_number=make.id_number(), household=with_files(author, proof))
    filed = (await post(client, author, "/staff/proxy_households", body)).json()
    path = f"/staff/proxy_households/{filed['id']}/confirm_on_paper"
    done = await post(client, second, path, {"signature_file_id": signature})
    assert done.status_code == 200, done.text
    assert await read(client, proof, chair, author, second) == [200, 200, 200]
    assert await read(client, signature, chair, second) == [200, 200]
    rows = await owner.fetch(
        "select f.person_id = h.person_id as theirs, f.person_id = $2 as seconds from file f, household h "
        "where h.id = $1::text::uuid and f.id = any($3::text[]::uuid[]) order by f.id",
        done.json()["id"], second.id, [proof, signature],
    )  # fmt: skip
    assert [tuple(row) for row in rows] == [(True, False), (False, True)]


async def test_only_a_confirmed_filing_hands_anything_over(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    """The function that looks behind the walls does nothing for a filing that waits."""
    unit, worker = (await world.town()).units[0], await world.person()
    clerk = await world.staff(Role.UNIT_CLERK, unit)
    proof = (await upload(client, clerk, picture())).json()["id"]
    body = filing(worker, unit, household=with_files(worker, proof))
    filed = (await post(client, clerk, "/staff/proxy_households", body)).json()
    assert await owner.fetchval("select hand_over_household_files($1::text::uuid)", filed["id"]) == 0
