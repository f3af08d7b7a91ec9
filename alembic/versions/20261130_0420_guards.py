"""Guards against being paid twice: hints that a bill was claimed for before, shared bank cards, the year's cap of a
household, and no rest below what was paid

Revision: 20261130_guards, after 20261130_payment_guards

Prints of papers and keyed hashes of claims are read by the jobs alone. A hint is seen by whoever sees either of its two
cases; number and union of the other stand in the hint itself, because beyond their reach nothing else is told.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_guards"
down_revision = "20261130_payment_guards"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
EITHER_CASE = f"{STAFF} and exists (select 1 from application a where a.id in (application_id, other_id))"
# Whoever sees a case or a file of either of the two.
EITHER_PERSON = (
    f"{STAFF} and (exists (select 1 from application a where a.applicant_id in (person_a_id, person_b_id)) "
    "or exists (select 1 from household h where h.person_id in (person_a_id, person_b_id)))"
)
HELD = "('public_notice','waiting_funds','approved','paying','payment_failed','paid')"
LIVING = (
    "('submitted','unit_review','district_review','city_approval','meeting','public_notice','approved','paying',"
    "'payment_failed','waiting_funds','paid')"
)
REST = f"paid_before_fen is null or amount_fen > paid_before_fen or state not in {HELD}"
KINDS = (
    "hardship_aid",
    "golden_autumn",
    "secondary_medical",
    "household_criteria",
    "minimum_living_standard",
    "home_visits",
    "household_upkeep",
    "public_notice",
    "accountability",
    "service_standard",
    "approval_route",
    "application_reasons",
    "fund_order",
    "payment",
)
# Two amounts of one household and year are granted one after the other, and the second is counted with the first. What
# was granted before a cap was set is counted as well; what was paid stays counted whatever became of more.
KEEP_CAP = f"""
create function keep_household_cap() returns trigger language plpgsql volatile security definer
set search_path = pg_catalog, public as $$
declare
  cap bigint;
  kinds text[];
  begins timestamptz := date_trunc('year', new.submitted_at at time zone 'Asia/Shanghai') at time zone 'Asia/Shanghai';
  held bigint;
begin
  -- Looked at here and not as a condition of the trigger, which the database would read anew with every update.
  if new.state not in {HELD} or old.state in {HELD} and new.amount_fen <= old.amount_fen then
    return null;
  end if;
  select (p.document ->> 'cap_fen')::bigint, array(select jsonb_array_elements_text(p.document -> 'counted_kinds'))
    into cap, kinds from policy_version p
    where p.kind = 'household_cap' and p.name = new.household_cap and p.state = 'published'
    order by p.area desc limit 1;
  if cap is null or not new.kind = any(kinds) then
    return null;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('household_cap|' || new.household_id || '|' || begins, 0));
  select coalesce(sum(case when a.state in {HELD} then coalesce(a.amount_fen, 0) else coalesce(a.paid_before_fen, 0) end), 0)
    into held from application a
    where a.household_id = new.household_id and a.id <> new.id and a.kind = any(kinds)
      and a.submitted_at >= begins and a.submitted_at < begins + interval '1 year';
  if held + coalesce(new.amount_fen, 0) > cap then
    raise exception 'the household''s cap of the year' using errcode = 'check_violation', constraint = 'household_cap',
      detail = greatest(cap - held, 0)::text;
  end if;
  return null;
end $$
"""
# Temporary aid has a cap for each person and year. Whoever closed an account and opened another is the same person.
TEMPORARY_ELSEWHERE = f"""
create function temporary_aid_elsewhere(asked uuid, since timestamptz) returns bigint language sql stable
security definer set search_path = pg_catalog, public as $$
  select coalesce(sum(case when a.state in {LIVING} then a.amount_fen else a.paid_before_fen end), 0)::bigint
  from person mine join person p on p.id_number_index = mine.id_number_index and p.id <> mine.id
  join application a on a.applicant_id = p.id and a.item = 'temporary' and a.submitted_at >= since
  where mine.id = asked and (a.state in {LIVING} or a.paid_before_fen is not null)
    and nullif(current_setting('app.person', true), '')::uuid = asked
