"""What does not agree, as one statement for each way of looking: it opens what it finds, and mends what it finds right.

Sets, never rows one by one: a hundred thousand lines are a few seconds. `found` names what is wrong, `considered` what
was looked at; an open break among these that is not found again is mended. A line has one finding at most on what was
paid, and one each on where it went and from whose account.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from app.db.statements import Statement
from app.kernel.actor import Tier
from app.reconciliations.kinds import APPROVED_DAYS, BANK_DAYS

NAMES: Final = tuple("organisation_id since until first_day last_day batch_id now kinds".split())
# Each is named, so that each has a type in every statement.
_GIVEN: Final = """given as (
  select $1::uuid, $2::timestamptz, $3::timestamptz, $4::date, $5::date, $6::uuid, $7::timestamptz, $8::text[]
)"""
_TIERS: Final = "city_id, district_id, street_id, unit_id"
# What was explained stays so with the same figures, and what was mended opens anew.
_KEPT: Final = f"""
with {_GIVEN}, {{parts}}, found as materialized ({{found}}), considered as materialized ({{considered}}),
opened as (
  insert into reconciliation_break as k (id, created_at, kind, subject_kind, subject_id, {_TIERS}, batch_id,
    application_id, day, expected_fen, found_fen, state, version, times, opened_at)
  select id_at($7), $7, f.kind, f.subject_kind, f.subject_id, f.city_id, f.district_id, f.street_id, f.unit_id,
    f.batch_id, f.application_id, f.day, f.expected_fen, f.found_fen, 'open', 1, 1, $7
  from found f order by f.kind, f.subject_id
  on conflict (kind, subject_id) do update set expected_fen = excluded.expected_fen, found_fen = excluded.found_fen,
    batch_id = excluded.batch_id, application_id = excluded.application_id, day = excluded.day,
    city_id = excluded.city_id, district_id = excluded.district_id, street_id = excluded.street_id,
    unit_id = excluded.unit_id, state = 'open', closed_at = null, version = k.version + 1,
    times = k.times + case k.state when 'open' then 0 else 1 end,
    opened_at = case k.state when 'open' then k.opened_at else excluded.opened_at end
  where k.state = 'mended' or (k.expected_fen, k.found_fen) <> (excluded.expected_fen, excluded.found_fen)
  returning k.kind, k.city_id, k.opened_at
), mended as (
  update reconciliation_break k set state = 'mended', closed_at = $7, version = k.version + 1
  where k.state = 'open' and k.kind = any($8) and k.subject_id in (select c.id from considered c)
    and not exists (select 1 from found f where f.kind = k.kind and f.subject_id = k.subject_id)
  returning k.kind, k.city_id
)
select 'opened' as what, o.city_id, o.kind, count(*)::int as count from opened o where o.opened_at = $7 group by 2, 3
union all
select 'mended', m.city_id, m.kind, count(*)::int from mended m group by 2, 3
"""  # noqa: S608 - our own pieces; every value is a parameter
_OPEN: Final = "select k.subject_id from reconciliation_break k where k.state = 'open' and k.kind = any($8)"
_SHANGHAI: Final = "({} at time zone 'Asia/Shanghai')::date"
_SENT: Final = """
  from payment_batch b join payment_line l on l.batch_id = b.id
  where b.{tier}_id = $1 and b.exported_at is not null
    and (b.id = $6 or ($6::uuid is null and b.exported_at >= $2 and b.exported_at < $3))
