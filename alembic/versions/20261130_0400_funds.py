"""Funds, budgets, drawings, the waiting list and the ledger

Revision: 20261130_funds, after 20261130_appeals_follow

What a case holds of the funds is written by the trigger of the next revision alone: the API may read drawings and the
waiting list, and of a budget it may change what was allocated. The ledger is appended to, and the sides of each of its
transactions sum to zero for each fund when it commits.
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_funds"
down_revision = "20261130_appeals_follow"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
KINDS = "kind in ('hardship_aid','golden_autumn','secondary_medical')"
ACCOUNTS = "account in ('source','unallocated','allocated','granted','returned')"
STAFF = "(select coalesce(current_setting('app.door', true), '') = 'staff')"
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
PART_OF_CASE = "exists (select 1 from application a where a.id = {id})"
OF_FUND = (
    f"exists (select 1 from fund f where f.id = fund_id "
    f"and array[f.city_id, f.district_id, f.street_id, f.unit_id] && {ORGANISATIONS})"
)
OF_UNION = (
    f"{STAFF} and exists (select 1 from organisation o where o.id = organisation_id "
    f"and array[o.city_id, o.district_id, o.street_id, o.unit_id] && {ORGANISATIONS})"
)
OF_ENTRY = "exists (select 1 from ledger_entry e where e.transaction_id = ledger_transaction.id)"
WALLS = {
    # Which funds there are is nothing that staff may not know; whose money it is may change them.
    "fund": (STAFF, IN_REACH, "select, insert, update (received_fen, allocated_fen, version)"),
    "budget": (IN_REACH, IN_REACH, "select, insert, update (allocated_fen)"),
    "allocation": (IN_REACH, IN_REACH, "select, insert, update (state, version, decided_by, decided_at, note)"),
    "drawing": (PART_OF_CASE.format(id="application_id"), "false", "select"),
    "waiting": (f"{IN_REACH} or {PART_OF_CASE.format(id='waiting.id')}", "false", "select"),
    "ledger_entry": (f"{OF_UNION} or {OF_FUND}", f"{OF_UNION} or {OF_FUND}", "select, insert"),
    "ledger_transaction": (OF_ENTRY, STAFF, "select, insert"),
    "ledger_checkpoint": (f"{OF_UNION} or {OF_FUND}", "false", "select"),
}
"""What the API sees of each, what it may write, and how."""
APPENDED = ("ledger_entry", "ledger_transaction", "ledger_checkpoint")
LIVING = "'submitted','unit_review','district_review','city_approval','meeting','public_notice','approved','paying'"
TAKEN = "(state in ({living},'paid') or paid_before_fen is not null) and subject_index is not null"
BALANCES = """
create function ledger_balances() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if (select sum(e.amount_fen) from ledger_entry e
      where e.transaction_id = new.transaction_id and e.fund_id = new.fund_id) <> 0 then
    raise exception 'the sides of a transaction do not sum to zero'
      using errcode = 'check_violation', constraint = 'ledger_balances';
  end if;
  return null;
