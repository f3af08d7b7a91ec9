"""An appeal goes where its application goes

Revision: 20261130_appeals_follow, after 20261130_subject_stays

The union that took a household file over saw its applications, and its appeals stayed behind with a union that could not
open the case any more.
"""

from alembic import op

revision = "20261130_appeals_follow"
down_revision = "20261130_subject_stays"
branch_labels = None
depends_on = None

GOES_ALONG = """
create function appeal_goes_along() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
  update appeal set city_id = new.city_id, district_id = new.district_id, street_id = new.street_id,
    unit_id = new.unit_id
  where application_id = new.id and state in ('at_district', 'at_city');
  return null;
end $$
"""
TIERS = ("city_id", "district_id", "street_id", "unit_id")


def upgrade() -> None:
    op.execute(GOES_ALONG)
    moved = " or ".join(f"old.{tier} is distinct from new.{tier}" for tier in TIERS)
    # Only where the union is written at all: no step of an application does that.
    op.execute(
        f"create trigger appeal_goes_along after update of {', '.join(TIERS)} on application for each row "
        f"when ({moved}) execute function appeal_goes_along()"
    )


def downgrade() -> None:
    op.execute("drop trigger appeal_goes_along on application")
    op.execute("drop function appeal_goes_along()")
