"""Eight places in which functions about money were wrong, each as it stands but for this

Revision: 20261130_money_mended, after 20261130_followers

What comes back is held by one drawing for each budget, not by two that look the same. Returned money that is let go of
because less was granted is written off in the books, and what is granted beside money that is being paid is reserved with
it first, so that the budget holds both alike. Into a month that is being closed no statement is read: whoever
closes holds the books of the city alone, whoever reads in holds them with others. The line of a payment is the nearest
that was sent, by whichever clock. Whoever made any batch with a line of an application explains no break of it. The
place on the waiting list is told to who sees the case.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_money_mended"
down_revision = "20261130_followers"
branch_labels = None
depends_on = None

DOOR = "coalesce(current_setting('app.door', true), '')"
MINE = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"
ME = "nullif(current_setting('app.person', true), '')::uuid"
# Two rows of a case, one that was paid before and one that was not, are the same once both were paid.
JOIN = """
create function join_drawings(asked uuid, of_round integer) returns void language sql as $$
  with same as (
    select d.id, first_value(d.id) over (partition by d.budget_id order by d.id) as kept,
      sum(d.amount_fen) over (partition by d.budget_id) as fen
    from drawing d where d.application_id = asked and d.state = 'spent' and d.round = of_round
  ), gone as (
    delete from drawing d using same s where d.id = s.id and s.id <> s.kept
  )
  update drawing d set amount_fen = s.fen from same s where d.id = s.id and s.id = s.kept and d.amount_fen <> s.fen
$$
"""
BOOKS = "(hashtextextended('books|' || new.city_id, 0))"
IS_CLOSED = "  if exists (select 1 from month_closing c where c.city_id = new.city_id"
EARLY = f"begin\n  if {DOOR} = 'staff' and new.closed_by"
LESS = "'released', null, at, {}, false);\n        held := 0;"
PAYING = "was = 'committed' and"
POSTED = "  if event is not null then\n    posted := post_drawings("
LINE = "where x.application_id = a.id and x.sent_at "
MADE = "join payment_batch b on b.id = "
ASKED = "on m.id = a.id where a.id = asked"
CHANGES = (
    (
        "shift_drawings(uuid, text[], text, integer, timestamptz, text, boolean)",
        POSTED,
        f"  if came_back then\n    perform join_drawings(asked, of_round);\n  end if;\n{POSTED}",
    ),
    ("move_money()", LESS.format("null"), LESS.format("event")),
    ("move_money()", f"elsif {PAYING} becomes = 'reserved' then", f"elsif {PAYING} becomes <> 'spent' then"),
    (
        "bank_statement_month_guard()",
        IS_CLOSED,
        f"  perform pg_advisory_xact_lock_shared{BOOKS};\n{IS_CLOSED}",
    ),
    ("month_closing_guard()", EARLY, EARLY.replace("\n", f"\n  perform pg_advisory_xact_lock{BOOKS};\n")),
    (
        "payments_made(uuid, timestamptz, timestamptz)",
        f"{LINE}<= t.created_at order by x.sent_at desc, x.id desc limit 1",
        f"{LINE}is not null order by x.sent_at > t.created_at,\n        abs(extract(epoch from x.sent_at - t.created_at)), "
        "x.id desc limit 1",
    ),
    (
        "break_explanation_guard()",
        f"{MADE}k.batch_id",
        f"{MADE}any (\n        k.batch_id || array(select l.batch_id from payment_line l "
        "where l.application_id = k.application_id))",
    ),
    (
        "waiting_place(uuid)",
        ASKED,
        f"{ASKED}\n      and ({DOOR} = 'job' or {DOOR} = 'worker' and a.applicant_id = {ME}\n        or {DOOR} = 'staff' "
        f"and array[a.city_id, a.district_id, a.street_id, a.unit_id] && {MINE})",
    ),
)
"""By function: what stands in it, and what stands there now. Other revisions change some of them as well."""


def upgrade() -> None:
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    op.execute(JOIN)
    op.execute("revoke execute on function join_drawings(uuid, integer) from public")
    op.execute("alter function join_drawings(uuid, integer) owner to aid_jobs")
    for signature, before, after in CHANGES:
        changed(signature, before, after)
    op.execute("revoke create on schema public from aid_jobs")


def changed(signature: str, before: str, after: str) -> None:
    body = op.get_bind().scalar(sa.text(f"select pg_get_functiondef('{signature}'::regprocedure)"))
    assert body.count(before) == 1, signature
    op.get_bind().exec_driver_sql(body.replace(before, after))


def downgrade() -> None:
    op.execute("grant create on schema public to aid_jobs")
    for signature, before, after in reversed(CHANGES):
        changed(signature, after, before)
    op.execute("revoke create on schema public from aid_jobs")
    op.execute("drop function join_drawings(uuid, integer)")