$$
"""
FUNCTIONS = {"temporary_aid_elsewhere(uuid, timestamptz)": TEMPORARY_ELSEWHERE}
GRANTED = "new.household_cap is not null and new.household_id is not null"
"""What it is looked at for: what is granted, or raised (`keep_household_cap`)."""


def upgrade() -> None:
    policy_kinds(*KINDS, "household_cap")
    op.add_column("application", sa.Column("reuse", sa.String(8), nullable=True))
    op.add_column("application", sa.Column("household_cap", sa.String(60), nullable=True))
    op.create_check_constraint(op.f("ck_application_reuse"), "application", "reuse in ('open','same')")
    op.create_check_constraint(op.f("ck_application_rest"), "application", REST)
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    op.execute(KEEP_CAP)
    op.execute("alter function keep_household_cap() owner to aid_jobs")
    for name, function in FUNCTIONS.items():
        op.execute(function)
        op.execute(f"revoke execute on function {name} from public")
        op.execute(f"alter function {name} owner to aid_jobs")
        op.execute(f"grant execute on function {name} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(
        "create trigger keep_household_cap after update on application for each row "
        f"when ({GRANTED}) execute function keep_household_cap()"
    )
    prints_and_marks()
    hints()
    cards()


def prints_and_marks() -> None:
    op.create_table(
        "picture_print",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("bits", postgresql.BIT(256), nullable=False),
        sa.Column("turned", postgresql.BIT(768), nullable=False),
        sa.Column("bands", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("codes", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name=op.f("fk_picture_print_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "page", name=op.f("pk_picture_print")),
    )
    op.create_index("ix_picture_print_bands", "picture_print", ["bands"], postgresql_using="gin")
    op.create_table(
        "claim_mark",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        _key("claim_mark", "application_id", "application"),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_claim_mark")),
    )
    op.create_index("ix_claim_mark_keys", "claim_mark", ["keys"], postgresql_using="gin")
    for table in ("picture_print", "claim_mark"):
        raise_wall(table)


def hints() -> None:
    table = "reuse_hint"
    rules = {
        "ordered": "low_id < high_id",
        "pair": "application_id <> other_id and application_id in (low_id, high_id)",
        "other": "other_id in (low_id, high_id)",
        "state": "state in ('open','same','different','cleared')",
        "score": "score between 0 and 100",
        "decided": "(state in ('same','different')) = (decided_by is not null)"
        " and (decided_by is null) = (decided_at is null) and (decided_by is null) = (note is null)",
    }
    op.create_table(
        table,
        *_row(),
        *(sa.Column(f"{which}_id", sa.Uuid(), nullable=False) for which in ("application", "other", "low", "high")),
        *(sa.Column(f"{whose}_id", sa.Uuid(), nullable=False) for whose in ("applicant", "other_applicant")),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("other_number", sa.String(40), nullable=False),
        sa.Column("other_organisation_name", sa.String(100), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()),
        _key(table, "application_id", "application"),
        _key(table, "other_id", "application"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("uq_reuse_hint_pair", table, ["low_id", "high_id"], unique=True)
    op.create_index("ix_reuse_hint_application", table, ["application_id"])
    op.create_index("ix_reuse_hint_other", table, ["other_id"])
    op.create_index("ix_reuse_hint_state", table, ["state", "created_at", "id"])
    raise_wall(table, EITHER_CASE)
    # An answer is all that staff may write.
    op.execute(f"grant select, update (state, decided_by, decided_at, note, version) on {table} to aid_api")


def cards() -> None:
    table = "card_alert"
    op.create_index(
        "ix_bank_card_number", "bank_card", ["number_index"],
        postgresql_where=sa.text("state in ('current','pending')"),
    )  # fmt: skip
    op.create_table(
        table,
        *_row(),
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("number_masked", sa.String(30), nullable=False),
        *(sa.Column(f"person_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        *(sa.Column(f"organisation_{side}_id", sa.Uuid(), nullable=True) for side in "ab"),
        *(sa.Column(f"household_{side}_number", sa.String(40), nullable=True) for side in "ab"),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("person_a_id < person_b_id", name=op.f(f"ck_{table}_ordered")),
        sa.CheckConstraint("state in ('open','cleared')", name=op.f(f"ck_{table}_state")),
        sa.CheckConstraint("(state = 'open') = (cleared_at is null)", name=op.f(f"ck_{table}_cleared")),
        *(_key(table, f"person_{side}_id", "person") for side in "ab"),
        *(_key(table, f"organisation_{side}_id", "organisation") for side in "ab"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("uq_card_alert_pair", table, ["person_a_id", "person_b_id", "number_index"], unique=True)
    op.create_index("ix_card_alert_b", table, ["person_b_id"])
    op.create_index(
        "ix_card_alert_open", table, ["created_at", "id"], postgresql_where=sa.text("state = 'open'")
    )  # fmt: skip
    raise_wall(table, EITHER_PERSON)
    op.execute(f"grant select on {table} to aid_api")


def _row() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))


def raise_wall(table: str, policy: str | None = None) -> None:
    op.execute(f"alter table {table} enable row level security, force row level security")
    if policy is not None:
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
    op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    for table in ("card_alert", "reuse_hint", "claim_mark", "picture_print"):
        op.drop_table(table)
    op.drop_index("ix_bank_card_number", table_name="bank_card")
    op.execute("drop trigger keep_household_cap on application")
    op.execute("drop function keep_household_cap()")
    for name in FUNCTIONS:
        op.execute(f"drop function {name}")
    op.drop_constraint(op.f("ck_application_rest"), "application")
    op.drop_constraint(op.f("ck_application_reuse"), "application")
    op.drop_column("application", "household_cap")
    op.drop_column("application", "reuse")
    op.execute("alter table policy_version disable trigger user")
    op.execute("alter table policy_version no force row level security")
    op.execute("delete from policy_version where kind = 'household_cap'")
    op.execute("alter table policy_version force row level security")
    op.execute("alter table policy_version enable trigger user")
    policy_kinds(*KINDS)
