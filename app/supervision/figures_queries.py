"""What was paid, by source, kind and district; and what came in and is left, by source. All of it from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
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

# A household may have been paid from two sources, a payment may rest on two funds: each level counts for itself.
_SPENT: Final = """
    select g.source, g.kind, g.district_id, grouping(g.source) = 1 as whole, false as flows, array[
      coalesce(sum(g.fen) filter (where g.what = 'payment'), 0),
      -coalesce(sum(g.fen) filter (where g.what = 'return'), 0),
      count(distinct g.transaction_id) filter (where g.what = 'payment'),
      count(distinct g.household) filter (where g.what = 'payment')]::bigint[] as figures
    from money_granted($1, $2, $3, $4) g
    where ($5::text is null or g.source = $5) and ($6::text is null or g.kind = $6)
    group by grouping sets ((g.source, g.kind, g.district_id), ())
"""
# What a source had before, got, and spent; of the funds of a union and of those below it.
_FLOW: Final = """
    select f.source, null, null, false, true, array[
      coalesce(sum(-e.amount_fen) filter (where e.day < $3), 0),
      coalesce(sum(-e.amount_fen) filter (where e.day >= $3 and e.account = 'source'), 0),
      coalesce(sum(e.amount_fen) filter (where e.day >= $3 and e.account = 'granted'), 0)]::bigint[]
    from fund f join ledger_entry e on e.fund_id = f.id
    where (f.city_id = $1 or f.district_id = $1 or f.street_id = $1 or f.unit_id = $1)
      and e.account in ('source', 'granted') and e.day < $4 and ($5::text is null or f.source = $5)
    group by f.source
"""
_ASKED: Final = ("asked", "of_fund", "first", "before", "source", "kind")
_ROWS = Statement(_SPENT, _ASKED, {})
_ROWS_AND_FLOWS = Statement(f"{_SPENT} union all {_FLOW}", _ASKED, {})
"""In one statement, so that both are of one moment: a payment that came between would be in one of them alone."""


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
    found = await work.transaction.rows(
        _ROWS if asked.kind else _ROWS_AND_FLOWS, asked=asked.organisation_id, of_fund=None, first=asked.first,
        before=asked.before, source=asked.source, kind=asked.kind,
    )  # fmt: skip
    rows, total = await _spent(work.transaction, found)
    flows = (Flow(row["source"], *row["figures"]) for row in found if row["flows"])
    return Figures(sorted(flows, key=_source), rows, total)


async def _spent(transaction: Transaction, found: Sequence[Record]) -> tuple[Sequence[Spent], Spent]:
    districts = await names(transaction, {row["district_id"] for row in found if row["district_id"]})
    rows = [
        Spent(row["source"], Kind(row["kind"]), districts[row["district_id"]], *row["figures"])
        for row in found
        if not (row["whole"] or row["flows"])
    ]
    whole = next(row for row in found if row["whole"])
    return sorted(rows, key=_place), Spent(None, None, None, *whole["figures"])


def _source(row: Spent | Flow) -> int:
    assert row.source is not None
    return SOURCES.index(row.source)


def _place(row: Spent) -> tuple[int, int, str]:
    assert row.kind is not None
    return _source(row), list(Kind).index(row.kind), row.district or ""
