"""Reading household files: one's own, or those within one's reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Select,
    Uuid,
    all_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.db import paging
from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, under, within
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.facts import HouseholdFacts
from app.households.forms import HouseholdForm
from app.households.path import DEAD_STATES, EDITABLE, IN_FORCE, PATH
from app.households.related import household_of
from app.households.tables import Household, HouseholdMember, HouseholdPassage
from app.households.told import told_by
from app.households.upkeep import review_limit
from app.kernel.actor import Actor, Node, Permission, Post
from app.kernel.business_time import business_date
from app.kernel.errors import NotFound
from app.policy.book import PolicyBook
from app.policy.reference import Residence, minimum_living_standard
from app.policy.versions import CITY

H, M = table_of(Household), table_of(HouseholdMember)
FORM = "household.form"
COUNT_CAP = 1_001
ACTIVE_STATES = frozenset(IN_FORCE)
_DEAD: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in DEAD_STATES]
_SUMMARY = [
    H.c[name] for name in ("id", "number", "state", "version", "head_masked", "submitted_at", "active_at", "created_at")
]
_AFTER = paging.place(H.c.submitted_at, H.c.id)

LIVING = H.c.state.notin_(_DEAD)
_OWN = select(H).where(H.c.person_id == bindparam("person_id"), LIVING)
_LIVING = statement(_OWN)
_BY_ID_LOCKED = statement(select(H).where(H.c.id == bindparam("id")).with_for_update())
_LIVING_LOCKED = statement(_OWN.with_for_update())
_P = table_of(HouseholdPassage)
_PASSAGES = statement(select(_P).where(_P.c.household_id == bindparam("id")).order_by(_P.c.created_at, _P.c.id))


class HouseholdNotFound(NotFound):
    """没有找到这份家庭档案。"""


async def living(transaction: Transaction, person_id: UUID, *, locked: bool = False) -> Record | None:
    """The person's living file, if there is one."""
    return await transaction.row(_LIVING_LOCKED if locked else _LIVING, person_id=person_id)


async def by_id_locked(transaction: Transaction, household_id: UUID) -> Record | None:
    """Any file; for the jobs, which see all."""
    return await transaction.row(_BY_ID_LOCKED, id=household_id)


def keeper_of(row: Record) -> UUID:
    """The union that keeps a file: the lowest that it is under."""
    union: UUID = next(row[f"{tier}_id"] for tier in ("unit", "street", "district", "city") if row[f"{tier}_id"])
    return union


@cache
def _in_reach(tiers: Shape, locked: bool) -> Statement:
    query = select(H).where(
        H.c.id == bindparam("id"),
        within(H, tiers),
        H.c.person_id != bindparam("actor_id"),
        H.c.submitted_at.is_not(None),
    )
    return statement(query.with_for_update() if locked else query)


async def household(
    transaction: Transaction, actor: Actor, household_id: UUID, *, locked: bool = False
) -> Record | None:
    """A file within the actor's reach, never one's own; None when there is no such file."""
    reach = actor.reach(Permission.READ_CASES)
    return await transaction.row(
        _in_reach(shape(reach), locked), id=household_id, actor_id=actor.person_id, **nodes(reach)
    )


async def file(transaction: Transaction, actor: Actor, household_id: UUID, *, locked: bool = False) -> Record:
    """The same. Raises HouseholdNotFound."""
    row = await household(transaction, actor, household_id, locked=locked)
    if row is None:
        raise HouseholdNotFound
    return row


@cache
def _these(tiers: Shape) -> Statement:
    return statement(
        select(H)
        .where(
            H.c.id == any_(bindparam("ids", type_=ARRAY(H.c.id.type))),
            within(H, tiers),
            H.c.person_id != bindparam("actor_id"),
            H.c.submitted_at.is_not(None),
        )
        .order_by(H.c.id)
        .with_for_update()
    )


async def these_locked(transaction: Transaction, actor: Actor, household_ids: Iterable[UUID]) -> dict[UUID, Record]:
    """Those of these files that are within the actor's reach, never one's own, held until commit."""
    reach = actor.reach(Permission.READ_CASES)
    ids = sorted(household_ids)
    rows = await transaction.rows(_these(shape(reach)), ids=ids, actor_id=actor.person_id, **nodes(reach))
    return {row["id"]: row for row in rows}


_STATE = statement(select(H.c.state).where(H.c.id == bindparam("household_id")))


