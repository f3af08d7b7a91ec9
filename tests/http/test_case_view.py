"""A case whole, in one call: what else went to the household, what was handed in, what is open; in few questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.appeals.tables import Appeal
from app.applications.path import Kind, State
from app.applications.tables import Passage
from app.audit.chain import verify
from app.change_requests.tables import ChangeRequest, PaymentHold
from app.db.database import Database
from app.db.transaction import Sight
from app.files.tables import FileUse
from app.http.service import Service
from app.kernel.actor import Role
from app.kernel.business_time import SHANGHAI
from app.kernel.ids import new_id
from tests.discrepancies.making import discrepancy_of
from tests.make import AMOUNT_FEN, NOW, TODAY, Case, Someone, Town, World
from tests.notices.making import line_of, publish

SHA = "cd" * 32
NEW_YEAR = datetime(TODAY.year, 1, 1, tzinfo=SHANGHAI)


async def opened(client: httpx.AsyncClient, by: Someone, case: Case, **query: str) -> dict[str, Any]:
    answer = await client.get(f"/staff/applications/{case.id}", headers=by.headers, params=query)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@pytest.fixture
async def chair(world: World, town: Town) -> Someone:
    return await world.staff(Role.UNIT_CHAIR, town.units[0])


@pytest.fixture
async def household(world: World, town: Town) -> tuple[Someone, UUID]:
    someone = await world.person(home=town.units[0])
    return someone, await world.household(someone, town.units[0])


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Everything that is sent to the database meanwhile, over whatever connection."""
    sent: list[str] = []

    def listen(name: str) -> Any:
        plain = getattr(asyncpg.Connection, name)

        async def asking(connection: asyncpg.Connection, query: str, *given: Any, **more: Any) -> Any:
            sent.append(query)
            return await plain(connection, query, *given, **more)

        return asking

    with monkeypatch.context() as patched:
        for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
            patched.setattr(asyncpg.Connection, name, listen(name))
        yield sent


def of_the_case(sent: list[str]) -> list[str]:
    """Without what keeps the policies: whether there are new ones is asked every few seconds, by whatever request comes
    then, and if there are they are read in a transaction that is nobody's."""
    own, nobodys = [], False
    for query in sent:
        nobodys = nobodys or "'app.door','public'" in query
        if not nobodys and "FROM policy_version" not in query:
            own.append(query)
        nobodys = nobodys and not query.startswith("COMMIT")
    return own


