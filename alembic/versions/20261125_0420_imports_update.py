"""Imports change files and are committed union by union; messages to persons; what few need is really asked last

Revision: 20261125_imports_update, after 20261125_paper

PostgreSQL asks permissive policies in the reverse order of their names: what is to be asked after `api` needs a name that
comes before it. On a list of files the function was called for every row.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_imports_update"
down_revision = "20261125_paper"
branch_labels = None
depends_on = None

PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
ASKED_LAST = {
    "household": ("visited",),
    "post": ("may_be_sent",),
    "person": ("colleague", "staff_sees"),
    "consent": ("api_matching",),
    "proxy_filing": ("opened",),
}


def upgrade() -> None:
    for table, policies in ASKED_LAST.items():
        for policy in policies:
            op.execute(f"alter policy {policy} on {table} rename to after_{policy}")
    imports()
    messages()


def imports() -> None:
    for column in ("updates", "unchanged"):
        op.add_column("bulk_import", sa.Column(column, sa.Integer(), server_default=sa.text("0"), nullable=False))
        op.alter_column("bulk_import", column, server_default=None)
    op.add_column("bulk_import", sa.Column("chosen", postgresql.ARRAY(sa.Uuid()), nullable=True))
    op.add_column("bulk_import", sa.Column("reason", sa.LargeBinary(), nullable=True))
    op.add_column("bulk_row", sa.Column("organisation_id", sa.Uuid(), nullable=True))
    op.add_column("bulk_row", sa.Column("kind", sa.String(10), server_default=sa.text("'filing'"), nullable=False))
    op.alter_column("bulk_row", "kind", server_default=None)
    op.add_column("bulk_row", sa.Column("household_id", sa.Uuid(), nullable=True))
    without_wall("bulk_row", "bulk_import")
    # What waits from before does not say its union: it is tried again, and what was committed went to one import's own.
    op.execute("update bulk_row r set organisation_id = i.organisation_id from bulk_import i where i.id = r.import_id")
    op.execute("update bulk_import set state = 'queued', percent = 0 where state in ('checked', 'committing')")
    op.execute(
        "insert into out_message (id, created_at, name, body) select gen_random_uuid(), now(), 'ImportAsked', "
        "jsonb_build_object('import_id', id::text) from bulk_import where state = 'queued'"
    )
    with_wall("bulk_row", "bulk_import")
    op.alter_column("bulk_row", "organisation_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_bulk_row_organisation_id_organisation"), "bulk_row", "organisation", ["organisation_id"], ["id"]
    )
    op.drop_constraint(op.f("ck_bulk_row_state"), "bulk_row", type_="check")
    checks = {
        "state": "state in ('good','bad','unchanged','committed')",
        "kind": "kind in ('filing','update')",
        "household": "kind = 'filing' or household_id is not null or state = 'bad'",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_bulk_row_{name}"), "bulk_row", condition)
    op.add_column("proxy_filing", sa.Column("bank_card", sa.LargeBinary(), nullable=True))


def messages() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("once", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("title", sa.String(60), nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("subject_kind", sa.String(20), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_message_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("uq_message_once", "message", ["person_id", "once"], unique=True)
    op.create_index("ix_message_person", "message", ["person_id", "created_at", "id"])
    op.create_index("ix_message_unread", "message", ["person_id"], postgresql_where=sa.text("read_at is null"))
    op.execute("alter table message enable row level security, force row level security")
    op.execute(
        f"create policy api on message to aid_api using (person_id = {PERSON}) with check (person_id = {PERSON})"
    )
    op.execute("create policy jobs on message to aid_jobs using (true) with check (true)")
    op.execute("grant select on message to aid_api")
    op.execute("grant update (read_at) on message to aid_api")
    op.execute("grant select, insert, update, delete on message to aid_jobs")


def without_wall(*tables: str) -> None:
    for table in tables:
        op.execute(f"alter table {table} no force row level security")


def with_wall(*tables: str) -> None:
    for table in tables:
        op.execute(f"alter table {table} force row level security")


def downgrade() -> None:
    op.drop_table("message")
    op.drop_column("proxy_filing", "bank_card")
    without_wall("bulk_row", "bulk_import")
    # Updates are unknown there: an import with some of them is uploaded again.
    op.execute("delete from bulk_row where kind = 'update' or state = 'unchanged'")
    op.execute("update bulk_import set good = greatest(good - updates, 0)")
    with_wall("bulk_row", "bulk_import")
    for name in ("household", "kind", "state"):
        op.drop_constraint(op.f(f"ck_bulk_row_{name}"), "bulk_row", type_="check")
    op.create_check_constraint(op.f("ck_bulk_row_state"), "bulk_row", "state in ('good','bad','committed')")
    for column in ("household_id", "kind", "organisation_id"):
        op.drop_column("bulk_row", column)
    for column in ("reason", "chosen", "unchanged", "updates"):
        op.drop_column("bulk_import", column)
    for table, policies in ASKED_LAST.items():
        for policy in policies:
            op.execute(f"alter policy after_{policy} on {table} rename to {policy}")
