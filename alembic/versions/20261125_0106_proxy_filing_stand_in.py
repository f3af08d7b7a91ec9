"""Files that staff fill in for a worker, as far as imports need them

Revision: 20261125_proxy_filing, after 20261125_files

The same table as in the branch that owns it: when that one is merged, this migration goes.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_proxy_filing"
down_revision = "20261125_files"
branch_labels = None
depends_on = None

ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
TIERS = ("city", "district", "street", "unit")


def check(name: str, condition: str) -> sa.Constraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_proxy_filing_{name}"))


def upgrade() -> None:
    op.create_table(
        "proxy_filing",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("id_number_index", "id_number", "name")),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_masked", sa.String(20), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        *(
            sa.ForeignKeyConstraint(
                [f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_proxy_filing_{tier}_id_organisation")
            )
            for tier in TIERS
        ),
        sa.Column("division_code", sa.String(12), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("assisted_by", sa.Uuid(), nullable=False),
        sa.Column("post_role", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signature_file_id", sa.Uuid(), nullable=True),
        check("state", "state in ('open','confirmed')"),
        check("ended", "(state = 'confirmed') = (household_id is not null and confirmed_by is not null)"),
        check("second_person", "signature_file_id is null or confirmed_by <> assisted_by"),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_proxy_filing_household_id_household")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proxy_filing")),
    )
    op.create_index(
        "uq_proxy_filing_open",
        "proxy_filing",
        ["id_number_index"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_proxy_filing_unit", "proxy_filing", ["unit_id"])
    op.execute("alter table proxy_filing enable row level security, force row level security")
    op.execute(f"create policy api on proxy_filing to aid_api using ({IN_REACH}) with check ({IN_REACH})")
    op.execute("create policy jobs on proxy_filing to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on proxy_filing to aid_api, aid_jobs")


def downgrade() -> None:
    op.drop_table("proxy_filing")