end $$
"""


def upgrade() -> None:
    funds()
    drawn()
    ledger()
    for table, (seen, written, privileges) in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} for select to aid_api using ({seen})")
        if written != "false":
            op.execute(f"create policy api_written on {table} to aid_api using ({written}) with check ({written})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table in APPENDED:
        op.execute(f"revoke update, delete on {table} from aid_jobs")
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    op.execute(BALANCES)
    op.execute("revoke execute on function ledger_balances() from public")
    op.execute("grant create on schema public to aid_jobs")
    op.execute("alter function ledger_balances() owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(
        "create constraint trigger balances after insert on ledger_entry deferrable initially deferred "
        "for each row execute function ledger_balances()"
    )
    policy_kinds([*policy_kinds_now(), "fund_order"])
    taken_where(TAKEN.format(living=f"{LIVING},'waiting_funds'"))


def row(*more: sa.Column[object]) -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *more,
    ]


def place() -> list[sa.Column[object]]:
    return [sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS]


def keys(table: str, *references: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in references
    ]


def scoped(table: str, *references: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    return keys(table, *((f"{tier}_id", "organisation") for tier in TIERS), *references)


def checks(table: str, **rules: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]


def fen(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def codes(name: str, length: int, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, postgresql.ARRAY(sa.String(length)), nullable=nullable)


def version() -> sa.Column[object]:
    return sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)


def primary(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def funds() -> None:
    op.create_table(
        "fund",
        *row(),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("source", sa.String(12), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        *place(),
        codes("kinds", 20, nullable=False),
        codes("categories", 12),
        codes("archive_levels", 12),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("carry_over_years", sa.SmallInteger(), nullable=False),
        *fen("received_fen", "allocated_fen"),
        version(),
        *checks(
            "fund",
            source="source in ('central','provincial','match','union','donation','interest')",
            kinds="cardinality(kinds) > 0 "
            "and kinds <@ array['hardship_aid','golden_autumn','secondary_medical']::varchar[]",
            categories="categories <@ array['deep','relative','accident']::varchar[]",
            archive_levels="archive_levels <@ "
            "array['national','provincial','municipal','county','grassroots']::varchar[]",
            national="source not in ('central','provincial') or archive_levels = array['national']::varchar[]",
            intent="(source = 'donation') = (intent is not null)",
            carry_over="carry_over_years between 0 and 10",
            room="allocated_fen >= 0 and allocated_fen <= received_fen",
        ),
        *scoped("fund", ("organisation_id", "organisation")),
        primary("fund"),
        sa.UniqueConstraint("code", name=op.f("uq_fund_code")),
    )
    op.create_index("ix_fund_city", "fund", ["city_id", "created_at", "id"])
    op.create_table(
        "budget",
        *row(),
        sa.Column("fund_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        *place(),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        *fen("allocated_fen", "reserved_fen", "committed_fen", "spent_fen"),
        *checks(
            "budget",
            kind=KINDS,
            amounts="reserved_fen >= 0 and committed_fen >= 0 and spent_fen >= 0",
            room="reserved_fen + committed_fen + spent_fen <= allocated_fen",
        ),
        *scoped("budget", ("fund_id", "fund"), ("organisation_id", "organisation")),
        primary("budget"),
    )
    op.create_index("uq_budget_place", "budget", ["fund_id", "organisation_id", "kind", "year"], unique=True)
    op.create_index("ix_budget_drawn", "budget", ["organisation_id", "kind", "year"])
    # Every approval changes its row: there has to be room beside it on its page.
    op.execute("alter table budget set (fillfactor = 50)")
    allocations()


def allocations() -> None:
    op.create_table(
        "allocation",
        *row(),
        sa.Column("fund_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("from_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("to_organisation_id", sa.Uuid(), nullable=True),
        *place(),
        *fen("amount_fen"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        version(),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        *checks(
            "allocation",
            kind=KINDS,
            amount="amount_fen > 0",
            ends="from_organisation_id is distinct from to_organisation_id",
            state="state in ('proposed','approved','refused','withdrawn')",
            decided="(state = 'proposed') = (decided_at is null)",
            decider="(decided_at is null) = (decided_by is null)",
            second_person="state not in ('approved','refused') or decided_by <> proposed_by",
        ),
        *scoped(
            "allocation", ("fund_id", "fund"), ("from_organisation_id", "organisation"),
            ("to_organisation_id", "organisation"), ("proposed_by", "person"), ("decided_by", "person"),
        ),
        primary("allocation"),
    )  # fmt: skip
    op.create_index("ix_allocation_city", "allocation", ["city_id", "created_at", "id"])
    op.create_index("ix_allocation_fund", "allocation", ["fund_id", "created_at", "id"])


def drawn() -> None:
    op.create_table(
        "drawing",
        *row(),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("fund_id", sa.Uuid(), nullable=False),
        sa.Column("fund_name", sa.String(100), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        *fen("amount_fen"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("returned", sa.Boolean(), nullable=False),
        *checks("drawing", amount="amount_fen > 0", state="state in ('reserved','committed','spent','released')"),
        *keys("drawing", ("application_id", "application"), ("budget_id", "budget"), ("fund_id", "fund")),
        primary("drawing"),
    )
    is_open = sa.text("state in ('reserved','committed')")
    op.create_index(
        "uq_drawing_open", "drawing", ["application_id", "budget_id", "round", "returned"], unique=True,
        postgresql_where=is_open,
    )  # fmt: skip
    op.create_index("ix_drawing_application", "drawing", ["application_id"])
    op.create_index("ix_drawing_open", "drawing", ["budget_id"], postgresql_where=is_open)
    op.create_index(
        "ix_drawing_reserved", "drawing", ["created_at", "id"], postgresql_where=sa.text("state = 'reserved'")
    )
    op.create_table(
        "waiting",
        *row(),
        sa.Column("kind", sa.String(20), nullable=False),
        *place(),
        sa.Column("category", sa.String(12), nullable=True),
        sa.Column("archive_level", sa.String(12), nullable=True),
        *fen("needed_fen"),
        sa.Column("waits_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resumes", sa.String(20), nullable=False),
        *checks("waiting", kind=KINDS, needed="needed_fen > 0", resumes="resumes in ('public_notice','approved')"),
        *scoped("waiting"),
        primary("waiting"),
    )
    for tier in TIERS:
        op.create_index(f"ix_waiting_{tier}", "waiting", [f"{tier}_id", "kind", "waits_from", "id"])


def ledger() -> None:
    op.create_table(
        "ledger_transaction",
        *row(),
        sa.Column("event_key", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("application_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(60), nullable=True),
        *checks(
            "ledger_transaction",
            kind="kind in ('grant','donation','interest','allocation','payment','return','write_off')",
        ),
        *keys("ledger_transaction", ("person_id", "person"), ("application_id", "application")),
        primary("ledger_transaction"),
        sa.UniqueConstraint("event_key", name=op.f("uq_ledger_transaction_event_key")),
    )
    op.create_table(
        "ledger_entry",
        *row(),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        *account("ledger_entry", ("transaction_id", "ledger_transaction")),
        *fen("amount_fen"),
        *checks(
            "ledger_entry",
            amount="amount_fen <> 0",
            organisation="(organisation_id is null) = (account in ('source','unallocated'))",
        ),
    )
    op.create_index("ix_ledger_entry_transaction", "ledger_entry", ["transaction_id"])
    op.create_index("ix_ledger_entry_account", "ledger_entry", ["fund_id", "organisation_id", "account", "day"])
    op.create_index("ix_ledger_entry_statement", "ledger_entry", ["fund_id", "organisation_id", "created_at", "id"])
    op.create_table("ledger_checkpoint", *row(), *account("ledger_checkpoint"), *fen("balance_fen"))
    op.create_index(
        "uq_ledger_checkpoint_day", "ledger_checkpoint", ["fund_id", "organisation_id", "account", "day"],
        unique=True, postgresql_nulls_not_distinct=True,
    )  # fmt: skip


def account(table: str, *references: tuple[str, str]) -> list[sa.schema.SchemaItem]:
    """Of which fund and union, on which side, on which day; and what every table has."""
    return [
        sa.Column("fund_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        *checks(table, account=ACCOUNTS),
        *keys(table, *references, ("fund_id", "fund"), ("organisation_id", "organisation")),
        primary(table),
    ]


def taken_where(condition: str) -> None:
    """Who waits for money keeps their student and year, or their settlement sheet, taken."""
    op.drop_index("uq_application_subject", table_name="application")
    op.create_index(
        "uq_application_subject", "application", ["kind", "subject_index"], unique=True,
        postgresql_where=sa.text(condition),
    )  # fmt: skip


def policy_kinds_now() -> list[str]:
    """In their order; read, not written down: other revisions add kinds as well."""
    definition = op.get_bind().scalar(
        sa.text("select pg_get_constraintdef(oid) from pg_constraint where conname = 'ck_policy_version_kind'")
    )
    return re.findall(r"'([a-z_]+)'", definition)


def policy_kinds(kinds: list[str]) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    taken_where(TAKEN.format(living=LIVING))
    op.execute("alter table policy_version disable trigger guard")
    op.execute("delete from policy_version where kind = 'fund_order'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds([kind for kind in policy_kinds_now() if kind != "fund_order"])
    op.execute("drop policy api on ledger_transaction")
    for table in (
        "ledger_checkpoint", "ledger_entry", "ledger_transaction", "waiting", "drawing", "allocation", "budget", "fund",
    ):  # fmt: skip
        op.drop_table(table)
    op.execute("drop function ledger_balances()")
