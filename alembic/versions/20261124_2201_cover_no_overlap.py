"""Two covers of one person in one scheme never overlap, whichever unions enrol at once

Revision: 20261124_covers, after 20261124_hot_paths

The constraint replaces the unique key of holder and first day. Whether a cover renews an earlier one may be left
open: it follows from the person's covers. Building the constraint reads the table once under an exclusive lock; it
fails, and nothing changes, if overlapping covers are there already.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261124_covers"
down_revision = "20261124_hot_paths"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Trusted since PostgreSQL 13: the owner of the database may create it.
    op.execute("create extension if not exists btree_gist")
    op.add_column("cover", sa.Column("area", sa.String(6), server_default=sa.text("'440500'"), nullable=False))
    op.alter_column("cover", "is_renewal", existing_type=sa.Boolean(), nullable=True)
    op.execute(
        "alter table cover add constraint ex_cover_overlap exclude using gist "
        "(id_number_index with =, area with =, daterange(starts_on, ends_on, '[]') with &&)"
    )
    op.drop_constraint("uq_cover_id_number_index_starts_on", "cover", type_="unique")


def downgrade() -> None:
    op.create_unique_constraint("uq_cover_id_number_index_starts_on", "cover", ["id_number_index", "starts_on"])
    op.drop_constraint("ex_cover_overlap", "cover")
    op.execute("update cover set is_renewal = false where is_renewal is null")
    op.alter_column("cover", "is_renewal", existing_type=sa.Boolean(), nullable=False)
    op.drop_column("cover", "area")
    op.execute("drop extension if exists btree_gist")
