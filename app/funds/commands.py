"""Entering funds and what they receive, proposing how they are allocated, and deciding it. Nobody commits here; the
edge does."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, text, update

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.funds.events import AllocationMoved, BudgetRaised, FundReceived
from app.funds.ledger import Event, EventKind, Leg, post
from app.funds.policy import Source
from app.funds.queries import F, L, allocation_locked, budgets_held, fund
from app.funds.rules import carries_into, levels_of
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound, organisation, organisation_of_code

TIERS: Final = tuple(f"{tier}_id" for tier in Tier)
RECEIVED: Final[dict[Source, EventKind]] = {
    "central": "grant",
    "provincial": "grant",
    "match": "grant",
    "union": "grant",
    "donation": "donation",
    "interest": "interest",
}
"""As what it is entered, what a fund of a source receives."""
_INSERT_FUND = insertion(
    F,
    *"id created_at code name source year organisation_id".split(),
    *TIERS,
    *"kinds categories archive_levels intent carry_over_years received_fen allocated_fen version".split(),
)
_RECEIVE = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"))
    .values(
        received_fen=F.c.received_fen + bindparam("amount_fen", type_=F.c.received_fen.type),
        version=F.c.version + literal_column("1"),
    )
)
_INSERT = insertion(
    L,
    *"id created_at fund_id kind year from_organisation_id to_organisation_id".split(),
    *TIERS,
    *"amount_fen reason state version proposed_by".split(),
)
_DECIDE = statement(
    update(L)
    .where(L.c.id == bindparam("row_id"))
    .values(
        {name: bindparam(name, type_=L.c[name].type) for name in ("state", "decided_by", "decided_at", "note")}
        | {"version": L.c.version + literal_column("1")}
    )
)
_FROM_FUND = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"))
    .values(
        allocated_fen=F.c.allocated_fen + bindparam("amount_fen", type_=F.c.allocated_fen.type),
        version=F.c.version + literal_column("1"),
    )
)
_LOWER = statement(
    text(
        "update budget set allocated_fen = allocated_fen - :amount_fen where fund_id = :fund_id and kind = :kind "
        "and year = :year and organisation_id = :organisation_id"
    )
)
_RAISE = statement(
    text(
        f"""
        insert into budget (id, created_at, fund_id, organisation_id, organisation_name, {", ".join(TIERS)}, kind, year,
          allocated_fen, reserved_fen, committed_fen, spent_fen)
        values (:id, :now, :fund_id, :organisation_id, :organisation_name, {", ".join(f":{tier}" for tier in TIERS)},
          :kind, :year, :amount_fen, 0, 0, 0)
        on conflict (fund_id, organisation_id, kind, year)
        do update set allocated_fen = budget.allocated_fen + excluded.allocated_fen
        returning id
        """  # noqa: S608 - names of our own columns; every value is a parameter
    )
)


class FundCodeTaken(Conflict):
    """已经有一项同样编号的资金。"""


class FundExhausted(Conflict):
    """这项资金没有这么多还没有分配的金额。"""


class BudgetInUse(Conflict):
    """预算不能低于已经预留和已经发放的金额。"""


class OwnAllocation(NotAllowed):
    """预算须由另一个人审批，提出的人和与其有关的人不能审批。"""


class AlreadyDecided(Conflict):
    """这项预算调整已经办结。"""


class NotYourProposal(NotAllowed):
    """只有提出的人可以收回。"""


@dataclass(frozen=True, slots=True)
class NewFund:
    """A fund as somebody enters it."""

    code: str
    name: str
    source: Source
    year: int
    organisation_code: str
    kinds: list[str]
    categories: list[str] | None
    archive_levels: list[str] | None
    intent: str | None
    carry_over_years: int


@dataclass(frozen=True, slots=True)
class NewAllocation:
    """What somebody proposes. None: the fund itself, for what is in no budget."""

    fund_id: UUID
    kind: str
    year: int
    from_code: str | None
    to_code: str | None
    amount_fen: int
    reason: str


async def open_fund(work: Work, actor: Actor, wanted: NewFund) -> UUID:
    """Raises OrganisationNotFound, FundCodeTaken, Invalid."""
    union = await _own_union(work, actor, wanted.organisation_code)
    if (wanted.source == "donation") != (wanted.intent is not None):
        raise Invalid(FieldError("/intent", "intent_of_donation", "社会捐赠要写明捐赠意向，其他来源不填写。"))
    levels = levels_of(wanted.source, wanted.archive_levels)
    if levels == []:
        raise Invalid(FieldError("/archive_levels", "levels_not_of_source", "这种来源的资金不能用于这些级别的档案。"))
    fund_id = new_id()
    try:
        await work.transaction.run(
            _INSERT_FUND,
            id=fund_id,
            created_at=work.now,
            code=wanted.code,
            name=wanted.name,
            source=wanted.source,
            year=wanted.year,
            organisation_id=union["id"],
            **{tier: union[tier] for tier in TIERS},
            kinds=wanted.kinds,
            categories=wanted.categories,
            archive_levels=levels,
            intent=wanted.intent,
            carry_over_years=wanted.carry_over_years,
            received_fen=0,
            allocated_fen=0,
            version=1,
        )
    except asyncpg.UniqueViolationError as taken:
        raise FundCodeTaken from taken
    await _audit(work, actor, "fund.opened", "fund", fund_id)
    return fund_id


async def _own_union(work: Work, actor: Actor, code: str) -> Record:
    """Raises OrganisationNotFound: also for one that is not the actor's."""
    union = await organisation_of_code(work.transaction, code)
    if post_over(actor, Permission.PROPOSE_BUDGET, union) is None:
        raise OrganisationNotFound
    return union


