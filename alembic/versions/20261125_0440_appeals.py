"""Appeals, ratings, and masked values that are shown whole

Revision: 20261125_appeals, after 20261125_notice_batches

Who decides an appeal may not be near the case. That reaches further than they can see (closed accounts, a household
under another union), so it is asked by a function that runs as `aid_jobs` and answers yes or no about the caller alone;
a trigger asks it once more as the decision is written.

A sealed number of a worker is nothing that staff can see, until the transaction has written into the audit trail that
they look at it.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "20261125_appeals"
down_revision = "20261125_notice_batches"
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
# Of an application the wall knows whose it is, and under which unions.
PART_OF_CASE = "exists (select 1 from application a where a.id = application_id)"
WALLS = {
    "appeal": (f"applicant_id = {WORKER} or {IN_REACH}", "select, insert, update"),
    "rating": (PART_OF_CASE, "select, insert"),
    "reveal": (f"person_id = {STAFF_PERSON} or subject_person_id = {WORKER}", "select, insert"),
}
WAITING = sa.text("state in ('at_district','at_city')")
ME = "nullif(current_setting('app.person', true), '')::uuid"
# Who is not known by their number cannot be told from a relative.
IS_NEAR = f"""
create function is_near_case(asked uuid) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  me uuid := {ME};
  mine bytea := (select id_number_index from person where id = me);
begin
  return mine is null
    or exists (select 1 from application a join person p on p.id = a.applicant_id
      where a.id = asked and (p.id = me or p.id_number_index = mine))
    or exists (select 1 from passage s left join person p on p.id = s.person_id
      where s.application_id = asked and (s.person_id = me or p.id_number_index = mine))
    or exists (select 1 from household_member m join household h on h.id = m.household_id
      join application a on a.household_id = h.id or a.applicant_id = h.person_id
      where a.id = asked and m.id_number_index = mine);
end $$
"""
REFUSE_NEAR = f"""
create function refuse_near_decider() returns trigger language plpgsql as $$
begin
  if new.decided_by is distinct from {ME} or is_near_case(new.application_id) then
    raise exception 'whoever is near a case does not decide its appeal'
      using errcode = 'check_violation', constraint = 'ck_appeal_decider';
  end if;
  return new;
