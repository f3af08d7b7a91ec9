"""Uploading a picture or a PDF, naming it in a form, and who may then read it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.db.database import open_database
from app.db.transaction import Sight
from app.files.commands import MAX_LOOSE
from app.files.queries import own_clean
from app.files.store import FileStore
from app.files.tables import File
from app.http.deadline import DeadlineProtocol
from app.jobs import files as jobs_of_files
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.errors import Unavailable
from app.kernel.ids import new_id
from tests import make
from tests.calling import upload
from tests.files.samples import BAD, PLACE, pdf, picture
from tests.http.raw import listening
from tests.http.refusals import refused
from tests.make import Someone, World


async def uploaded(client: httpx.AsyncClient, who: Someone, content: bytes = b"") -> str:
    answer = await upload(client, who, content or picture())
    assert answer.status_code == 201, answer.text
    file_id: str = answer.json()["id"]
    return file_id


async def named(client: httpx.AsyncClient, who: Someone, *ids: str) -> httpx.Response:
    form = make.living_aid(file_ids=list(ids))
    return await client.post(
        "/applications", json={"kind": "hardship_aid", "form": form}, headers=who.headers | make.keyed()
    )


# ---- uploading ----


async def test_a_photo_is_kept_without_its_exif_and_given_back_as_an_attachment(
    client: httpx.AsyncClient, world: World
) -> None:
    who = await world.person()
    answer = await upload(client, who, picture(), purpose="medical")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["media_type"], told["state"], told["purpose"]) == ("image/jpeg", "clean", "medical")
    read = await client.get(f"/files/{told['id']}", headers=who.headers)
    assert read.status_code == 200
    assert read.headers["content-type"] == "image/jpeg"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert read.headers["content-disposition"] == f'attachment; filename="{told["id"]}.jpg"'
    assert read.headers["cache-control"] == "no-store"
    assert hashlib.sha256(read.content).hexdigest() == told["sha256"]
    assert (len(read.content), PLACE in read.content) == (told["size"], False)


async def test_a_pdf_is_kept(client: httpx.AsyncClient, world: World) -> None:
    who = await world.person()
    file_id = await uploaded(client, who, pdf())
    read = await client.get(f"/files/{file_id}", headers=who.headers)
    assert (read.headers["content-type"], read.content[:5]) == ("application/pdf", b"%PDF-")


async def test_what_lies_in_the_store_is_sealed(client: httpx.AsyncClient, world: World, files_folder: Path) -> None:
    file_id = await uploaded(client, await world.person(), picture("PNG", exif=False))
    (kept,) = await asyncio.to_thread(lambda: list(files_folder.rglob(file_id)))
    assert b"PNG" not in kept.read_bytes()


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_refused_at_its_pointer(client: httpx.AsyncClient, world: World, name: str) -> None:
    content, code = BAD[name]
    problem = refused(await upload(client, await world.person(), content), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/file", code)]


async def test_the_same_upload_again_gets_the_first_answer_whatever_its_boundary(
    client: httpx.AsyncClient, world: World
) -> None:
    who, key = await world.person(), make.keyed()
    first, again = [await upload(client, who, picture(), key=key) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    refused(await upload(client, who, picture(size=(9, 9)), key=key), 422, "idempotency_key_reused")
    refused(await upload(client, who, picture(), key=key, purpose="income"), 422, "idempotency_key_reused")


async def test_what_is_no_upload_is_refused_by_name(client: httpx.AsyncClient, world: World) -> None:
    who = await world.person()
    headers = who.headers | make.keyed()
    refused(await client.post("/files", json={}, headers=headers), 415, "file_expected")
    refused(await client.post("/files", headers=headers), 415, "file_expected")
    refused(await client.post("/files", files={"other": b"x"}, headers=headers), 422, "invalid")
    refused(await client.post("/files", files=[("file", b"x"), ("file", b"y")], headers=headers), 422, "invalid")
    refused(await client.post("/files", files={"file": b"x"}, data={"no": "x"}, headers=headers), 422, "invalid")
    refused(await upload(client, who, picture(), purpose="x" * 2_000), 422, "invalid")
    torn = {"Content-Type": "multipart/form-data; boundary=b"}
    refused(await client.post("/files", content=b"--b\r\nno", headers=headers | torn), 422, "invalid")
    boundless = {"Content-Type": "multipart/form-data"}
    refused(await client.post("/files", content=b"--b\r\nno", headers=headers | boundless), 422, "invalid")
    refused(await upload(client, who, bytes(11 * 1024 * 1024)), 413, "body_too_large")
    refused(await client.post("/files", files={"file": b"x"}, headers=make.keyed()), 401)


async def test_other_routes_still_take_no_more_than_they_did(client: httpx.AsyncClient, world: World) -> None:
    who = await world.person()
    body = b'{"kind": "' + b"x" * 300_000 + b'"}'
    headers = who.headers | make.keyed() | {"Content-Type": "application/json"}
    refused(await client.post("/applications", content=body, headers=headers), 413, "body_too_large")


async def test_nobody_can_fill_the_disk_with_what_no_form_names(client: httpx.AsyncClient, world: World) -> None:
    who = await world.person()
    for _ in range(MAX_LOOSE):
        await world.insert(
            File, id=new_id(), created_at=make.NOW, person_id=who.id, sha256=bytes(32), media_type="image/png", size=1,
            state="clean", purpose="other",
        )  # fmt: skip
    refused(await upload(client, who, picture()), 409, "too_many_files")


async def test_one_person_cannot_hold_the_memory_of_a_process(client: httpx.AsyncClient, world: World) -> None:
    who, other = await world.person(), await world.person()
    answers = await asyncio.gather(*(upload(client, who, picture()) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201, 503}
    assert (await upload(client, other, picture())).status_code == 201
    assert (await upload(client, who, picture())).status_code == 201


# ---- slow senders ----


class Hasty(DeadlineProtocol):
    BODY_SECONDS = 0.5
    SLOWEST = 1_000


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with listening(app, protocol=Hasty) as number:
        yield number


async def sent(port: int, who: Someone, content: bytes, *, pieces: int, pause: float) -> bytes:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content + b"\r\n--b--\r\n"
    head = (
        "POST /api/v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Authorization: Bearer {who.token}\r\nIdempotency-Key: {make.unique()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode())
        step = len(body) // pieces + 1
        for at in range(0, len(body), step):
            if writer.transport.is_closing():
                break
            writer.write(body[at : at + step])
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.readline(), 20)
    except (ConnectionResetError, BrokenPipeError):
        return b""
    finally:
        writer.transport.abort()


async def test_a_long_upload_may_take_longer_than_a_form_as_long_as_it_keeps_coming(port: int, world: World) -> None:
    who = await world.person()
    content = picture("PNG", exif=False) + bytes(20_000)
    assert await sent(port, who, content, pieces=20, pause=0.1) == b"HTTP/1.1 201 Created\r\n"
    assert await sent(port, who, content, pieces=400, pause=0.1) == b""


# ---- naming them in a form ----


async def test_a_form_may_name_ones_own_files_only(client: httpx.AsyncClient, world: World) -> None:
    unit = (await world.town()).units[0]
    who, other = await world.worker(unit), await world.worker(unit)
    own, foreign = await uploaded(client, who), await uploaded(client, other)
    problem = refused(await named(client, who, own, foreign, str(new_id())), 422, "invalid")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
        ("/form/file_ids/1", "file_unknown"),
        ("/form/file_ids/2", "file_unknown"),
    ]
    assert (await named(client, who, own)).status_code == 201


async def test_a_rejected_file_is_refused_at_its_pointer_in_the_household_file(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    who = await world.person(home=(await world.town()).units[0])
    file_id = await uploaded(client, who)
    await owner.execute("update file set state = 'rejected' where id = $1", file_id)
    spending = {"kind": "illness", "amount_fen": 1, "file_ids": [file_id]}
    answer = await client.put(
        "/me/household", json=make.household_form(who) | {"rigid_spending": [spending]}, headers=who.headers
    )
    problem = refused(answer, 422, "invalid")
    assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/rigid_spending/0/file_ids/0", "file_rejected")]


# ---- who may read ----


async def test_staff_read_what_a_case_in_their_reach_names_and_the_owner_sees_it(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    who = await world.worker(town.units[0])
    file_id, loose = await uploaded(client, who), await uploaded(client, who)
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    elsewhere = await world.staff(Role.DISTRICT_REVIEWER, town.districts[1])
    editor = await world.staff(Role.PUBLICITY_EDITOR, town.city)
    draft = await named(client, who, file_id)
    address = f"/files/{file_id}"
    refused(await client.get(address, headers=clerk.headers), 404, "file_not_found")
    submit = who.headers | make.keyed() | {"If-Match": '"1"'}
    assert (await client.post(f"/applications/{draft.json()['id']}/submit", headers=submit)).status_code == 200
    assert (await client.get(address, headers=clerk.headers)).status_code == 200
    for stranger in (elsewhere, editor, await world.person()):
        refused(await client.get(address, headers=stranger.headers), 404, "file_not_found")
    refused(await client.get(f"/files/{loose}", headers=clerk.headers), 404, "file_not_found")
    log = await client.get("/me/access_log", headers=who.headers)
    assert ("file.read", False) in [(look["action"], look["by_me"]) for look in log.json()["items"]]


async def test_staff_read_what_a_household_file_in_their_reach_names(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    who = await world.person(home=town.units[0])
    file_id = await uploaded(client, who)
    form = make.household_form(who) | {"file_ids": [file_id]}
    saved = await client.put("/me/household", json=form, headers=who.headers)
    submit = who.headers | make.keyed() | {"If-Match": saved.headers["etag"]}
    assert (await client.post("/me/household/submit", headers=submit)).status_code == 200
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    other = await world.staff(Role.UNIT_CHAIR, town.units[1])
    assert (await client.get(f"/files/{file_id}", headers=chair.headers)).status_code == 200
    refused(await client.get(f"/files/{file_id}", headers=other.headers), 404, "file_not_found")


async def test_the_second_wall_alone_hides_a_file_from_staff_elsewhere(
    client: httpx.AsyncClient, world: World, database_url: str
) -> None:
    town = await world.town()
    who = await world.worker(town.units[0])
    file_id = await uploaded(client, who)
    await named(client, who, file_id)
    api = await open_database(database_url, "aid_api", size=1)
    sights = [
        Sight("worker", who.id),
        Sight("staff", new_id(), (town.units[0].id,)),
        Sight("staff", new_id(), (town.units[1].id,)),
        Sight("worker", new_id()),
    ]
    counts = []
    for sight in sights:
        async with api.begin(sight) as transaction:
            counts.append(await transaction.connection.fetchval("select count(*) from file where id = $1", file_id))
    await api.close()
    assert counts == [1, 1, 0, 0]


async def test_a_file_that_waits_for_the_scanner_is_not_given_out(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    who = await world.person()
    file_id = await uploaded(client, who)
    await owner.execute("update file set state = 'pending' where id = $1", file_id)
    refused(await client.get(f"/files/{file_id}", headers=who.headers), 409, "file_not_clean")


# ---- the scanner ----


async def clamd(answers: list[bytes]) -> tuple[asyncio.Server, str]:
    """A scanner that says these things, one after the other."""

    async def scan(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            await reader.readexactly(length)
        writer.write(answers.pop(0))
        writer.close()

    server = await asyncio.start_server(scan, "127.0.0.1", 0)
    return server, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_scanner_decides_and_one_that_is_away_decides_nothing(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, background: Jobs, files: FileStore
) -> None:
    who = await world.person()
    ids = [await uploaded(client, who) for _ in range(3)]
    await owner.execute("update file set state = 'pending' where id = any($1)", ids)
    server, address = await clamd([b"stream: OK\0", b"stream: Eicar-Signature FOUND\0", b"INSTREAM size limit\0"])
    good, bad, odd = [(await owner.fetchval("select id from file where id = $1", each)) for each in ids]
    async with server:
        await jobs_of_files.scan(background, good, address)
        await jobs_of_files.scan(background, bad, address)
        with pytest.raises(Unavailable):
            await jobs_of_files.scan(background, odd, address)
    with pytest.raises(Unavailable):
        await jobs_of_files.scan(background, odd, address)  # nobody listens any more
    states = [await owner.fetchval("select state from file where id = $1", each) for each in (good, bad, odd)]
    assert states == ["clean", "rejected", "pending"]
    assert await files.get(bad) is None
    async with background.work() as work:
        assert await own_clean(work.transaction, who.id, [good, bad, odd]) == {good}


# ---- letting go ----


async def test_what_no_form_names_for_thirty_days_goes_and_what_one_names_stays(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, background: Jobs, files: FileStore
) -> None:
    who = await world.worker((await world.town()).units[0])
    used, loose, young = [await uploaded(client, who) for _ in range(3)]
    assert (await named(client, who, used)).status_code == 201
    long_ago = make.NOW - timedelta(days=31)
    await owner.execute("update file set created_at = $1 where id = any($2)", long_ago, [used, loose])
    await jobs_of_files.forget_loose_files(background)
    left = {str(row["id"]) for row in await owner.fetch("select id from file where person_id = $1", who.id)}
    assert left == {used, young}
    read = [(await client.get(f"/files/{each}", headers=who.headers)).status_code for each in (used, loose, young)]
    assert read == [200, 404, 200]


async def test_a_form_that_no_longer_names_a_file_lets_go_of_it(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    who = await world.worker((await world.town()).units[0])
    file_id = await uploaded(client, who)
    draft = await named(client, who, file_id)
    change: dict[str, Any] = {"form": make.living_aid()}
    headers = who.headers | {"If-Match": '"1"'}
    assert (await client.put(f"/applications/{draft.json()['id']}", json=change, headers=headers)).status_code == 200
    assert await owner.fetchval("select living from file_use where file_id = $1", file_id) is False
