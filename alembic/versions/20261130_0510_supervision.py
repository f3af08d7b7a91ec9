"""Samples of payments, what was found of them, donors' reports; and what is asked of money beyond one's own budgets

Revision: 20261130_supervision, after 20261130_reconciliation

A city pays for all its districts in one batch and from its own budgets. Whoever supervises a district sees neither, and
yet has to see what was paid to whom in it: functions that run as `aid_jobs` tell it, to staff whose unions stand
over the cases (or over the fund) and to nobody else.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_supervision"
down_revision = "20261130_reconciliation"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
OWN_CASE = f"application_id in (select a.id from application a where a.applicant_id = {WORKER})"
GRANTS = {
    "payment_sample": "select, insert, update (state, version, seed, drawn_at, drawn_by, population, "
    "population_sha256, lines, fen, strata)",
    "payment_check": "select, insert, update (state, version, reached, arrived, amount, papers, result, note, "
    "checked_at, checked_by, checked_by_role, checked_by_organisation)",
    "donor_report": "select, insert, update (state, version, decided_at, decided_by)",
}
MAY_LOOK = f"""
create function may_supervise(asked uuid) returns boolean language sql stable as $$
  select exists (select 1 from organisation o where o.id = asked
    and array[o.city_id, o.district_id, o.street_id, o.unit_id] && {ORGANISATIONS})
$$
"""
DEFINER = "security definer set search_path = pg_catalog, public"
# A payment in the books is that of the line which was sent last before it: what fails or comes back later is still what
# was paid then.
PAYMENTS_MADE = f"""
create function payments_made(asked uuid, since timestamptz, until timestamptz) returns table (
  line_id uuid, application_id uuid, district_code varchar, kind varchar, paid_at timestamptz, amount_fen bigint,
  city_id uuid, district_id uuid, street_id uuid, unit_id uuid)
language plpgsql stable {DEFINER} as $$
#variable_conflict use_column
begin
  if not may_supervise(asked) then
    return;
  end if;
  return query
    select l.id, a.id, d.code, a.kind, t.created_at,
      (select sum(e.amount_fen)::bigint from ledger_entry e where e.transaction_id = t.id and e.account = 'granted'),
      a.city_id, a.district_id, a.street_id, a.unit_id
    from ledger_transaction t
    join application a on a.id = t.application_id
    join organisation d on d.id = coalesce(a.district_id, a.city_id)
    cross join lateral (select x.id from payment_line x
      where x.application_id = a.id and x.sent_at <= t.created_at order by x.sent_at desc, x.id desc limit 1) l
    where t.kind = 'payment' and t.created_at >= since and t.created_at < until
      and (a.city_id = asked or a.district_id = asked or a.street_id = asked or a.unit_id = asked);
end $$
"""
# Each payment and return, by fund: of the cases under a union, or of one fund of a union.
MONEY_GRANTED = f"""
create function money_granted(asked uuid, of_fund uuid, first_day date, before_day date) returns table (
  fund_id uuid, source varchar, kind varchar, district_id uuid, household uuid, transaction_id uuid, what varchar,
  fen bigint)
language plpgsql stable {DEFINER} as $$
#variable_conflict use_column
begin
  if not may_supervise(asked) then
    return;
  end if;
  return query
    select e.fund_id, f.source, a.kind, coalesce(a.district_id, a.city_id), coalesce(a.household_id, a.applicant_id),
      t.id, t.kind, e.amount_fen
    from ledger_entry e
    join ledger_transaction t on t.id = e.transaction_id
    join fund f on f.id = e.fund_id
    join application a on a.id = t.application_id
    where e.account = 'granted' and e.day >= first_day and e.day < before_day
      and case when of_fund is null
        then a.city_id = asked or a.district_id = asked or a.street_id = asked or a.unit_id = asked
        else e.fund_id = of_fund
          and (f.city_id = asked or f.district_id = asked or f.street_id = asked or f.unit_id = asked) end;
end $$
"""
# The lines of cases that the caller sees, whoever made their batch; masked, as a batch lists them.
LINES_OF_CASES = f"""
create function lines_of_cases(asked uuid[]) returns table (
  id uuid, created_at timestamptz, application_id uuid, amount_fen bigint, card_masked varchar, bank_name varchar,
  state varchar, sent_at timestamptz, answered_at timestamptz, return_code varchar, remedy varchar, reissue_of uuid,
  batch_id uuid, batch_number varchar, batch_state varchar, batch_sha256 varchar, file_sha256 varchar,
  frozen_at timestamptz, confirmed_at timestamptz, exported_at timestamptz)
