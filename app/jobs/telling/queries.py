"""Whom a fact concerns, as the jobs see it: without holding anything."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import Table, bindparam, literal_column, select

from app.appeals.queries import APPEAL, is_near
from app.applications.assisting.tables import ProxyApplication
from app.applications.queries import A
from app.applications.tables import Passage
from app.db.base import table_of
from app.db.statements import Statement, statement
from app.db.transaction import Record, Sight, Transaction
from app.delegations.tables import Delegation
from app.discrepancies.tables import Discrepancy
from app.households.queries import H
from app.households.tables import HouseholdPassage
from app.kernel.actor import Role
from app.matching.tables import MatchBatch
from app.meetings.tables import Meeting, MeetingMember
from app.organisations.tables import Organisation
from app.payments.tables import PaymentBatch, PaymentLine
from app.people.queries import PERSON
from app.proxy_filings.tables import ProxyFiling
from app.reuse.queries import C, R
from app.visits.tables import Visit

_V, _D, _B, _HP, _P = (table_of(model) for model in (Visit, Discrepancy, MatchBatch, HouseholdPassage, Passage))
_L = table_of(PaymentLine)
_M, _MM = table_of(Meeting), table_of(MeetingMember)


def _of(table: Table, columns: str) -> Statement:
    return statement(select(*(table.c[name] for name in columns.split())).where(table.c.id == bindparam("id")))


_UNIONS = "city_id district_id street_id unit_id"
_APPLICATION = _of(A, f"id number kind round version due_at applicant_id applicant_masked household_id {_UNIONS}")
_HOUSEHOLD = _of(H, f"id number person_id review_due_on {_UNIONS}")
_NO_WECHAT = statement(
    select(PERSON.c.openid_index.is_(None) & PERSON.c.closed_at.is_(None)).where(PERSON.c.id == bindparam("id"))
)
_VISIT = _of(_V, "id person_id planned_on organisation_name")
_DISCREPANCY = _of(_D, "id person_id due_on said_by outcome")
_BATCH = _of(_B, "id number made_by")
_APPEAL = statement(
    select(APPEAL, A.c.number).join(A, A.c.id == APPEAL.c.application_id).where(APPEAL.c.id == bindparam("id"))
)
_DELEGATION = _of(
    table_of(Delegation), "id organisation_name from_person_id from_masked to_person_id starts_on ends_on ended_at"
)
_VOTERS = statement(
    select(_MM.c.person_id, A.c.number)
    .join_from(_M, A, A.c.id == _M.c.application_id)
    .join(_MM, _MM.c.meeting_id == _M.c.id)
    .where(_M.c.id == bindparam("id"), _M.c.state == literal_column("'open'"))
    .order_by(_MM.c.person_id)
)
_STEP = statement(
    select(_HP.c.id)
    .where(
        _HP.c.household_id == bindparam("household_id"),
        _HP.c.action == bindparam("action"),
        _HP.c.to_state == bindparam("to_state"),
    )
    .order_by(_HP.c.created_at.desc(), _HP.c.id.desc())
    .limit(literal_column("1"))
)
_STEP_OF_APPLICATION = statement(
    select(_P.c.id)
    .where(
        _P.c.application_id == bindparam("application_id"),
        _P.c.action == bindparam("action"),
        _P.c.to_state == bindparam("to_state"),
    )
    .order_by(_P.c.created_at.desc(), _P.c.id.desc())
    .limit(literal_column("1"))
)
_HOLDERS = Statement(
    "select distinct person_id from post where organisation_id = $1 and role = any($2::text[]) and ended_at is null "
    "and from_date <= $3 order by person_id",
    ("organisation_id", "roles", "today"),
    {},
)


_REUSE = statement(
    select(R.c.id, R.c.state, R.c.version, R.c.application_id, A.c.number, A.c.district_id, A.c.city_id)
    .join(A, A.c.id == R.c.application_id)
    .where(R.c.id == bindparam("id"))
)
_UNION_A, _UNION_B = (table_of(Organisation).alias(f"union_{side}") for side in "ab")
_CARD = statement(
    select(
        *(C.c[name] for name in ("id", "state", "created_at", "number_masked", "person_a_id", "person_b_id")),
        *(union.c[f"{tier}_id"].label(f"{tier}_{side}_id")
          for side, union in (("a", _UNION_A), ("b", _UNION_B)) for tier in ("district", "city")),
    )
    .select_from(C)
    .outerjoin(_UNION_A, _UNION_A.c.id == C.c.organisation_a_id)
    .outerjoin(_UNION_B, _UNION_B.c.id == C.c.organisation_b_id)
    .where(C.c.id == bindparam("id"))
)  # fmt: skip


async def reuse_hint(transaction: Transaction, hint_id: UUID) -> Record | None:
    """With number and unions of the case that it is asked of."""
    return await transaction.row(_REUSE, id=hint_id)


async def card_alert(transaction: Transaction, alert_id: UUID) -> Record | None:
    """With districts and cities of the two."""
    return await transaction.row(_CARD, id=alert_id)


async def delegation(transaction: Transaction, delegation_id: UUID) -> Record | None:
    return await transaction.row(_DELEGATION, id=delegation_id)


async def voters(transaction: Transaction, meeting_id: UUID) -> list[Record]:
    """The members of a meeting that is open, each with the number of its case."""
    return await transaction.rows(_VOTERS, id=meeting_id)


async def application(transaction: Transaction, application_id: UUID) -> Record | None:
    return await transaction.row(_APPLICATION, id=application_id)


_FAILED_LINE = statement(
    select(_L.c.id, _L.c.return_code, _L.c.remedy)
    .where(_L.c.application_id == bindparam("application_id"), _L.c.remedy.is_not(None))
    .order_by(_L.c.answered_at.desc(), _L.c.id.desc())
    .limit(literal_column("1"))
)
_PAYMENT_BATCH = _of(table_of(PaymentBatch), "id number state organisation_id line_count total_fen maker_id")


async def failed_line(transaction: Transaction, application_id: UUID) -> Record | None:
    """What a bank said of the last payment of an application that it did not make."""
    return await transaction.row(_FAILED_LINE, application_id=application_id)


async def payment_batch(transaction: Transaction, batch_id: UUID) -> Record | None:
    return await transaction.row(_PAYMENT_BATCH, id=batch_id)


async def household(transaction: Transaction, household_id: UUID) -> Record | None:
    return await transaction.row(_HOUSEHOLD, id=household_id)


async def visit(transaction: Transaction, visit_id: UUID) -> Record | None:
    return await transaction.row(_VISIT, id=visit_id)


async def discrepancy(transaction: Transaction, discrepancy_id: UUID) -> Record | None:
    return await transaction.row(_DISCREPANCY, id=discrepancy_id)


async def batch(transaction: Transaction, batch_id: UUID) -> Record | None:
    return await transaction.row(_BATCH, id=batch_id)


async def appeal(transaction: Transaction, appeal_id: UUID) -> Record | None:
    """With the number of its application."""
    return await transaction.row(_APPEAL, id=appeal_id)


async def step_of(transaction: Transaction, household_id: UUID, action: str, to_state: str) -> UUID | None:
    """The last step of this name on a file: what names it, since the fact does not."""
    found: UUID | None = await transaction.value(_STEP, household_id=household_id, action=action, to_state=to_state)
    return found


async def step_of_application(
    transaction: Transaction, application_id: UUID, action: str, to_state: str
) -> UUID | None:
    """The same of an application."""
    found: UUID | None = await transaction.value(
        _STEP_OF_APPLICATION, application_id=application_id, action=action, to_state=to_state
    )
    return found


async def has_no_wechat(transaction: Transaction, person_id: UUID) -> bool:
    """Whether somebody has an account that staff opened for them on paper, and nothing to read messages with."""
    return bool(await transaction.value(_NO_WECHAT, id=person_id))


async def holders(transaction: Transaction, union_id: UUID, roles: list[Role], today: date) -> list[UUID]:
    """Who holds one of these posts at a union itself."""
    names = [role.value for role in roles]
    rows = await transaction.rows(_HOLDERS, organisation_id=union_id, roles=names, today=today)
    return [row["person_id"] for row in rows]


_DECIDED = Statement(
    "select distinct person_id from passage where application_id = $1 and round = $2 and counts_as_review "
    "and action <> 'assist' and person_id is not null",
    ("application_id", "round"),
    {},
)


async def deciders_of(transaction: Transaction, application_id: UUID, round: int) -> set[UUID]:
    """Who has decided something of a round of an application, and so helps with it no more."""
    rows = await transaction.rows(_DECIDED, application_id=application_id, round=round)
    return {row["person_id"] for row in rows}


def _worker_of(filing: Table) -> Statement:
    return statement(
        select(PERSON.c.id)
        .join(filing, filing.c.id_number_index == PERSON.c.id_number_index)
        .where(
            filing.c.id == bindparam("filing_id"),
            filing.c.state == literal_column("'open'"),
            PERSON.c.openid_index.is_not(None),
            PERSON.c.closed_at.is_(None),
        )
    )


_WORKER_OF = {model.__tablename__: _worker_of(table_of(model)) for model in (ProxyApplication, ProxyFiling)}


async def waits_for_its_worker(transaction: Transaction, kind: str, filing_id: UUID) -> UUID | None:
    """Who has WeChat and has to say whether what was filled in for them is so; as long as it waits."""
    found: UUID | None = await transaction.value(_WORKER_OF[kind], filing_id=filing_id)
    return found


_ASIDE = Statement(
    "select id from unnest($1::uuid[]) as s (id) where kept_apart_from(id) -> 'away' ?| $2::text[]",
    ("people", "whose"),
    {},
)


async def standing_aside(transaction: Transaction, people: list[UUID], whose: Iterable[UUID | None]) -> set[UUID]:
    """Those of these people who deal with nothing of a person and their household."""
    ids = [str(each) for each in whose if each is not None]
    return {row["id"] for row in await transaction.rows(_ASIDE, people=people, whose=ids)}


async def apart(transaction: Transaction, application_id: UUID, people: list[UUID]) -> list[UUID]:
    """Those of these people who are not near a case, as the function of the database says of each of them."""
    found = []
    for person_id in people:
        async with transaction.seen_by(Sight("job", person_id)):
            if not await is_near(transaction, application_id):
                found.append(person_id)
    return found
