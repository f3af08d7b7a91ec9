"""Clocks: the service standard is a kind of policy, overdue cases are told once, staff keep the calendar

Revision: 20261125_clocks, after 20261125_appeals

Nothing is added to `application`: what is overdue is found by the indexes of the open queue.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_clocks"
down_revision = "20261125_appeals"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
STAFF = "(select current_setting('app.door', true)) = 'staff'"
CALENDAR = ("calendar_day", "calendar_year")
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
)
RULES = {
    "told": "told in ('district','city')",
    "state": "state in ('submitted','unit_review','district_review','city_approval','approved','paying')",
    "told_exists": "told <> 'district' or district_id is not null",
    "settled": "settled_at >= created_at",
}


def upgrade() -> None:
    policy_kinds(*KINDS, "service_standard")
    escalations()
    for table in CALENDAR:
        op.execute(f"drop policy api on {table}")
        op.execute(f"create policy api on {table} to aid_api using (true) with check ({STAFF})")
    op.execute("grant insert, update on calendar_day to aid_api")
    op.execute("grant insert on calendar_year to aid_api")


def escalations() -> None:
    op.create_table(
        "case_escalation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.String(10), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_case_escalation_{name}")) for name, rule in RULES.items()),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_case_escalation_application_id_application")
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_case_escalation_{tier}_id_organisation")
            )
            for tier in TIERS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_escalation")),
    )
    op.create_index("uq_case_escalation", "case_escalation", ["application_id", "version"], unique=True)
    for tier in ("city", "district"):
        op.create_index(
            f"ix_case_escalation_{tier}",
            "case_escalation",
            [f"{tier}_id", "due_at", "id"],
            postgresql_where=sa.text(f"settled_at is null and told = '{tier}'"),
        )
    op.create_index(
        "ix_case_escalation_open", "case_escalation", ["id"], postgresql_where=sa.text("settled_at is null")
    )
    op.execute("alter table case_escalation enable row level security, force row level security")
    op.execute(f"create policy api on case_escalation for select to aid_api using ({IN_REACH})")
    op.execute("create policy jobs on case_escalation to aid_jobs using (true) with check (true)")
    op.execute("grant select on case_escalation to aid_api")
    op.execute("grant select, insert, update, delete on case_escalation to aid_jobs")


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    op.execute("revoke insert, update on calendar_day from aid_api")
    op.execute("revoke insert on calendar_year from aid_api")
    for table in CALENDAR:
        op.execute(f"drop policy api on {table}")
        op.execute(f"create policy api on {table} to aid_api using (true) with check (true)")
    op.drop_table("case_escalation")
    op.execute("alter table policy_version disable trigger guard")
    op.execute("delete from policy_version where kind = 'service_standard'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds(*KINDS)
