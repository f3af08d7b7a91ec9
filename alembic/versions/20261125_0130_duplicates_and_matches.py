"""Suspicions that two household files are one, and matching files with the registers of departments

Revision: 20261125_matching, after 20261125_discrepancies
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_matching"
down_revision = "20261125_discrepancies"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
EITHER_FILE = f"{STAFF} and exists (select 1 from household h where h.id = household_a_id or h.id = household_b_id)"


def upgrade() -> None:
    _duplicate_tables()
    _walls()


def _duplicate_tables() -> None:
    op.create_table(
        "duplicate_key",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_duplicate_key_household_id_household")
        ),
        sa.PrimaryKeyConstraint("household_id", "key", name=op.f("pk_duplicate_key")),
    )
    op.create_index("ix_duplicate_key_key", "duplicate_key", ["key", "household_id"])
    op.create_table(
        "duplicate_flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(f"household_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        *(sa.Column(f"person_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        *(sa.Column(f"organisation_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("weights", sa.String(60), nullable=False),
        sa.Column("features_index", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("household_a_id < household_b_id", name=op.f("ck_duplicate_flag_ordered")),
        sa.CheckConstraint("state in ('open','same','different','cleared')", name=op.f("ck_duplicate_flag_state")),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_duplicate_flag_score")),
        sa.CheckConstraint(
            "(state in ('same','different')) = (decided_by is not null) and (decided_by is null) = (decided_at is null)",
            name=op.f("ck_duplicate_flag_decided"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{what}_{side}_id"], [f"{what}.id"], name=op.f(f"fk_duplicate_flag_{what}_{side}_id_{what}")
            )
            for what in ("household", "organisation")
            for side in "ab"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_flag")),
    )
    op.create_index("uq_duplicate_flag_pair", "duplicate_flag", ["household_a_id", "household_b_id"], unique=True)
    op.create_index("ix_duplicate_flag_b", "duplicate_flag", ["household_b_id"])
    op.create_index("ix_duplicate_flag_state", "duplicate_flag", ["state", "created_at", "id"])
    op.create_index(
        "ix_duplicate_flag_unseen", "duplicate_flag", ["seen_at"], postgresql_where=sa.text("state = 'open'")
    )


def _walls() -> None:
    for table in ("duplicate_key", "duplicate_flag"):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(f"create policy api on duplicate_flag to aid_api using ({EITHER_FILE}) with check ({EITHER_FILE})")
    op.execute("grant select, update on duplicate_flag to aid_api")


def downgrade() -> None:
    op.drop_table("duplicate_flag")
    op.drop_table("duplicate_key")
