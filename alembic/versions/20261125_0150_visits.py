"""Home visits, whom they are assigned to, and the edits that devices send; visitors see what is assigned to them

Revision: 20261125_visits, after 20261125_discrepancies

A visitor's post opens no subtree (app.kernel.actor `Post.reaches`): the walls let them through to a visit by its list of
visitors, and to the household behind it while the visit is under way. Staff see the posts above and below their unions
that may be sent on a visit, and the people who hold them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_visits"
down_revision = "20261125_discrepancies"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
VISITOR = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
VISIT = f"person_id = {WORKER} or {IN_REACH} or {VISITOR} = any(visitor_ids)"
PART_OF_VISIT = "exists (select 1 from visit v where v.id = visit_id)"
VISITED = (
    "exists (select 1 from visit v where v.household_id = household.id "
    f"and {VISITOR} = any(v.visitor_ids) and v.state in ('planned', 'started'))"
)
VISITING_ROLES = (
    "('home_visitor', 'unit_clerk', 'unit_chair', 'street_reviewer', 'district_reviewer', 'district_leader')"
)
MAY_BE_SENT = f"""
role in {VISITING_ROLES} and ended_at is null and (
  exists (select 1 from organisation o where o.id = organisation_id
    and array[o.city_id, o.district_id, o.street_id, o.unit_id] && {ORGANISATIONS})
  or exists (select 1 from organisation mine where array[mine.id] && {ORGANISATIONS}
    and organisation_id in (mine.city_id, mine.district_id, mine.street_id, mine.unit_id)))
"""
COLLEAGUE = f"{VISITOR} is not null and exists (select 1 from post p where p.person_id = person.id)"
KINDS = ("hardship_aid", "golden_autumn", "secondary_medical", "household_criteria", "minimum_living_standard")


def upgrade() -> None:
    visits()
    visitors()
    operations()
    walls()
    op.execute(f"create policy visited on household for select to aid_api using ({VISITED})")
    op.execute(f"create policy may_be_sent on post for select to aid_api using ({MAY_BE_SENT})")
    op.execute(f"create policy colleague on person for select to aid_api using ({COLLEAGUE})")
    policy_kinds(*KINDS, "home_visits")


def visits() -> None:
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("purpose", sa.String(12), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("planned_by", sa.Uuid(), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("visitor_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("visitors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("policy_version", sa.String(60), nullable=False),
        sa.Column("head_masked", sa.String(60), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("changed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("photos", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.LargeBinary(), nullable=True),
        sa.Column("position_agreed", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("objection", sa.LargeBinary(), nullable=True),
        sa.Column("objected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_because", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_visit_{name}")) for name, rule in VISIT_RULES.items()),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_visit_household_id_household")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_visit_person_id_person")),
        *(
            sa.ForeignKeyConstraint([f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_visit_{tier}_id_organisation"))
            for tier in TIERS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
    )
    op.create_index(
        "uq_visit_under_way",
        "visit",
        ["household_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("state in ('planned','started')"),
    )
    op.create_index("ix_visit_household", "visit", ["household_id", "created_at", "id"])
    op.create_index("ix_visit_own", "visit", ["person_id", "created_at", "id"])
    for tier in TIERS:
        op.create_index(
            f"ix_visit_open_{tier}",
            "visit",
            [f"{tier}_id", "created_at", "id"],
            postgresql_where=sa.text("state in ('planned','started','ended')"),
        )


VISIT_RULES = {
    "purpose": "purpose in ('admission','annual','watch','spot')",
    "state": "state in ('planned','started','ended','confirmed','cancelled')",
    "visitors": "cardinality(visitor_ids) between 1 and 5",
    "position": "position is null or position_agreed",
    "started": "state not in ('started','ended','confirmed') or started_at is not null",
    "ended": "state not in ('ended','confirmed') or ended_at is not null",
    "confirmed": "(state = 'confirmed') = (confirmed_at is not null)",
    "cancelled": "(state = 'cancelled') = (cancelled_because is not null)",
    "objection": "(objection is null) = (objected_at is null)",
}


def visitors() -> None:
    op.create_table(
        "visit_visitor",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_visitor_visit_id_visit")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_visit_visitor_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_visitor")),
    )
    op.create_index("uq_visit_visitor", "visit_visitor", ["visit_id", "person_id"], unique=True)
    op.create_index("ix_visit_visitor_mine", "visit_visitor", ["person_id", "created_at", "id"])


def operations() -> None:
    op.create_table(
        "visit_operation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(100), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status in ('applied','conflict','superseded','chosen','discarded')", name=op.f("ck_visit_operation_status")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_operation_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_operation")),
    )
    op.create_index("uq_visit_operation", "visit_operation", ["visit_id", "operation_id"], unique=True)
    op.create_index(
        "ix_visit_operation_conflict",
        "visit_operation",
        ["visit_id", "field", "device_id"],
        postgresql_where=sa.text("status = 'conflict'"),
    )


def walls() -> None:
    rules = {
        "visit": (VISIT, VISIT),
        "visit_visitor": (f"person_id = {PERSON}", PART_OF_VISIT),
        "visit_operation": (PART_OF_VISIT, PART_OF_VISIT),
    }
    for table, (seen, written) in rules.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({seen}) with check ({written})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute("grant select, insert, update on visit, visit_operation to aid_api")
    op.execute("grant select, insert on visit_visitor to aid_api")


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    op.execute("drop policy colleague on person")
    op.execute("drop policy may_be_sent on post")
    op.execute("drop policy visited on household")
    op.drop_table("visit_operation")
    op.drop_table("visit_visitor")
    op.drop_table("visit")
    op.execute("alter table policy_version disable trigger guard")
    op.execute("delete from policy_version where kind = 'home_visits'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds(*KINDS)
