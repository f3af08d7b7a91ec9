"""What the hot paths pay for: a door put back, rows kept whole, two indexes that nobody asked

Revision: 20261124_hot_paths, after 20261123_job_queue

`actor_of_session` may now be asked inside a request's own transaction: it puts the door back. Sealed values look like
noise, so PostgreSQL is told not to try and compress them, and an application stays in its row up to half a page.
The audit trail is read by whose data it was, or along its chains; its other two indexes served no query.
"""

from alembic import op
from sqlalchemy import text

revision = "20261124_hot_paths"
down_revision = "20261123_job_queue"
branch_labels = None
depends_on = None

ACTOR_OF_SESSION = """
create or replace function actor_of_session(asked uuid, at timestamptz, today date)
returns table (person_id uuid, posts jsonb) language plpgsql as $$
{before}
begin
  perform set_config('app.door', 'sign_in', true);
  return query
    select s.person_id, coalesce((
      select jsonb_agg(jsonb_build_object('role', p.role, 'id', o.id, 'code', o.code, 'name', o.name, 'level', o.level,
        'tier', o.tier) order by p.id)
      from post p join organisation o on o.id = p.organisation_id
      where p.person_id = s.person_id and p.ended_at is null and p.from_date <= today), '[]'::jsonb)
    from session s join person on person.id = s.person_id
    where s.id = asked and s.ended_at is null and s.expires_at > at and person.closed_at is null;
{after}
end $$
"""
SEALED = {
    "application": ("form", "facts", "decision"),
    "household": ("form",),
    "keyed_answer": ("answer",),
}


def upgrade() -> None:
    op.execute(
        ACTOR_OF_SESSION.format(
            before="declare before text := coalesce(current_setting('app.door', true), '');",
            after="  perform set_config('app.door', before, true);",
        )
    )
    store("external")
    op.execute("alter table application set (toast_tuple_target = 4080)")
    op.drop_index("ix_audit_entry_subject", "audit_entry")
    op.drop_index("ix_audit_entry_person", "audit_entry")


def downgrade() -> None:
    op.create_index(
        "ix_audit_entry_person",
        "audit_entry",
        ["person_id", "created_at"],
        postgresql_where=text("person_id is not null"),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject_id", "created_at"])
    op.execute("alter table application reset (toast_tuple_target)")
    op.execute(ACTOR_OF_SESSION.format(before="", after=""))
    store("extended")


def store(how: str) -> None:
    for table, columns in SEALED.items():
        for column in columns:
            op.execute(f"alter table {table} alter column {column} set storage {how}")
