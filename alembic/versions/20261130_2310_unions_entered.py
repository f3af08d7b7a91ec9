"""Unions are entered and renamed by those who administer the ones above them

Revision: 20261130_unions_entered, after 20261130_appointments

Until now only the jobs' role wrote unions, and everybody may read them all. Where a new one stands is copied from its
parent: a trigger sees that it is, whoever writes, because all walls rest on it.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_unions_entered"
down_revision = "20261130_appointments"
branch_labels = None
depends_on = None

# As in 20261130_kept_apart: administrators reach no case, so the transaction tells of no organisations of theirs.
ADMINISTERED = (
    "exists (select 1 from post p where p.person_id = (select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end) "
    "and p.role = 'system_admin' and p.ended_at is null "
    "and p.from_date <= (now() at time zone 'Asia/Shanghai')::date "
    "and p.organisation_id in (city_id, district_id, street_id, unit_id))"
)
STANDS_UNDER_PARENT = """
create function stands_under_parent() returns trigger language plpgsql as $$
declare above public.organisation;
begin
  select * into above from public.organisation o where o.id = new.parent_id;
  if (coalesce(above.level, ''), new.level) not in (('', 'city'), ('city', 'district'), ('city', 'industry'),
      ('district', 'street'), ('street', 'unit'), ('district', 'unit'), ('industry', 'unit'), ('city', 'unit'))
    or (new.city_id, new.district_id, new.street_id, new.unit_id) is distinct from (
      case new.tier when 'city' then new.id else above.city_id end,
      case new.tier when 'district' then new.id else above.district_id end,
      case new.tier when 'street' then new.id else above.street_id end,
      case new.tier when 'unit' then new.id else above.unit_id end) then
    raise exception 'a union stands where its parent stands, on a tier of its own'
      using errcode = 'check_violation', constraint = 'ck_organisation_stands_under_parent';
  end if;
  return new;
end $$
"""
OPEN = "create policy api on organisation to aid_api using (true) with check (true)"


def upgrade() -> None:
    op.create_check_constraint(
        op.f("ck_organisation_tier_of_level"),
        "organisation",
        "tier = case level when 'industry' then 'district' else level end",
    )
    op.create_index(
        "uq_organisation_receives_unattached",
        "organisation",
        ["city_id"],
        unique=True,
        postgresql_where=sa.text("receives_unattached"),
    )
    op.execute(STANDS_UNDER_PARENT)
    op.execute(
        "create trigger stands_under_parent before insert on organisation for each row "
        "execute function stands_under_parent()"
    )
    op.execute("drop policy api on organisation")
    op.execute("create policy api on organisation for select to aid_api using (true)")
    op.execute(f"create policy enters on organisation for insert to aid_api with check ({ADMINISTERED})")
    op.execute(
        f"create policy renames on organisation for update to aid_api using ({ADMINISTERED}) with check ({ADMINISTERED})"
    )
    op.execute("grant insert, update (name, receives_unattached) on organisation to aid_api")


def downgrade() -> None:
    op.execute("revoke insert, update (name, receives_unattached) on organisation from aid_api")
    for policy in ("api", "enters", "renames"):
        op.execute(f"drop policy {policy} on organisation")
    op.execute(OPEN)
    op.execute("drop trigger stands_under_parent on organisation")
    op.execute("drop function stands_under_parent()")
    op.drop_index("uq_organisation_receives_unattached", "organisation")
    op.drop_constraint(op.f("ck_organisation_tier_of_level"), "organisation")
