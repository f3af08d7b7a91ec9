"""Reading plans, measures and services, within the reach to the household that they belong to."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import any_, bindparam, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by

from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.queries import H
from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.plans.rules import terms_of
from app.plans.tables import Measure, Plan, Service

P, M, S = table_of(Plan), table_of(Measure), table_of(Service)
NAME, NOTE, RESULT_NOTE, SERVICE_NOTE = (
    "measure.responsible_name",
    "measure.note",
    "plan.result_note",
    "service.note",
)
PLANS_SHOWN = 20
"""The newest plans of a household that one page shows."""
_OPEN = P.c.state == literal_column("'open'")


class PlanNotFound(NotFound):
    """没有找到这份帮扶计划。"""


class MeasureNotFound(NotFound):
    """没有找到这项帮扶措施。"""


_OPEN_PLAN = statement(select(P).where(P.c.household_id == bindparam("household_id"), _OPEN))
_NEWEST = statement(
    select(P)
    .where(P.c.household_id == bindparam("household_id"))
    .order_by(P.c.created_at.desc(), P.c.id.desc())
    .limit(bindparam("size"))
)
_SERVICES = (
    select(func.coalesce(func.jsonb_agg(aggregate_order_by(func.to_jsonb(text("service")), S.c.given_on, S.c.id)),
                         text("'[]'::jsonb")))
    .where(S.c.measure_id == M.c.id)
    .scalar_subquery()
    .label("services")
)  # fmt: skip
_MEASURES = statement(
    select(M, _SERVICES).where(M.c.plan_id == func.any(bindparam("plan_ids"))).order_by(M.c.plan_id, M.c.id)
)
_PLACE = [H.c[name] for name in ("person_id", "city_id", "district_id", "street_id", "unit_id")]


async def open_plan(transaction: Transaction, household_id: UUID) -> Record | None:
    """The household's open plan, if there is one."""
    return await transaction.row(_OPEN_PLAN, household_id=household_id)


async def plans_of(transaction: Transaction, household_id: UUID) -> list[tuple[Record, list[Record]]]:
    """The newest plans of a household that this transaction can see, each with its measures and their services."""
    plans = await transaction.rows(_NEWEST, household_id=household_id, size=PLANS_SHOWN)
    return await _with_measures(transaction, plans)


async def measures_in_force(transaction: Transaction, household_id: UUID) -> list[Record]:
    """The running measures of the household's open plan."""
    plan = await open_plan(transaction, household_id)
    measures = (await _with_measures(transaction, [plan]))[0][1] if plan else []
    return [each for each in measures if each["state"] == "running"]


async def told_on_card(transaction: Transaction, keyring: Keyring, household_id: UUID) -> list[tuple[str, str, str]]:
    """What a contact card says of each running measure: what is done, who sees to it, by when."""
    return [
        (
            terms_of(each["kind"]).name,
            keyring.open_text(NAME, each["id"], each["responsible_name"]) if each["responsible_name"] else "",
            f"{each['due_on']:%Y年%m月%d日}",
        )
        for each in await measures_in_force(transaction, household_id)
    ]


async def open_plan_whole(transaction: Transaction, household_id: UUID) -> tuple[Record, list[Record]]:
    """The open plan with its measures and their services. Raises PlanNotFound."""
    plan = await open_plan(transaction, household_id)
    if plan is None:
        raise PlanNotFound
    return (await _with_measures(transaction, [plan]))[0]


async def _with_measures(transaction: Transaction, plans: Sequence[Record]) -> list[tuple[Record, list[Record]]]:
    if not plans:
        return []
    rows = await transaction.rows(_MEASURES, plan_ids=[plan["id"] for plan in plans])
    return [(plan, [row for row in rows if row["plan_id"] == plan["id"]]) for plan in plans]


@cache
def _plan_in_reach(tiers: Shape) -> Statement:
    query = select(P, *_PLACE).join(H, H.c.id == P.c.household_id)
    query = query.where(P.c.id == bindparam("id"), within(H, tiers), H.c.person_id != bindparam("actor_id"))
    return statement(query.with_for_update(of=P))


@cache
def _measure_in_reach(tiers: Shape) -> Statement:
    plan = [P.c.state.label("plan_state")]
    query = select(M, *plan, *_PLACE).join(P, P.c.id == M.c.plan_id).join(H, H.c.id == M.c.household_id)
    query = query.where(M.c.id == bindparam("id"), within(H, tiers), H.c.person_id != bindparam("actor_id"))
    return statement(query.with_for_update(of=[M, P]))


async def plan_locked(transaction: Transaction, actor: Actor, plan_id: UUID) -> Record:
    """A plan within the actor's reach with its household's scope, held until commit. Raises PlanNotFound."""
    row = await _reached(transaction, actor, _plan_in_reach, plan_id)
    if row is None:
        raise PlanNotFound
    return row


async def measure_locked(transaction: Transaction, actor: Actor, measure_id: UUID) -> Record:
    """A measure within the actor's reach, it and its plan held until commit. Raises MeasureNotFound."""
    row = await _reached(transaction, actor, _measure_in_reach, measure_id)
    if row is None:
        raise MeasureNotFound
    return row


async def _reached(transaction: Transaction, actor: Actor, query: Any, row_id: UUID) -> Record | None:
    reach = actor.reach(Permission.READ_CASES)
    found: Record | None = await transaction.row(
        query(shape(reach)), id=row_id, actor_id=actor.person_id, **nodes(reach)
    )
    return found


# The plan is held, so that it is not closed while something is paid under it.
_RUNNING = statement(
    select(M.c.id)
    .join(P, P.c.id == M.c.plan_id)
    .where(
        P.c.household_id == bindparam("household_id"),
        _OPEN,
        M.c.kind == bindparam("kind"),
        M.c.state == literal_column("'running'"),
    )
    .with_for_update(read=True, of=P)
)


async def running_measure(transaction: Transaction, household_id: UUID, kind: str) -> UUID | None:
    """The measure of this kind in the household's open plan that somebody has taken on."""
    found: UUID | None = await transaction.value(_RUNNING, household_id=household_id, kind=kind)
    return found


_RUNNING_AMONG = statement(
    select(P.c.household_id, M.c.kind, M.c.id)
    .join(P, P.c.id == M.c.plan_id)
    .where(
        P.c.household_id == any_(bindparam("household_ids", type_=ARRAY(P.c.household_id.type))),
        _OPEN,
        M.c.state == literal_column("'running'"),
    )
    .order_by(P.c.id)
    .with_for_update(read=True, of=P)
)


async def running_measures(transaction: Transaction, household_ids: list[UUID]) -> dict[tuple[UUID, str], UUID]:
    """The same of many households, by household and kind."""
    found = await transaction.rows(_RUNNING_AMONG, household_ids=household_ids)
    return {(row["household_id"], row["kind"]): row["id"] for row in found}


def services_of(measure: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The services read with a measure; what is sealed is bytes again."""
    services: list[dict[str, Any]] = measure["services"]
    return [each | {"note": bytes.fromhex(each["note"][2:]) if each["note"] else None} for each in services]
