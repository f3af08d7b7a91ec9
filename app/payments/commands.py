"""Building a payment batch: who is in it, who is left out, and why. Nobody commits here; the edge does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.applications.commands import HouseholdChangePending, NoticeNotOver, behind_gates
from app.applications.measures import measures_for
from app.applications.path import Action, Kind, State, path_of
from app.applications.steps import AlreadySigned
from app.audit.commands import record
from app.change_requests.queries import Payee, held_among
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import DomainError, FieldError, IdentityRequired, Invalid, KeptApart, NotAllowed, Recused
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound
from app.payments.events import PaymentBatchMoved
from app.payments.path import BatchState
from app.payments.policy import KIND, Bank, PaymentPolicy
from app.payments.queries import B, candidates, standing
from app.payments.rules import AT_MOST, InAnotherBatch, NothingToPay, why_out
from app.people.queries import person

PAGES: Final = 10
"""So many thousands of applications are looked at for one batch."""
TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    B,
    *"id created_at number organisation_id organisation_name".split(),
    *TIERS,
    *"kinds approved_until bank layout policy_version state version line_count total_fen".split(),
    *"maker_id maker_role maker_organisation maker_for maker_said".split(),
)
_NEXT_NUMBER = statement(text("select nextval('payment_batch_number')"))
_LINE_COLUMNS: Final[Mapping[str, str]] = {
    "id": "uuid", "serial": "int", "application_id": "uuid", "round": "int", "number": "text", "kind": "text",
    "applicant_masked": "text", "organisation_name": "text", "amount_fen": "bigint", "card_id": "uuid",
    "card_masked": "text", "bank_name": "text", "reissue_of": "uuid",
}  # fmt: skip
# Of two makers who build at once one has the line, and the other is told that it stands in another batch.
_INSERT_LINES = statement(
    text(
        f"""
        insert into payment_line (batch_id, created_at, state, version, {", ".join(_LINE_COLUMNS)})
        select :batch_id, :now, 'waiting', 1, line.* from unnest(
          {", ".join(f"cast(:{name} as {kind}[])" for name, kind in _LINE_COLUMNS.items())}
        ) as line ({", ".join(_LINE_COLUMNS)})
        on conflict (application_id) where state in ('waiting','sent') do nothing
        returning application_id
        """  # noqa: S608 - names of our own; every value is a parameter
    )
)
_SETTLE_SIZE = statement(
    text(
        """
        update payment_batch set line_count = sums.count, total_fen = sums.fen
        from (select count(*) as count, sum(amount_fen) as fen from payment_line where batch_id = :id) as sums
        where id = :id
        """
    )
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a maker wants to pay: the applications under a union, of these kinds, that were approved by then."""

    union: Record
    kinds: tuple[Kind, ...]
    approved_until: datetime
    bank: str | None


@dataclass(frozen=True, slots=True)
class Payable:
    """An application that may be paid, and to where."""

    row: Record
    standing: Record
    measure_id: UUID | None

    @property
    def amount_fen(self) -> int:
        return due_fen(self.row)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An application that is not paid now, and why."""

    row: Record
    why: DomainError


@dataclass(frozen=True, slots=True)
class Sorted:
    """Who is in and who is not; `more`: there is more than fits into one batch."""

    payable: Sequence[Payable]
    left_out: Sequence[LeftOut]
    more: bool

    @property
    def total_fen(self) -> int:
        return sum(each.amount_fen for each in self.payable)


def due_fen(row: Record) -> int:
    """What is still to be paid of an application."""
    due: int = (row["amount_fen"] or 0) - (row["paid_before_fen"] or 0)
    return due


def payee_of(row: Record) -> Payee:
    return row["applicant_id"], row["household_id"]


def post_at(actor: Actor, permission: Permission, scoped: Record, kinds: Iterable[str]) -> Post:
    """The actor's post over a batch or a union, their own before one that they were lent. Raises NotAllowed."""
    for post in actor.posts_with(permission):
        lent = post.lent
        if scoped[f"{post.place.tier}_id"] == post.place.id and (lent is None or lent.kinds.issuperset(kinds)):
            return post
    raise NotAllowed


def policy_of(work: Work) -> PaymentPolicy:
    """Raises NoPolicyInForce."""
    return work.policies.in_force(KIND, PaymentPolicy, work.today)


async def known(work: Work, actor: Actor) -> None:
    """Whoever signs has proved who they are. Raises IdentityRequired."""
    if (await person(work.transaction, actor.person_id))["id_number_index"] is None:
        raise IdentityRequired


async def sort(work: Work, actor: Actor, wanted: Wanted) -> Sorted:
    """Who would be in a batch, and who not and why. Raises OrganisationNotFound, NotAllowed, IdentityRequired."""
    post = _post(actor, wanted)
    await known(work, actor)
    payable, left_out, last = list[Payable](), list[LeftOut](), None
    # Those who are left out, however many, keep nobody behind them out.
    for _ in range(PAGES):
        rows = await candidates(work.transaction, wanted.union, wanted.kinds, wanted.approved_until, AT_MOST, last)
        may, may_not = await weigh(work, actor, post, rows)
        payable, left_out = payable + may, left_out + may_not
        last = rows[-1] if len(rows) == AT_MOST else None
        if last is None or len(payable) >= AT_MOST:
            break
    return Sorted(payable[:AT_MOST], left_out, last is not None or len(payable) > AT_MOST)


def _post(actor: Actor, wanted: Wanted) -> Post:
    try:
        return post_at(actor, Permission.START_PAYMENT, wanted.union, wanted.kinds)
    except NotAllowed:
        reached = any(wanted.union[f"{n.tier}_id"] == n.organisation_id for n in actor.reach(Permission.READ_CASES))
        raise NotAllowed if reached else OrganisationNotFound from None


