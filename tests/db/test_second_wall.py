"""The second wall: what the database itself lets the API's role see and write, whatever a query forgets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.applications.escalations.tables import CaseEscalation
from app.audit.tables import AuditEntry
from app.change_requests.tables import ChangeRequest, PaymentHold
from app.db.statements import Statement
from app.db.transaction import Database, Door, Sight, open_database
from app.discrepancies.commands import open_discrepancy
from app.households.tables import HouseholdChange, HouseholdExit, HouseholdPassage, HouseholdTransfer
from app.http.service import ACTOR_OF_SESSION
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.matching.tables import MatchAuthorisation, MatchBatch, MatchPerson, MatchResult, MatchReturn
from app.messaging.tables import KeyedAnswer, OutMessage
from app.people.tables import BankCard, RefreshToken
from app.plans.tables import Service
from app.proxy_filings.tables import ProxyFiling
from app.upkeep.tables import HouseholdVerification, Reminder, WatchTask
from app.visits.tables import VisitOperation
from tests import make
from tests.discrepancies.making import found, household_of, working
from tests.make import Guild, Someone, World
from tests.visits.making import visit_of, visitor

PERSONAL = (
    "person post bank_card session refresh_token consent household household_member household_passage application "
    "passage cover discrepancy visit visit_visitor visit_operation match_authorisation "
    "match_batch match_person match_return match_result keyed_answer "
    "audit_entry out_message household_change change_request payment_hold proxy_filing "
    "household_exit household_transfer "
    "plan measure service household_verification watch_task reminder case_escalation"
).split()
OWN = (
    "bank_card consent session household household_member household_passage application passage cover discrepancy "
    "visit visit_operation match_authorisation match_result household_change change_request proxy_filing "
    "household_exit household_transfer plan measure service household_verification"
).split()
"""Where a worker finds their own rows, and nobody else's."""
MATCHED = ("match_authorisation", "match_batch", "match_person", "match_return", "match_result")
IN_REACH = (
    *"household household_member household_passage application passage cover discrepancy visit visit_operation".split(),
    *"household_change change_request proxy_filing household_exit household_transfer".split(),
    *"plan measure service household_verification watch_task case_escalation".split(),
    *MATCHED,
)
APPEND_ONLY = (
    *"audit_entry passage household_passage household_change service household_verification".split(),
    *MATCHED[1:],
)
OUTSIDE = {"alembic_version"}
"""Without a policy, because neither role may come near it at all."""
INSUFFICIENT = asyncpg.InsufficientPrivilegeError


@dataclass(frozen=True)
class Lot:
    """Someone with a row in every table that has personal data, and the clerk of their union."""

    home: Guild
    someone: Someone
    clerk: Someone
    ids: dict[str, set[UUID]]


