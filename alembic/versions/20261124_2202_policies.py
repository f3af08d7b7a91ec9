"""Policy versions as rows that never change

Revision: 20261124_policies, after 20261124_covers

The guard stands in the database, so that it holds for every role, the owner's included: only a proposal can change, and
only into a published or a withdrawn version; a version made by staff begins after the day on which it is published
(Asia/Shanghai, the clock of the database). The published versions are for everyone to see, the proposals for staff.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261124_policies"
down_revision = "20261124_covers"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"

GUARD = """
create function policy_version_guard() returns trigger language plpgsql as $$
declare
  settled constant text[] := '{state, published_by, published_at, version}';
begin
  if tg_op in ('DELETE', 'TRUNCATE') then
    raise exception 'a policy version is never deleted' using errcode = 'insufficient_privilege';
  end if;
  if tg_op = 'UPDATE' then
    if old.state <> 'proposed' or new.state not in ('published', 'withdrawn')
      or to_jsonb(new) - settled <> to_jsonb(old) - settled then
      raise exception 'a policy version never changes' using errcode = 'insufficient_privilege';
    end if;
  elsif new.origin = 'staff' and new.state <> 'proposed' then
    raise exception 'a policy version is proposed first' using errcode = 'insufficient_privilege';
  end if;
  if new.origin = 'staff' and new.state <> 'withdrawn'
    and new.in_force_from <= (now() at time zone 'Asia/Shanghai')::date then
    raise exception 'a policy version begins on a later day than today'
      using errcode = 'check_violation', constraint = 'policy_dated_in_past';
  end if;
  return new;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "policy_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("area", sa.String(6), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "kind in ('hardship_aid', 'golden_autumn', 'secondary_medical', 'household_criteria', 'minimum_living_standard')",
            name=op.f("ck_policy_version_kind"),
        ),
        sa.CheckConstraint("area ~ '^[0-9]{6}$'", name=op.f("ck_policy_version_area")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_policy_version_sha256")),
        sa.CheckConstraint("state in ('proposed', 'published', 'withdrawn')", name=op.f("ck_policy_version_state")),
        sa.CheckConstraint("origin in ('shipped', 'staff')", name=op.f("ck_policy_version_origin")),
        sa.CheckConstraint("published_by <> proposed_by", name=op.f("ck_policy_version_second_person")),
        sa.CheckConstraint(
            "(state = 'published') = (published_at is not null)", name=op.f("ck_policy_version_published")
        ),
        sa.CheckConstraint(
            "case origin when 'staff' then proposed_by is not null and (state = 'published') = (published_by is not null)"
            " else state = 'published' and proposed_by is null and published_by is null end",
            name=op.f("ck_policy_version_people"),
        ),
        sa.CheckConstraint(
            "document ->> 'version' = name and document ->> 'area' = area and document ->> 'source' = source"
            " and (document ->> 'in_force_from')::date = in_force_from",
            name=op.f("ck_policy_version_document"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
    )
    op.create_index(
        "uq_policy_version_name",
        "policy_version",
        ["kind", "area", "name"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_index(
        "uq_policy_version_day",
        "policy_version",
        ["kind", "area", "in_force_from"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.execute(GUARD)
    op.execute(
        "create trigger guard before insert or update or delete on policy_version "
        "for each row execute function policy_version_guard()"
    )
    op.execute(
        "create trigger guard_whole before truncate on policy_version "
        "for each statement execute function policy_version_guard()"
    )
    op.execute("alter table policy_version enable row level security, force row level security")
    op.execute(f"create policy api on policy_version for select to aid_api using (state = 'published' or {STAFF})")
    op.execute(
        "create policy api_propose on policy_version for insert to aid_api "
        f"with check ({STAFF} and state = 'proposed' and origin = 'staff' and proposed_by = {PERSON})"
    )
    op.execute(
        f"create policy api_settle on policy_version for update to aid_api using ({STAFF} and state = 'proposed') "
        f"with check ({STAFF} and (state = 'withdrawn' or state = 'published' and published_by = {PERSON}))"
    )
    op.execute("create policy jobs on policy_version to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on policy_version to aid_api")
    op.execute("grant select, insert on policy_version to aid_jobs")


def downgrade() -> None:
    op.drop_table("policy_version")
    op.execute("drop function policy_version_guard()")
