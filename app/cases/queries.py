"""Everything that somebody needs to decide a case, in one question.

Each part is a query of its own, asked of the one application that is found: one more part costs no round trip.
Whatever else is found is bounded by the same reach as the case itself.
"""

from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
)

from app.appeals.queries import APPEAL
from app.appeals.tables import WAITING as APPEAL_WAITS
from app.applications.assisting.queries import F as PAPER
from app.applications.queries import A, ApplicationNotFound, whole_case
from app.applications.resubmissions.queries import SUBMITTED
from app.applications.resubmissions.queries import E as EARLIER
from app.applications.supplements.steps import S as SUPPLEMENT
from app.change_requests.queries import HOLD
from app.change_requests.queries import R as CHANGE
from app.change_requests.queries import reach as change_reach
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.discrepancies.queries import D
from app.discrepancies.tables import WAITING as DISCREPANCY_WAITS
from app.files.tables import File, FileUse
from app.households.queries import H
from app.kernel.actor import Actor, Permission
from app.notices.objection_queries import I as INVESTIGATION
from app.notices.tables import Notice
from app.reuse.queries import OTHERS_ALONE, OTHERS_CARDS, UNION
from app.reuse.queries import C as CARD_ALERT
from app.reuse.queries import R as REUSE
from app.reuse.tables import WAITING as CARD_WAITING

AT_MOST: Final = 100
"""Of each thing that is shown beside a case."""
OTHER = A.alias("other")
FILE, USE, NOTICE = table_of(File), table_of(FileUse), table_of(Notice)
NO_MONEY: Final = ("draft", "rejected", "appealed", "withdrawn")
"""Where an application brings nobody any, and none is on its way."""
HOUSEHOLD: Final = ("id", "number", "state", "version", "form", "submitted_at", "active_at")
"""What a household is summed up from; beside the case it is called `household_…`, as in `household_of`."""
_NOT_ME: BindParameter[Any] = bindparam("actor_id")


def _listed(query: Select[Any], name: str) -> ColumnElement[Any]:
    """The rows of a query about the application at hand, as JSON."""
    rows = query.limit(literal_column(str(AT_MOST))).correlate(A).subquery(name)
    found = func.coalesce(func.jsonb_agg(func.to_jsonb(literal_column(name))), text("'[]'::jsonb"))
    return select(found).select_from(rows).scalar_subquery().label(name)


def _earlier() -> Any:
    """What was submitted before the last return, beside the application."""
    columns = [EARLIER.c[name].label(f"earlier_{name}") for name in ("round", "created_at", *SUBMITTED)]
    last = (
        select(*columns)
        .where(EARLIER.c.application_id == A.c.id, EARLIER.c.round < A.c.round)
        .order_by(EARLIER.c.round.desc())
        .limit(literal_column("1"))
    )
    return last.correlate(A).lateral("earlier")


def _supplements() -> ColumnElement[Any]:
    query = select(SUPPLEMENT).where(SUPPLEMENT.c.application_id == A.c.id)
    return _listed(query.order_by(SUPPLEMENT.c.created_at, SUPPLEMENT.c.id), "supplements")


def _money(tiers: Shape) -> ColumnElement[Any]:
    """What else went to the household or the applicant, or is on its way, over all kinds, as far as the actor sees."""
    query = select(OTHER.c.number, OTHER.c.kind, OTHER.c.state, OTHER.c.amount_fen, OTHER.c.submitted_at).where(
        or_(OTHER.c.household_id == A.c.household_id, OTHER.c.applicant_id == A.c.applicant_id),
        OTHER.c.id != A.c.id,
        OTHER.c.applicant_id != _NOT_ME,
        OTHER.c.submitted_at >= bindparam("since"),
        OTHER.c.state.notin_([literal_column(f"'{state}'") for state in NO_MONEY]),
        within(OTHER, tiers),
    )
    return _listed(query.order_by(OTHER.c.submitted_at, OTHER.c.id), "money")