async def test_a_case_is_three_statements_however_much_belongs_to_it(
    app: FastAPI,
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    household: tuple[Someone, UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    someone, household_id = household
    service: Service = app.state.service
    numbers = {}
    first = await world.application(someone, town.units[0], state=State.UNIT_REVIEW)
    await opened(
        client, await world.staff(Role.UNIT_CHAIR, town.units[0]), first
    )  # the calendar and the policies are kept
    for size in (0, 7):
        case = await world.application(someone, town.units[0], state=State.UNIT_REVIEW, household_id=household_id)
        for _ in range(size):
            await world.application(someone, town.units[0], state=State.APPROVED, household_id=household_id)
            await named(world, case, await world.file(someone))
            await discrepancy_of(world, someone, town.units[0])
        chair = await world.staff(Role.UNIT_CHAIR, town.units[0])  # nobody remembers their session
        with counted(monkeypatch) as sent:
            shown = await opened(client, chair, case)
        assert len(shown["documents"]) == len(shown["open_things"]["discrepancies"]) == size
        assert service.remembered(service.claims(chair.token, NOW)) is not None
        numbers[size] = len(of_the_case(sent))
        assert sum("audit_entry" in query for query in sent) == 1
    # Who asks, the whole case, and that it was read.
    assert numbers == {0: 3, 7: 3}


async def named(world: World, case: Case, file_id: UUID) -> None:
    await world.insert(FileUse, file_id=file_id, subject_kind="application", subject_id=case.id, living=True)


async def test_every_look_is_in_the_trail_with_its_purpose_and_the_worker_sees_it(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, jobs: Database
) -> None:
    case = await world.application(await world.person(home=town.units[0]), town.units[0], state=State.UNIT_REVIEW)
    auditor = await world.staff(Role.AUDITOR, town.city)
    await opened(client, chair, case)
    await opened(client, auditor, case)
    await opened(client, auditor, case, purpose="supervision")
    looks = (await client.get("/me/access_log", headers=case.applicant.headers)).json()["items"]
    assert [(look["action"], look["purpose"]) for look in looks] == [
        ("application.opened", "supervision"), ("application.opened", "consultation"), ("application.opened", "review"),
    ]  # fmt: skip
    foreign = await world.staff(Role.UNIT_CHAIR, town.units[1])
    assert (await client.get(f"/staff/applications/{case.id}", headers=foreign.headers)).status_code == 404
    assert len((await client.get("/me/access_log", headers=case.applicant.headers)).json()["items"]) == 3
    async with jobs.begin(Sight("job")) as transaction:
        assert (await verify(transaction))[1] == []


async def test_the_years_money_of_the_household_is_told_over_all_kinds_with_what_is_on_its_way(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, household: tuple[Someone, UUID]
) -> None:
    someone, household_id = household
    spouse, home = await world.person(home=town.units[0]), town.units[0]
    case = await world.application(someone, home, state=State.UNIT_REVIEW, household_id=household_id)
    at = iter(NOW - timedelta(seconds=n) for n in range(100, 0, -1))
    told = [
        await world.application(who, home, kind=kind, state=state, submitted_at=next(at), household_id=of)
        for who, kind, state, of in (
            (someone, Kind.HARDSHIP_AID, State.PAID, household_id),
            (spouse, Kind.GOLDEN_AUTUMN, State.APPROVED, household_id),
            (someone, Kind.SECONDARY_MEDICAL, State.SUBMITTED, None),
        )
    ]
    for state in (State.REJECTED, State.WITHDRAWN, State.APPEALED):
        await world.application(someone, home, state=state, household_id=household_id)
    await world.application(
        someone, home, state=State.APPROVED, household_id=household_id, submitted_at=NEW_YEAR - timedelta(days=1)
    )
    shown = await opened(client, chair, case)
    assert [(line["number"], line["in_flight"]) for line in shown["money_this_year"]] == [
        (told[0].number, False), (told[1].number, True), (told[2].number, True),
    ]  # fmt: skip
    assert shown["money_elsewhere"] == []
    assert shown["money_totals"] == {"paid_fen": AMOUNT_FEN, "in_flight_fen": 2 * AMOUNT_FEN}


async def test_money_out_of_reach_is_told_by_kind_and_sum_alone(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone, household: tuple[Someone, UUID]
) -> None:
    someone, household_id = household
    spouse = await world.person(home=town.units[2])
    case = await world.application(someone, town.units[0], state=State.UNIT_REVIEW, household_id=household_id)
    hidden = [
        await world.application(spouse, town.units[2], kind=kind, state=state, household_id=household_id)
        for kind, state in (
            (Kind.GOLDEN_AUTUMN, State.PAID),
            (Kind.HARDSHIP_AID, State.CITY_APPROVAL),
            (Kind.HARDSHIP_AID, State.PUBLIC_NOTICE),
            (Kind.HARDSHIP_AID, State.REJECTED),
        )
    ]
    answer = await client.get(f"/staff/applications/{case.id}", headers=chair.headers)
    shown = answer.json()
    assert shown["money_this_year"] == []
    assert shown["money_elsewhere"] == [
        {"kind": "golden_autumn", "in_flight": False, "count": 1, "amount_fen": AMOUNT_FEN},
        {"kind": "hardship_aid", "in_flight": True, "count": 2, "amount_fen": 2 * AMOUNT_FEN},
    ]
    assert shown["money_totals"] == {"paid_fen": AMOUNT_FEN, "in_flight_fen": 2 * AMOUNT_FEN}
    for other in hidden:
        assert other.number not in answer.text
        assert str(other.id) not in answer.text
    assert town.units[2].name not in answer.text
    leader = await world.staff(Role.CITY_LEADER, town.city)
    whole = await opened(client, leader, case)
    assert sorted(line["number"] for line in whole["money_this_year"]) == sorted(other.number for other in hidden[:3])
    assert whole["money_elsewhere"] == []
    assert whole["money_totals"] == shown["money_totals"]


async def test_the_sum_is_told_to_nobody_who_may_not_open_the_case(
    world: World, town: Town, household: tuple[Someone, UUID], app: FastAPI
) -> None:
    """The function asks for itself who is asking: it is the one thing here that sees beyond a reach."""
    someone, household_id = household
    case = await world.application(someone, town.units[0], state=State.UNIT_REVIEW, household_id=household_id)
    await world.application(await world.person(), town.units[2], state=State.PAID, household_id=household_id)
    stranger = (await world.person()).id
    database: Database = app.state.service.database

    async def told(sight: Sight) -> int:
        async with database.begin(sight) as transaction:
            found: int = await transaction.connection.fetchval(
                "select count(*) from money_elsewhere($1, $2)", case.id, NEW_YEAR
            )
            return found

    assert await told(Sight("staff", stranger, (town.units[0].id,))) == 1
    assert await told(Sight("staff", stranger, (town.units[1].id,))) == 0
    assert await told(Sight("staff", stranger)) == 0
    assert await told(Sight("staff", someone.id, (town.units[0].id,))) == 0
    assert await told(Sight("worker", someone.id)) == 0
    assert await told(Sight("worker", stranger, (town.units[0].id,))) == 0
    assert await told(Sight("public")) == 0
    assert await told(Sight("staff", stranger, (town.city.id,))) == 0  # who sees it all is told nothing twice


async def test_documents_say_what_they_are_who_brought_them_and_where_they_lie(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    someone, clerk = await world.person(home=town.units[0]), await world.staff(Role.UNIT_CLERK, town.units[0])
    case = await world.application(someone, town.units[0], state=State.UNIT_REVIEW)
    mine, scanning, brought = (
        await world.file(someone, sha256=SHA), await world.file(someone, state="pending"), await world.file(clerk),
    )  # fmt: skip
    for file_id in (mine, scanning, brought):
        await named(world, case, file_id)
    unnamed, dropped = await world.file(someone), await world.file(someone)
    await world.insert(FileUse, file_id=dropped, subject_kind="application", subject_id=case.id, living=False)
    documents = (await opened(client, chair, case))["documents"]
    assert {each["id"] for each in documents} == {str(mine), str(scanning), str(brought)}
    by_id = {each["id"]: each for each in documents}
    assert by_id[str(mine)] == {
        "id": str(mine), "name": by_id[str(mine)]["name"], "purpose": "other", "media_type": "image/jpeg",
        "size": 1_000, "state": "clean", "sha256": SHA, "uploaded_by": "applicant",
        "uploaded_at": by_id[str(mine)]["uploaded_at"], "address": f"/api/v1/files/{mine}",
    }  # fmt: skip
    assert sorted(each["name"] for each in documents) == ["其他材料1.jpg", "其他材料2.jpg", "其他材料3.jpg"]
    assert (by_id[str(scanning)]["state"], by_id[str(brought)]["uploaded_by"]) == ("pending", "staff")
    assert str(unnamed) not in by_id


@pytest.fixture
async def open_things(
    world: World, town: Town, household: tuple[Someone, UUID], owner: asyncpg.Connection
) -> tuple[Case, dict[str, UUID]]:
    """A case in its public notice, with one of each thing that can be open beside it."""
    someone, household_id = household
    case = await world.application(
        someone, town.units[0], state=State.PUBLIC_NOTICE, household_id=household_id, amount_fen=AMOUNT_FEN
    )
    await publish(world, case)
    line = await line_of(world, case.id)
    scope = {f"{tier}_id": union for tier, union in town.units[0].ancestors.items()}
    await owner.execute(
        "insert into notice_investigation (id, created_at, person_id, signer_ids, number, kind, state, due_on, "
        "version, city_id, district_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        line["id"], NOW, someone.id, [], case.number, case.kind, "open", TODAY + timedelta(days=5), 1, scope["city_id"],
        scope["district_id"],
    )  # fmt: skip
    decision_id, appeal_id, request_id = new_id(), new_id(), new_id()
    await world.insert(
        Passage, id=decision_id, created_at=NOW, application_id=case.id, round=1, action="approve",
        from_state="city_approval", to_state="public_notice", counts_as_review=False,
    )  # fmt: skip
    await world.insert(
        Appeal, id=appeal_id, created_at=NOW, application_id=case.id, decision_id=decision_id, kind=case.kind,
        ground="too_low", applicant_id=someone.id, state="at_city", version=1, reason=b"sealed", before_fen=AMOUNT_FEN,
        due_at=NOW + timedelta(days=9), **scope,
    )  # fmt: skip
    await world.insert(
        ChangeRequest, id=request_id, created_at=NOW, person_id=someone.id, person_number_index=b"n",
        person_masked="陈**", household_id=household_id, kind="household_size", field="/members/-", state="open",
        version=1, wanted=b"sealed", asked_by=someone.id, asked_by_number_index=b"n", **scope,
    )  # fmt: skip
    await world.insert(PaymentHold, id=request_id, created_at=NOW, person_id=someone.id, household_id=household_id)
    discrepancy_id = await discrepancy_of(world, someone, town.units[0])
    return case, {"appeals": appeal_id, "objections": line["id"], "discrepancies": discrepancy_id,
                 "change_requests": request_id}  # fmt: skip


async def test_what_is_still_open_beside_a_case_is_told_to_whom_it_concerns(
    client: httpx.AsyncClient, world: World, town: Town, open_things: tuple[Case, dict[str, UUID]]
) -> None:
    case, ids = open_things
    concerns = {
        Role.DISTRICT_LEADER: {"appeals", "objections", "discrepancies", "change_requests"},
        Role.UNIT_CHAIR: {"appeals", "discrepancies", "change_requests"},
        # Who only pays learns that nothing may be paid now.
        Role.FINANCE_MAKER: {"appeals", "discrepancies"},
    }
    homes = {Role.DISTRICT_LEADER: town.districts[0], Role.UNIT_CHAIR: town.units[0], Role.FINANCE_MAKER: town.city}
    for role, seen in concerns.items():
        things = (await opened(client, await world.staff(role, homes[role]), case))["open_things"]
        found = {name: [each["id"] for each in things[name]] for name in ids}
        assert found == {name: [str(ids[name])] if name in seen else [] for name in ids}, role
        assert things["payments_held"] is True
    leader = await world.staff(Role.DISTRICT_LEADER, town.districts[0])
    things = (await opened(client, leader, case))["open_things"]
    assert things["objections"][0]["due"] == str(TODAY + timedelta(days=5))
    assert things["change_requests"][0]["about"] == "/members/-"
    assert things["appeals"][0]["due"].endswith("+08:00")


async def test_what_may_be_shown_whole_follows_the_post_and_the_form(
    client: httpx.AsyncClient, world: World, town: Town, chair: Someone
) -> None:
    someone, maker = await world.person(home=town.units[0]), await world.staff(Role.FINANCE_MAKER, town.city)
    by_kind = {
        kind: await world.application(someone, town.units[0], kind=kind, state=State.UNIT_REVIEW) for kind in Kind
    }
    expected = {
        Kind.HARDSHIP_AID: ["id_number", "phone"],
        Kind.GOLDEN_AUTUMN: ["id_number", "phone", "student_id_number"],
        Kind.SECONDARY_MEDICAL: ["id_number", "phone", "diagnosis"],
    }
    for kind, case in by_kind.items():
        assert (await opened(client, chair, case))["may_reveal"] == expected[kind]
        assert (await opened(client, maker, case))["may_reveal"] == ["id_number", "bank_card"]
    auditor = await world.staff(Role.AUDITOR, town.city)
    assert (await opened(client, auditor, by_kind[Kind.HARDSHIP_AID]))["may_reveal"] == []
