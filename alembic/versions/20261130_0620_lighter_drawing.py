"""What holding money costs the database beside its own rows

Revision: 20261130_lighter_drawing, after 20261130_publicity_mended

An id is made within the query that asks for it, not in a query of its own, which a setting of the function demanded.
Whether several budgets have room is asked only where there are several. Lists of words are one constant, as in
`20261130_light_steps`.
"""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from alembic import op

revision = "20261130_lighter_drawing"
down_revision = "20261130_publicity_mended"
branch_labels = None
depends_on = None

TAKEN = """
create or replace function has_taken(budgets uuid[], takes bigint[]) returns boolean language plpgsql as $$
begin
  {several}
    return false;
  {end}
  for n in 1..cardinality(budgets) loop
    update budget b set reserved_fen = b.reserved_fen + takes[n]
    where b.id = budgets[n] and b.reserved_fen + b.committed_fen + b.spent_fen + takes[n] <= b.allocated_fen;
    if not found then
      return false;
    end if;
  end loop;
  return true;
end $$
"""
LACKS = """exists (select 1 from budget b join unnest(budgets, takes) as t(id, fen) on t.id = b.id
      where b.reserved_fen + b.committed_fen + b.spent_fen + t.fen > b.allocated_fen)"""
OPEN, ANY_STATE = ("reserved", "committed"), ("reserved", "committed", "spent", "released")
KINDS = ("hardship_aid", "golden_autumn", "secondary_medical")


def upgrade() -> None:
    op.execute("alter function id_at(timestamptz) reset search_path")
    op.execute(TAKEN.format(several=f"if cardinality(budgets) > 1 then if {LACKS} then", end="end if; end if;"))
    conditions(as_constant)


def downgrade() -> None:
    conditions(as_words)
    op.execute(TAKEN.format(several=f"if cardinality(budgets) > 1 and {LACKS} then", end="end if;"))
    op.execute("alter function id_at(timestamptz) set search_path = pg_catalog, public")


def conditions(among: Callable[[str, Sequence[str]], str]) -> None:
    """Make the checks and the partial indexes of drawings again, and the check of what budgets are for."""
    for table, name, column, words in (("drawing", "state", "state", ANY_STATE), ("budget", "kind", "kind", KINDS)):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, among(column, words))
    for name, columns, unique in (
        ("uq_drawing_open", ["application_id", "budget_id", "round", "returned"], True),
        ("ix_drawing_open", ["budget_id"], False),
    ):
        op.drop_index(name, "drawing")
        op.create_index(name, "drawing", columns, unique=unique, postgresql_where=sa.text(among("state", OPEN)))


def as_constant(column: str, words: Sequence[str]) -> str:
    return f"{column} = any('{{{','.join(words)}}}'::text[])"


def as_words(column: str, words: Sequence[str]) -> str:
    return f"{column} in ({','.join(repr(word) for word in words)})"