async def lot(world: World, owner: asyncpg.Connection) -> Lot:
    home = (await world.town()).units[0]
    someone, clerk = await world.worker(home), await world.staff(Role.UNIT_CLERK, home, consents=())
    case = await world.application(someone, home)
    household_id = await owner.fetchval("select id from household where person_id = $1", someone.id)
    common: dict[str, Any] = {"created_at": make.NOW}
    await world.insert(
        HouseholdPassage, id=new_id(), household_id=household_id, round=1, person_id=someone.id, action="submit",
        from_state="draft", to_state="submitted", counts_as_review=False, **common,
    )  # fmt: skip
    measure_id, by = world.measures[household_id, "living_aid"], {"post_role": "x", "organisation_name": "x"}
    await world.insert(
        Service, id=new_id(), measure_id=measure_id, household_id=household_id, given_on=make.TODAY, provider="x",
        quantity=1, unit="place", person_id=clerk.id, **by, **common,
    )  # fmt: skip
    await world.insert(
        HouseholdVerification, id=new_id(), household_id=household_id, way="visit", reference="x", finding="unchanged",
        verified_on=make.TODAY, next_due_on=make.TODAY + timedelta(days=1), person_id=clerk.id, **by, **common,
    )  # fmt: skip
    await world.insert(
        WatchTask, id=new_id(), household_id=household_id, head_id=someone.id, head_masked="*", months=6, version=1,
        due_on=make.TODAY, **{f"{tier}_id": union_id for tier, union_id in home.ancestors.items()}, **common,
    )  # fmt: skip
    await world.insert(
        Reminder, id=new_id(), household_id=household_id, about="review", due_on=make.TODAY, days=7, **common
    )
    await world.insert(
        HouseholdChange, id=new_id(), household_id=household_id, household_version=2, pointer="/address",
        source="self", person_id=someone.id, **common,
    )  # fmt: skip
    scope = {f"{tier}_id": union for tier, union in home.ancestors.items()}
    await world.insert(
        CaseEscalation, id=new_id(), application_id=case.id, version=1, state="submitted", due_at=make.NOW,
        told="district", **scope, **common,
    )  # fmt: skip
    request_id = new_id()
    await world.insert(
        ChangeRequest, id=request_id, person_id=someone.id, person_number_index=b"-", person_masked="*",
        household_id=household_id, kind="household_size", field="/members", state="open", wanted=b"-",
        asked_by=someone.id, asked_by_number_index=b"-", version=1, **scope, **common,
    )  # fmt: skip
    await world.insert(PaymentHold, id=request_id, person_id=someone.id, household_id=household_id, **common)
    number_index = world.keyring.blind_index("person.id_number", someone.id_number)
    await world.insert(
        ProxyFiling, id=new_id(), id_number_index=number_index, id_number=b"-", name=b"-", name_masked="*", phone=b"-",
        phone_masked="*", division_code="-", form=b"-", state="open", version=1, assisted_by=clerk.id,
        post_role="unit_clerk", organisation_name="-", **scope, **common,
    )  # fmt: skip
    await world.insert(
        HouseholdExit, id=new_id(), household_id=household_id, kind="lifted", evidence=b"-", proposed_by=clerk.id,
        state="dropped", **common,
    )  # fmt: skip
    await world.insert(
        HouseholdTransfer, id=new_id(), household_id=household_id, number="-", head_masked="-", state="withdrawn",
        from_organisation_id=home.id, from_organisation_name="-", to_organisation_id=home.id, proposed_by=clerk.id,
        to_organisation_name="-", version=1, ended_at=make.NOW,
        **{f"{tier}_id": union for tier, union in home.ancestors.items()}, **common,
    )  # fmt: skip
    await world.insert(
        BankCard, id=new_id(), person_id=someone.id, holder=b"-", number=b"-", number_index=b"-", number_masked="*",
        bank_name="-", state="current", **common,
    )  # fmt: skip
    await world.insert(
        RefreshToken, id=new_id(), session_id=someone.session_id, token_hash=make.unique().encode(), **common
    )
    await world.insert(
        KeyedAnswer, person_id=someone.id, key="k", row_id=new_id(), fingerprint=b"-", status=200, answer=b"-", **common
    )
    await world.insert(
        AuditEntry, id=new_id(), person_id=clerk.id, action="application.opened", subject_kind="application",
        subject_id=case.id, subject_person_id=someone.id, details={}, shard=0, sequence=0, hash=b"", **common,
    )  # fmt: skip
    async with working(world) as work:
        household = await household_of(work, household_id)
        await open_discrepancy(work, household, found())
    visit_id = await visit_of(world, household_id, someone, home, (clerk,))
    await world.insert(
        VisitOperation, id=new_id(), visit_id=visit_id, operation_id=new_id(), device_id=clerk.session_id,
        person_id=clerk.id, field="/findings", value=b"-", base_version=1, status="applied", version=1, **common,
    )  # fmt: skip
    matched = await match_rows(world, home, household_id)
    await world.insert(OutMessage, id=new_id(), name="Tested", body={}, **common)
    of_person = dict.fromkeys(
        ("bank_card", "consent", "session", "household", "household_passage", "discrepancy"), "person_id"
    )
    of_person |= {"application": "applicant_id", "passage": "person_id", "cover": "enrolled_by", "visit": "person_id"}
    of_person |= {"household_change": "person_id", "change_request": "person_id"}
    queries = {table: f"select id from {table} where {column} = $1" for table, column in of_person.items()}
    queries["visit_operation"] = (
        "select o.id from visit_operation o join visit v on v.id = visit_id where v.person_id = $1"
    )
    queries["case_escalation"] = (
        "select e.id from case_escalation e join application a on a.id = application_id where a.applicant_id = $1"
    )
    queries["proxy_filing"] = (
        "select f.id from proxy_filing f join person p on p.id_number_index = f.id_number_index where p.id = $1"
    )
    hanging = ("member", "exit", "transfer", "verification")
    for table in (*(f"household_{part}" for part in hanging), "plan", "measure", "service", "watch_task"):
        queries[table] = f"select m.id from {table} m join household h on h.id = m.household_id where h.person_id = $1"
    ids = {table: {row["id"] for row in await owner.fetch(sql, someone.id)} for table, sql in queries.items()}
    ids |= matched
    assert all(ids.values())
    return Lot(home, someone, clerk, ids)


