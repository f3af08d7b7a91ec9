"""What was wrong with messages and publicity: each take-down waits by itself, tags are tried until they hold, the month's
mass sends are counted for the whole account, and staff see the way of those messages alone that concern a case

Revision: 20261130_publicity_mended, after 20261130_money_mended
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_publicity_mended"
down_revision = "20261130_money_mended"
branch_labels = None
depends_on = None

PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
OWN_AFFAIRS = (
    "kind in ('application','household','appeal','card','card_check','discrepancy','change','visit','account',"
    "'supplement_asked','review_due')"
)
SEEN = f"{OWN_AFFAIRS} and {IN_REACH} and person_id is distinct from {PERSON}"
DEFINER = "security definer set search_path = pg_catalog, public"


def upgrade() -> None:
    op.add_column("article", sa.Column("take_down_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("article", sa.Column("take_down_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("article", sa.Column("take_down_failure", sa.String(60), nullable=True))
    op.add_column("wechat_follower", sa.Column("retags", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("wechat_follower", sa.Column("retag_after", sa.DateTime(timezone=True), nullable=True))
    month()
    deliveries()


def month() -> None:
    """The quota is the account's: whoever schedules counts what others have scheduled, and learns the count alone."""
    op.execute("grant create on schema public to aid_jobs")
    op.execute(
        f"""
        create function mass_sends_between(asked_tag int, begins timestamptz, ends timestamptz) returns bigint
        language sql stable {DEFINER} as $$
          select count(*) from article
          where way = 'mass_send' and state in ('scheduled','publishing','unknown','published','withdrawn')
            and (tag_id is null or tag_id is not distinct from asked_tag)
            and publish_at >= begins and publish_at < ends
            and coalesce(current_setting('app.door', true), '') = 'staff' $$
        """
    )
    op.execute("revoke execute on function mass_sends_between from public")
    op.execute("alter function mass_sends_between owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute("grant execute on function mass_sends_between to aid_api")


def deliveries() -> None:
    op.add_column("message_sending", sa.Column("kind", sa.String(20), nullable=True))
    for table in ("message_sending", "message"):
        op.execute(f"alter table {table} no force row level security")
    op.execute("update message_sending s set kind = m.kind from message m where m.id = s.message_id")
    for table in ("message_sending", "message"):
        op.execute(f"alter table {table} force row level security")
    op.alter_column("message_sending", "kind", nullable=False)
    policies(SEEN)


def policies(seen: str) -> None:
    op.execute("drop policy after_staff on message_sending")
    op.execute("drop policy after_staff_moves on message_sending")
    op.execute(f"create policy after_staff on message_sending for select to aid_api using ({seen})")
    op.execute(
        f"create policy after_staff_moves on message_sending for update to aid_api using ({seen}) with check ({seen})"
    )


def downgrade() -> None:
    policies(IN_REACH)
    op.drop_column("message_sending", "kind")
    op.execute("drop function mass_sends_between")
    for name in ("retag_after", "retags"):
        op.drop_column("wechat_follower", name)
    for name in ("take_down_failure", "take_down_due_at", "take_down_attempts"):
        op.drop_column("article", name)