async def weigh(
    work: Work, actor: Actor, post: Post, rows: Sequence[Record], *, batched: bool = False
) -> tuple[list[Payable], list[LeftOut]]:
    """Which of these approved applications may be paid now, and why the others not. `batched`: they stand in the very
    batch that is asked about."""
    found = await standing(work.transaction, [row["id"] for row in rows])
    held = await held_among(work.transaction, map(payee_of, rows))
    measures = await measures_for(work.transaction, rows)
    away = away_from(actor, post)
    payable, left_out = list[Payable](), list[LeftOut]()
    for row in rows:
        stands, measure = found[row["id"]], measures[row["id"]]
        why = _why(row, stands, away)
        if why is None and payee_of(row) in held:
            why = HouseholdChangePending()
        if why is None and isinstance(measure, DomainError):
            why = measure
        why = why or behind_gates(row, path_of(row).step(State.APPROVED, Action.START_PAYMENT))
        why = why or why_out(dict(stands) | {"in_batch": stands["in_batch"] and not batched})
        if why is not None:
            left_out.append(LeftOut(row, why))
        else:
            assert not isinstance(measure, DomainError)
            payable.append(Payable(row, stands, measure))
    return payable, left_out


def away_from(actor: Actor, post: Post) -> frozenset[UUID]:
    """Whose payments, of people and households, are none of theirs, nor of whoever lent them the post."""
    lent = post.lent
    mine = actor.apart.away | {actor.person_id}
    return mine if lent is None else mine | lent.apart.away | {lent.by}


def _why(row: Record, stands: Mapping[str, Any], away: frozenset[UUID]) -> DomainError | None:
    if not away.isdisjoint((row["applicant_id"], row["household_id"])):
        return Recused()
    if stands["signed"]:
        return AlreadySigned()
    if stands["near"]:
        return KeptApart()
    if not stands["noticed"]:
        return NoticeNotOver()
    return None


async def build(work: Work, actor: Actor, wanted: Wanted) -> tuple[UUID, Sorted]:
    """A batch of everything that may be paid. Raises as `sort`; Invalid for a bank that there is not, NothingToPay."""
    policy = policy_of(work)
    bank = policy.bank(wanted.bank)
    if bank is None:
        raise Invalid(FieldError("/bank", "bank_unknown", "没有这家代发银行，请重新选择。"))
    found = await sort(work, actor, wanted)
    if not found.payable:
        raise NothingToPay(left_out=len(found.left_out))
    batch_id, post = new_id(), _post(actor, wanted)
    await _insert(work, actor, post, batch_id, wanted, bank, policy, found)
    taken = await _insert_lines(work, batch_id, found.payable)
    lost = [each for each in found.payable if each.row["id"] not in taken]
    if lost:
        if not taken:
            raise NothingToPay(left_out=len(found.left_out) + len(lost))
        await work.transaction.run(_SETTLE_SIZE, id=batch_id)
        kept = [each for each in found.payable if each.row["id"] in taken]
        left_out = [*found.left_out, *(LeftOut(each.row, InAnotherBatch()) for each in lost)]
        found = Sorted(kept, left_out, found.more)
    await audit(work, actor, "built", batch_id, lines=str(len(found.payable)), fen=str(found.total_fen))
    await emit(work, PaymentBatchMoved(batch_id, "build", BatchState.BUILT))
    return batch_id, found


async def _insert(
    work: Work, actor: Actor, post: Post, batch_id: UUID, wanted: Wanted, bank: Bank, policy: PaymentPolicy, of: Sorted
) -> None:
    union, serial = wanted.union, await work.transaction.value(_NEXT_NUMBER)
    await work.transaction.run(
        _INSERT,
        id=batch_id,
        created_at=work.now,
        number=f"FK-{union['division_code']}-{work.today.year}-{serial:06d}",
        organisation_id=union["id"],
        organisation_name=union["name"],
        **{tier: union[tier] for tier in TIERS},
        kinds=list(wanted.kinds),
        approved_until=wanted.approved_until,
        bank=bank.code,
        layout=bank.layout,
        policy_version=policy.version,
        state=BatchState.BUILT,
        version=1,
        line_count=len(of.payable),
        total_fen=of.total_fen,
        **signer("maker", actor, post),
    )


def signer(who: str, actor: Actor, post: Post) -> dict[str, Any]:
    """Who makes or confirms, and by which post."""
    lent = post.lent
    return {
        f"{who}_id": actor.person_id,
        f"{who}_role": post.role.value,
        f"{who}_organisation": post.place.name,
        f"{who}_for": lent.by if lent else None,
        f"{who}_said": lent.said if lent else None,
    }


async def _insert_lines(work: Work, batch_id: UUID, payable: Sequence[Payable]) -> frozenset[UUID]:
    """Answers which applications were free."""
    lines = [
        {
            "id": new_id(),
            "serial": serial,
            "application_id": each.row["id"],
            "amount_fen": each.amount_fen,
            **{c: each.row[c] for c in ("round", "number", "kind", "applicant_masked", "organisation_name")},
            **{c: each.standing[c] for c in ("card_id", "card_masked", "bank_name", "reissue_of")},
        }
        for serial, each in enumerate(payable, 1)
    ]
    columns = {name: [line[name] for line in lines] for name in _LINE_COLUMNS}
    rows = await work.transaction.rows(_INSERT_LINES, batch_id=batch_id, now=work.now, **columns)
    return frozenset(row["application_id"] for row in rows)


async def audit(work: Work, actor: Actor, done: str, batch_id: UUID, **details: str) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"payment_batch.{done}",
        subject_kind="payment_batch",
        subject_id=batch_id,
        subject_person_id=None,
        **details,
    )
