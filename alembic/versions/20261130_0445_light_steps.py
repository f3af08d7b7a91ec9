"""What a step on an application costs the database beside its own rows

Revision: 20261130_light_steps, after 20261130_late_payments

With each update the database reads the checks of a table and the conditions of its indexes and triggers anew. A list of
words in them is kept as one constant, which is read several times faster than the words one by one. Three indexes go:
somebody's own applications are few and are found by their numbers of submissions, and nothing asks by measure or cover.
"""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "20261130_light_steps"
down_revision = "20261130_late_payments"
branch_labels = None
depends_on = None

WORDS = re.compile(r"(ANY|ALL) \(\(ARRAY\[((?:'\w+'::character varying(?:, )?)+)\]\)::text\[\]\)")
CONSTANT = re.compile(r"(ANY|ALL) \('\{([\w,]+)\}'::text\[\]\)")
CHECKS = """
select 'alter table ' || t || ' drop constraint ' || name,
  'alter table ' || t || ' add constraint ' || name || ' ' || pg_get_constraintdef(c.oid)
from pg_constraint c, quote_ident(c.conrelid::regclass::text) t, quote_ident(c.conname) name
where c.contype = 'c' and c.conrelid in ('application'::regclass, 'passage'::regclass)
"""
INDEXES = """
select 'drop index ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
from pg_index where indpred is not null and indrelid = 'application'::regclass
"""
TRIGGERS = """
select 'drop trigger ' || quote_ident(tgname) || ' on ' || tgrelid::regclass, pg_get_triggerdef(oid)
from pg_trigger where tgqual is not null and tgrelid in ('application'::regclass, 'passage'::regclass)
"""
GONE = {
    "ix_application_own": (["applicant_id", "created_at", "id"], None),
    "ix_application_cover": (["cover_id"], "cover_id is not null"),
    "ix_application_measure": (["measure_id"], "measure_id is not null"),
}


def upgrade() -> None:
    for name in GONE:
        op.drop_index(name, "application")
    # Before that of subjects, which is made again below: the older index is looked at first, and of two submissions at
    # once the second is to be told that it was overtaken, and to be judged anew.
    submissions(None)
    spelt(as_constant)


def downgrade() -> None:
    submissions("submission_no is not null")
    for name, (columns, condition) in GONE.items():
        op.create_index(name, "application", columns, postgresql_where=condition and sa.text(condition))
    spelt(as_words)


def spelt(how: Callable[[str], str]) -> None:
    """Make again, spelt otherwise, what holds a list of words."""
    for query in (CHECKS, INDEXES, TRIGGERS):
        for drop, definition in op.get_bind().execute(sa.text(query)).all():
            if how(definition) != definition:
                op.get_bind().exec_driver_sql(drop)
                op.get_bind().exec_driver_sql(how(definition))


def as_constant(definition: str) -> str:
    def constant(found: re.Match[str]) -> str:
        words = re.findall(r"'(\w+)'::", found[2])
        return f"{found[1]} ('{{{','.join(words)}}}'::text[])"

    return WORDS.sub(constant, definition)


def as_words(definition: str) -> str:
    def words(found: re.Match[str]) -> str:
        each = ", ".join(f"'{word}'::character varying" for word in found[2].split(","))
        return f"{found[1]} ((ARRAY[{each}])::text[])"

    return CONSTANT.sub(words, definition)


def submissions(condition: str | None) -> None:
    op.drop_index("uq_application_submission", "application")
    op.create_index(
        "uq_application_submission", "application", ["applicant_id", "submission_no"], unique=True,
        postgresql_where=condition and sa.text(condition),
    )  # fmt: skip