end $$
"""
# Asked last (see 20261125_walls_last): the entry has to be of this very transaction.
FUNCTIONS = {
    "is_revealed_to_me(asked uuid)": f"""
      return coalesce(current_setting('app.door', true), '') = 'staff' and exists (select 1 from audit_entry e
        where e.subject_person_id = asked and e.person_id = {ME} and e.action = 'application.revealed'
          and e.xmin = pg_current_xact_id_if_assigned()::xid);""",
    "has_looked_at_me(asked uuid)": f"""
      return coalesce(current_setting('app.door', true), '') = 'worker' and exists (select 1 from audit_entry e
        where e.subject_person_id = {ME} and e.person_id = asked);""",
}
OPENED = {
    ("after_revealed", "person"): "is_revealed_to_me(id)",
    ("after_revealed", "bank_card"): "is_revealed_to_me(person_id)",
    ("after_looked", "person"): "has_looked_at_me(id)",
}


def upgrade() -> None:
    op.add_column("application", sa.Column("paid_before_fen", sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f("ck_application_paid_before"), "application", "paid_before_fen > 0")
    appeals()
    ratings()
    reveals()
    for table, (policy, privileges) in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table in ("rating", "reveal"):
        op.execute(f"revoke update, delete on {table} from aid_jobs")
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    near()
    for function, body in FUNCTIONS.items():
        op.execute(f"create function {function} returns boolean language plpgsql stable as $$ begin {body} end $$")
        op.execute(f"revoke execute on function {function.partition('(')[0]} from public")
        op.execute(f"grant execute on function {function.partition('(')[0]} to aid_api")
    for (policy, table), condition in OPENED.items():
        op.execute(f"create policy {policy} on {table} for select to aid_api using ({condition})")
    policy_kinds([*policy_kinds_now(), "accountability"])


def place() -> list[sa.Column[object]]:
    return [sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS]


def keys(table: str, *references: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    scope = [(f"{tier}_id", "organisation") for tier in TIERS] if table != "reveal" else []
    return [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in (*references, *scope)
    ]


def appeals() -> None:
    op.create_table(
        "appeal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("ground", sa.String(10), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        *place(),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("before_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_role", sa.String(32), nullable=True),
        sa.Column("decided_by_organisation", sa.String(100), nullable=True),
        sa.Column("reply", sa.LargeBinary(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind in ('hardship_aid','golden_autumn','secondary_medical')", name=op.f("ck_appeal_kind")),
        sa.CheckConstraint("ground in ('refused','too_low')", name=op.f("ck_appeal_ground")),
        sa.CheckConstraint("state in ('at_district','at_city','upheld','changed')", name=op.f("ck_appeal_state")),
        sa.CheckConstraint(f"({WAITING}) = (decided_at is null)", name=op.f("ck_appeal_waiting")),
        sa.CheckConstraint(
            "(decided_at is null) = (decided_by is null) and (decided_at is null) = (reply is null)",
            name=op.f("ck_appeal_decided"),
        ),
        sa.CheckConstraint(
            "(state = 'changed') = (amount_fen is not null) and amount_fen > before_fen", name=op.f("ck_appeal_amount")
        ),
        sa.CheckConstraint("decided_by <> applicant_id", name=op.f("ck_appeal_another")),
        *keys("appeal", ("application_id", "application"), ("decision_id", "passage"), ("applicant_id", "person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
    )
    op.create_index("uq_appeal_decision", "appeal", ["decision_id"], unique=True)
    op.create_index("ix_appeal_application", "appeal", ["application_id", "created_at", "id"])
    for tier in TIERS:
        op.create_index(
            f"ix_appeal_waiting_{tier}", "appeal", [f"{tier}_id", "created_at", "id"], postgresql_where=WAITING
        )


def ratings() -> None:
    op.create_table(
        "rating",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        *place(),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("score between 1 and 5", name=op.f("ck_rating_score")),
        *keys("rating", ("application_id", "application")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating")),
    )
    op.create_index("uq_rating_application", "rating", ["application_id"], unique=True)
    for tier in TIERS:
        op.create_index(f"ix_rating_{tier}", "rating", [f"{tier}_id", "score"])


def reveals() -> None:
    op.create_table(
        "reveal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("subject_person_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(20), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "field in ('id_number', 'phone', 'bank_card', 'diagnosis', 'student_id_number')",
            name=op.f("ck_reveal_field"),
        ),
        *keys("reveal", ("application_id", "application"), ("person_id", "person"), ("subject_person_id", "person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveal")),
    )
    op.create_index("ix_reveal_person", "reveal", ["person_id", "created_at"])


def near() -> None:
    op.execute(IS_NEAR)
    op.execute("revoke execute on function is_near_case(uuid) from public")
    op.execute("grant create on schema public to aid_jobs")
    op.execute("alter function is_near_case(uuid) owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute("grant execute on function is_near_case(uuid) to aid_api")
    op.execute(REFUSE_NEAR)
    op.execute(
        "create trigger decider before update of decided_by on appeal for each row "
        "when (new.decided_by is not null) execute function refuse_near_decider()"
    )


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
    op.execute("delete from policy_version where kind = 'accountability'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds([kind for kind in policy_kinds_now() if kind != "accountability"])
    for policy, table in OPENED:
        op.execute(f"drop policy {policy} on {table}")
    for function in FUNCTIONS:
        op.execute(f"drop function {function.partition('(')[0]}")
    for table in ("reveal", "rating", "appeal"):
        op.drop_table(table)
    op.execute("drop function refuse_near_decider()")
    op.execute("drop function is_near_case(uuid)")
    op.drop_constraint(op.f("ck_application_paid_before"), "application")
    op.drop_column("application", "paid_before_fen")
