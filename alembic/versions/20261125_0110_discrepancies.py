"""Discrepancies between a household file and what visits and departments find

Revision: 20261125_discrepancies, after 20261124_rehearsals
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_discrepancies"
down_revision = "20261124_rehearsals"
branch_labels = None
depends_on = None

PART_OF_FILE = "exists (select 1 from household h where h.id = household_id)"
TIERS = ("city", "district", "street", "unit")
WAITING = sa.text("state in ('open','answered')")


def upgrade() -> None:
    op.create_table(
        "discrepancy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(200), nullable=False),
        sa.Column("in_file", sa.LargeBinary(), nullable=True),
        sa.Column("found", sa.LargeBinary(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("said_by", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(12), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("source in ('visit','match')", name=op.f("ck_discrepancy_source")),
        sa.CheckConstraint("state in ('open','answered','resolved')", name=op.f("ck_discrepancy_state")),
        sa.CheckConstraint("outcome in ('file_right','found_right','explained')", name=op.f("ck_discrepancy_outcome")),
        sa.CheckConstraint("(answer is null) = (answered_at is null)", name=op.f("ck_discrepancy_answered")),
        sa.CheckConstraint("state <> 'answered' or answer is not null", name=op.f("ck_discrepancy_answer")),
        sa.CheckConstraint(
            "(state = 'resolved') = (outcome is not null) and (outcome is null) = (resolved_at is null)"
            " and (outcome is null) = (resolved_by is null)",
            name=op.f("ck_discrepancy_resolved"),
        ),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_discrepancy_household_id_household")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_discrepancy_person_id_person")),
        *(
            sa.ForeignKeyConstraint(
                [f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_discrepancy_{tier}_id_organisation")
            )
            for tier in TIERS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancy")),
    )
    op.create_index("uq_discrepancy_found", "discrepancy", ["household_id", "field", "source_id"], unique=True)
    op.create_index("ix_discrepancy_household", "discrepancy", ["household_id", "created_at", "id"])
    for tier in TIERS:
        op.create_index(
            f"ix_discrepancy_waiting_{tier}",
            "discrepancy",
            [f"{tier}_id", "created_at", "id"],
            postgresql_where=WAITING,
        )
    op.execute("alter table discrepancy enable row level security, force row level security")
    op.execute(f"create policy api on discrepancy to aid_api using ({PART_OF_FILE}) with check ({PART_OF_FILE})")
    op.execute("create policy jobs on discrepancy to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on discrepancy to aid_api")
    op.execute("grant select, insert, update, delete on discrepancy to aid_jobs")


def downgrade() -> None:
    op.drop_table("discrepancy")
