"""Reading household files: one's own, or those within one's reach."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import ColumnElement, bindparam, literal_column, select, text, tuple_, union_all

from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.facts import HouseholdFacts
from app.households.forms import HouseholdForm
from app.households.path import EDITABLE, PATH
from app.households.tables import DEAD_STATES, Household
from app.households.told import told_by
from app.kernel.actor import Actor, Permission, Reach
from app.kernel.business_time import business_date
from app.kernel.errors import NotFound
from app.policy.book import PolicyBook
from app.policy.reference import Residence, minimum_living_standard
from app.policy.versions import CITY

H = table_of(Household)
FORM = "household.form"
ACTIVE_STATES = frozenset({"active", "annual_review"})
_DEAD: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in DEAD_STATES]
_SUMMARY = [
    H.c[name] for name in ("id", "number", "state", "version", "head_masked", "submitted_at", "active_at", "created_at")
]
_AFTER = tuple_(bindparam("at", type_=H.c.created_at.type), bindparam("after_id", type_=H.c.id.type))

LIVING = H.c.state.notin_(_DEAD)
_OWN = select(H).where(H.c.person_id == bindparam("person_id"), LIVING)
_LIVING = statement(_OWN)
_LIVING_LOCKED = statement(_OWN.with_for_update())


class HouseholdNotFound(NotFound):
    """没有找到这份家庭档案。"""


async def living(transaction: Transaction, person_id: UUID, *, locked: bool = False) -> Record | None:
    """The person's living file, if there is one."""
    return await transaction.row(_LIVING_LOCKED if locked else _LIVING, person_id=person_id)


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
def _waiting(piles: tuple[tuple[str, Shape], ...], after: bool) -> Statement:
    parts, first = [], 0
    for state, tiers in piles:
        part = select(*_SUMMARY).where(
            H.c.state == literal_column(f"'{state}'"),
            text("household.state in ('submitted','district_review')"),
            within(H, tiers, first),
            H.c.person_id != bindparam("actor_id"),
        )
        parts.append(part)
        first += len(tiers)
    merged = union_all(*parts).subquery()
    query = select(merged)
    if after:
        query = query.where(tuple_(merged.c.submitted_at, merged.c.id) > _AFTER)
    return statement(query.order_by(merged.c.submitted_at, merged.c.id).limit(bindparam("size")))


async def waiting(
    transaction: Transaction, actor: Actor, size: int, after: tuple[datetime, UUID] | None
) -> list[Record]:
    """The files that wait for this actor, oldest first."""
    piles: list[tuple[str, Shape]] = []
    reach: Reach = ()
    for permission in (Permission.REVIEW_AT_UNIT, Permission.REVIEW_AT_DISTRICT):
        held = actor.reach(permission)
        for state in PATH.waiting_for(permission) if held else ():
            piles.append((state, shape(held)))
            reach += held
    if not piles:
        return []
    position: dict[str, Any] = {"at": after[0], "after_id": after[1]} if after else {}
    query = _waiting(tuple(piles), after is not None)
    return await transaction.rows(query, size=size, actor_id=actor.person_id, **nodes(reach), **position)


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
    standard = minimum_living_standard(policies, form["division_code"] if form else CITY, on, residence)
    known: dict[str, Any] = {
        "minimum_living_standard_fen": standard.monthly_fen,
        "edge_line_fen": standard.edge_line_fen,
        "minimum_living_standard_from": standard.in_force_from,
        "minimum_living_standard_version": standard.version,
        "minimum_living_standard_source": standard.source,
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
