"""Bank statements, reconciliations, what does not agree, and months that are closed

Revision: 20261130_reconciliation, after 20261130_light_steps

Breaks are found by the jobs; the API may only mark an open one as explained, and writes down why, by somebody apart
from who made the batch. Into a month that is closed nothing is posted, by whomever, and no statement is read.
`money_figures` counts for jobs and for whoever closes a month alike: it reaches further than row-level security shows.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_reconciliation"
down_revision = "20261130_light_steps"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
FIGURES = "lines unanswered uncovered_days sent_fen approved_fen paid_fen bank_fen ledger_fen".split()
ME = "nullif(current_setting('app.person', true), '')::uuid"
AS_STAFF = "coalesce(current_setting('app.door', true), '') = 'staff'"
MINE = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
WALLS = {
    "bank_statement": (IN_REACH, "select, insert, update (new_rows, out_fen, in_fen)"),
    "bank_statement_line": ("statement_id in (select s.id from bank_statement s)", "select, insert"),
    "reconciliation": (IN_REACH, "select, insert"),
    "reconciliation_break": (IN_REACH, "select, update (state, closed_at, version)"),
    "break_explanation": ("exists (select 1 from reconciliation_break b where b.id = break_id)", "select, insert"),
    "month_closing": (f"array[city_id] && {ORGANISATIONS}", "select, insert"),
}
APPENDED = ("bank_statement_line", "break_explanation", "month_closing")
BREAK_GUARD = """
create function reconciliation_break_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a break is never deleted' using errcode = 'check_violation', constraint = 'reconciliation_break_path';
  end if;
  if current_user = 'aid_api' and (old.state <> 'open' or new.state <> 'explained' or not exists (
      select 1 from break_explanation e where e.break_id = new.id and e.created_at = new.closed_at)) then
    raise exception 'only an open break is explained, with a reason'
      using errcode = 'check_violation', constraint = 'reconciliation_break_path';
  end if;
  return new;
end $$
"""
EXPLANATION_GUARD = f"""
create function break_explanation_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  near bytea[] := coalesce(numbers_near(new.explained_by), '{{}}');
begin
  if {AS_STAFF} and new.explained_by is distinct from {ME} or exists (
      select 1 from reconciliation_break k join payment_batch b on b.id = k.batch_id
      join person p on p.id in (b.maker_id, b.maker_for)
      where k.id = new.break_id and (p.id = new.explained_by or p.id_number_index = any (near))) then
    raise exception 'a break is explained by another than who made the batch'
      using errcode = 'check_violation', constraint = 'break_explanation_apart';
  end if;
  return new;
end $$
"""
CLOSING_GUARD = f"""
create function month_closing_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if {AS_STAFF} and new.closed_by is distinct from {ME}
    or (new.month + interval '1 month' + interval '1 day')::date > (now() at time zone 'Asia/Shanghai')::date
    or exists (select 1 from reconciliation_break k where k.city_id = new.city_id and k.state = 'open'
      and k.day >= new.month and k.day < (new.month + interval '1 month')::date) then
    raise exception 'a month is closed when it is over and nothing of it is open'
      using errcode = 'check_violation', constraint = 'month_closing_early';
  end if;
  return new;
end $$
"""
ENTRY_GUARD = """
create function ledger_month_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if exists (select 1 from fund f join month_closing c on c.city_id = f.city_id
      where f.id = new.fund_id and c.month = date_trunc('month', new.day)::date) then
    raise exception 'the books of this month are closed' using errcode = 'check_violation', constraint = 'month_closed';
  end if;
  return new;
end $$
"""
STATEMENT_GUARD = """
create function bank_statement_month_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if exists (select 1 from month_closing c where c.city_id = new.city_id
      and c.month between date_trunc('month', new.first_day)::date and new.last_day) then
    raise exception 'the books of this month are closed' using errcode = 'check_violation', constraint = 'month_closed';
  end if;
  return new;
end $$
"""
MONEY_FIGURES = f"""
create function money_figures(asked uuid, first_day date, last_day date, of_batch uuid) returns table (
  {", ".join(f"{name} bigint" for name in FIGURES)})
language plpgsql stable security definer
set search_path = pg_catalog, public set enable_seqscan = on set plan_cache_mode = force_custom_plan as $$
declare
  since timestamptz := first_day::timestamp at time zone 'Asia/Shanghai';
  until timestamptz := (last_day + 1)::timestamp at time zone 'Asia/Shanghai';