async def state_of(transaction: Transaction, household_id: UUID) -> str | None:
    """The state of a file, where this transaction can see it."""
    found: str | None = await transaction.value(_STATE, household_id=household_id)
    return found


_STATES = statement(select(H.c.id, H.c.state).where(H.c.id == any_(bindparam("ids", type_=ARRAY(H.c.id.type)))))


async def states_of(transaction: Transaction, household_ids: list[UUID]) -> dict[UUID, str]:
    """The states of those of these files that this transaction can see."""
    return {row["id"]: row["state"] for row in await transaction.rows(_STATES, ids=household_ids)}


_IS_MEMBER = statement(
    select(M.c.id).where(
        M.c.household_id == bindparam("household_id"), M.c.id_number_index == bindparam("number_index"), M.c.living
    )
)


async def is_member(transaction: Transaction, household_id: UUID, number_index: bytes) -> bool:
    """Whether somebody with this identity number lives in the household."""
    found = await transaction.value(_IS_MEMBER, household_id=household_id, number_index=number_index)
    return found is not None


Pile = tuple[str, Node]
"""A state and a node: what waits in the one under the other, in the order of an index."""


@cache
def _waiting(tiers: Shape, after: bool, related: bool) -> Statement:
    parts = []
    for n, tier in enumerate(tiers):
        part = select(*_SUMMARY).where(
            under(H, tier, n),
            H.c.state == bindparam(f"state_{n}"),
            H.c.submitted_at.is_not(None),
            H.c.person_id != bindparam("actor_id"),
            H.c.id.is_distinct_from(household_of(bindparam("actor_id"))),
        )
        if related:
            ids = bindparam("away", type_=ARRAY(Uuid()))
            part = part.where(H.c.id != all_(ids), H.c.person_id != all_(ids))
        if after:
            part = part.where(tuple_(H.c.submitted_at, H.c.id) > _AFTER)
        parts.append(part.order_by(H.c.submitted_at, H.c.id).limit(bindparam("size")))
    distinct = select(union_all(*parts).subquery()).distinct().subquery()
    return statement(select(distinct).order_by(distinct.c.submitted_at, distinct.c.id).limit(bindparam("size")))


@lru_cache(maxsize=4096)
def _piles(posts: tuple[Post, ...]) -> tuple[Pile, ...]:
    found = {
        (state, Node(post.place.tier, post.place.id))
        for post in posts
        for permission in Permission
        if post.allows(permission)
        for state in PATH.waiting_for(permission)
    }
    return tuple(sorted(found, key=lambda pile: (pile[0], str(pile[1].organisation_id))))


