"""Reading the figures: what was told last, for everyone; and what there is to be counted, for the job that counts."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, literal_column, select, text

from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.figures.rules import Cell, Key
from app.figures.tables import PublicFigures

F = table_of(PublicFigures)
_NEWEST = statement(select(F.c.day, F.c.created_at, F.c.content).order_by(F.c.day.desc()).limit(literal_column("1")))
_OF_DAY = statement(select(F.c.id).where(F.c.day == bindparam("day")))
_AID = statement(
    text(
        """
        select extract(year from a.paid_at at time zone 'Asia/Shanghai')::int as year, a.kind, o.code, o.name,
          count(distinct coalesce(a.household_id, a.applicant_id)) as count,
          sum(case when a.state = 'paid' then a.amount_fen else a.paid_before_fen end)::bigint as amount_fen
        from application a join organisation o on o.id = coalesce(a.district_id, a.city_id)
        where a.paid_at >= :since and (a.state = 'paid' or a.paid_before_fen is not null)
        group by 1, 2, 3, 4
        """
    )
)
_FILES = statement(
    text(
        """
        select category, count(*) as count from household
        where state in ('active', 'annual_review', 'relieved') and category is not null group by category
        """
    )
)
# 脱困 and 解困 are what the target counts; what was cancelled or handed on left for another reason.
_LEFT = statement(
    text(
        """
        select state as how, count(*) as count, count(*) filter (where cohort_2016) as of_cohort,
          extract(year from coalesce(left_at, relieved_at) at time zone 'Asia/Shanghai')::int as year
        from household where state in ('lifted', 'relieved') and coalesce(left_at, relieved_at) is not null
        group by 1, 4
        """
    )
)
_COHORT = statement(text("select count(*) as count from household where cohort_2016"))


async def newest(transaction: Transaction) -> Record | None:
    """What was told last: day, created_at, content."""
    return await transaction.row(_NEWEST)


async def is_taken(transaction: Transaction, day: date) -> bool:
    """Whether the figures of a day are there."""
    return await transaction.value(_OF_DAY, day=day) is not None


async def counted(transaction: Transaction, since: datetime) -> tuple[dict[Key, Cell], dict[str, str]]:
    """For the jobs, which see everything: every cell as it is, and the names of the unions in their keys."""
    cells: dict[Key, Cell] = {}
    names: dict[str, str] = {}
    for row in await transaction.rows(_AID, since=since):
        cells[f"aid|{row['year']}|{row['kind']}|{row['code']}"] = Cell(row["count"], row["amount_fen"])
        names[row["code"]] = row["name"]
    for row in await transaction.rows(_FILES):
        cells[f"file|{row['category']}"] = Cell(row["count"], 0)
    cohort: dict[int, int] = {}
    for row in await transaction.rows(_LEFT):
        cells[f"left|{row['year']}|{row['how']}"] = Cell(row["count"], 0)
        cohort[row["year"]] = cohort.get(row["year"], 0) + row["of_cohort"]
    cells |= {f"cohort_left|{year}": Cell(count, 0) for year, count in cohort.items()}
    cells["cohort"] = Cell(await transaction.value(_COHORT), 0)
    return cells, names


def cells_of(content: dict[str, Any]) -> dict[Key, Cell | None]:
    """What was told, as `rules` take it."""
    return {key: None if found is None else Cell(*found) for key, found in content["cells"].items()}
