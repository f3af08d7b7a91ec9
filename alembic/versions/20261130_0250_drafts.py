"""One draft of a kind and period; one that was returned is no draft that was opened twice

Revision: 20261130_drafts, after 20261125_clocks

The next application of a period is begun when the first is submitted (a second child, the next settlement sheet). While it
was being filled in, the first could not be returned: both would have been editable, and the index took only one.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_drafts"
down_revision = "20261125_clocks"
branch_labels = None
depends_on = None

COLUMNS = ["applicant_id", "kind", "period"]


def upgrade() -> None:
    one_of("state = 'draft'")


def downgrade() -> None:
    one_of("state in ('draft','returned')")


def one_of(states: str) -> None:
    op.drop_index("uq_application_open_draft", table_name="application")
    op.create_index("uq_application_open_draft", "application", COLUMNS, unique=True, postgresql_where=sa.text(states))
