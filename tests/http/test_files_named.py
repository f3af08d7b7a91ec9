"""Evidence beside the forms: each document takes the sender's own uploads alone, shows them to whoever may see it,
and keeps them from being let go of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.applications.path import State
from app.db.database import open_database
from app.db.transaction import Sight
from app.files.tables import SUBJECTS
from app.jobs.files import forget_loose_files
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.applications.reviewing import ask, case_at, desks_of
from tests.calling import upload
from tests.discrepancies.making import discrepancy_of
from tests.files.samples import picture
from tests.forms import filing
from tests.http.paperwork import ALL
from tests.http.paperwork import filing as application_filing
from tests.http.refusals import refused
from tests.make import Someone, Town, World
from tests.notices.making import published
from tests.visits.making import act, edit, sync, truthful, visit_of

File = dict[str, Any]
"""What an upload was answered with."""


@dataclass(frozen=True)
class Naming:
    """A document that is about to name a file, in a household of the first unit."""

    town: Town
    subject: Someone | None
    """Whom it is about, or who is told instead that it was read; None: somebody who has no account yet."""
    sender: Someone
    name: Callable[[File], Awaitable[httpx.Response]]
    pointer: str


Making = Callable[[httpx.AsyncClient, World], Awaitable[Naming]]


def sending(client: httpx.AsyncClient, who: Someone, path: str, body: Callable[[File], Any], version: int = 1) -> Any:
    def send(file: File) -> Awaitable[httpx.Response]:
        headers = who.headers | make.keyed() | {"If-Match": f'"{version}"'}
        return client.post(path, json=body(file), headers=headers)

    return send


async def exit_proposed(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    subject, clerk = await world.person(), await world.staff(Role.UNIT_CLERK, town.units[0])
    file = await world.household(subject, town.units[0])
    send = sending(client, clerk, f"/staff/households/{file}/actions", lambda proof: {
        "action": "propose_exit", "note": "本人自愿",
        "exit": {"kind": "cancelled", "code": "voluntary", "file_ids": [proof["id"]]},
    })  # fmt: skip
    return Naming(town, subject, clerk, send, "/exit/file_ids/0")


async def photographed(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    subject = await world.person()
    visitors = tuple([await world.staff(Role.HOME_VISITOR, town.units[0], consents=()) for _ in range(2)])
    household_id = await world.household(subject, town.units[0])
    visit_id = await visit_of(world, household_id, subject, town.units[0], visitors)
    send = sending(client, visitors[0], f"/staff/visits/{visit_id}/operations", lambda photo: {
        "operations": [edit(f"/photos/{photo['id']}", photo["sha256"], 1)],
    })  # fmt: skip
    return Naming(town, subject, visitors[0], send, "/operations/0/field")


async def explained(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    subject = await world.person()
    row_id = await discrepancy_of(world, subject, town.units[0])
    path = f"/me/discrepancies/{row_id}/answer"
    send = sending(client, subject, path, lambda proof: {"text": "有补偿协议", "file_ids": [proof["id"]]})
    return Naming(town, subject, subject, send, "/file_ids/0")


async def signed_on_paper(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    author, second, _ = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(3)]
    body = filing(None, town.units[0], name="林阿伯", id_number=make.id_number(),
                  household=make.household_form(author))  # fmt: skip
    filed = await client.post("/staff/proxy_households", json=body, headers=author.headers | make.keyed())
    path = f"/staff/proxy_households/{filed.json()['id']}/confirm_on_paper"
    send = sending(client, second, path, lambda paper: {"signature_file_id": paper["id"]})
    return Naming(town, None, second, send, "/signature_file_id")


async def applied_on_paper(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    author, second = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(2)]
    body = application_filing(None, town.units[0], name="林阿伯", id_number=make.id_number())
    filed = await client.post("/staff/proxy_applications", json=body, headers=author.headers | make.keyed())
    path = f"/staff/proxy_applications/{filed.json()['id']}/confirm_on_paper"
    send = sending(client, second, path, lambda paper: {"signature_file_id": paper["id"], "consents": ALL})
    return Naming(town, None, second, send, "/signature_file_id")


async def authorised(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    subject, clerk = await world.person(), await world.staff(Role.UNIT_CLERK, town.units[0])
    file = await world.household(subject, town.units[0])
    send = sending(client, clerk, f"/staff/households/{file}/match_authorisations", lambda paper: {
        "member": 0, "file_id": paper["id"], "signed_on": str(make.TODAY),
    })  # fmt: skip
    return Naming(town, subject, clerk, send, "/file_id")


async def objecting(client: httpx.AsyncClient, world: World) -> Naming:
    town = await world.town()
    _, line = await published(world, town.units[0])
    objector = await world.person()
    path = f"/public/notices/{line['id']}/objections"
    send = sending(client, objector, path, lambda proof: {"text": "另有房产", "file_ids": [proof["id"]]})
    # Whom the line is about is told nothing of it: that it was read is told to whoever sent it.
    return Naming(town, objector, objector, send, "/file_ids/0")


async def supplemented(client: httpx.AsyncClient, world: World) -> Naming:
    desks = await desks_of(world)
    case = await case_at(desks, State.DISTRICT_REVIEW)
    assert (await ask(client, desks.first[Role.DISTRICT_REVIEWER], case)).status_code == 201
    path = f"/applications/{case.id}/supplement"
    send = sending(client, case.applicant, path, lambda paper: {"file_ids": [paper["id"]]}, version=2)
    return Naming(desks.town, case.applicant, case.applicant, send, "/file_ids/0")


NAMINGS: dict[str, Making] = {
    "household_exit": exit_proposed,
    "visit": photographed,
    "discrepancy": explained,
    "proxy_filing": signed_on_paper,
    "proxy_application": applied_on_paper,
    "match_authorisation": authorised,
    "notice_objection": objecting,
    "supplement": supplemented,
}


def test_everything_that_names_files_is_tried_here_or_with_the_forms() -> None:
    # The minutes of a meeting belong to the city alone: tests/meetings/test_meetings.py. The pictures of an article are
    # of those who write it: tests/articles/test_steps.py.
    assert set(SUBJECTS) == {*NAMINGS, "household", "application", "meeting", "article"}


async def uploaded(client: httpx.AsyncClient, who: Someone) -> File:
    answer = await upload(client, who, picture())
    assert answer.status_code == 201, answer.text
    file: File = answer.json()
    return file


@pytest.mark.parametrize("kind", NAMINGS)
async def test_only_the_senders_own_upload_is_taken_and_those_in_reach_may_see_it(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, background: Jobs, kind: str
) -> None:
    naming = await NAMINGS[kind](client, world)
    own, foreign, bad = [await uploaded(client, who) for who in (naming.sender, await world.person(), naming.sender)]
    await owner.execute("update file set state = 'rejected' where id = $1", bad["id"])
    unknown = own | {"id": "01a2087f-0000-7000-8000-000000000000"}
    for file, code in ((foreign, "file_unknown"), (unknown, "file_unknown"), (bad, "file_rejected")):
        problem = refused(await naming.name(file), 422, "invalid")
        assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [(naming.pointer, code)]
    reviewer, elsewhere = [await world.staff(Role.DISTRICT_REVIEWER, place) for place in naming.town.districts]
    address = f"/files/{own['id']}"
    refused(await client.get(address, headers=reviewer.headers), 404, "file_not_found")
    taken = await naming.name(own)
    assert taken.status_code in (200, 201), taken.text
    assert (await client.get(address, headers=reviewer.headers)).status_code == 200
    editor = await world.staff(Role.PUBLICITY_EDITOR, naming.town.city)
    visitor = await world.staff(Role.HOME_VISITOR, naming.town.units[0], consents=())
    for stranger in (elsewhere, editor, visitor, await world.person()):
        refused(await client.get(address, headers=stranger.headers), 404, "file_not_found")
    about = await owner.fetchval(
        "select subject_person_id from audit_entry where action = 'file.read' and subject_id = $1 and person_id = $2",
        UUID(own["id"]), reviewer.id,
    )  # fmt: skip
    if naming.subject is None:
        assert await owner.fetchval("select openid is null from person where id = $1", about)
    else:
        assert about == naming.subject.id
    await owner.execute(
        "update file set created_at = $1 where person_id = $2", make.NOW - timedelta(days=31), naming.sender.id
    )
    await forget_loose_files(background)
    kept = await owner.fetch("select id from file where person_id = $1", naming.sender.id)
    assert [str(row["id"]) for row in kept] == [own["id"]]
    assert (await client.get(address, headers=reviewer.headers)).status_code == 200


@pytest.mark.parametrize("kind", NAMINGS)
async def test_the_second_wall_alone_hides_evidence_from_staff_elsewhere(
    client: httpx.AsyncClient, world: World, database_url: str, kind: str
) -> None:
    naming = await NAMINGS[kind](client, world)
    file = await uploaded(client, naming.sender)
    assert (await naming.name(file)).status_code in (200, 201)
    api = await open_database(database_url, "aid_api", size=1)
    stranger = (await world.person()).id
    counts = []
    for places in ((naming.town.units[0].id,), (naming.town.districts[0].id,), (naming.town.units[1].id,), ()):
        async with api.begin(Sight("staff", stranger, places)) as transaction:
            counts.append(await transaction.connection.fetchval("select count(*) from file where id = $1", file["id"]))
    async with api.begin(Sight("worker", stranger)) as transaction:
        counts.append(await transaction.connection.fetchval("select count(*) from file where id = $1", file["id"]))
    await api.close()
    # What is said against a public notice is no business of the unit, only of those above it.
    at_the_unit = 0 if kind == "notice_objection" else 1
    assert counts == [at_the_unit, 1, 0, 0, 0]


@pytest.mark.parametrize("kind", ["household_exit", "proxy_filing", "match_authorisation"])
async def test_evidence_goes_with_the_file_to_another_union(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, kind: str
) -> None:
    naming = await NAMINGS[kind](client, world)
    file = await uploaded(client, naming.sender)
    assert (await naming.name(file)).status_code in (200, 201)
    places = naming.town.units[2].ancestors
    await owner.execute(
        "update household set district_id = $2, street_id = $3, unit_id = $4 where unit_id = $1",
        naming.town.units[0].id, places["district"], places["street"], places["unit"],
    )  # fmt: skip
    before, after = [await world.staff(Role.DISTRICT_REVIEWER, place) for place in naming.town.districts]
    refused(await client.get(f"/files/{file['id']}", headers=before.headers), 404, "file_not_found")
    assert (await client.get(f"/files/{file['id']}", headers=after.headers)).status_code == 200


# ---- photos of a visit ----


@dataclass(frozen=True)
class Outing:
    id: UUID
    visitors: tuple[Someone, ...]
    town: Town


@pytest.fixture
async def outing(world: World) -> Outing:
    town = await world.town()
    subject = await world.person()
    visitors = tuple([await world.staff(Role.HOME_VISITOR, town.units[0], consents=()) for _ in range(2)])
    household_id = await world.household(subject, town.units[0])
    purpose = {"purpose": "admission"}
    return Outing(await visit_of(world, household_id, subject, town.units[0], visitors, **purpose), visitors, town)


def shows(photo: File, version: int = 1, sha256: str | None = None) -> dict[str, Any]:
    return edit(f"/photos/{photo['id']}", sha256 or photo["sha256"], version)


async def test_a_photo_that_is_not_as_it_was_uploaded_is_not_taken(client: httpx.AsyncClient, outing: Outing) -> None:
    photo = await uploaded(client, outing.visitors[0])
    altered = await sync(client, outing.visitors[0], outing.id, edit("/findings", "好", 1), shows(photo, 1, "0" * 64))
    errors = refused(altered, 422, "invalid")["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [("/operations/1/value", "photo_differs")]
    theirs = await sync(client, outing.visitors[1], outing.id, shows(photo))
    assert refused(theirs, 422, "invalid")["errors"][0]["code"] == "file_unknown"


async def test_a_queue_that_was_taken_is_answered_again_whatever_became_of_its_photo(
    client: httpx.AsyncClient, outing: Outing, owner: asyncpg.Connection
) -> None:
    photo = await uploaded(client, outing.visitors[0])
    queue = [shows(photo)]
    first = await sync(client, outing.visitors[0], outing.id, *queue)
    await owner.execute("update file set state = 'rejected' where id = $1", photo["id"])
    again = await sync(client, outing.visitors[0], outing.id, *queue)
    assert (again.status_code, again.json()) == (200, first.json())


async def test_a_visit_does_not_end_on_a_photo_that_the_scanner_refused_and_lets_go_of_one_taken_back(
    client: httpx.AsyncClient, outing: Outing, owner: asyncpg.Connection
) -> None:
    good, bad = [await uploaded(client, outing.visitors[0]) for _ in range(2)]
    said = [edit(f"/answers/{code}", value, 1) for code, value in truthful().items()]
    full = await sync(client, outing.visitors[0], outing.id, *said, shows(good), shows(bad))
    await owner.execute("update file set state = 'rejected' where id = $1", bad["id"])
    # Whoever ends the visit is not whoever took the photos.
    early = await act(client, outing.visitors[1], outing.id, full.json()["version"], "end")
    errors = refused(early, 422, "invalid")["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [(f"/photos/{bad['id']}", "file_rejected")]
    gone = await sync(client, outing.visitors[1], outing.id, edit(f"/photos/{bad['id']}", None, full.json()["version"]))
    ended = await act(client, outing.visitors[1], outing.id, gone.json()["version"], "end")
    assert (ended.status_code, ended.json()["state"]) == (200, "ended"), ended.text
    uses = await owner.fetch("select file_id, living from file_use where subject_id = $1", outing.id)
    assert {str(row["file_id"]): row["living"] for row in uses} == {good["id"]: True, bad["id"]: False}


async def test_two_who_are_sent_see_each_others_photos_until_the_visit_is_closed(
    client: httpx.AsyncClient, world: World, outing: Outing
) -> None:
    photo = await uploaded(client, outing.visitors[0])
    await sync(client, outing.visitors[0], outing.id, shows(photo))
    address, other = f"/files/{photo['id']}", outing.visitors[1].headers
    assert (await client.get(address, headers=other)).status_code == 200
    clerk = await world.staff(Role.UNIT_CLERK, outing.town.units[0])
    assert (await act(client, clerk, outing.id, 2, "cancel", note="本人不在家")).status_code == 200
    refused(await client.get(address, headers=other), 404, "file_not_found")


async def test_a_photo_that_was_let_go_of_while_a_conflict_waited_is_not_chosen(
    client: httpx.AsyncClient, outing: Outing, owner: asyncpg.Connection
) -> None:
    first, second = outing.visitors
    photo = await uploaded(client, first)
    mine = shows(photo)
    await sync(client, second, outing.id, edit(mine["field"], None, 1))
    refused(await sync(client, first, outing.id, mine), 409, "operation_conflict")
    await owner.execute("delete from file where id = $1", UUID(photo["id"]))
    chosen = await client.post(
        f"/staff/visits/{outing.id}/conflicts/{mine['operation_id']}", json={"choose": "mine"},
        headers=first.headers | make.keyed(),
    )  # fmt: skip
    refused(chosen, 409, "file_gone")
