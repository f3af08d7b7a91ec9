"""What was still loose in the life of household files: dated limits

Revision: 20261125_loose_ends, after 20261125_files_named
"""

from alembic import op

revision = "20261125_loose_ends"
down_revision = "20261125_files_named"
branch_labels = None
depends_on = None

KINDS = (
    "hardship_aid", "golden_autumn", "secondary_medical", "household_criteria", "minimum_living_standard",
    "home_visits",
)  # fmt: skip
NEW_KIND = "household_upkeep"


def upgrade() -> None:
    policy_kinds(*KINDS, NEW_KIND)


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    op.execute("alter table policy_version disable trigger guard")
    op.execute(f"delete from policy_version where kind = '{NEW_KIND}'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds(*KINDS)
