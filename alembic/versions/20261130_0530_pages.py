"""What everyone is told day by day, and the yearly target of the cohort of 2016

Revision: 20261130_pages, after 20261130_articles
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_pages"
down_revision = "20261130_articles"
branch_labels = None
depends_on = None

TABLE, KIND = "public_figures", "exit_target"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_figures")),
        sa.UniqueConstraint("day", name=op.f("uq_public_figures_day")),
    )
    op.execute(f"alter table {TABLE} enable row level security, force row level security")
    # Everyone may read what is told to everyone; the jobs alone write it, and nobody changes it.
    op.execute(f"create policy api on {TABLE} for select to aid_api using (true)")
    op.execute(f"create policy jobs on {TABLE} to aid_jobs using (true) with check (true)")
    op.execute(f"grant select on {TABLE} to aid_api")
    op.execute(f"grant select, insert on {TABLE} to aid_jobs")
    op.execute(
        f"create trigger append_only before update or delete or truncate on {TABLE} "
        "for each statement execute function refuse_change()"
    )
    policy_kinds([*policy_kinds_now(), KIND])


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
    op.execute(f"delete from policy_version where kind = '{KIND}'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds([kind for kind in policy_kinds_now() if kind != KIND])
    op.drop_table(TABLE)