async def receive(work: Work, actor: Actor, fund_id: UUID, expected: int, amount_fen: int, reference: str) -> Record:
    """Money came in: a grant, a donation or interest, by the paper with this number.

    Raises FundNotFound, NotAllowed, StaleVersion, AlreadyEntered.
    """
    row = await fund(work.transaction, actor, fund_id, locked=True)
    _may(actor, Permission.PROPOSE_BUDGET, row)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    await work.transaction.run(_RECEIVE, row_id=fund_id, amount_fen=amount_fen)
    event = Event(f"receipt:{fund_id}:{reference}", RECEIVED[row["source"]], actor.person_id, reference)
    await post(work, event, [Leg(fund_id, None, "source", -amount_fen), Leg(fund_id, None, "unallocated", amount_fen)])
    await _audit(work, actor, "fund.received", "fund", fund_id, amount_fen=str(amount_fen))
    await emit(work, FundReceived(fund_id))
    return dict(row) | {"version": row["version"] + 1, "received_fen": row["received_fen"] + amount_fen}


def _may(actor: Actor, permission: Permission, row: Record) -> None:
    if post_over(actor, permission, row) is None:
        raise NotAllowed


async def propose(work: Work, actor: Actor, wanted: NewAllocation) -> UUID:
    """Raises FundNotFound, OrganisationNotFound, NotAllowed, Invalid."""
    row = await fund(work.transaction, actor, wanted.fund_id)
    upper, lower = await _ends(work, row, wanted)
    _may(actor, Permission.PROPOSE_BUDGET, upper)
    if wanted.kind not in row["kinds"]:
        raise Invalid(FieldError("/kind", "kind_not_of_fund", "这项资金不能用于这种帮扶。"))
    if not carries_into(row["year"], row["carry_over_years"], wanted.year):
        raise Invalid(FieldError("/year", "year_not_of_fund", "这项资金不能用于这个年度：没有规定可以结转。"))
    allocation_id = new_id()
    ends = await _ids(work, wanted)
    await work.transaction.run(
        _INSERT,
        id=allocation_id,
        created_at=work.now,
        fund_id=wanted.fund_id,
        kind=wanted.kind,
        year=wanted.year,
        from_organisation_id=ends[0],
        to_organisation_id=ends[1],
        **{tier: lower[tier] for tier in TIERS},
        amount_fen=wanted.amount_fen,
        reason=wanted.reason,
        state="proposed",
        version=1,
        proposed_by=actor.person_id,
    )
    await _audit(work, actor, "allocation.proposed", "allocation", allocation_id)
    await emit(work, AllocationMoved(allocation_id, "proposed"))
    return allocation_id


async def _ids(work: Work, wanted: NewAllocation) -> tuple[UUID | None, UUID | None]:
    found = [
        (await organisation_of_code(work.transaction, code))["id"] if code else None
        for code in (wanted.from_code, wanted.to_code)
    ]
    return found[0], found[1]


async def _ends(work: Work, row: Record, wanted: NewAllocation) -> tuple[Record, Record]:
    """The upper and the lower of the two that room moves between: one stands under the other, both under the fund's.

    Raises OrganisationNotFound, Invalid.
    """
    home = await organisation(work.transaction, row["organisation_id"])
    codes = [code for code in (wanted.from_code, wanted.to_code) if code is not None]
    if not codes or wanted.from_code == wanted.to_code:
        raise Invalid(FieldError("/to_code", "ends_missing", "请写明从哪个工会的预算、到哪个工会的预算。"))
    unions = [await organisation_of_code(work.transaction, code) for code in codes]
    if any(each[f"{home['tier']}_id"] != home["id"] for each in unions):
        raise OrganisationNotFound
    if len(unions) == 1:
        return home, unions[0]
    first, second = unions
    if second[f"{first['tier']}_id"] == first["id"]:
        return first, second
    if first[f"{second['tier']}_id"] == second["id"]:
        return second, first
    raise Invalid(FieldError("/to_code", "not_in_line", "预算只在上下级工会之间调整。"))


