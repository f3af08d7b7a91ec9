"""Payment batches, their lines, what banks say of them, and cards that are checked before they are paid to

Revision: 20261130_payments, after 20261130_money_moves

A line is refused by the database where it is not what was approved, where the application has another one that lives,
or where its card was not checked; a batch where maker and checker are not two people apart. What is asked of cards,
notices and signatures reaches further than whoever pays can see, so functions that run as `aid_jobs` say yes or no.
(The guards are in 20261130_0411_payment_guards.)
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "20261130_payments"
down_revision = "20261130_money_moves"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
STAFF_PERSON = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
PART_OF_BATCH = "exists (select 1 from payment_batch b where b.id = batch_id)"
OWN_CASE = f"application_id in (select a.id from application a where a.applicant_id = {WORKER})"
WALLS = {
    "payment_batch": (IN_REACH, "select, insert, update"),
    "payment_line": (PART_OF_BATCH, "select, insert, update"),
    "payment_result": (PART_OF_BATCH, "select, insert"),
    "payment_break": (PART_OF_BATCH, "select, insert"),
    "card_check": (IN_REACH, "select, insert, update"),
}
LIVE = "state in ('waiting','sent')"
FAILED = "state in ('failed','returned','written_off')"
SIGNED = "(checker_id is null) = (checker_role is null) and (checker_id is null) = (checker_organisation is null)"


def upgrade() -> None:
    op.add_column("bank_card", sa.Column("checked", sa.String(6), nullable=True))
    op.create_check_constraint(op.f("ck_bank_card_checked"), "bank_card", "checked in ('passed','failed')")
    batches()
    lines()
    results()
    card_checks()
    for table, (policy, privileges) in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(f"create policy after_own on payment_line for select to aid_api using ({OWN_CASE})")
    op.execute(f"create policy after_own on card_check for select to aid_api using (person_id = {WORKER})")
    for table in ("payment_result", "payment_break"):
        op.execute(f"revoke update, delete on {table} from aid_jobs")
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    op.execute("create sequence payment_batch_number")
    op.execute("grant usage on sequence payment_batch_number to aid_api, aid_jobs")
    open_states(lambda states: sorted([*states, "payment_failed"], key="paid".__eq__))  # the paid ones stand last
    policy_kinds([*policy_kinds_now(), "payment"])


def batches() -> None:
    table = "payment_batch"
    op.create_table(
        table,
        *identified(),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        *scoped(table),
        sa.Column("kinds", sa.ARRAY(sa.String(20)), nullable=False),
        sa.Column("approved_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bank", sa.String(20), nullable=False),
        sa.Column("layout", sa.String(20), nullable=False),
        sa.Column("policy_version", sa.String(60), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        *signer("maker", nullable=False),
        *signer("checker", nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("sha256", sa.String(64), nullable=True),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column("file_sha256", sa.String(64), nullable=True),
        *(
            sa.Column(f"{each}_at", sa.DateTime(timezone=True), nullable=True)
            for each in ("frozen", "confirmed", "exported", "settled", "cancelled")
        ),
        checked(table, "state", "state in ('built','frozen','confirmed','exported','settled','cancelled')"),
        checked(table, "kinds", "cardinality(kinds) > 0"),
        checked(table, "size", "line_count between 1 and 1000 and total_fen > 0"),
        checked(table, "hash", "(content is null) = (sha256 is null) and (content is null) = (frozen_at is null)"),
        checked(table, "content", "sha256 = encode(sha256(content), 'hex')"),
        checked(table, "frozen", "not (state in ('frozen','confirmed','exported','settled')) or content is not null"),
        checked(table, "checker", SIGNED),
        checked(table, "two", "checker_id <> maker_id and checker_for <> maker_id and checker_id <> maker_for"),
        checked(
            table, "confirmed", "state not in ('confirmed','exported','settled') or confirmed_at is not null"
        ),
        checked(table, "confirmed_by", "(confirmed_at is null) = (checker_id is null)"),
        checked(
            table, "exported",
            "(file is null) = (exported_at is null) and (file is null) = (file_sha256 is null) "
            "and (state in ('exported','settled')) = (exported_at is not null)",
        ),
        checked(table, "cancelled", "(state = 'cancelled') = (cancelled_at is not null)"),
        refers(table, "organisation_id", "organisation"),
        refers(table, "maker_id", "person"),
        refers(table, "checker_id", "person"),
        sa.UniqueConstraint("number", name=op.f(f"uq_{table}_number")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )  # fmt: skip
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"])


def lines() -> None:
    table = "payment_line"
    op.create_table(
        table,
        *identified(),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("applicant_masked", sa.String(60), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("card_masked", sa.String(30), nullable=False),
        sa.Column("bank_name", sa.String(100), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("reissue_of", sa.Uuid(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("return_code", sa.String(20), nullable=True),
        sa.Column("remedy", sa.String(10), nullable=True),
        checked(
            table, "state", "state in ('waiting','dropped','sent','paid','failed','returned','written_off')"
        ),
        checked(table, "amount", "amount_fen > 0"),
        checked(table, "remedy", "remedy in ('fix_card','hold','write_off')"),
        checked(table, "failed", f"({FAILED}) = (return_code is not null) and ({FAILED}) = (remedy is not null)"),
        checked(table, "sent", "(state in ('waiting','dropped')) = (sent_at is null)"),
        checked(table, "answered", "(state in ('waiting','dropped','sent')) = (answered_at is null)"),
        refers(table, "batch_id", "payment_batch"),
        refers(table, "application_id", "application"),
        refers(table, "card_id", "bank_card"),
        refers(table, "reissue_of", "payment_line"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )  # fmt: skip
    live, again = sa.text(LIVE), sa.text("reissue_of is not null and state <> 'dropped'")
    op.create_index(f"uq_{table}_live", table, ["application_id"], unique=True, postgresql_where=live)
    op.create_index(f"uq_{table}_serial", table, ["batch_id", "serial"], unique=True)
    op.create_index(f"uq_{table}_batch", table, ["batch_id", "application_id"], unique=True)
    op.create_index(f"uq_{table}_reissue", table, ["reissue_of"], unique=True, postgresql_where=again)
    op.create_index(f"ix_{table}_application", table, ["application_id", "created_at", "id"])


def results() -> None:
    table, counts = "payment_result", ("rows", "paid", "failed", "returned", "breaks")
    op.create_table(
        table,
        *identified(),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("imported_by", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("policy_version", sa.String(60), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        checked(table, "counts", " and ".join(f"{name} >= 0" for name in counts)),
        refers(table, "batch_id", "payment_batch"),
        refers(table, "imported_by", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"uq_{table}_file", table, ["sha256"], unique=True)
    op.create_index(f"ix_{table}_batch", table, ["batch_id", "created_at", "id"])
    table = "payment_break"
    op.create_table(
        table,
        *identified(),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        checked(
            table, "kind",
            "kind in ('unknown_reference','wrong_amount','repeated','contradiction','unreadable','moved_on')",
        ),
        refers(table, "result_id", "payment_result"),
        refers(table, "batch_id", "payment_batch"),
        refers(table, "line_id", "payment_line"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )  # fmt: skip
    op.create_index(f"ix_{table}_batch", table, ["batch_id", "created_at", "id"])


def card_checks() -> None:
    table = "card_check"
    op.create_table(
        table,
        *identified(),
        sa.Column("card_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *scoped(table),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("outcome", sa.String(6), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        checked(table, "method", "method in ('name_check','penny_test')"),
        checked(table, "outcome", "outcome in ('passed','failed')"),
        checked(table, "state", "state in ('entered','confirmed','refused')"),
        checked(
            table, "decided",
            "(state = 'entered') = (decided_at is null) and (decided_at is null) = (decided_by is null)",
        ),
        checked(table, "two", "decided_by <> entered_by and person_id not in (entered_by, decided_by)"),
        refers(table, "card_id", "bank_card"),
        *(refers(table, column, "person") for column in ("person_id", "entered_by", "decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )  # fmt: skip
    entered = sa.text("state = 'entered'")
    op.create_index(f"uq_{table}_open", table, ["card_id"], unique=True, postgresql_where=entered)
    op.create_index(f"ix_{table}_person", table, ["person_id", "created_at", "id"])
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"], postgresql_where=entered)


def identified() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def scoped(table: str) -> list[sa.Column | sa.Constraint]:
    """The union on each tier."""
    columns = [sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS]
    return [*columns, *(refers(table, f"{tier}_id", "organisation") for tier in TIERS)]


def signer(who: str, *, nullable: bool) -> list[sa.Column]:
    return [
        sa.Column(f"{who}_id", sa.Uuid(), nullable=nullable),
        sa.Column(f"{who}_role", sa.String(32), nullable=nullable),
        sa.Column(f"{who}_organisation", sa.String(100), nullable=nullable),
        sa.Column(f"{who}_for", sa.Uuid(), nullable=True),
        sa.Column(f"{who}_said", sa.String(140), nullable=True),
    ]


def refers(table: str, column: str, to: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def checked(table: str, name: str, condition: str) -> sa.Constraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def open_states(changed) -> None:
    """The states of open applications in the conditions of their indexes; read, since other revisions add some too."""
    for tier in TIERS:
        rebuilt(f"ix_application_open_{tier}", [f"{tier}_id", "state", "submitted_at", "id"], changed, "{}")
    taken = "({} or paid_before_fen is not null) and subject_index is not null"
    rebuilt("uq_application_subject", ["kind", "subject_index"], changed, taken, unique=True)


def rebuilt(index: str, columns: list[str], changed, condition: str, *, unique: bool = False) -> None:
    found = op.get_bind().scalar(
        sa.text("select pg_get_expr(indpred, indrelid) from pg_index where indexrelid = cast(:index as regclass)"),
        {"index": index},
    )
    states = changed(re.findall(r"'([a-z_]+)'", found))
    listed = f"state in ({', '.join(repr(state) for state in states)})"
    op.drop_index(index, table_name="application")
    where = sa.text(condition.format(listed))
    op.create_index(index, "application", columns, unique=unique, postgresql_where=where)


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
    op.execute("alter table policy_version disable trigger guard")
    op.execute("delete from policy_version where kind = 'payment'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds([kind for kind in policy_kinds_now() if kind != "payment"])
    # What a bank has sent back waits to be paid again, as it did before there were batches.
    op.execute("alter table application no force row level security")
    op.execute("update application set state = 'approved' where state = 'payment_failed'")
    op.execute("alter table application force row level security")
    open_states(lambda states: [state for state in states if state != "payment_failed"])
    op.execute("drop sequence payment_batch_number")
    for table in ("card_check", "payment_break", "payment_result", "payment_line", "payment_batch"):
        op.drop_table(table)
    op.drop_column("bank_card", "checked")