def _money_elsewhere() -> ColumnElement[Any]:
    """The same where they do not see it: kind and sum alone, by a function that says no more."""
    sums = func.money_elsewhere(A.c.id, bindparam("since", type_=A.c.submitted_at.type))
    found = sums.table_valued("kind", "in_flight", "count", "amount_fen", name="elsewhere")
    query = select(found.c.kind, found.c.in_flight, found.c["count"], found.c.amount_fen)
    return _listed(query.order_by(found.c.kind, found.c.in_flight), "money_elsewhere")


def _documents() -> ColumnElement[Any]:
    """What the application names, and the paper that stood for a signature."""
    named = union_all(
        select(USE.c.file_id)
        .where(USE.c.subject_kind == literal_column("'application'"), USE.c.subject_id == A.c.id, USE.c.living)
        .correlate(A),
        select(USE.c.file_id)
        .join(PAPER, PAPER.c.id == USE.c.subject_id)
        .where(
            USE.c.subject_kind == literal_column("'proxy_application'"), PAPER.c.application_id == A.c.id, USE.c.living
        )
        .correlate(A),
    )
    query = select(
        *(FILE.c[name] for name in ("id", "created_at", "media_type", "size", "state", "purpose")),
        func.encode(FILE.c.sha256, literal_column("'hex'")).label("sha256"),
        (FILE.c.person_id == A.c.applicant_id).label("is_applicants"),
    ).where(FILE.c.id.in_(named))
    return _listed(query.order_by(FILE.c.purpose, FILE.c.created_at, FILE.c.id), "documents")


def _appeals() -> ColumnElement[Any]:
    columns = [APPEAL.c[name] for name in ("id", "state", "version", "created_at", "due_at")]
    query = select(*columns).where(APPEAL.c.application_id == A.c.id, text(f"appeal.{APPEAL_WAITS}"))
    return _listed(query.order_by(APPEAL.c.id), "appeals")


def _objections() -> ColumnElement[Any]:
    columns = [INVESTIGATION.c[name] for name in ("id", "state", "version", "created_at", "due_on")]
    query = (
        select(*columns)
        .join(NOTICE, NOTICE.c.id == INVESTIGATION.c.id)
        .where(NOTICE.c.application_id == A.c.id, INVESTIGATION.c.state == literal_column("'open'"))
    )
    return _listed(query.order_by(INVESTIGATION.c.id), "objections")


def _discrepancies(tiers: Shape) -> ColumnElement[Any]:
    columns = [D.c[name] for name in ("id", "state", "version", "field", "source", "created_at", "due_on")]
    query = select(*columns).where(
        D.c.household_id == A.c.household_id,
        text(f"discrepancy.{DISCREPANCY_WAITS}"),
        within(D, tiers),
        D.c.person_id != _NOT_ME,
    )
    return _listed(query.order_by(D.c.created_at, D.c.id), "discrepancies")


def _changes(tiers: Shape, first: int) -> ColumnElement[Any]:
    columns = [CHANGE.c[name] for name in ("id", "state", "version", "kind", "field", "created_at")]
    query = select(*columns).where(
        or_(CHANGE.c.household_id == A.c.household_id, CHANGE.c.person_id == A.c.applicant_id),
        CHANGE.c.state == literal_column("'open'"),
        within(CHANGE, tiers, first),
        CHANGE.c.person_id != _NOT_ME,
    )
    return _listed(query.order_by(CHANGE.c.created_at, CHANGE.c.id), "change_requests")


def _is_held() -> ColumnElement[Any]:
    """Whether payments to them wait for a change to be decided: every desk that pays knows that."""
    held = select(HOLD.c.id).where(
        HOLD.c.released_at.is_(None),
        or_(HOLD.c.person_id == A.c.applicant_id, HOLD.c.household_id == A.c.household_id),
    )
    return held.correlate(A).exists().label("payments_held")