async def match_rows(world: World, home: Guild, household_id: UUID) -> dict[str, set[UUID]]:
    """A batch of one household, and what came back for it."""
    ids = {table: new_id() for table in MATCHED}
    common: dict[str, Any] = {"created_at": make.NOW}
    scope = {f"{tier}_id": home.ancestors[tier] for tier in home.ancestors}
    batch = {"batch_id": ids["match_batch"]}
    await world.insert(
        MatchAuthorisation, id=ids["match_authorisation"], household_id=household_id, id_number_index=b"-",
        name_masked="*", file_id=new_id(), signed_on=make.TODAY, recorded_by=new_id(), **common,
    )  # fmt: skip
    await world.insert(
        MatchBatch, id=ids["match_batch"], number=make.unique("BD-"), department="education", purpose="identification",
        basis_code="-", basis_text="-", mode="plain", made_by=new_id(), people=1, households=1, outgoing=b"-",
        outgoing_sha256="-", **scope, **common,
    )  # fmt: skip
    await world.insert(
        MatchPerson, id=ids["match_person"], household_id=household_id, line=1, person=b"-", consent_id=new_id(),
        **batch, **common,
    )  # fmt: skip
    await world.insert(
        MatchReturn, id=ids["match_return"], sha256=make.unique(), received_by=new_id(), rows=1, matched=1, unknown=0,
        gone=0, **batch, **common,
    )  # fmt: skip
    await world.insert(
        MatchResult, id=ids["match_result"], batch_number="-", return_id=ids["match_return"],
        household_id=household_id, match_person_id=ids["match_person"], name_masked="*", department="education",
        basis_text="-", outcome="no_record", found_on=make.TODAY, **batch, **common,
    )  # fmt: skip
    return {table: {row_id} for table, row_id in ids.items()}


@pytest.fixture(scope="module")
async def lots(world: World, database_url: str) -> tuple[Lot, Lot]:
    connection = await asyncpg.connect(database_url)
    both = await lot(world, connection), await lot(world, connection)
    await connection.close()
    return both


@pytest.fixture(scope="module")
async def api(database_url: str) -> AsyncIterator[Database]:
    """The database as the API sees it, over one connection alone."""
    database = await open_database(database_url, "aid_api", size=1)
    yield database
    await database.close()


def as_worker(someone: Someone) -> Sight:
    return Sight("worker", someone.id)


def as_staff(one: Lot) -> Sight:
    return Sight("staff", one.clerk.id, (one.home.id,))


async def counts(connection: asyncpg.Connection) -> dict[str, int]:
    return {table: await connection.fetchval(f"select count(*) from {table}") for table in PERSONAL}


async def seen(api: Database, sight: Sight, table: str) -> set[UUID]:
    async with api.begin(sight) as transaction:
        return {row["id"] for row in await transaction.connection.fetch(f"select id from {table}")}


async def refused(api: Database, sight: Sight, sql: str, *values: Any) -> str:
    """The error with which the database refuses a statement."""
    with pytest.raises(INSUFFICIENT) as refusal:
        async with api.begin(sight) as transaction:
            await transaction.connection.execute(sql, *values)
    return str(refusal.value)


async def touched(api: Database, sight: Sight, sql: str, *values: Any) -> int:
    async with api.begin(sight) as transaction:
        return int((await transaction.connection.execute(sql, *values)).rsplit(" ", 1)[-1])


# ---- what stands ----


