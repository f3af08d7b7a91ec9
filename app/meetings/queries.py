"""Reading meetings: those of the actor's own cities, never about the actor; and who could vote in one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, func, literal_column, select, tuple_

from app.applications.path import State
from app.applications.queries import A, ApplicationNotFound, case_asked, to_act
from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.kernel.actor import PERMISSIONS, Actor, Permission, Reach, Role, Tier
from app.kernel.errors import NotFound
from app.meetings.path import MeetingState
from app.meetings.tables import Meeting, MeetingMember, MeetingVote

M, MEMBER, BALLOT = table_of(Meeting), table_of(MeetingMember), table_of(MeetingVote)
AFTER = paging.place(M.c.created_at, M.c.id)
_PERSON_NAME = "person.name"
_OF_CASE: list[ColumnElement[Any]] = [
    A.c[name] for name in ("number", "kind", "applicant_id", "applicant_masked", "organisation_name")
]
_OF_CASE += [A.c.state.label("case_state"), A.c.round.label("case_round"), A.c.version.label("case_version")]
_OF_CASE += [A.c.district_id, A.c.street_id, A.c.unit_id]
_STANDS = and_(
    M.c.state == literal_column(f"'{MeetingState.OPEN}'"),
    A.c.state == literal_column(f"'{State.MEETING}'"),
    A.c.round == M.c.round,
)
"""Open, and its case waits for it; one whose applicant withdrew, or that was sent back, does not."""
_VOTED = (
    select(func.count()).select_from(BALLOT).where(BALLOT.c.meeting_id == M.c.id).scalar_subquery().label("votes_cast")
)
_CANDIDATES = Statement("select * from meeting_candidates($1, $2)", ("asked", "today"), {})
_MEMBERS = statement(
    select(
        MEMBER,
        BALLOT.c.id.label("vote_id"),
        BALLOT.c.choice,
        BALLOT.c.note,
        BALLOT.c.created_at.label("voted_at"),
    )
    .select_from(
        MEMBER.outerjoin(
            BALLOT, and_(BALLOT.c.meeting_id == MEMBER.c.meeting_id, BALLOT.c.person_id == MEMBER.c.person_id)
        )
    )
    .where(MEMBER.c.meeting_id == bindparam("meeting_id"))
    .order_by(MEMBER.c.serial)
)
_OF_ROUND = statement(
    select(M.c.id).where(
        M.c.application_id == bindparam("application_id"),
        M.c.round == bindparam("round"),
        M.c.state != literal_column(f"'{MeetingState.CANCELLED}'"),
    )
)


class MeetingNotFound(NotFound):
    """没有找到这次会议。"""


def _cities(actor: Actor) -> Reach:
    """The cities whose meetings the actor may read about."""
    return tuple(node for node in actor.reach(Permission.READ_CASES) if node.tier is Tier.CITY)


def _seen(tiers: Shape) -> Select[Any]:
    return (
        select(M, *_OF_CASE, _VOTED)
        .select_from(M.join(A, A.c.id == M.c.application_id))
        .where(within(M, tiers), A.c.applicant_id != bindparam("actor_id"))
    )


@cache
def _one(tiers: Shape, locked: bool) -> Statement:
    query = _seen(tiers).where(M.c.id == bindparam("id"))
    return statement(query.with_for_update(of=M) if locked else query)


async def meeting(transaction: Transaction, actor: Actor, meeting_id: UUID, *, locked: bool = False) -> Record:
    """One of the actor's cities, never about themselves; `locked`: until commit, so that nobody votes meanwhile.

    Raises MeetingNotFound.
    """
    reach = _cities(actor)
    row = await transaction.row(_one(shape(reach), locked), id=meeting_id, actor_id=actor.person_id, **nodes(reach))
    if row is None:
        raise MeetingNotFound
    return row


def stands(row: Record) -> bool:
    """Whether a meeting is open and its case waits for it."""
    waits = (row["case_state"], row["case_round"]) == (State.MEETING, row["round"])
    return row["state"] == MeetingState.OPEN and waits


async def case_of_meeting(transaction: Transaction, actor: Actor, meeting_id: UUID) -> Record:
    """Whom a meeting of the actor's cities is about. Raises MeetingNotFound."""
    row = await meeting(transaction, actor, meeting_id)
    return {"person_id": row["applicant_id"]}


async def members_of(transaction: Transaction, meeting_id: UUID) -> list[Record]:
    """Who was named, in that order, and how those who voted did."""
    return await transaction.rows(_MEMBERS, meeting_id=meeting_id)


async def of_round(transaction: Transaction, row: Record) -> UUID | None:
    """The meeting on this round of a case that was not cancelled."""
    found: UUID | None = await transaction.value(_OF_ROUND, application_id=row["id"], round=row["round"])
    return found


@cache
def _page(tiers: Shape, by: frozenset[str]) -> Statement:
    mine = and_(MEMBER.c.meeting_id == M.c.id, MEMBER.c.person_id == bindparam("actor_id"))
    voted = and_(BALLOT.c.meeting_id == M.c.id, BALLOT.c.person_id == bindparam("actor_id"))
    conditions: Mapping[str, ColumnElement[bool]] = {
        "state": M.c.state == bindparam("state"),
        "to_vote": and_(_STANDS, exists().where(mine), ~exists().where(voted)),
        "after": tuple_(M.c.created_at, M.c.id) < AFTER,
    }
    query = _seen(tiers).where(*(conditions[name] for name in sorted(by)))
    return statement(query.order_by(M.c.created_at.desc(), M.c.id.desc()).limit(bindparam("size")))


async def meetings(
    transaction: Transaction,
    actor: Actor,
    size: int,
    after: tuple[datetime, UUID] | None,
    *,
    state: str | None = None,
    to_vote: bool = False,
) -> list[Record]:
    """Meetings of the actor's cities, newest first; `to_vote`: only those that wait for the actor's own vote."""
    values: dict[str, Any] = paging.values(after) | ({"state": state} if state else {})
    named = {"state": state is not None, "to_vote": to_vote, "after": after is not None}
    by = frozenset(name for name, wanted in named.items() if wanted)
    reach = _cities(actor)
    query = _page(shape(reach), by)
    return await transaction.rows(query, size=size, actor_id=actor.person_id, **nodes(reach), **values)


@cache
def _case_locked(tiers: Shape) -> Statement:
    return statement(to_act(tiers).with_for_update(of=A))


async def case_locked(transaction: Transaction, actor: Actor, application_id: UUID) -> Record:
    """A case within the actor's reach, held until commit. Raises ApplicationNotFound."""
    query = _case_locked(shape(actor.reach(Permission.READ_CASES)))
    row = await transaction.row(query, **case_asked(actor, application_id))
    if row is None:
        raise ApplicationNotFound
    return row


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may vote on a case."""

    person_id: UUID
    name: str
    name_masked: str
    role: Role
    organisation_name: str


async def candidates(
    transaction: Transaction, keyring: Keyring, application_id: UUID, today: date
) -> dict[UUID, Candidate]:
    """All who may vote on a case: with a post at its city that votes, and no part in it."""
    found: dict[UUID, Candidate] = {}
    for row in await transaction.rows(_CANDIDATES, asked=application_id, today=today):
        role, person_id = Role(row["role"]), row["person_id"]
        if Permission.VOTE in PERMISSIONS[role]:
            name = keyring.open_text(_PERSON_NAME, person_id, row["name"])
            found.setdefault(person_id, Candidate(person_id, name, row["name_masked"], role, row["organisation_name"]))
    return found