"""
_PAID_KINDS: Final = (
    "not_at_bank", "amount_differs", "paid_twice", "result_missing", "paid_at_bank", "returned_at_bank",
    "returned_unpaid",
)  # fmt: skip
_LINE_KINDS: Final = (*_PAID_KINDS, "account_differs", "union_differs")
_ELSEWHERE: Final = "m.organisation_id not in (l.city_id, l.district_id, l.street_id, l.unit_id)"
# A bank is given some days: that it has no movement is said when statements tell all of these days. Where the money
# went is compared as far as the bank tells it, by the last four digits; what comes back may come from another account.
_LINES: Final = f"""
ids as materialized (
  select l.id {_SENT}
  union
  select m.line_reference from bank_statement s join bank_statement_line m on m.statement_id = s.id
  where $6::uuid is null and s.{{tier}}_id = $1 and m.day between $4 and $5 and m.line_reference is not null
  union
  {_OPEN} and $6::uuid is null and k.{{tier}}_id = $1
), lines as materialized (
  select l.id, l.batch_id, l.application_id, l.amount_fen, l.state, b.bank, b.city_id, b.district_id, b.street_id,
    b.unit_id, right(l.card_masked, 4) as card, {_SHANGHAI.format("b.exported_at")} as sent_day,
    {_SHANGHAI.format("l.answered_at")} as answered_day
  from ids join payment_line l on l.id = ids.id join payment_batch b on b.id = l.batch_id
  where b.{{tier}}_id = $1 and l.sent_at is not null
), told as materialized (
  select l.id, count(*) filter (where m.direction = 'out') as went, count(*) filter (where m.direction = 'in') as came,
    coalesce(sum(m.amount_fen) filter (where m.direction = 'out'), 0)
      - coalesce(sum(m.amount_fen) filter (where m.direction = 'in'), 0) as fen,
    bool_or(m.amount_fen <> l.amount_fen) as odd,
    sum(m.amount_fen) filter (where m.direction = 'out' and m.account_masked ~ '[0-9]{{{{4}}}}$'
      and right(m.account_masked, 4) <> l.card) as astray,
    sum(m.amount_fen) filter (where coalesce({_ELSEWHERE}, true)) as elsewhere
  from lines l join bank_statement_line m on m.line_reference = l.id group by l.id
), covered as materialized (
  select distinct s.organisation_id, s.bank, d::date as day
  from bank_statement s cross join lateral generate_series(s.first_day, s.last_day, interval '1 day') d
), windows as materialized (
  select w.batch_id, w.day, (
    select count(distinct c.day) from covered c
    where c.bank = w.bank and c.organisation_id in (w.city_id, w.district_id, w.street_id, w.unit_id)
      and c.day between w.day and w.day + {BANK_DAYS}) > {BANK_DAYS} as told
  from (
    select batch_id, bank, {_TIERS}, sent_day as day from lines
    union select batch_id, bank, {_TIERS}, answered_day from lines where answered_day is not null
  ) w
), weighed as (
  select l.*, coalesce(t.fen, 0) as fen, t.astray, t.elsewhere, case
    when t.odd then 'amount_differs'
    when t.went - t.came > 1 then 'paid_twice'
    when t.went < t.came then 'returned_unpaid'
    when t.went > t.came and l.state = 'sent' and s.told then 'result_missing'
    when t.went > t.came and l.state not in ('sent', 'paid') and a.told then 'paid_at_bank'
    when t.went = t.came and l.state in ('sent', 'paid') then 'returned_at_bank'
    when t.id is null and l.state in ('sent', 'paid') and s.told then 'not_at_bank'
  end as kind
  from lines l left join told t on t.id = l.id
  join windows s on s.batch_id = l.batch_id and s.day = l.sent_day
  left join windows a on a.batch_id = l.batch_id and a.day = l.answered_day
)"""  # noqa: S608 - as above
_LINES_FOUND: Final = f"""
  select w.kind, 'line' as subject_kind, w.id as subject_id, {_TIERS}, w.batch_id, w.application_id,
    w.sent_day as day, case when w.state in ('sent', 'paid') then w.amount_fen else 0 end as expected_fen,
    w.fen as found_fen
  from weighed w where w.kind is not null
  union all
  select e.kind, 'line', w.id, {_TIERS}, w.batch_id, w.application_id, w.sent_day, 0, e.fen
  from weighed w
  cross join lateral (values ('account_differs', w.astray), ('union_differs', w.elsewhere)) as e (kind, fen)
  where e.fen is not null
"""  # noqa: S608 - as above
_MOVEMENT_KINDS: Final = ("unknown_payment", "unknown_receipt")
_MOVEMENTS: Final = f"""
ids as materialized (
  select m.id from bank_statement s join bank_statement_line m on m.statement_id = s.id
  where $6::uuid is null and s.{{tier}}_id = $1 and m.day between $4 and $5
  union
  {_OPEN} and $6::uuid is null and k.{{tier}}_id = $1
)"""  # noqa: S608 - as above
_MOVEMENTS_FOUND: Final = """
  select case m.direction when 'out' then 'unknown_payment' else 'unknown_receipt' end as kind,
    'bank_line' as subject_kind, m.id as subject_id, s.city_id, s.district_id, s.street_id, s.unit_id,
    null::uuid as batch_id, null::uuid as application_id, m.day, 0::bigint as expected_fen,
    case m.direction when 'out' then m.amount_fen else -m.amount_fen end as found_fen
  from ids join bank_statement_line m on m.id = ids.id join bank_statement s on s.id = m.statement_id
  where not exists (select 1 from payment_line l where l.id = m.line_reference and l.sent_at is not null)
    and (m.direction = 'out' or not exists (
      select 1 from ledger_transaction x
      join ledger_entry e on e.transaction_id = x.id and e.account = 'unallocated' and e.amount_fen = m.amount_fen
      where x.kind in ('grant', 'donation', 'interest') and x.reference = m.bank_reference))