def _reuses() -> ColumnElement[Any]:
    """Hints that this case or another stands on the bill of the other."""
    columns = [
        REUSE.c[name]
        for name in (
            *("id", "state", "version", "score", "evidence", "created_at"),
            *("number", "organisation_name", "other_number", "other_organisation_name"),
        )
    ]
    query = select(*columns, (REUSE.c.application_id == A.c.id).label("asked_of_this")).where(
        or_(REUSE.c.application_id == A.c.id, REUSE.c.other_id == A.c.id),
        REUSE.c.state != literal_column("'cleared'"),
        *OTHERS_ALONE,
    )
    return _listed(query.order_by(REUSE.c.score.desc(), REUSE.c.id), "reuses")


def _card_alerts() -> ColumnElement[Any]:
    """Who of another household is paid to the applicant's card: their union and the number of their file."""
    is_a = CARD_ALERT.c.person_a_id == A.c.applicant_id
    union = case((is_a, CARD_ALERT.c.organisation_b_id), else_=CARD_ALERT.c.organisation_a_id)
    query = (
        select(
            CARD_ALERT.c.id,
            CARD_ALERT.c.number_masked.label("card"),
            UNION.c.name.label("organisation"),
            case((is_a, CARD_ALERT.c.household_b_number), else_=CARD_ALERT.c.household_a_number).label(
                "household_number"
            ),
            CARD_ALERT.c.created_at,
        )
        .select_from(CARD_ALERT.outerjoin(UNION, UNION.c.id == union))
        .where(
            or_(is_a, CARD_ALERT.c.person_b_id == A.c.applicant_id),
            text(f"card_alert.{CARD_WAITING}"),
            *OTHERS_CARDS,
        )
    )
    return _listed(query.order_by(CARD_ALERT.c.created_at, CARD_ALERT.c.id), "card_alerts")


@cache
def _case(tiers: Shape, change_tiers: Shape) -> Statement:
    household = (H.c.id == A.c.household_id) & within(H, tiers) & (H.c.person_id != _NOT_ME)
    parts = [
        *(H.c[name].label(f"household_{name}") for name in HOUSEHOLD if name != "id"),
        H.c.id.label("household_seen"),
        _money(tiers),
        _money_elsewhere(),
        _documents(),
        _appeals(),
        _objections(),
        _discrepancies(tiers),
        _changes(change_tiers, len(tiers)),
        _is_held(),
        _supplements(),
        _reuses(),
        _card_alerts(),
    ]
    earlier = _earlier()
    beside = A.outerjoin(H, household & H.c.submitted_at.is_not(None)).outerjoin(earlier, true())
    query = whole_case(tiers, *parts, *earlier.c).select_from(beside)
    return statement(query)


async def case_file(transaction: Transaction, actor: Actor, application_id: UUID, since: datetime) -> Record:
    """A case within the actor's reach with all that belongs to it; money counts from `since`.

    Raises ApplicationNotFound.
    """
    reach, changes = actor.reach(Permission.READ_CASES), change_reach(actor)
    values: dict[str, Any] = {"id": application_id, "actor_id": actor.person_id, "since": since, **nodes(reach)}
    values |= {f"node_{n}": node.organisation_id for n, node in enumerate(changes, len(reach))}
    row = await transaction.row(_case(shape(reach), shape(changes)), **values)
    if row is None:
        raise ApplicationNotFound
    return row


def household_of(row: Record) -> Record | None:
    """The household's file beside a case, if the actor sees one."""
    if row["household_seen"] is None:
        return None
    return {name: row["household_seen" if name == "id" else f"household_{name}"] for name in HOUSEHOLD}


def supplements_of(row: Record) -> list[Record]:
    """What was asked for on a case, as its rows are, from the JSON beside the case."""
    return [
        each
        | {"id": UUID(each["id"])}
        | {name: bytes.fromhex(each[name][2:]) if each[name] else None for name in ("request", "answer")}
        | {at: datetime.fromisoformat(each[at]) if each[at] else None for at in ("created_at", "due_at", "closed_at")}
        for each in row["supplements"]
    ]
