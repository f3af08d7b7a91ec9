"""A person's submissions are counted, so that of two at once one is taken

Revision: 20261125_submission_no, after 20261124_rehearsals

The count takes the place of a lock (docs/decisions/0018-submitting-in-two-statements.md). Temporary aid is found by the
index of the applicant's own applications.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_submission_no"
down_revision = "20261124_rehearsals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("application", sa.Column("submission_no", sa.Integer(), nullable=True))
    op.drop_index("ix_application_temporary", "application")
    op.create_index(
        "uq_application_submission",
        "application",
        ["applicant_id", "submission_no"],
        unique=True,
        postgresql_where=sa.text("submission_no is not null"),
    )


def downgrade() -> None:
    op.drop_index("uq_application_submission", "application")
    op.create_index(
        "ix_application_temporary",
        "application",
        ["applicant_id", "submitted_at"],
        postgresql_where=sa.text("item = 'temporary'"),
    )
    op.drop_column("application", "submission_no")
