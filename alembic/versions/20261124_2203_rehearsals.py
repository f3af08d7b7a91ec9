"""Rehearsals of policy versions, asked for by staff and run by the jobs

Revision: 20261124_rehearsals, after 20261124_policies
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_rehearsals"
down_revision = "20261124_policies"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"


def upgrade() -> None:
    op.create_table(
        "rehearsal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(60), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("evaluated", "unevaluable", "gains", "loses", "more", "less")
        ),
        sa.Column("before_fen", sa.BigInteger(), nullable=False),
        sa.Column("after_fen", sa.BigInteger(), nullable=False),
        sa.Column("money", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name=op.f("ck_rehearsal_state")),
        sa.CheckConstraint("percent between 0 and 100", name=op.f("ck_rehearsal_percent")),
        sa.CheckConstraint("(state = 'failed') = (failure is not null)", name=op.f("ck_rehearsal_failure")),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policy_version.id"], name=op.f("fk_rehearsal_policy_id_policy_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsal")),
    )
    op.create_index("ix_rehearsal_policy", "rehearsal", ["policy_id", "created_at", "id"])
    op.create_table(
        "rehearsal_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rehearsal_id", sa.Uuid(), nullable=False),
        sa.Column("effect", sa.String(12), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("item", sa.String(40), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("application_id", sa.Uuid(), nullable=True),
        sa.Column("before_fen", sa.BigInteger(), nullable=True),
        sa.Column("after_fen", sa.BigInteger(), nullable=True),
        sa.Column("rule", sa.String(60), nullable=True),
        sa.CheckConstraint(
            "effect in ('gains', 'loses', 'more', 'less', 'unevaluable')", name=op.f("ck_rehearsal_line_effect")
        ),
        sa.ForeignKeyConstraint(
            ["rehearsal_id"], ["rehearsal.id"], name=op.f("fk_rehearsal_line_rehearsal_id_rehearsal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsal_line")),
    )
    op.create_index("ix_rehearsal_line_effect", "rehearsal_line", ["rehearsal_id", "effect", "id"])
    for table in ("rehearsal", "rehearsal_line"):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} for select to aid_api using ({STAFF})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(
        "create policy api_ask on rehearsal for insert to aid_api "
        f"with check ({STAFF} and state = 'queued' and asked_by = {PERSON})"
    )
    op.execute("grant insert on rehearsal to aid_api")


def downgrade() -> None:
    op.drop_table("rehearsal_line")
    op.drop_table("rehearsal")
