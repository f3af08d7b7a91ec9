"""Uploaded files and the forms that name them

Revision: 20261125_files, after 20261125_plans
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_files"
down_revision = "20261125_plans"
branch_labels = None
depends_on = None

WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
STAFF = "(select current_setting('app.door', true)) = 'staff'"
# What may be seen of a household or an application, their own walls say.
NAMED = (
    "case subject_kind when 'household' then exists (select 1 from household h where h.id = subject_id) "
    "when 'application' then exists (select 1 from application a where a.id = subject_id) else false end"
)


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.CheckConstraint("state in ('pending','clean','rejected')", name=op.f("ck_file_state")),
        sa.CheckConstraint(
            "media_type in ('image/jpeg','image/png','application/pdf')", name=op.f("ck_file_media_type")
        ),
        sa.CheckConstraint("size between 1 and 20971520", name=op.f("ck_file_size")),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_file_sha256")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_file_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
    )
    op.create_index("ix_file_person", "file", ["person_id", "created_at"])
    op.create_index("ix_file_created", "file", ["created_at"])
    op.create_table(
        "file_use",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("living", sa.Boolean(), nullable=False),
        sa.CheckConstraint("subject_kind in ('household','application')", name=op.f("ck_file_use_subject_kind")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_file_use_file_id_file")),
        sa.PrimaryKeyConstraint("file_id", "subject_kind", "subject_id", name=op.f("pk_file_use")),
    )
    op.create_index("ix_file_use_subject", "file_use", ["subject_kind", "subject_id"])
    raise_wall("file_use", NAMED)
    raise_wall(
        "file",
        f"person_id = {WORKER} or ({STAFF} and exists (select 1 from file_use u where u.file_id = file.id and u.living))",
        check=f"person_id = {WORKER}",
    )
    op.execute("grant select, insert on file to aid_api")
    op.execute("grant select, insert, update on file_use to aid_api")
    op.execute("grant select, insert, update, delete on file, file_use to aid_jobs")


def raise_wall(table: str, policy: str, check: str | None = None) -> None:
    op.execute(f"alter table {table} enable row level security, force row level security")
    op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({check or policy})")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")


def downgrade() -> None:
    op.execute("drop policy api on file")
    op.drop_table("file_use")
    op.drop_table("file")
