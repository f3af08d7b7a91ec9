"""Every document that rests on uploaded files names them, and lets them be seen by those who may see it

Revision: 20261125_files_named, after 20261125_bulk
"""

from alembic import op

revision = "20261125_files_named"
down_revision = "20261125_bulk"
branch_labels = None
depends_on = None

WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
STAFF = "(select current_setting('app.door', true)) = 'staff'"
NAMED_TO_STAFF = f"({STAFF} and exists (select 1 from file_use u where u.file_id = file.id and u.living))"
# A paper that stands for a signature goes with the file that it opened, to whichever union has that now.
OPENED = "household_id is not null and exists (select 1 from household h where h.id = household_id)"
# Each kind is called as its table.
BEFORE = ("household", "application")
KINDS = (*BEFORE, "household_exit", "visit", "discrepancy", "proxy_filing", "match_authorisation")


def upgrade() -> None:
    subjects(*KINDS)
    # Staff upload evidence too, and name it through the staff door.
    op.execute(f"alter policy api on file using (person_id = {PERSON} or {NAMED_TO_STAFF})")
    op.execute(f"create policy opened on proxy_filing for select to aid_api using ({OPENED})")


def subjects(*kinds: str) -> None:
    """What may be named by, and that the wall of each kind says who may see what it names."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in ({listed}))")
    seen = " ".join(f"when '{kind}' then exists (select 1 from {kind} s where s.id = subject_id)" for kind in kinds)
    policy = f"case subject_kind {seen} else false end"
    op.execute(f"alter policy api on file_use using ({policy}) with check ({policy})")


def downgrade() -> None:
    op.execute("drop policy opened on proxy_filing")
    op.execute(f"alter policy api on file using (person_id = {WORKER} or {NAMED_TO_STAFF})")
    op.execute("alter table file_use no force row level security")
    op.execute(f"delete from file_use where subject_kind not in {BEFORE}")
    op.execute("alter table file_use force row level security")
    subjects(*BEFORE)