language sql stable {DEFINER} as $$
  select l.id, l.created_at, l.application_id, l.amount_fen, l.card_masked, l.bank_name, l.state, l.sent_at,
    l.answered_at, l.return_code, l.remedy, l.reissue_of, b.id, b.number, b.state, b.sha256, b.file_sha256, b.frozen_at,
    b.confirmed_at, b.exported_at
  from application a join payment_line l on l.application_id = a.id join payment_batch b on b.id = l.batch_id
  where a.id = any (asked) and array[a.city_id, a.district_id, a.street_id, a.unit_id] && {ORGANISATIONS}
$$
"""
# What the books say of these cases, whichever budgets paid for them.
BOOKS_OF_CASES = f"""
create function books_of_cases(asked uuid[]) returns table (
  id uuid, created_at timestamptz, application_id uuid, kind varchar, day date, event_key varchar, fen bigint)
language sql stable {DEFINER} as $$
  select t.id, t.created_at, t.application_id, t.kind, t.day, t.event_key, (
    select sum(e.amount_fen)::bigint from ledger_entry e where e.transaction_id = t.id and e.amount_fen > 0)
  from application a join ledger_transaction t on t.application_id = a.id
  where a.id = any (asked) and array[a.city_id, a.district_id, a.street_id, a.unit_id] && {ORGANISATIONS}
$$
"""
# A notice that is over is shown to nobody else; what was published of a case belongs to its trail.
NOTICES_OF_CASES = f"""
create function notices_of_cases(asked uuid[]) returns table (
  id uuid, created_at timestamptz, application_id uuid, state varchar, ends_at timestamptz, closed_at timestamptz,
  working_days int, batch_id uuid, sha256 varchar)
language sql stable {DEFINER} as $$
  select n.id, n.created_at, n.application_id, n.state, n.ends_at, n.closed_at, n.working_days, n.batch_id, b.sha256
  from application a join notice n on n.application_id = a.id left join notice_batch b on b.id = n.batch_id
  where a.id = any (asked) and array[a.city_id, a.district_id, a.street_id, a.unit_id] && {ORGANISATIONS}
