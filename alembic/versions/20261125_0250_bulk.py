"""Imports of household files in bulk, and exports

Revision: 20261125_bulk, after 20261125_files
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_bulk"
down_revision = "20261125_files"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
PART = "exists (select 1 from bulk_import i where i.id = import_id)"
TIERS = ("city", "district", "street", "unit")
WALLS = {
    "bulk_import": (IN_REACH, "select, insert, update"),
    "bulk_upload": (PART, "select, insert"),
    "bulk_row": (PART, "select"),
    "bulk_error": (PART, "select"),
    "bulk_export": (f"{STAFF} and person_id = {PERSON}", "select, insert"),
}


def table(name: str, *columns: sa.Column | sa.Constraint) -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )


def refers(name: str, column: str, to: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{name}_{column}_{to}"))


def check(name: str, what: str, condition: str) -> sa.Constraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{name}_{what}"))


def upgrade() -> None:
    imports()
    parts()
    exports()
    for name, (policy, privileges) in WALLS.items():
        op.execute(f"alter table {name} enable row level security, force row level security")
        op.execute(f"create policy api on {name} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {name} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {name} to aid_api")
        op.execute(f"grant select, insert, update, delete on {name} to aid_jobs")


def imports() -> None:
    table(
        "bulk_import",
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("post_role", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(60), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("good", "bad", "committed", "lines", "errors")),
        sa.Column("dry_run", sa.LargeBinary(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("content_id", sa.Uuid(), nullable=False),
        sa.Column("errors_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        check("bulk_import", "state", "state in ('queued','checking','checked','committing','committed','failed')"),
        check("bulk_import", "percent", "percent between 0 and 100"),
        check("bulk_import", "failure", "(state = 'failed') = (failure is not null)"),
        refers("bulk_import", "organisation_id", "organisation"),
        *(refers("bulk_import", f"{tier}_id", "organisation") for tier in TIERS),
    )
    for tier in TIERS:
        op.create_index(f"ix_bulk_import_{tier}", "bulk_import", [f"{tier}_id", "created_at", "id"])
    table(
        "bulk_upload",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        refers("bulk_upload", "import_id", "bulk_import"),
        refers("bulk_upload", "organisation_id", "organisation"),
    )
    op.create_index("uq_bulk_upload", "bulk_upload", ["organisation_id", "sha256"], unique=True)
    op.create_index("ix_bulk_upload_import_id", "bulk_upload", ["import_id"])


def parts() -> None:
    table(
        "bulk_row",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("head_index", sa.LargeBinary(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("filing_id", sa.Uuid(), nullable=True),
        check("bulk_row", "state", "state in ('good','bad','committed')"),
        refers("bulk_row", "import_id", "bulk_import"),
    )
    op.create_index("ix_bulk_row_import", "bulk_row", ["import_id", "state", "id"])
    op.create_index(
        "uq_bulk_row_head",
        "bulk_row",
        ["import_id", "head_index"],
        unique=True,
        postgresql_where=sa.text("head_index is not null"),
    )
    table(
        "bulk_error",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column_title", sa.String(40), nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("message", sa.String(200), nullable=False),
        refers("bulk_error", "import_id", "bulk_import"),
    )
    op.create_index("ix_bulk_error_import", "bulk_error", ["import_id", "created_at", "id"])


def exports() -> None:
    table(
        "bulk_export",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(60), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        check("bulk_export", "state", "state in ('queued','done','failed')"),
        check("bulk_export", "failure", "(state = 'failed') = (failure is not null)"),
        refers("bulk_export", "person_id", "person"),
    )
    op.create_index("ix_bulk_export_person", "bulk_export", ["person_id", "created_at"])
    op.create_index("ix_bulk_export_expires", "bulk_export", ["expires_at"], postgresql_where=sa.text("state = 'done'"))


def downgrade() -> None:
    for name in ("bulk_export", "bulk_error", "bulk_row", "bulk_upload", "bulk_import"):
        op.drop_table(name)
