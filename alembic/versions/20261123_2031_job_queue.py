"""The tables of the job queue, as its library (pgqueuer 1.6) writes them

Revision: 20261123_job_queue, after 20261123_walls
"""

import re
from pathlib import Path

from alembic import op

revision = "20261123_job_queue"
down_revision = "20261123_walls"
branch_labels = None
depends_on = None

INSTALL = Path(__file__).parents[1] / "sql" / "pgqueuer_1_6.sql"
TABLES = ("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics")


def upgrade() -> None:
    for statement in re.split(r";\n\n(?=CREATE)", INSTALL.read_text()):
        op.execute(statement)
    for table in TABLES:
        # Payloads are ids, never personal data, and only the jobs' role comes here at all.
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete, truncate on {table} to aid_jobs")
    op.execute("grant usage on all sequences in schema public to aid_jobs")


def downgrade() -> None:
    op.execute("revoke usage on all sequences in schema public from aid_jobs")
    op.execute("grant usage on sequence application_number, household_number to aid_jobs")
    for table in TABLES:
        op.execute(f"drop table {table} cascade")
    op.execute("drop function fn_pgqueuer_changed()")
    op.execute("drop type pgqueuer_status")