$$
"""
FUNCTIONS = {
    "may_supervise(uuid)": MAY_LOOK,
    "payments_made(uuid, timestamptz, timestamptz)": PAYMENTS_MADE,
    "money_granted(uuid, uuid, date, date)": MONEY_GRANTED,
    "lines_of_cases(uuid[])": LINES_OF_CASES,
    "books_of_cases(uuid[])": BOOKS_OF_CASES,
    "notices_of_cases(uuid[])": NOTICES_OF_CASES,
}
GUARDS = {
    "payment_sample": ("old.state = 'drawn'", "what was drawn stays as it was drawn"),
    "donor_report": ("old.state = 'withdrawn' or old.state = 'released'", "what was let out stays as it is"),
}


def upgrade() -> None:
    samples()
    checks()
    reports()
    for table, privileges in GRANTS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({IN_REACH}) with check ({IN_REACH})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(f"create policy after_own on payment_check for select to aid_api using ({OWN_CASE})")
    for table, (when, said) in GUARDS.items():
        op.execute(
            f"create function {table}_guard() returns trigger language plpgsql as $$ begin "
            f"raise exception '{said}' using errcode = 'check_violation', constraint = 'ck_{table}_frozen'; end $$"
        )
        op.execute(f"create trigger guard before update on {table} for each row when ({when}) "
                   f"execute function {table}_guard()")  # fmt: skip
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")
    # Written to as money is paid, and not before.
    op.create_index(
        "ix_ledger_transaction_payment", "ledger_transaction", ["created_at"],
        postgresql_where=sa.text("kind = 'payment'"),
    )  # fmt: skip
    op.create_index("ix_ledger_entry_fund", "ledger_entry", ["fund_id", "created_at", "transaction_id"])
    op.create_index("ix_ledger_entry_granted", "ledger_entry", ["day"], postgresql_where=sa.text("account = 'granted'"))


def identified() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def scoped(table: str, *references: tuple[str, str]) -> list[sa.schema.SchemaItem]:
    columns: list[sa.schema.SchemaItem] = [
        sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS
    ]
    keys = [(f"{tier}_id", "organisation") for tier in TIERS]
    return columns + [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in (*keys, *references)
    ]


def constrained(table: str, **rules: str) -> list[sa.schema.SchemaItem]:
    checked = [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]
    return [*checked, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))]


def words(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def person(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def version() -> sa.Column[object]:
    return sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)


def by_tier(table: str) -> None:
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"])


def samples() -> None:
    table = "payment_sample"
    drawn = ("seed", "population", "population_sha256", "drawn_at", "drawn_by", "strata")
    op.create_table(
        table,
        *identified(),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        words("organisation_name", 100),
        *scoped(
            table, ("organisation_id", "organisation"), ("announced_by", "person"), ("drawn_by", "person")
        ),
        at("since"),
        at("until"),
        sa.Column("size", sa.Integer(), nullable=False),
        words("state", 10),
        version(),
        person("announced_by"),
        words("seed_sha256", 64),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        words("seed", 64, nullable=True),
        at("drawn_at", nullable=True),
        person("drawn_by", nullable=True),
        sa.Column("population", sa.LargeBinary(), nullable=True),
        words("population_sha256", 64, nullable=True),
        sa.Column("lines", sa.Integer(), nullable=True),
        sa.Column("fen", sa.BigInteger(), nullable=True),
        sa.Column("strata", postgresql.JSONB(), nullable=True),
        *constrained(
            table,
            state="state in ('announced','drawn')",
            announced_before="since < until and created_at < until",
            size="size between 1 and 1000",
            drawn_after="drawn_at >= until",
            seed="seed_sha256 = encode(sha256(seed::bytea), 'hex')",
            population="population_sha256 = encode(sha256(population), 'hex')",
            drawn=" and ".join(f"(state = 'drawn') = ({name} is not null)" for name in drawn),
        ),
    )  # fmt: skip
    op.create_index(f"uq_{table}_period", table, ["organisation_id", "since", "until"], unique=True)
    by_tier(table)


def checks() -> None:
    table = "payment_check"
    closed = ("result", "reached", "arrived", "amount", "papers", "checked_by", "checked_at")
    op.create_table(
        table,
        *identified(),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        *scoped(
            table, ("sample_id", "payment_sample"), ("line_id", "payment_line"), ("application_id", "application"),
            ("checked_by", "person"),
        ),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        at("paid_at"),
        words("state", 10),
        version(),
        *(words(name, 10, nullable=True) for name in ("reached", "arrived", "amount", "papers")),
        words("result", 12, nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        at("checked_at", nullable=True),
        person("checked_by", nullable=True),
        words("checked_by_role", 32, nullable=True),
        words("checked_by_organisation", 100, nullable=True),
        *constrained(
            table,
            state="state in ('open','closed')",
            reached="reached in ('yes','no')",
            arrived="arrived in ('yes','no','unknown')",
            amount="amount in ('right','wrong','unknown')",
            papers="papers in ('complete','missing')",
            result="result in ('in_order','error','unverifiable')",
            closed=" and ".join(f"(state = 'closed') = ({name} is not null)" for name in closed),
            note="result is null or result = 'in_order' or note is not null",
        ),
    )  # fmt: skip
    op.create_index(f"uq_{table}_line", table, ["sample_id", "line_id"], unique=True)
    op.create_index(f"ix_{table}_sample", table, ["sample_id", "created_at", "id"])
    op.create_index(f"ix_{table}_application", table, ["application_id"])


def reports() -> None:
    table = "donor_report"
    op.create_table(
        table,
        *identified(),
        sa.Column("fund_id", sa.Uuid(), nullable=False),
        *scoped(table, ("fund_id", "fund"), ("prepared_by", "person"), ("decided_by", "person")),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        words("state", 10),
        version(),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        words("sha256", 64),
        person("prepared_by"),
        at("decided_at", nullable=True),
        person("decided_by", nullable=True),
        *constrained(
            table,
            state="state in ('prepared','released','withdrawn')",
            days="first_day <= last_day",
            content="sha256 = encode(sha256(content), 'hex')",
            decided="(state = 'prepared') = (decided_at is null) and (decided_at is null) = (decided_by is null)",
            second_person="state <> 'released' or decided_by <> prepared_by",
        ),
    )
    op.create_index(
        f"uq_{table}_prepared", table, ["fund_id", "first_day", "last_day"], unique=True,
        postgresql_where=sa.text("state = 'prepared'"),
    )  # fmt: skip
    by_tier(table)


def downgrade() -> None:
    for index, table in (
        ("ix_ledger_entry_granted", "ledger_entry"), ("ix_ledger_entry_fund", "ledger_entry"),
        ("ix_ledger_transaction_payment", "ledger_transaction"),
    ):  # fmt: skip
        op.drop_index(index, table_name=table)
    for signature in reversed(FUNCTIONS):
        op.execute(f"drop function {signature}")
    for table in ("donor_report", "payment_check", "payment_sample"):
        op.drop_table(table)
    for table in GUARDS:
        op.execute(f"drop function {table}_guard()")
