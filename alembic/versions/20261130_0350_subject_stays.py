"""What was paid before an appeal raised it keeps its student and year, or its settlement sheet, taken

Revision: 20261130_subject_stays, after 20261130_leftovers

A raise that was refused in the end took the whole application out of the index: the same student, or the same sheet,
could have been paid a second time.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_subject_stays"
down_revision = "20261130_leftovers"
branch_labels = None
depends_on = None

LIVING = (
    "state in ('submitted','unit_review','district_review','city_approval','meeting','public_notice','approved',"
    "'paying','paid')"
)


def upgrade() -> None:
    taken_where(f"({LIVING} or paid_before_fen is not null) and subject_index is not null")


def downgrade() -> None:
    taken_where(f"{LIVING} and subject_index is not null")


def taken_where(condition: str) -> None:
    op.drop_index("uq_application_subject", table_name="application")
    op.create_index(
        "uq_application_subject", "application", ["kind", "subject_index"], unique=True,
        postgresql_where=sa.text(condition),
    )  # fmt: skip