async def withdraw(work: Work, actor: Actor, allocation_id: UUID, expected: int) -> Record:
    """Whoever proposed it takes it back. Raises AllocationNotFound, StaleVersion, AlreadyDecided, NotYourProposal."""
    row = await _open(work, actor, allocation_id, expected)
    if row["proposed_by"] != actor.person_id:
        raise NotYourProposal
    return await _close(work, actor, row, "withdrawn", None)


async def decide(
    work: Work, actor: Actor, allocation_id: UUID, expected: int, note: str | None, *, approved: bool
) -> Record:
    """Another person approves or refuses what was proposed.

    Raises AllocationNotFound, StaleVersion, AlreadyDecided, NotAllowed, OwnAllocation, Invalid, FundExhausted,
    BudgetInUse, AlreadyEntered.
    """
    row = await _open(work, actor, allocation_id, expected)
    _may(actor, Permission.DECIDE_BUDGET, await _upper(work, row))
    if row["proposed_by"] in {actor.person_id, *actor.apart.near}:
        raise OwnAllocation
    if not approved and not note:
        raise Invalid(FieldError("/note", "note_required", "不同意的，请写明理由。"))
    decided = await _close(work, actor, row, "approved" if approved else "refused", note)
    if approved:
        await _apply(work, actor, row)
    return decided


async def _open(work: Work, actor: Actor, allocation_id: UUID, expected: int) -> Record:
    row = await allocation_locked(work.transaction, actor, allocation_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["state"] != "proposed":
        raise AlreadyDecided(state=row["state"])
    return row


async def _upper(work: Work, row: Record) -> Record:
    """The union that gives or takes back: the upper of the two, or the fund's."""
    ends = [row["from_organisation_id"], row["to_organisation_id"]]
    if None in ends:
        return await organisation(work.transaction, row["fund_organisation_id"])
    unions = [await organisation(work.transaction, each) for each in ends]
    return min(unions, key=lambda union: list(Tier).index(Tier(union["tier"])))


async def _close(work: Work, actor: Actor, row: Record, state: str, note: str | None) -> Record:
    await work.transaction.run(
        _DECIDE, row_id=row["id"], state=state, decided_by=actor.person_id, decided_at=work.now, note=note
    )
    await _audit(work, actor, f"allocation.{state}", "allocation", row["id"])
    await emit(work, AllocationMoved(row["id"], state))
    return dict(row) | {"state": state, "version": row["version"] + 1, "decided_at": work.now, "note": note}


async def _apply(work: Work, actor: Actor, row: Record) -> None:
    """Raises FundExhausted, BudgetInUse."""
    given, taken, fen = row["from_organisation_id"], row["to_organisation_id"], row["amount_fen"]
    place = {name: row[name] for name in ("fund_id", "kind", "year")}
    try:
        if given is None or taken is None:
            change = fen if given is None else -fen
            await work.transaction.run(_FROM_FUND, row_id=row["fund_id"], amount_fen=change)
        # Down and back at once would wait for one another: whoever moves room holds both, in the order of their ids.
        await budgets_held(work.transaction, organisation_ids=[end for end in (given, taken) if end], **place)
        if given is not None:
            lowered = await work.transaction.run(_LOWER, organisation_id=given, amount_fen=fen, **place)
            if not lowered:
                raise BudgetInUse
        if taken is not None:
            await _raise(work, taken, fen, place)
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name == "ck_fund_room":
            raise FundExhausted from refused
        if refused.constraint_name in ("ck_budget_room", "ck_budget_amounts"):
            raise BudgetInUse from refused
        raise
    await _enter(work, actor, row)


async def _raise(work: Work, organisation_id: UUID, fen: int, place: dict[str, Any]) -> None:
    union = await organisation(work.transaction, organisation_id)
    budget_id = await work.transaction.value(
        _RAISE,
        id=new_id(),
        now=work.now,
        organisation_id=organisation_id,
        organisation_name=union["name"],
        **{tier: union[tier] for tier in TIERS},
        amount_fen=fen,
        **place,
    )
    await emit(work, BudgetRaised(budget_id))


async def _enter(work: Work, actor: Actor, row: Record) -> None:
    def leg(organisation_id: UUID | None, fen: int) -> Leg:
        return Leg(row["fund_id"], organisation_id, "allocated" if organisation_id else "unallocated", fen)

    event = Event(f"allocation:{row['id']}", "allocation", actor.person_id)
    given, taken, fen = row["from_organisation_id"], row["to_organisation_id"], row["amount_fen"]
    await post(work, event, [leg(given, -fen), leg(taken, fen)])


async def _audit(work: Work, actor: Actor, action: str, kind: str, subject_id: UUID, **details: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=action,
        subject_kind=kind,
        subject_id=subject_id,
        subject_person_id=None,
        **details,
    )
