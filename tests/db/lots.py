"""Somebody with a row in every table that has personal data, and what the API's role sees and writes of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.access.tables import Reveal
from app.appeals.tables import Appeal
from app.applications.assisting.tables import ProxyApplication
from app.applications.escalations.tables import CaseEscalation
from app.applications.lifting.tables import LiftedStage
from app.applications.resubmissions.tables import EarlierSubmission
from app.applications.supplements.tables import Supplement
from app.audit.tables import AuditEntry
from app.change_requests.tables import ChangeRequest, PaymentHold
from app.db.database import Database
from app.db.transaction import Sight
from app.delegations.tables import Delegation
from app.discrepancies.commands import open_discrepancy
from app.households.tables import HouseholdChange, HouseholdExit, HouseholdPassage, HouseholdTransfer
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.matching.tables import MatchAuthorisation, MatchBatch, MatchPerson, MatchResult, MatchReturn
from app.messaging.tables import KeyedAnswer, OutMessage
from app.payments.tables import CardCheck, PaymentBatch
from app.people.claiming.tables import AccountClaim
from app.people.tables import BankCard, RefreshToken
from app.plans.tables import Service
from app.proxy_filings.tables import ProxyFiling
from app.ratings.tables import Rating
from app.relatives.tables import Crossing
from app.supervision.tables import PaymentCheck, PaymentSample
from app.upkeep.tables import HouseholdVerification, Reminder, WatchTask
from app.visits.tables import VisitOperation
from tests import make
from tests.discrepancies.making import found, household_of, working
from tests.make import Guild, Someone, World
from tests.relatives.making import declared
from tests.visits.making import visit_of

PERSONAL = (
    "person post bank_card session refresh_token consent household household_member household_passage application "
    "passage cover discrepancy visit visit_visitor visit_operation match_authorisation "
    "match_batch match_person match_return match_result keyed_answer "
    "audit_entry out_message household_change change_request payment_hold proxy_filing "
    "proxy_application account_claim household_exit household_transfer "
    "plan measure service household_verification watch_task reminder appeal rating reveal case_escalation "
    "supplement earlier_submission declared_relative crossing delegation lifted_stage"
).split()
OWN = (
    "bank_card consent session household household_member household_passage application passage cover discrepancy "
    "visit visit_operation match_authorisation match_result household_change change_request proxy_filing "
    "proxy_application account_claim household_exit household_transfer plan measure service household_verification "
    "appeal rating reveal supplement earlier_submission declared_relative"
).split()
"""Where a worker finds their own rows, and nobody else's."""
MATCHED = ("match_authorisation", "match_batch", "match_person", "match_return", "match_result")
IN_REACH = (
    *"household household_member household_passage application passage cover discrepancy visit visit_operation".split(),
    *"household_change change_request proxy_filing proxy_application account_claim household_exit".split(),
    "household_transfer",
    *"plan measure service household_verification watch_task appeal rating reveal case_escalation".split(),
    *("crossing", "lifted_stage"),
    *MATCHED,
)
APPEND_ONLY = (
    *"audit_entry passage household_passage household_change service household_verification rating reveal".split(),
    *MATCHED[1:],
)
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
        ProxyApplication, id=new_id(), id_number_index=number_index, id_number=b"-", name=b"-", name_masked="*",
        phone=b"-", phone_masked="*", kind="hardship_aid", period="-", form=b"-", state="open", version=1,
        assisted_by=clerk.id, post_role="unit_clerk", organisation_name="-", **scope, **common,
    )  # fmt: skip
    claimant = await world.person(verified=False)
    await world.insert(
        AccountClaim, id=new_id(), claimant_id=claimant.id, person_id=someone.id, person_masked="*",
        id_number_index=number_index, openid=b"-", openid_index=b"-", code=b"-", state="open", version=1,
        expires_at=make.NOW, **scope, **common,
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
    await appeal_rows(world, owner, case.id, someone, clerk)
    await apart_rows(world, owner, case.id, someone, clerk, scope)
    await payment_rows(world, owner, case.id, someone, clerk, home)
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
    of_person |= {"account_claim": "person_id", "household_change": "person_id", "change_request": "person_id"}
    queries = {table: f"select id from {table} where {column} = $1" for table, column in of_person.items()}
    queries["visit_operation"] = (
        "select o.id from visit_operation o join visit v on v.id = visit_id where v.person_id = $1"
    )
    queries["declared_relative"] = "select id from declared_relative where person_id = $1"
    for table in ("crossing", "lifted_stage"):
        queries[table] = (
            f"select x.id from {table} x join application a on a.id = x.application_id where a.applicant_id = $1"
        )
    queries["case_escalation"] = (
        "select e.id from case_escalation e join application a on a.id = application_id where a.applicant_id = $1"
    )
    for table in ("proxy_filing", "proxy_application"):
        queries[table] = (
            f"select f.id from {table} f join person p on p.id_number_index = f.id_number_index where p.id = $1"
        )
    hanging = ("member", "exit", "transfer", "verification")
    for table in (*(f"household_{part}" for part in hanging), "plan", "measure", "service", "watch_task"):
        queries[table] = f"select m.id from {table} m join household h on h.id = m.household_id where h.person_id = $1"
    ids = {table: {row["id"] for row in await owner.fetch(sql, someone.id)} for table, sql in queries.items()}
    ids |= matched
    for table in ("appeal", "rating", "reveal", "supplement", "earlier_submission"):
        of_case = f"select x.id from {table} x join application a on a.id = x.application_id where a.applicant_id = $1"
        ids[table] = {row["id"] for row in await owner.fetch(of_case, someone.id)}
    assert all(ids.values())
    return Lot(home, someone, clerk, ids)


async def appeal_rows(world: World, owner: asyncpg.Connection, case_id: UUID, someone: Someone, clerk: Someone) -> None:
    """An appeal, a rating, a look at one value, and what was submitted and asked for before."""
    passage_id = await owner.fetchval("select id from passage where application_id = $1", case_id)
    place = await owner.fetchrow(
        "select city_id, district_id, street_id, unit_id from application where id = $1", case_id
    )
    common: dict[str, Any] = {"id": new_id(), "created_at": make.NOW, "application_id": case_id}
    await world.insert(
        Appeal, decision_id=passage_id, kind="hardship_aid", ground="refused", applicant_id=someone.id,
        state="at_district", version=1, reason=b"-", before_fen=0, due_at=make.NOW, **dict(place), **common,
    )  # fmt: skip
    await world.insert(Rating, score=5, **dict(place), **common)
    await world.insert(Reveal, person_id=clerk.id, subject_person_id=someone.id, field="phone", reason=b"-", **common)
    await world.insert(EarlierSubmission, round=1, form=b"-", decision=b"-", **common)
    await world.insert(
        Supplement, applicant_id=someone.id, at_state="submitted", round=1, asked_by=clerk.id,
        asked_by_role="unit_clerk", asked_by_organisation="-", request=b"-", due_at=make.NOW + timedelta(days=9),
        state="open", **common,
    )  # fmt: skip


async def apart_rows(
    world: World, owner: asyncpg.Connection, case_id: UUID, someone: Someone, clerk: Someone, scope: dict[str, Any]
) -> None:
    """A relative, a step across the relation, a post that was delegated, and a stage that was lifted."""
    common: dict[str, Any] = {"created_at": make.NOW}
    passage_id = await owner.fetchval("select id from passage where application_id = $1", case_id)
    post_id = await owner.fetchval("select id from post where person_id = $1", clerk.id)
    relative_id = await declared(world, someone, await world.person())
    await world.insert(
        Crossing, id=new_id(), relative_id=relative_id, application_id=case_id, passage_id=passage_id,
        across="applicant", relation="spouse", declared_at=make.NOW, **scope, **common,
    )  # fmt: skip
    await world.insert(
        Delegation, id=new_id(), post_id=post_id, role="unit_clerk", organisation_name="x", from_person_id=clerk.id,
        from_masked="*", to_person_id=someone.id, to_masked="*", starts_on=make.TODAY, ends_on=make.TODAY,
        kinds=["hardship_aid"], permissions=["case:accept"], reason=b"-", **scope, **common,
    )  # fmt: skip
    await world.insert(
        LiftedStage, id=new_id(), application_id=case_id, version=1, roles=["district_reviewer"], **scope, **common
    )


async def payment_rows(
    world: World, owner: asyncpg.Connection, case_id: UUID, someone: Someone, clerk: Someone, home: Guild
) -> None:
    """A payment that never went out, its place in a sample, and a card that was looked at; past the triggers that ask
    how it came to them."""
    card_id = await owner.fetchval("select id from bank_card where person_id = $1", someone.id)
    scope = {f"{tier}_id": union for tier, union in home.ancestors.items()}
    common: dict[str, Any] = {"created_at": make.NOW}
    batch_id, line_id = new_id(), new_id()
    await world.insert(
        PaymentBatch, id=batch_id, number=make.unique("FK-"), organisation_id=home.id, organisation_name="-",
        kinds=["hardship_aid"], approved_until=make.NOW, bank="-", layout="-", policy_version="-", state="built",
        version=1, line_count=1, total_fen=1, maker_id=clerk.id, maker_role="finance_maker", maker_organisation="-",
        **scope, **common,
    )  # fmt: skip
    await owner.execute("set session_replication_role = replica")
    await owner.execute(
        """
        insert into payment_line (id, created_at, batch_id, serial, application_id, round, number, kind,
          applicant_masked, organisation_name, amount_fen, card_id, card_masked, bank_name, state, version)
        values ($1, now(), $2, 1, $3, 1, '-', 'hardship_aid', '*', '-', 1, $4, '*', '-', 'dropped', 1)
        """,
        line_id, batch_id, case_id, card_id,
    )  # fmt: skip
    await owner.execute("set session_replication_role = origin")
    sample_id = new_id()
    await world.insert(
        PaymentSample, id=sample_id, organisation_id=home.id, organisation_name="-", since=make.NOW,
        until=make.NOW + timedelta(days=9), size=1, state="announced", version=1, announced_by=clerk.id,
        seed_sha256="0" * 64, seed_sealed=b"-", **scope, **common,
    )  # fmt: skip
    await world.insert(
        PaymentCheck, id=new_id(), sample_id=sample_id, serial=1, line_id=line_id, application_id=case_id,
        amount_fen=1, paid_at=make.NOW, state="open", version=1, **scope, **common,
    )  # fmt: skip
    await world.insert(
        CardCheck, id=new_id(), card_id=card_id, person_id=someone.id, method="name_check", outcome="passed",
        state="entered", entered_by=clerk.id, **scope, **common,
    )  # fmt: skip


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


def as_worker(someone: Someone) -> Sight:
    return Sight("worker", someone.id)


def as_staff(one: Lot) -> Sight:
    return Sight("staff", one.clerk.id, (one.home.id,))


PATIENCE = 60
"""Seconds. Whole tables are read through their walls, with all that other tests have left in them; the service, which
may wait for 5 seconds, never does."""


async def patient(connection: asyncpg.Connection) -> None:
    await connection.execute(f"set local statement_timeout = '{PATIENCE}s'")


async def counts(connection: asyncpg.Connection) -> dict[str, int]:
    await patient(connection)
    return {table: await connection.fetchval(f"select count(*) from {table}", timeout=PATIENCE) for table in PERSONAL}


async def seen(api: Database, sight: Sight, table: str) -> set[UUID]:
    async with api.begin(sight) as transaction:
        await patient(transaction.connection)
        return {row["id"] for row in await transaction.connection.fetch(f"select id from {table}", timeout=PATIENCE)}


async def refused(api: Database, sight: Sight, sql: str, *values: Any) -> str:
    """The error with which the database refuses a statement."""
    with pytest.raises(INSUFFICIENT) as refusal:
        async with api.begin(sight) as transaction:
            await transaction.connection.execute(sql, *values)
    return str(refusal.value)


async def touched(api: Database, sight: Sight, sql: str, *values: Any) -> int:
    async with api.begin(sight) as transaction:
        return int((await transaction.connection.execute(sql, *values)).rsplit(" ", 1)[-1])
