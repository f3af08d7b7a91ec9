"""What was paid, by source, kind and district; and what came in and is left, by source. All of it from the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from app.applications.path import Kind
from app.db.scope import post_over
from app.db.statements import Statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.funds.policy import SOURCES, Source
from app.kernel.actor import Actor, Permission
from app.organisations.queries import OrganisationNotFound, names, organisation_of_code
from app.supervision.figures import Figures, Flow, Spent

_SUMS: Final = """
      coalesce(sum(g.fen) filter (where g.what = 'payment'), 0)::bigint as paid_fen,
      -coalesce(sum(g.fen) filter (where g.what = 'return'), 0)::bigint as returned_fen,
      count(distinct g.transaction_id) filter (where g.what = 'payment') as times,
      count(distinct g.household) filter (where g.what = 'payment') as households
"""
_CHOSEN: Final = "($5::text is null or g.source = $5) and ($6::text is null or g.kind = $6)"
# A household may have been paid from two sources, a payment may rest on two funds: each level counts for itself.
_SPENT = Statement(
    f"""
    select g.source, g.kind, g.district_id, grouping(g.source) = 1 as whole, {_SUMS}
    from money_granted($1, $2, $3, $4) g where {_CHOSEN}
    group by grouping sets ((g.source, g.kind, g.district_id), ())
    """,  # noqa: S608 - our own pieces
    ("asked", "of_fund", "first", "before", "source", "kind"),
    {},
)
# What a source had before, got, and has; of the funds of a union and of those below it.
_FLOW = Statement(
    """
    select f.source,
      coalesce(sum(-e.amount_fen) filter (where e.day < $2), 0)::bigint as opening_fen,
      coalesce(sum(-e.amount_fen) filter (where e.day >= $2 and e.account = 'source'), 0)::bigint as received_fen,
      coalesce(sum(e.amount_fen) filter (where e.day >= $2 and e.account = 'granted'), 0)::bigint as spent_fen
    from fund f join ledger_entry e on e.fund_id = f.id
    where (f.city_id = $1 or f.district_id = $1 or f.street_id = $1 or f.unit_id = $1)
      and e.account in ('source', 'granted') and e.day < $3 and ($4::text is null or f.source = $4)
    group by f.source
    """,
    ("asked", "first", "before", "source"),
    {},
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figures: of a union and all below it, from one day until before another, of one source or kind alone."""

    organisation_id: UUID
    first: date
    before: date
    source: Source | None = None
    kind: Kind | None = None


async def union_of(transaction: Transaction, actor: Actor, code: str) -> Record:
    """A union whose money the actor may read. Raises OrganisationNotFound: also for one that is not theirs."""
    union = await organisation_of_code(transaction, code)
    if post_over(actor, Permission.READ_FUNDS, union) is None:
        raise OrganisationNotFound
    return union


async def figures(work: Work, asked: Asked) -> Figures:
    """Of a union that was found, as far as whoever looks may."""
    rows, total = await _spent(
        work.transaction, asked.organisation_id, None, asked.first, asked.before, asked.source, asked.kind
    )
    flows = list[Flow]()
    if asked.kind is None:
        found = await work.transaction.rows(
            _FLOW, asked=asked.organisation_id, first=asked.first, before=asked.before, source=asked.source
        )
        flows = sorted((Flow(**row) for row in found), key=lambda flow: _place(flow.source))
    return Figures(flows, rows, total)


async def spent_of_fund(work: Work, fund: Record, first: date, before: date) -> tuple[Sequence[Spent], Spent]:
    """What was paid from one fund that was found."""
    return await _spent(work.transaction, fund["organisation_id"], fund["id"], first, before, None, None)


async def _spent(
    transaction: Transaction,
    organisation_id: UUID,
    fund_id: UUID | None,
    first: date,
    before: date,
    source: str | None,
    kind: str | None,
) -> tuple[Sequence[Spent], Spent]:
    found = await transaction.rows(
        _SPENT, asked=organisation_id, of_fund=fund_id, first=first, before=before, source=source, kind=kind
    )
    districts = await names(transaction, {row["district_id"] for row in found if row["district_id"]})
    rows = sorted(
        (_row(row, districts) for row in found if not row["whole"]),
        key=lambda each: (_place(each.source), list(Kind).index(Kind(each.kind)), each.district),
    )
    return rows, _row(next(row for row in found if row["whole"]), {})


def _row(row: Mapping[str, Any], districts: Mapping[UUID, str]) -> Spent:
    told = {name: row[name] for name in ("paid_fen", "returned_fen", "times", "households")}
    return Spent(row["source"] or "", row["kind"] or "", districts.get(row["district_id"], ""), **told)


def _place(source: str) -> int:
    return SOURCES.index(source)
