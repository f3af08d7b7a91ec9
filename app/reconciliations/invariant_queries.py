"""What must hold of all money at every moment, asked of everything each night: one statement for each law.

Each is one statement, and so sees one moment: whatever is being paid meanwhile is whole in it or not there.
"""

from collections.abc import Mapping
from typing import Final

from app.db.statements import Statement
from app.reconciliations.finding_queries import ALL_OPEN, kept

_TIERS: Final = "{0}.city_id, {0}.district_id, {0}.street_id, {0}.unit_id"
_OF: Final = (
    "select '{kind}' as kind, '{subject}' as subject_kind, {row}.id as subject_id, {tiers}, {batch} as batch_id, "
    "{application} as application_id, ($7::timestamptz at time zone 'Asia/Shanghai')::date as day, "
    "({expected})::bigint as expected_fen, ({found})::bigint as found_fen "
)


def _of(kind: str, subject: str, row: str, *, expected: str, found: str) -> str:
    batch = f"{row}.id" if subject == "batch" else "null::uuid"
    application = f"{row}.id" if subject == "application" else "null::uuid"
    return _OF.format(
        kind=kind, subject=subject, row=row, tiers=_TIERS.format(row), batch=batch, application=application,
        expected=expected, found=found,
    )  # fmt: skip


