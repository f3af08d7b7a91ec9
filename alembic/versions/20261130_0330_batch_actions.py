"""Many cases at once: what was previewed and what came of it; and a household's money out of the reader's sight

Revision: 20261130_batch_actions, after 20261130_supplements
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_batch_actions"
down_revision = "20261130_supplements"
branch_labels = None
depends_on = None

STAFF_PERSON = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
RULES = {
    "action": "action in ('accept','approve','return','start_payment','confirm_payment')",
    "size": "cardinality(application_ids) between 1 and 1000",
    "versions": "cardinality(versions) = cardinality(application_ids)",
    "expires": "expires_at > created_at",
    "ran": "(ran_at is null) = (outcome is null)",
}
# Whoever decides on one case learns how much else goes to its household, of which kind, and whether it was paid; and
# nothing that says where, by whom or when. What they see themselves is left out: they read it with its number.
MONEY_ELSEWHERE = """
create function money_elsewhere(asked uuid, since timestamptz)
returns table (kind text, in_flight boolean, count bigint, amount_fen bigint) language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  mine uuid[] := coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[];
begin
  return query
    select o.kind::text, o.state <> 'paid', count(*), sum(coalesce(o.amount_fen, 0))::bigint
    from application a join application o on o.household_id = a.household_id or o.applicant_id = a.applicant_id
    where a.id = asked and o.id <> a.id
      and current_setting('app.door', true) = 'staff'
      and a.submitted_at is not null
      and a.applicant_id <> nullif(current_setting('app.person', true), '')::uuid
      and array[a.city_id, a.district_id, a.street_id, a.unit_id] && mine
      and o.submitted_at >= since
      and o.state not in ('draft', 'rejected', 'appealed', 'withdrawn')
      and not array[o.city_id, o.district_id, o.street_id, o.unit_id] && mine
    group by o.kind, o.state <> 'paid';
end $$
"""


def upgrade() -> None:
    op.create_table(
        "batch_action",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.Column("application_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("versions", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_batch_action_{name}")) for name, rule in RULES.items()),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_batch_action_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_action")),
    )
    op.create_index("ix_batch_action_created", "batch_action", ["created_at"])
    own = f"person_id = {STAFF_PERSON}"
    op.execute("alter table batch_action enable row level security, force row level security")
    op.execute(f"create policy api on batch_action to aid_api using ({own}) with check ({own})")
    op.execute("create policy jobs on batch_action to aid_jobs using (true) with check (true)")
    # What was looked at never changes; that it was done, and with what outcome, is written once.
    op.execute("grant select, insert, update (ran_at, outcome) on batch_action to aid_api")
    op.execute("grant select, insert, update, delete on batch_action to aid_jobs")
    _money_elsewhere()


def _money_elsewhere() -> None:
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    op.execute(MONEY_ELSEWHERE)
    op.execute("revoke execute on function money_elsewhere(uuid, timestamptz) from public")
    op.execute("alter function money_elsewhere(uuid, timestamptz) owner to aid_jobs")
    op.execute("grant execute on function money_elsewhere(uuid, timestamptz) to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def downgrade() -> None:
    op.execute("drop function money_elsewhere(uuid, timestamptz)")
    op.drop_table("batch_action")
