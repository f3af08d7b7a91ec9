"""The store of policy versions in PostgreSQL: what the database itself refuses, and how a process keeps its book."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.db.base import table_of
from app.db.database import Database, open_database
from app.db.statements import insertion
from app.db.transaction import Sight
from app.kernel.errors import Unavailable
from app.kernel.ids import new_id
from app.policies.commands import load_shipped
from app.policies.queries import KeptPolicies
from app.policies.tables import PolicyVersion
from app.policy.book import PolicyBook, PolicyKind
from app.policy.versions import InvalidPolicy, NoPolicyInForce
from app.programmes import MODELS, shipped
from tests import make
from tests.make import TODAY, World
from tests.policies.making import KINDS, document, latest, row, some_day

INSUFFICIENT = asyncpg.InsufficientPrivilegeError
COLUMNS = (
    "id created_at kind area name in_force_from source document sha256 state origin proposed_by published_at version"
).split()
_INSERT = insertion(table_of(PolicyVersion), *COLUMNS)


async def insert(database: Database, sight: Sight, **columns: Any) -> UUID:
    async with database.begin(sight) as transaction:
        await transaction.run(_INSERT, **columns)
    row_id: UUID = columns["id"]
    return row_id


async def published(jobs: Database, owner: asyncpg.Connection, columns: dict[str, Any]) -> UUID:
    """The row, proposed and published."""
    policy_id = await insert(jobs, Sight("job"), **columns)
    await owner.execute(PUBLISH, policy_id, new_id())
    return policy_id


PUBLISH = "update policy_version set state = 'published', published_by = $2, published_at = now() where id = $1"
CHANGES = (
    "update policy_version set document = jsonb_set(document, '{note}', '\"x\"') where id = $1",
    "update policy_version set sha256 = repeat('0', 64) where id = $1",
    "update policy_version set in_force_from = in_force_from + 1 where id = $1",
    "update policy_version set state = 'proposed', published_by = null, published_at = null where id = $1",
    "update policy_version set state = 'withdrawn', published_by = null, published_at = null where id = $1",
    "update policy_version set published_by = gen_random_uuid() where id = $1",
    "update policy_version set version = version where id = $1",
    "delete from policy_version where id = $1",
)


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url, "aid_api", size=1)
    yield database
    await database.close()


# ---- what the database refuses, whoever asks ----


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_published_never_changes_not_even_by_the_owner(
    jobs: Database, owner: asyncpg.Connection, change: str
) -> None:
    policy_id = await published(jobs, owner, row())
    with pytest.raises(INSUFFICIENT, match="never"):
        await owner.execute(change, policy_id)


async def test_a_shipped_version_never_changes_either(owner: asyncpg.Connection) -> None:
    for policy in await owner.fetch("select id from policy_version where origin = 'shipped'"):
        for change in CHANGES:
            with pytest.raises(INSUFFICIENT, match="never"):
                await owner.execute(change, policy["id"])


async def test_the_table_is_never_emptied(owner: asyncpg.Connection) -> None:
    with pytest.raises(INSUFFICIENT, match="never deleted"):
        await owner.execute("truncate policy_version cascade")


async def test_of_a_proposal_only_its_state_changes(jobs: Database, owner: asyncpg.Connection) -> None:
    policy_id = await insert(jobs, Sight("job"), **row())
    for change in (CHANGES[0], CHANGES[1], CHANGES[2], CHANGES[6], CHANGES[7]):
        with pytest.raises(INSUFFICIENT, match="never"):
            await owner.execute(change, policy_id)


async def test_nobody_publishes_their_own_proposal(jobs: Database, owner: asyncpg.Connection) -> None:
    columns = row()
    policy_id = await insert(jobs, Sight("job"), **columns)
    with pytest.raises(asyncpg.CheckViolationError, match="second_person"):
        await owner.execute(PUBLISH, policy_id, columns["proposed_by"])


@pytest.mark.parametrize("days", [0, -1])
async def test_staff_make_no_law_for_a_day_that_has_begun(jobs: Database, days: int) -> None:
    whole = document(in_force_from=str(TODAY + timedelta(days=days)))
    with pytest.raises(asyncpg.CheckViolationError, match="later day"):
        await insert(jobs, Sight("job"), **row(whole=whole))


async def test_a_version_of_staff_is_proposed_before_it_is_published(jobs: Database) -> None:
    with pytest.raises(INSUFFICIENT, match="proposed first"):
        await insert(jobs, Sight("job"), **row(state="published", published_at=make.NOW))


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "lottery"},
        {"area": "4405"},
        {"name": "another"},
        {"source": "another"},
        {"in_force_from": date(2090, 1, 1)},
        {"sha256": "x"},
        {"state": "draft"},
        {"origin": "heaven"},
        {"proposed_by": None},
        {"origin": "shipped"},
    ],
    ids=str,
)
async def test_a_row_that_contradicts_itself_is_refused(jobs: Database, given: dict[str, Any]) -> None:
    with pytest.raises((asyncpg.CheckViolationError, INSUFFICIENT)):
        await insert(jobs, Sight("job"), **row() | given)


async def test_two_published_versions_never_begin_on_one_day(jobs: Database, owner: asyncpg.Connection) -> None:
    day = str(some_day())
    first, second = row(whole=document(in_force_from=day)), row(whole=document(in_force_from=day))
    await published(jobs, owner, first)
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_policy_version_day"):
        await published(jobs, owner, second)


# ---- the second wall ----


async def test_everyone_sees_what_is_published_and_only_staff_what_is_proposed(
    jobs: Database, owner: asyncpg.Connection, api: Database
) -> None:
    proposed, law = await insert(jobs, Sight("job"), **row()), await published(jobs, owner, row())
    person = new_id()
    for sight, seen in (
        (Sight("public"), {law}),
        (Sight("worker", person), {law}),
        (Sight("sign_in"), {law}),
        (Sight("staff", person), {law, proposed}),
    ):
        async with api.begin(sight) as transaction:
            rows = await transaction.connection.fetch(
                "select id from policy_version where id = any($1::uuid[])", [proposed, law]
            )
        assert {found["id"] for found in rows} == seen, sight.door


async def test_only_the_staff_door_proposes_and_only_in_ones_own_name(api: Database) -> None:
    person = new_id()
    for sight in (Sight("public"), Sight("worker", person), Sight("staff", new_id()), Sight("staff")):
        with pytest.raises(INSUFFICIENT, match="row-level security"):
            await insert(api, sight, **row(proposed_by=person))
    with pytest.raises(asyncpg.PostgresError):
        await insert(
            api,
            Sight("staff", person),
            **row(origin="shipped", state="published", proposed_by=None, published_at=make.NOW),
        )
    await insert(api, Sight("staff", person), **row(proposed_by=person))


async def test_only_the_staff_door_settles_a_proposal_and_only_in_ones_own_name(api: Database, jobs: Database) -> None:
    policy_id, person = await insert(jobs, Sight("job"), **row()), new_id()
    for sight in (Sight("public"), Sight("worker", person)):
        async with api.begin(sight) as transaction:
            assert await transaction.connection.execute(PUBLISH, policy_id, person) == "UPDATE 0"
    with pytest.raises(INSUFFICIENT, match="row-level security"):
        async with api.begin(Sight("staff", new_id())) as transaction:
            await transaction.connection.execute(PUBLISH, policy_id, person)
    async with api.begin(Sight("staff", person)) as transaction:
        assert await transaction.connection.execute(PUBLISH, policy_id, person) == "UPDATE 1"


async def test_the_jobs_neither_publish_nor_delete(jobs: Database) -> None:
    for sql in ("update policy_version set state = 'withdrawn'", "delete from policy_version"):
        with pytest.raises(INSUFFICIENT):
            async with jobs.begin(Sight("job")) as transaction:
                await transaction.connection.execute(sql)


# ---- what comes with the service ----


async def load(jobs: Database, book: PolicyBook) -> int:
    async with jobs.begin(Sight("job")) as transaction:
        return await load_shipped(transaction, book, make.NOW)


async def test_what_is_shipped_is_loaded_once(jobs: Database, owner: asyncpg.Connection) -> None:
    count = "select count(*) from policy_version where origin = 'shipped'"
    before = await owner.fetchval(count)
    assert await load(jobs, shipped()) == 0
    assert await owner.fetchval(count) == before
    there = {tuple(row) for row in await owner.fetch("select kind, area, name from policy_version")}
    wanted = {(kind, each.area, each.version) for kind, versions in shipped().versions.items() for each in versions}
    assert wanted <= there


@pytest.mark.parametrize("kind", KINDS)
async def test_a_shipped_version_that_was_edited_is_refused_by_name(jobs: Database, kind: PolicyKind) -> None:
    version = shipped().versions[kind][-1]
    edited = version.model_copy(update={"source": version.source + "（已改）"})
    with pytest.raises(InvalidPolicy, match=f"{kind} {version.area} {version.version}.*不得修改"):
        await load(jobs, PolicyBook({kind: (edited,)}))


async def test_a_shipped_version_on_a_day_that_staff_gave_another_is_refused_by_name(
    jobs: Database, owner: asyncpg.Connection
) -> None:
    columns = row()
    await published(jobs, owner, columns)
    late = MODELS["hardship_aid"].model_validate_json(json.dumps(columns["document"] | {"version": "late"}))
    with pytest.raises(InvalidPolicy, match=f"hardship_aid 440500 late.*{columns['in_force_from']}"):
        await load(jobs, PolicyBook({"hardship_aid": (late,)}))


# ---- the book of a process ----


async def test_the_book_of_a_fresh_database_is_the_shipped_one_and_what_staff_added(jobs: Database) -> None:
    book = await KeptPolicies(jobs, MODELS).get()
    for kind, versions in shipped().versions.items():
        assert set(versions) <= set(book.versions[kind])
        days = [(version.area, version.in_force_from) for version in book.versions[kind]]
        assert len(set(days)) == len(days)
        assert [day for _, day in days] == sorted(day for _, day in days)


@asynccontextmanager
async def planted(owner: asyncpg.Connection, columns: dict[str, Any]) -> AsyncIterator[None]:
    """A published row that no code of ours would write; it goes again, past the guard."""
    values = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    sql = f"insert into policy_version ({', '.join(columns)}) values ({values})"
    await owner.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=str)
    await owner.execute(sql, *columns.values())
    try:
        yield
    finally:
        async with owner.transaction():
            await owner.execute("set local session_replication_role = replica")
            await owner.execute("delete from policy_version where id = $1", columns["id"])


@pytest.mark.parametrize("broken", ["a field too many", "another hash"])
async def test_a_document_that_cannot_be_read_closes_its_kind_and_area_and_nothing_else(
    jobs: Database, owner: asyncpg.Connection, broken: str
) -> None:
    whole = latest("secondary_medical") | {
        "version": make.unique("x-"), "area": "445100", "in_force_from": "2001-01-01",
    }  # fmt: skip
    if broken == "a field too many":
        whole |= {"unheard_of": 1}
    columns = row("secondary_medical", whole, state="published", origin="shipped", proposed_by=None)
    columns |= {"published_at": make.NOW} | ({"sha256": "0" * 64} if broken == "another hash" else {})
    kept, model = KeptPolicies(jobs, MODELS, seconds=0), MODELS["secondary_medical"]
    assert (await kept.get()).in_force("secondary_medical", model, TODAY, "445102").area == "440000"
    async with planted(owner, columns):
        book = await kept.get()
        assert book.closed == {("secondary_medical", "445100")}
        with pytest.raises(NoPolicyInForce):
            book.in_force("secondary_medical", model, TODAY, "445102")
        assert book.in_force("secondary_medical", model, TODAY, "440507").area == "440000"
        assert book.in_force("golden_autumn", MODELS["golden_autumn"], TODAY)
    assert (await kept.get()).closed == frozenset()


async def test_a_process_goes_on_with_its_book_while_the_database_is_away(
    jobs: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, never = KeptPolicies(jobs, MODELS, seconds=0), KeptPolicies(jobs, MODELS)
    book = await kept.get()

    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable

    monkeypatch.setattr(Database, "look", away)
    assert await kept.get() is book
    with pytest.raises(Unavailable):
        await never.get()


async def test_between_two_looks_nothing_is_asked(jobs: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptPolicies(jobs, MODELS, seconds=3_600)
    book = await kept.get()
    monkeypatch.setattr(Database, "look", None)
    assert all([await kept.get() is book for _ in range(100)])


async def test_a_proposal_is_no_policy(jobs: Database, world: World) -> None:
    columns = row("golden_autumn")
    await insert(jobs, Sight("job"), **columns)
    book = await KeptPolicies(jobs, MODELS).get()
    with pytest.raises(NoPolicyInForce):
        book.named("golden_autumn", MODELS["golden_autumn"], columns["name"])