begin
  if coalesce(current_setting('app.door', true), '') <> 'job' and not ({AS_STAFF} and exists (
      select 1 from organisation o where o.id = asked
        and array[o.city_id, o.district_id, o.street_id, o.unit_id] && {MINE})) then
    return;
  end if;
  return query
  with l as materialized (
    select l.id, l.application_id, l.state, l.amount_fen
    from payment_batch b join payment_line l on l.batch_id = b.id
    where asked in (b.city_id, b.district_id, b.street_id, b.unit_id) and b.exported_at is not null
      and (b.id = of_batch or (of_batch is null and b.exported_at >= since and b.exported_at < until))
  ), a as materialized (
    select distinct l.application_id as id from l
  ), elsewhere as materialized (
    select coalesce(sum(o.amount_fen), 0) as fen from a join payment_line o on o.application_id = a.id
    where o.state = 'paid' and not exists (select 1 from l where l.id = o.id)
  ), approved as (
    select coalesce(sum(case when c.state = 'paid' then c.amount_fen else coalesce(c.paid_before_fen, 0) end), 0) as fen
    from a join application c on c.id = a.id
  ), bank as (
    select coalesce(sum(case m.direction when 'out' then m.amount_fen else -m.amount_fen end), 0) as fen
    from l join bank_statement_line m on m.line_reference = l.id
  ), books as (
    select coalesce(sum(e.amount_fen), 0) as fen from a join ledger_transaction x on x.application_id = a.id
    join ledger_entry e on e.transaction_id = x.id and e.account = 'granted'
  ), accounts as materialized (
    select distinct s.organisation_id, s.bank from bank_statement s
    where asked in (s.city_id, s.district_id, s.street_id, s.unit_id)
  ), uncovered as (
    select count(*) as days from (select * from accounts union all
        select null, null where not exists (select 1 from accounts)) c (organisation_id, bank)
    cross join lateral generate_series(first_day, last_day, interval '1 day') d
    where not exists (select 1 from bank_statement s where s.organisation_id = c.organisation_id and s.bank = c.bank
      and d::date between s.first_day and s.last_day)
  )
  select (select count(*) from l), (select count(*) from l where l.state = 'sent'),
    case when of_batch is null then (select u.days from uncovered u) else 0 end,
    (select coalesce(sum(l.amount_fen), 0)::bigint from l),
    (select p.fen::bigint from approved p) - (select e.fen::bigint from elsewhere e),
    (select coalesce(sum(l.amount_fen), 0)::bigint from l where l.state = 'paid'),
    (select b.fen::bigint from bank b),
    (select k.fen::bigint from books k) - (select e.fen::bigint from elsewhere e);