async def waiting(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The files that wait for this actor, oldest first; never that of their own household, or of a relative's."""
    piles = _piles(actor.posts)
    if not piles:
        return []
    values = paging.values(after)
    for n, (state, node) in enumerate(piles):
        values |= {f"state_{n}": state, f"node_{n}": node.organisation_id}
    away = [*actor.apart.near, *actor.apart.homes]
    query = _waiting(tuple(node.tier for _, node in piles), after is not None, bool(away))
    values |= {"away": away} if away else {}
    return await transaction.rows(query, size=size, actor_id=actor.person_id, **values)


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which of the files within a reach."""

    state: str | None = None
    number: str | None = None

    def parameters(self) -> dict[str, Any]:
        named = {"state": self.state, "number": self.number}
        return {name: value for name, value in named.items() if value is not None}


def _listed(tiers: Shape, by: frozenset[str], *columns: ColumnElement[Any]) -> list[Select[Any]]:
    """For each node what is under it: one range of one of its indexes."""
    conditions = {
        "state": H.c.state == bindparam("state"),
        "number": H.c.number == bindparam("number"),
        "after": tuple_(H.c.submitted_at, H.c.id) < _AFTER,
    }
    where = [conditions[name] for name in sorted(by)]
    return [
        select(*columns).where(
            under(H, tier, n), H.c.submitted_at.is_not(None), H.c.person_id != bindparam("actor_id"), *where
        )
        for n, tier in enumerate(tiers)
    ]


@cache
def _files(tiers: Shape, by: frozenset[str]) -> Statement:
    newest = (H.c.submitted_at.desc(), H.c.id.desc())
    parts = [part.order_by(*newest).limit(bindparam("size")) for part in _listed(tiers, by, *_SUMMARY)]
    if len(parts) == 1:
        return statement(parts[0])
    distinct = select(union_all(*parts).subquery()).distinct().subquery()
    return statement(
        select(distinct).order_by(distinct.c.submitted_at.desc(), distinct.c.id.desc()).limit(bindparam("size"))
    )


@cache
def _file_count(tiers: Shape, by: frozenset[str]) -> Statement:
    parts = [part.limit(literal_column(str(COUNT_CAP))) for part in _listed(tiers, by, H.c.id)]
    found = union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    capped = select(found.c.id).distinct().limit(literal_column(str(COUNT_CAP))).subquery()
    return statement(select(func.count()).select_from(capped))


async def files(
    transaction: Transaction, actor: Actor, wanted: FileFilter, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The submitted files within the actor's reach, newest first, never one's own."""
    reach, values = actor.reach(Permission.READ_CASES), wanted.parameters()
    if after:
        values |= {"at": after[0], "after_id": after[1]}
    by = frozenset(wanted.parameters()) | ({"after"} if after else frozenset())
    if not reach:
        return []
    query = _files(shape(reach), by)
    return await transaction.rows(query, size=size, actor_id=actor.person_id, **nodes(reach), **values)


async def file_count(transaction: Transaction, actor: Actor, wanted: FileFilter) -> int:
    """How many there are, at most COUNT_CAP."""
    reach, values = actor.reach(Permission.READ_CASES), wanted.parameters()
    if not reach:
        return 0
    query = _file_count(shape(reach), frozenset(values))
    count: int = await transaction.value(query, actor_id=actor.person_id, **nodes(reach), **values)
    return count


async def passages(transaction: Transaction, household_id: UUID) -> list[Record]:
    """What was done to a file, oldest first, with sealed notes."""
    return await transaction.rows(_PASSAGES, id=household_id)


_ASSISTANTS = statement(
    select(_P.c.person_id, _P.c.post_role, _P.c.organisation_name)
    .where(
        _P.c.household_id == bindparam("household_id"),
        _P.c.action == literal_column("'assist'"),
        _P.c.round <= bindparam("round"),
    )
    .order_by(_P.c.id)
)


async def assistants(transaction: Transaction, household_id: UUID, round: int) -> list[Record]:
    """Who filled in the file for its worker, in this round of it or an earlier one: person, role and union."""
    return await transaction.rows(_ASSISTANTS, household_id=household_id, round=round)


def form_of(keyring: Keyring, row: Record | None) -> HouseholdForm | None:
    """What a submitted file says; None when there is none, or its owner has it back and it is not whole now."""
    if row is None or row["submitted_at"] is None:
        return None
    try:
        return HouseholdForm.model_validate(keyring.open_document(FORM, row["id"], row["form"]))
    except ValidationError:
        return None


def kept_form(keyring: Keyring, row: Record | None) -> Mapping[str, Any] | None:
    """What a file says that is not with its owner, as plain JSON: it was checked when it was submitted, and the seal
    says that it is what was checked."""
    if row is None or row["submitted_at"] is None or row["state"] in EDITABLE:
        return None
    form: Mapping[str, Any] = keyring.open_document(FORM, row["id"], row["form"])
    return form


def facts_of(form: Mapping[str, Any] | None, row: Record | None, on: date, policies: PolicyBook) -> HouseholdFacts:
    """The household as the rules see it on a day. Without a file nothing is known, and nothing is granted on it.

    The standard is that of the place where the household lives, and that of town residents where the form does not say
    otherwise: the union's criteria are written for workers in town.
    """
    residence: Residence = (form.get("residence") if form else None) or "urban"
    division = form["division_code"] if form else CITY
    standard, limit = minimum_living_standard(policies, division, on, residence), review_limit(policies, on, division)
    known: dict[str, Any] = {
        "minimum_living_standard_fen": standard.monthly_fen,
        "edge_line_fen": standard.edge_line_fen,
        "minimum_living_standard_from": standard.in_force_from,
        "minimum_living_standard_version": standard.version,
        "minimum_living_standard_source": standard.source,
        "review_grace_days": limit.grace_days,
        "review_source": limit.source,
        "upkeep_version": limit.version,
    }
    if form is None or row is None:
        return HouseholdFacts(file_active=False, **known)
    filed_at, due_on = row.get("submitted_at"), row.get("review_due_on")
    return HouseholdFacts(
        file_active=row["state"] in ACTIVE_STATES,
        filed_on=business_date(filed_at) if filed_at else None,
        review_overdue_days=max((on - due_on).days, 0) if due_on else None,
        **told_by(form),
        **known,
    )