"""
_APPROVED_KINDS: Final = ("approved_not_sent", "approved_differs", "sent_twice")
_PAID_FOR: Final = "case when a.state = 'paid' then a.amount_fen else coalesce(a.paid_before_fen, 0) end"
_APPROVED: Final = f"""
ids as materialized (
  select l.application_id as id {_SENT}
  union
  select a.id from application a where $6::uuid is null and a.{{tier}}_id = $1
    and case a.state when 'paid' then a.paid_at else a.approved_at end >= $2
    and case a.state when 'paid' then a.paid_at else a.approved_at end < $3
    and a.state in ('approved', 'paying', 'paid')
  union
  {_OPEN} and $6::uuid is null and k.{{tier}}_id = $1
), sums as materialized (
  select a.id, coalesce(sum(l.amount_fen) filter (where l.state = 'paid'), 0) as paid,
    coalesce(sum(l.amount_fen) filter (where l.state in ('sent', 'paid')), 0) as sent,
    count(*) filter (where l.state = 'sent') as waiting, max(l.sent_at) as sent_at,
    (array_agg(l.batch_id order by l.sent_at desc, l.id desc) filter (where l.id is not null))[1] as batch_id
  from ids join application a on a.id = ids.id
  left join payment_line l on l.application_id = a.id and l.sent_at is not null
  where a.{{tier}}_id = $1 group by a.id
), weighed as (
  select a.id, a.city_id, a.district_id, a.street_id, a.unit_id, s.batch_id, s.sent, s.paid, a.amount_fen,
    a.paid_before_fen, {_PAID_FOR} as paid_for, {_SHANGHAI.format("coalesce(s.sent_at, a.approved_at, $7)")} as day,
    case
      when s.sent > a.amount_fen then 'sent_twice'
      when s.paid <> {_PAID_FOR} then 'approved_differs'
      when a.state in ('approved', 'paying') and s.waiting = 0
        and a.approved_at < $7 - interval '{APPROVED_DAYS} days' then 'approved_not_sent'
    end as kind
  from sums s join application a on a.id = s.id
)"""  # noqa: S608 - as above
_APPROVED_FOUND: Final = f"""
  select w.kind, 'application' as subject_kind, w.id as subject_id, {_TIERS}, w.batch_id, w.id as application_id, w.day,
    case w.kind when 'sent_twice' then w.amount_fen when 'approved_differs' then w.paid_for
      else w.amount_fen - coalesce(w.paid_before_fen, 0) end as expected_fen,
    case w.kind when 'sent_twice' then w.sent when 'approved_differs' then w.paid else 0 end as found_fen
  from weighed w where w.kind is not null
"""  # noqa: S608 - as above
_LEDGER_KINDS: Final = ("ledger_differs",)
_LEDGER: Final = f"""
ids as materialized (
  select l.application_id as id {_SENT}
  union
  {_OPEN} and $6::uuid is null and k.{{tier}}_id = $1
), paid as materialized (
  select ids.id, coalesce(sum(l.amount_fen) filter (where l.state = 'paid'), 0) as fen, max(l.sent_at) as sent_at,
    (array_agg(l.batch_id order by l.sent_at desc, l.id desc))[1] as batch_id
  from ids join payment_line l on l.application_id = ids.id and l.sent_at is not null group by ids.id
), books as materialized (
  select x.application_id as id, sum(e.amount_fen) as fen
  from paid join ledger_transaction x on x.application_id = paid.id
  join ledger_entry e on e.transaction_id = x.id and e.account = 'granted'
  group by x.application_id
)"""  # noqa: S608 - as above
_LEDGER_FOUND: Final = f"""
  select 'ledger_differs' as kind, 'application' as subject_kind, a.id as subject_id, a.city_id, a.district_id,
    a.street_id, a.unit_id, p.batch_id, a.id as application_id, {_SHANGHAI.format("p.sent_at")} as day,
    p.fen as expected_fen, coalesce(b.fen, 0) as found_fen
  from paid p join application a on a.id = p.id left join books b on b.id = p.id
  where p.fen <> coalesce(b.fen, 0) and a.{{tier}}_id = $1
"""  # noqa: S608 - as above
EXPLAINS: Final[Mapping[str, Sequence[str]]] = {
    "approved_fen": ("approved_differs", "sent_twice"), "bank_fen": _PAID_KINDS, "ledger_fen": _LEDGER_KINDS,
}  # fmt: skip
"""By which kinds of breaks, once they are explained, one of the ways may be away from what was paid."""
_STEPS: Final[Sequence[tuple[Sequence[str], str, str]]] = (
    (_LINE_KINDS, _LINES, _LINES_FOUND),
    (_MOVEMENT_KINDS, _MOVEMENTS, _MOVEMENTS_FOUND),
    (_APPROVED_KINDS, _APPROVED, _APPROVED_FOUND),
    (_LEDGER_KINDS, _LEDGER, _LEDGER_FOUND),
)
STEPS: Final = len(_STEPS)


def kinds_of(step: int) -> list[str]:
    """What a step looks for."""
    return list(_STEPS[step][0])


@cache
def finding(step: int, tier: Tier) -> Statement:
    """One step of a run over a union of this tier."""
    _, parts, found = _STEPS[step]
    return kept(parts.format(tier=tier), found.format(tier=tier), "select ids.id from ids")


def kept(parts: str, found: str, considered: str) -> Statement:
    """What finds (`found`, with the `parts` that it reads) and writes down, for those that are `considered`."""
    return Statement(_KEPT.format(parts=parts, found=found, considered=considered), NAMES, {})


ALL_OPEN: Final = f"select o.subject_id as id from ({_OPEN}) o"  # noqa: S608 - as above
"""Considered by what looks at everything."""