end $$
"""
FUNCTIONS = {
    "break_explanation_guard()": EXPLANATION_GUARD,
    "month_closing_guard()": CLOSING_GUARD,
    "ledger_month_guard()": ENTRY_GUARD,
    "bank_statement_month_guard()": STATEMENT_GUARD,
    "money_figures(uuid, date, date, uuid)": MONEY_FIGURES,
}
"""Those that reach further than who asks."""
TRIGGERS = (
    "guard before update or delete on reconciliation_break for each row execute function reconciliation_break_guard()",
    "guard before insert on break_explanation for each row execute function break_explanation_guard()",
    "guard before insert on month_closing for each row execute function month_closing_guard()",
    "closed_month before insert on bank_statement for each row execute function bank_statement_month_guard()",
    "closed_month before insert on ledger_entry for each row execute function ledger_month_guard()",
)


def upgrade() -> None:
    statements()
    reconciliations()
    breaks()
    closings()
    op.create_index(
        "ix_ledger_transaction_application", "ledger_transaction", ["application_id"],
        postgresql_where=sa.text("application_id is not null"),
    )  # fmt: skip
    for table, (policy, privileges) in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table in APPENDED:
        op.execute(f"revoke update, delete on {table} from aid_jobs")
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute("grant execute on function money_figures(uuid, date, date, uuid) to aid_api")
    op.execute(BREAK_GUARD)
    for trigger in TRIGGERS:
        op.execute(f"create trigger {trigger}")


def row(table: str, *columns: sa.schema.SchemaItem) -> None:
    """A table with what every table has."""
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def text(name: str, length: int, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=nullable)


def ids(table: str, *, nullable: bool = False, **to: str) -> list[sa.schema.SchemaItem]:
    columns = [sa.Column(name, sa.Uuid(), nullable=nullable) for name in to]
    keys = [sa.ForeignKeyConstraint([n], [f"{t}.id"], name=op.f(f"fk_{table}_{n}_{t}")) for n, t in to.items()]
    return [*columns, *keys]


def place(table: str) -> list[sa.schema.SchemaItem]:
    lower = {f"{tier}_id": "organisation" for tier in TIERS[1:]}
    return [*ids(table, city_id="organisation"), *ids(table, nullable=True, **lower)]


def numbers(*names: str, kind: type[sa.Integer] = sa.Integer, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, kind(), nullable=nullable) for name in names]


def days(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Date(), nullable=False) for name in names]


def checked(table: str, **rules: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]


def by_tier(table: str, *columns: str) -> None:
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", *columns])


def statements() -> None:
    table = "bank_statement"
    row(
        table,
        *ids(table, organisation_id="organisation", imported_by="person"),
        text("organisation_name", 100),
        *place(table),
        text("bank", 20),
        *days("first_day", "last_day"),
        text("sha256", 64),
        text("role", 32),
        text("policy_version", 60),
        *numbers("rows", "new_rows"),
        *numbers("out_fen", "in_fen", kind=sa.BigInteger),
        *checked(
            table, days="first_day <= last_day", counts="rows > 0 and new_rows between 0 and rows",
            amounts="out_fen >= 0 and in_fen >= 0",
        ),
    )  # fmt: skip
    op.create_index(f"uq_{table}_file", table, ["sha256"], unique=True)
    op.create_index(f"ix_{table}_account", table, ["organisation_id", "bank", "first_day"])
    by_tier(table, "created_at", "id")
    table = "bank_statement_line"
    row(
        table,
        *ids(table, statement_id="bank_statement", organisation_id="organisation"),
        text("bank", 20),
        *numbers("row_number"),
        *days("day"),
        text("direction", 3),
        *numbers("amount_fen", kind=sa.BigInteger),
        text("bank_reference", 64),
        text("account_masked", 30, nullable=True),
        sa.Column("line_reference", sa.Uuid(), nullable=True),
        *checked(table, direction="direction in ('out','in')", amount="amount_fen > 0"),
    )
    op.create_index(f"uq_{table}_movement", table, ["organisation_id", "bank", "day", "bank_reference"], unique=True)
    named = sa.text("line_reference is not null")
    op.create_index(f"ix_{table}_reference", table, ["line_reference"], postgresql_where=named)
    op.create_index(f"ix_{table}_day", table, ["organisation_id", "day"])
    op.create_index(f"ix_{table}_statement", table, ["statement_id", "created_at", "id"])


def reconciliations() -> None:
    table = "reconciliation"
    row(
        table,
        *ids(table, organisation_id="organisation"),
        text("organisation_name", 100),
        *place(table),
        *days("first_day", "last_day"),
        *ids(table, nullable=True, batch_id="payment_batch", asked_by="person"),
        text("state", 10),
        sa.Column("next_step", sa.SmallInteger(), nullable=False),
        *numbers("opened", "mended"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *numbers(*FIGURES, kind=sa.BigInteger, nullable=True),
        *checked(
            table, days="first_day <= last_day", state="state in ('asked','running','done')",
            ended="(state = 'done') = (ended_at is not null)",
            counts="opened >= 0 and mended >= 0 and next_step >= 0",
        ),
    )  # fmt: skip
    nightly = sa.text("asked_by is null")
    op.create_index(
        f"uq_{table}_nightly", table, ["organisation_id", "last_day"], unique=True, postgresql_where=nightly
    )
    op.create_index(f"ix_{table}_same", table, ["organisation_id", "first_day", "last_day", "created_at"])
    by_tier(table, "created_at", "id")


def breaks() -> None:
    table = "reconciliation_break"
    row(
        table,
        text("kind", 30),
        text("subject_kind", 12),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        *place(table),
        *ids(table, nullable=True, batch_id="payment_batch", application_id="application"),
        *days("day"),
        *numbers("expected_fen", "found_fen", kind=sa.BigInteger),
        text("state", 10),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *numbers("times"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        *checked(
            table,
            subject="subject_kind in ('line','bank_line','application','batch','budget','fund','transaction')",
            state="state in ('open','mended','explained')",
            closed="(state = 'open') = (closed_at is null)",
        ),
    )
    op.create_index(f"uq_{table}_subject", table, ["kind", "subject_id"], unique=True)
    op.create_index(f"ix_{table}_about", table, ["subject_id"], postgresql_where=sa.text("state = 'open'"))
    by_tier(table, "state", "opened_at", "id")
    table = "break_explanation"
    row(
        table,
        *ids(table, break_id="reconciliation_break", explained_by="person"),
        text("role", 32),
        text("organisation_name", 100),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        *numbers("expected_fen", "found_fen", kind=sa.BigInteger),
    )
    op.create_index(f"ix_{table}_break", table, ["break_id", "created_at", "id"])


def closings() -> None:
    table = "month_closing"
    row(
        table,
        *ids(table, city_id="organisation", reconciliation_id="reconciliation", closed_by="person"),
        text("organisation_name", 100),
        *days("month"),
        text("role", 32),
        *numbers("explained"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        text("sha256", 64),
        *checked(table, month="extract(day from month) = 1", content="sha256 = encode(sha256(content), 'hex')"),
    )
    op.create_index(f"uq_{table}_month", table, ["city_id", "month"], unique=True)


def downgrade() -> None:
    op.execute("drop trigger closed_month on ledger_entry")
    op.drop_index("ix_ledger_transaction_application", table_name="ledger_transaction")
    for table in (
        "month_closing", "break_explanation", "reconciliation_break", "reconciliation", "bank_statement_line",
        "bank_statement",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("drop function reconciliation_break_guard()")
    for signature in reversed(FUNCTIONS):
        op.execute(f"drop function {signature}")
