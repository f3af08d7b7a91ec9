"""The audit chain names its table in full instead of setting a search path for each entry

Revision: 20261125_chain_qualified, after 20261125_files_named

A function that runs with its owner's rights must not look names up where its caller may put others. A search path of its
own prevents that, and so does naming the one table with its schema; functions are never looked up in a temporary
schema, and `pg_catalog` comes first. Setting and resetting the path took some 12 µs of a step's 360.
"""

from alembic import op

revision = "20261125_chain_qualified"
down_revision = "20261125_files_named"
branch_labels = None
depends_on = None

BODY = """$$
begin
  new.shard := pg_backend_pid() % 64;
  update {table} set length = length + 1, updated_at = new.created_at,
    head = sha256(head || convert_to(concat_ws(chr(31), new.id::text,
      (extract(epoch from new.created_at) * 1000000)::bigint::text, coalesce(new.person_id::text, ''), new.action,
      new.subject_kind, new.subject_id::text, coalesce(new.subject_person_id::text, ''), new.details::text), 'UTF8'))
    where shard = new.shard returning length, head into new.sequence, new.hash;
  return new;
end $$"""
AS = "create or replace function audit_chain_append() returns trigger language plpgsql security definer"


def upgrade() -> None:
    op.execute(f"{AS} as {BODY.format(table='public.audit_chain')}")


def downgrade() -> None:
    op.execute(f"{AS} set search_path = pg_catalog, public as {BODY.format(table='audit_chain')}")