async def test_every_table_has_a_wall_that_even_its_owner_cannot_pass(owner: asyncpg.Connection) -> None:
    tables = await owner.fetch(
        "select relname, relrowsecurity and relforcerowsecurity as walled from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    )
    assert {table["relname"] for table in tables} > set(PERSONAL)
    assert {table["relname"] for table in tables if not table["walled"]} == OUTSIDE
    for role in ("aid_api", "aid_jobs"):
        for table in OUTSIDE:
            assert not await owner.fetchval(
                "select has_table_privilege($1, $2, 'select, insert, update, delete')", role, table
            )


async def test_neither_role_may_pass_walls_own_tables_or_sign_in(owner: asyncpg.Connection) -> None:
    roles = await owner.fetch("select * from pg_roles where rolname in ('aid_api', 'aid_jobs')")
    assert len(roles) == 2
    for role in roles:
        powers = [role[f"rol{power}"] for power in ("super", "bypassrls", "createrole", "createdb", "canlogin")]
        assert powers == [False] * 5, role["rolname"]
        assert await owner.fetchval("select count(*) from pg_auth_members where member = $1", role["oid"]) == 0
        assert await owner.fetchval("select count(*) from pg_class where relowner = $1", role["oid"]) == 0


async def test_no_view_or_function_opens_a_door_in_the_wall(owner: asyncpg.Connection) -> None:
    assert await owner.fetchval("select count(*) from pg_views where schemaname = 'public'") == 0
    definers = await owner.fetch(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef order by 1"
    )
    # What `staff_over` lets through is tried in tests/http/test_contact_cards.py.
    assert [function["proname"] for function in definers] == [
        "audit_chain_append",
        "person_of_number",  # an id, to who has the keyed index of an identity number
        "staff_over",  # tried in tests/http/test_contact_cards.py
        "take_over_household",  # a file that was offered to the caller's own union
        "union_of_member",  # the name of a union, to who has the keyed index
    ]


async def test_the_api_deletes_nothing_anywhere(owner: asyncpg.Connection) -> None:
    grants = await owner.fetch(
        "select table_name, privilege_type from information_schema.role_table_grants where grantee = 'aid_api'"
    )
    assert {grant["privilege_type"] for grant in grants} == {"SELECT", "INSERT", "UPDATE"}


# ---- reading ----


async def test_without_settings_nothing_personal_is_seen(database_url: str, lots: tuple[Lot, Lot]) -> None:
    connection = await asyncpg.connect(database_url, server_settings={"role": "aid_api"})
    try:
        assert await counts(connection) == dict.fromkeys(PERSONAL, 0)
        async with connection.transaction():
            await connection.execute("select set_config('app.door', '', true), set_config('app.person', '', true), "
                                     "set_config('app.organisations', '', true)")  # fmt: skip
            assert await counts(connection) == dict.fromkeys(PERSONAL, 0)
    finally:
        await connection.close()


@pytest.mark.parametrize("door", ["worker", "staff", "public", "job"])
async def test_a_door_without_a_person_shows_nothing_personal(api: Database, lots: tuple[Lot, Lot], door: Door) -> None:
    async with api.begin(Sight(door)) as transaction:
        assert await counts(transaction.connection) == dict.fromkeys(PERSONAL, 0)


async def test_signing_in_sees_accounts_and_no_case(api: Database, lots: tuple[Lot, Lot]) -> None:
    async with api.begin(Sight("sign_in")) as transaction:
        found = {table for table, count in (await counts(transaction.connection)).items() if count}
    assert found == {"person", "post", "session", "refresh_token", "consent"}


@pytest.mark.parametrize("table", OWN)
async def test_a_worker_sees_their_own_rows_only(api: Database, lots: tuple[Lot, Lot], table: str) -> None:
    for one in lots:
        assert await seen(api, as_worker(one.someone), table) == one.ids[table]
        assert await seen(api, as_worker(one.clerk), table) <= {one.clerk.session_id}


@pytest.mark.parametrize("table", IN_REACH)
async def test_staff_see_the_rows_under_their_union_only(api: Database, lots: tuple[Lot, Lot], table: str) -> None:
    for one in lots:
        assert await seen(api, as_staff(one), table) == one.ids[table]


@pytest.mark.parametrize("table", sorted({*OWN, *IN_REACH}))
async def test_a_glance_sees_what_a_transaction_sees_and_leaves_nothing_behind(
    api: Database, lots: tuple[Lot, Lot], table: str
) -> None:
    """One connection alone: each look follows one with other eyes. Read with and without a parameter of its own."""
    everything = Statement(f"select id from {table}", (), {})
    among = Statement(f"select id from {table} where id = any($1)", ("ids",), {})
    for one in lots:
        for sight in (as_worker(one.someone), as_staff(one), as_worker(one.clerk), Sight("public")):
            there = await seen(api, sight, table)
            async with api.glance(sight) as glance:
                assert {row["id"] for row in await glance.rows(everything)} == there
                assert {row["id"] for row in await glance.rows(among, ids=list(one.ids[table]))} == (
                    there & one.ids[table]
                )
                assert await glance.connection.fetchval(f"select count(*) from {table}") == 0


async def test_a_glance_does_not_write(api: Database, lots: tuple[Lot, Lot]) -> None:
    change = Statement("update application set version = version", (), {})
    async with api.glance(as_worker(lots[0].someone)) as glance:
        with pytest.raises(TypeError, match="does not write"):
            await glance.run(change)
        with pytest.raises(TypeError, match="does not write"):
            await glance.many(change, [{}])


async def test_the_workers_door_opens_no_reach_and_the_staff_door_nothing_of_ones_own(
    api: Database, lots: tuple[Lot, Lot]
) -> None:
    first, other = lots
    wide = Sight("worker", first.someone.id, (other.home.id,))
    assert await seen(api, wide, "application") == first.ids["application"]
    elsewhere = Sight("staff", first.someone.id, (other.home.id,))
    assert await seen(api, elsewhere, "application") == other.ids["application"]
    assert await seen(api, elsewhere, "bank_card") == set()


async def test_who_looked_is_seen_by_the_looker_and_by_whose_data_it_was(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, other = lots
    for someone in (first.someone, first.clerk):
        assert len(await seen(api, as_worker(someone), "audit_entry")) == 1
    assert (
        await seen(api, as_worker(other.someone), "audit_entry")
        & await seen(api, as_worker(first.someone), "audit_entry")
        == set()
    )


async def test_a_visitor_sees_the_visit_and_the_household_they_are_sent_to_while_it_lasts(
    api: Database, world: World, lots: tuple[Lot, Lot], owner: asyncpg.Connection
) -> None:
    one, _ = lots
    household_id = next(iter(one.ids["household"]))
    sent, idle = await visitor(world, one.home), await visitor(world, one.home)
    visit_id = await visit_of(world, household_id, one.someone, one.home, (sent,), purpose="watch")
    # A post of a visitor opens no subtree: the door tells the database of no union.
    eyes, others = Sight("staff", sent.id), Sight("staff", idle.id)
    try:
        assert await seen(api, eyes, "visit") == {visit_id}
        assert await seen(api, eyes, "household") == {household_id}
        assert len(await seen(api, eyes, "visit_visitor")) == 1
        for table in ("visit", "visit_visitor", "household", "application", "discrepancy"):
            assert await seen(api, others, table) == set(), table
        assert await seen(api, eyes, "application") == set()
        assert await touched(api, eyes, "update household set version = version") == 0
        assert await seen(api, Sight("worker", sent.id), "visit") == set()
        await owner.execute("update visit set state = 'ended', ended_at = now() where id = $1", visit_id)
        assert await seen(api, eyes, "visit") == {visit_id}
        assert await seen(api, eyes, "household") == set()
    finally:
        await owner.execute("delete from visit_visitor where visit_id = $1", visit_id)
        await owner.execute("delete from visit where id = $1", visit_id)


async def test_staff_see_of_their_colleagues_those_who_may_be_sent_on_a_visit(
    api: Database, world: World, lots: tuple[Lot, Lot]
) -> None:
    one, other = lots
    volunteer = await visitor(world, one.home)
    auditor = await world.staff(Role.AUDITOR, one.home, consents=())
    people = await seen(api, as_staff(one), "person")
    assert {one.clerk.id, volunteer.id} <= people
    assert people.isdisjoint({auditor.id, one.someone.id, other.clerk.id, other.someone.id})
    assert volunteer.id not in await seen(api, as_staff(other), "person")
    assert await seen(api, as_worker(one.clerk), "person") == {one.clerk.id}
    assert await seen(api, Sight("staff", volunteer.id), "person") == {volunteer.id}
    assert await touched(api, as_staff(one), "update person set version = version where id = $1", volunteer.id) == 0


# ---- writing ----


@pytest.mark.parametrize(
    "table", ["person", "session", "consent", "household", "household_member", "application", "bank_card"]
)
async def test_an_update_touches_no_foreign_row(api: Database, lots: tuple[Lot, Lot], table: str) -> None:
    first, other = lots
    foreign = other.ids.get(table, {other.someone.id})
    sql = f"update {table} set created_at = created_at where id = any($1)"
    for sight in (as_worker(first.someone), as_staff(first), Sight("public")):
        assert await touched(api, sight, sql, list(foreign)) == 0
    assert await touched(api, as_worker(other.someone), sql, list(foreign)) == len(foreign)


async def test_ones_own_row_cannot_be_given_away(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, other = lots
    mine, theirs = first.someone, other.someone
    for table, column in (("application", "applicant_id"), ("household", "person_id"), ("bank_card", "person_id")):
        sql = f"update {table} set {column} = $1 where {column} = $2"
        assert "row-level security" in await refused(api, as_worker(mine), sql, theirs.id, mine.id)
    moved = "update application set city_id = $1, district_id = $1, street_id = $1, unit_id = $1"
    assert "row-level security" in await refused(api, as_staff(first), moved, other.home.id)


async def test_a_foreign_row_cannot_be_inserted(
    api: Database, lots: tuple[Lot, Lot], owner: asyncpg.Connection
) -> None:
    """The foreign rows that are there, once more with another id: everything about them is right but the owner."""
    first, other = lots
    for table in OWN:
        names = [
            row["column_name"]
            for row in await owner.fetch(
                "select column_name from information_schema.columns where table_name = $1 and column_name <> 'id'",
                table,
            )
        ]
        row = await owner.fetchrow(f"select {', '.join(names)} from {table} where id = any($1)", list(other.ids[table]))
        assert row is not None
        places = ", ".join(f"${n}" for n in range(2, len(names) + 2))
        sql = f"insert into {table} (id, {', '.join(names)}) values ($1, {places})"
        for sight in (as_worker(first.someone), as_staff(first), Sight("public"), Sight("worker")):
            assert "row-level security" in await refused(api, sight, sql, new_id(), *row.values()), (table, sight)


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_what_is_appended_is_never_changed(
    api: Database, jobs: Database, owner: asyncpg.Connection, lots: tuple[Lot, Lot], table: str
) -> None:
    statements = (f"update {table} set created_at = created_at", f"delete from {table}", f"truncate {table} cascade")
    for sql in statements:
        await refused(api, as_worker(lots[0].someone), sql)
        await refused(jobs, Sight("job"), sql)
        with pytest.raises(INSUFFICIENT, match="append-only"):
            await owner.execute(sql)


async def test_nobody_but_the_trigger_writes_the_heads_of_the_chains(api: Database, jobs: Database) -> None:
    for database in (api, jobs):
        await refused(database, Sight("job"), "update audit_chain set length = 0")
    await refused(api, Sight("job"), "select * from audit_chain")


# ---- one transaction after another, on one connection ----


async def test_what_one_transaction_might_see_the_next_one_may_not(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, other = lots
    assert await seen(api, as_staff(first), "application") == first.ids["application"]
    assert await seen(api, Sight("public"), "application") == set()
    assert await seen(api, as_worker(other.someone), "application") == other.ids["application"]
    assert await seen(api, Sight("worker"), "application") == set()


async def test_settings_end_with_a_transaction_that_fails(api: Database, lots: tuple[Lot, Lot]) -> None:
    first, _ = lots
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with api.begin(as_staff(first)) as transaction:
            await transaction.connection.fetchval("select 1 / 0")
    with pytest.raises(RuntimeError):
        async with api.begin(as_staff(first)):
            raise RuntimeError
    async with api.pool.acquire() as connection:
        settings = await connection.fetchrow(
            "select current_setting('app.door', true) as door, current_setting('app.person', true) as person, "
            "current_setting('app.organisations', true) as organisations, current_setting('role') as role"
        )
        assert {settings[name] or "" for name in ("door", "person", "organisations")} == {""}
        assert settings["role"] == "aid_api"
        assert await counts(connection) == dict.fromkeys(PERSONAL, 0)


async def test_the_look_at_who_signed_in_leaves_no_door_open(api: Database, lots: tuple[Lot, Lot]) -> None:
    someone, now = lots[0].clerk, datetime.now(UTC)
    found = await api.look(ACTOR_OF_SESSION, asked=someone.session_id, at=now, today=make.TODAY)
    assert found is not None
    assert (found["person_id"], [post["role"] for post in found["posts"]]) == (someone.id, ["unit_clerk"])
    async with api.pool.acquire() as connection:
        assert await counts(connection) == dict.fromkeys(PERSONAL, 0)
    assert await api.look(ACTOR_OF_SESSION, asked=new_id(), at=now, today=make.TODAY) is None