# A budget holds what is drawn on it, and no more than it was given.
_BUDGETS: Final = (
    """drawn as materialized (
      select d.budget_id, coalesce(sum(d.amount_fen) filter (where d.state = 'reserved'), 0) as reserved,
        coalesce(sum(d.amount_fen) filter (where d.state = 'committed'), 0) as committed,
        coalesce(sum(d.amount_fen) filter (where d.state = 'spent'), 0) as spent
      from drawing d where d.state <> 'released' group by d.budget_id
    )""",
    _of(
        "budget_differs", "budget", "b", expected="coalesce(d.reserved + d.committed + d.spent, 0)",
        found="b.reserved_fen + b.committed_fen + b.spent_fen",
    )
    + """from budget b left join drawn d on d.budget_id = b.id
    where (b.reserved_fen, b.committed_fen, b.spent_fen) is distinct from (coalesce(d.reserved, 0),
      coalesce(d.committed, 0), coalesce(d.spent, 0))
      or b.reserved_fen + b.committed_fen + b.spent_fen > b.allocated_fen""",
)  # fmt: skip
# The books say of each fund and union what their budgets say, and of each fund what it received.
_BOOKS: Final = (
    """books as materialized (
      select e.fund_id, e.organisation_id, coalesce(sum(e.amount_fen) filter (
          where e.account in ('allocated', 'returned')), 0) as in_hand,
        coalesce(sum(e.amount_fen) filter (where e.account = 'granted'), 0) as granted,
        coalesce(sum(e.amount_fen) filter (where e.account = 'unallocated'), 0) as unallocated,
        coalesce(sum(e.amount_fen) filter (where e.account = 'source'), 0) as source
      from ledger_entry e group by e.fund_id, e.organisation_id
    ), budgets as materialized (
      select u.fund_id, u.organisation_id, sum(u.allocated_fen - u.spent_fen) as in_hand, sum(u.spent_fen) as granted
      from budget u group by u.fund_id, u.organisation_id
    ), wrong as materialized (
      select coalesce(k.fund_id, u.fund_id) as fund_id, coalesce(u.in_hand + u.granted, 0) as expected,
        coalesce(k.in_hand + k.granted, 0) as found
      from (select * from books where organisation_id is not null) k
      full join budgets u on u.fund_id = k.fund_id and u.organisation_id = k.organisation_id
      where (coalesce(k.in_hand, 0), coalesce(k.granted, 0)) is distinct from (coalesce(u.in_hand, 0),
        coalesce(u.granted, 0))
      union all
      select f.id, f.received_fen, -coalesce(k.source, 0)
      from fund f left join books k on k.fund_id = f.id and k.organisation_id is null
      where (f.received_fen - f.allocated_fen, -f.received_fen) is distinct from (coalesce(k.unallocated, 0),
        coalesce(k.source, 0))
    )""",
    _of("books_differ", "fund", "f", expected="sum(w.expected)", found="sum(w.found)")
    + "from wrong w join fund f on f.id = w.fund_id group by f.id",
)
# What was written down of a day is the sum of everything up to it.
_CHECKPOINTS: Final = (
    """newest as materialized (
      select c.fund_id, max(c.day) as day from ledger_checkpoint c group by c.fund_id
    ), wrong as materialized (
      select t.fund_id, sum(t.written) as found, sum(t.entered) as expected
      from (
        select c.fund_id, c.organisation_id, c.account, c.balance_fen as written, 0::bigint as entered
        from newest n join ledger_checkpoint c on c.fund_id = n.fund_id and c.day = n.day
        union all
        select e.fund_id, e.organisation_id, e.account, 0::bigint, e.amount_fen
        from newest n join ledger_entry e on e.fund_id = n.fund_id and e.day <= n.day
      ) t
      group by t.fund_id, t.organisation_id, t.account having sum(t.written) <> sum(t.entered)
    )""",
    _of("checkpoint_differs", "fund", "f", expected="sum(abs(w.expected))", found="sum(abs(w.found))")
    + "from wrong w join fund f on f.id = w.fund_id group by f.id",
)
_TRANSACTIONS: Final = (
    """wrong as materialized (
      select e.transaction_id as id, e.fund_id, sum(e.amount_fen) as fen from ledger_entry e
      group by e.transaction_id, e.fund_id having sum(e.amount_fen) <> 0
    )""",
    f"""select distinct on (w.id) 'transaction_unbalanced' as kind, 'transaction' as subject_kind, w.id as subject_id,
      {_TIERS.format("f")}, null::uuid as batch_id, null::uuid as application_id, x.day, 0::bigint as expected_fen,
      abs(w.fen)::bigint as found_fen
    from wrong w join ledger_transaction x on x.id = w.id join fund f on f.id = w.fund_id order by w.id, f.id""",  # noqa: S608 - our own pieces
)
_OVERPAID: Final = (
    """paid as materialized (
      select l.application_id as id, sum(l.amount_fen) as fen from payment_line l where l.state = 'paid'
      group by l.application_id
    )""",
    _of("overpaid", "application", "a", expected="a.amount_fen", found="p.fen")
    + "from paid p join application a on a.id = p.id where p.fen > a.amount_fen",
)
# A batch is its lines, and a line that a bank was told of is in a batch that was exported.
_BATCHES: Final = (
    """lines as materialized (
      select l.batch_id, count(*) as count, sum(l.amount_fen) as fen, bool_or(l.sent_at is null) as unsent,
        bool_or(l.sent_at is not null) as sent, bool_or(l.state = 'sent') as waiting
      from payment_line l group by l.batch_id
    )""",
    _of("batch_differs", "batch", "b", expected="b.total_fen", found="coalesce(l.fen, 0)")
    + """from payment_batch b left join lines l on l.batch_id = b.id
    where (b.line_count::bigint, b.total_fen::numeric) is distinct from (coalesce(l.count, 0), coalesce(l.fen, 0))
      or coalesce(case when b.state in ('exported', 'settled') then l.unsent else l.sent end, false)
      or b.state = 'settled' and l.waiting""",
)
# What a case holds follows from its state, and what was spent on it is what it was paid.
_HELD: Final = (
    """held as materialized (
      select d.application_id as id, coalesce(sum(d.amount_fen) filter (where d.state = 'reserved'), 0) as reserved,
        coalesce(sum(d.amount_fen) filter (where d.state = 'committed'), 0) as committed,
        coalesce(sum(d.amount_fen) filter (where d.state = 'spent'), 0) as spent
      from drawing d where d.state <> 'released' group by d.application_id
    ), due as materialized (
      select a.id, case when money_class(a.state) = 'reserved' then a.amount_fen - coalesce(a.paid_before_fen, 0)
          else 0 end as reserved,
        case when money_class(a.state) = 'committed' then a.amount_fen - coalesce(a.paid_before_fen, 0)
          else 0 end as committed,
        case when a.state = 'paid' then a.amount_fen else coalesce(a.paid_before_fen, 0) end as spent
      from application a where money_class(a.state) is not null or a.paid_before_fen is not null
        or a.id in (select h.id from held h)
    )""",
    _of(
        "held_differs", "application", "a", expected="u.reserved + u.committed + u.spent",
        found="coalesce(h.reserved + h.committed + h.spent, 0)",
    )
    + """from due u join application a on a.id = u.id left join held h on h.id = u.id
    where (u.reserved, u.committed, u.spent) is distinct from (coalesce(h.reserved, 0), coalesce(h.committed, 0),
      coalesce(h.spent, 0))""",
)  # fmt: skip
INVARIANTS: Final[Mapping[str, Statement]] = {
    kind: kept(parts, found, ALL_OPEN)
    for kind, (parts, found) in {
        "budget_differs": _BUDGETS,
        "books_differ": _BOOKS,
        "checkpoint_differs": _CHECKPOINTS,
        "transaction_unbalanced": _TRANSACTIONS,
        "overpaid": _OVERPAID,
        "batch_differs": _BATCHES,
        "held_differs": _HELD,
    }.items()
}
"""By the kind of break that each opens."""
