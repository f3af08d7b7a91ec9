"""A case whose payment failed may be late as well

Revision: 20261130_late_payments, after 20261130_wechat
"""

from alembic import op

revision = "20261130_late_payments"
down_revision = "20261130_wechat"
branch_labels = None
depends_on = None

STATES = "'submitted','unit_review','district_review','city_approval','meeting','approved','paying'"


def upgrade() -> None:
    states(f"{STATES},'payment_failed'")


def downgrade() -> None:
    op.execute("delete from case_escalation where state = 'payment_failed'")
    states(STATES)


def states(listed: str) -> None:
    op.execute("alter table case_escalation drop constraint ck_case_escalation_state")
    op.execute(f"alter table case_escalation add constraint ck_case_escalation_state check (state in ({listed}))")
