"""What a donor is told of a fund: what was meant, received, spent and is left, and how many were helped. Pure.

No cell tells of so few households that somebody could be recognised: small ones are put together, amounts and all, and
where that is not enough, the next smallest joins them, so that nothing can be found by subtracting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson

from app.documents.paper import Column, Field, fields, paper, table
from app.kernel.money import yuan
from app.supervision.fund_table import KIND_NAMES, plain_yuan

TITLE: Final = "捐赠资金使用情况报告"
OTHERS: Final = "其他（合并）"
_ROWS: Final = (
    Column("帮扶种类", "/kind", 10),
    Column("区县（产业）", "/district", 12),
    Column("帮助户数", "/households", 6, right=True),
    Column("支出（元）", "/net", 8, right=True),
)
_HEAD: Final = (
    Field("捐赠资金", "/fund", 2),
    Field("编号", "/code", 2),
    Field("捐赠意向", "/intent", 4),
    Field("期间", "/period", 2),
    Field("管理工会", "/organisation", 2),
    Field("累计收到", "/received", 2),
    Field("累计支出", "/spent_in_all", 2),
    Field("本期支出", "/spent", 2),
    Field("结余", "/remaining", 2),
    Field("本期帮助", "/households", 2),
    Field("发放人次", "/times", 2),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """What was spent on a kind of aid in a district, in how many payments, and which households got it.

    Without kind and district: several of them together.
    """

    kind: str | None
    district: str | None
    net_fen: int
    times: int
    households: frozenset[UUID]


def together(cells: Iterable[Cell]) -> Cell:
    """Households that are in several of them count once: what is told is of how many people it is."""
    found = list(cells)
    everybody = frozenset[UUID]().union(*(cell.households for cell in found))
    return Cell(None, None, sum(cell.net_fen for cell in found), sum(cell.times for cell in found), everybody)


def folded(cells: Sequence[Cell], least: int) -> list[Cell]:
    """The cells, those of fewer households than `least` put together. Their sum stays what it was to the fen."""
    shown = [cell for cell in cells if len(cell.households) >= least]
    small = [cell for cell in cells if len(cell.households) < least]
    while small and shown and len(together(small).households) < least:
        next_smallest = min(shown, key=lambda cell: (len(cell.households), str(cell.kind), str(cell.district)))
        shown.remove(next_smallest)
        small.append(next_smallest)
    return shown + ([together(small)] if small else [])


@dataclass(frozen=True, slots=True)
class Told:
    """What a report is made of."""

    fund: Mapping[str, Any]
    organisation: str
    first: date
    last: date
    received_fen: int
    """Until the last day; so the next as well."""
    spent_in_all_fen: int
    cells: Sequence[Cell]


def content_of(told: Told, least: int) -> bytes:
    """Canonical JSON: whoever has it can compute its hash."""
    total = together(told.cells)
    # Nobody at all is nobody in particular.
    enough = not total.households or len(total.households) >= least
    said = {
        "fund": told.fund["name"],
        "code": told.fund["code"],
        "intent": told.fund["intent"],
        "organisation": told.organisation,
        "first_day": told.first.isoformat(),
        "last_day": told.last.isoformat(),
        "received_fen": told.received_fen,
        "spent_in_all_fen": told.spent_in_all_fen,
        "remaining_fen": told.received_fen - told.spent_in_all_fen,
        "spent_fen": total.net_fen,
        "households": len(total.households) if enough else None,
        "times": total.times if enough else None,
        "least_households": least,
        "rows": [
            {
                "kind": cell.kind,
                "district": cell.district,
                "households": len(cell.households) if len(cell.households) >= least else None,
                "spent_fen": cell.net_fen,
            }
            for cell in folded(told.cells, least)
        ],
    }
    return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def report_form(content: bytes, sha256: str, released_on: date | None) -> dict[str, Any]:
    """The printed report of a content, with its hash; without a day it says that nobody has let it out."""
    said = orjson.loads(content)
    few = f"少于{said['least_households']}户"
    head = {
        **{name: said[name] for name in ("fund", "code", "intent", "organisation")},
        "period": f"{said['first_day']} 至 {said['last_day']}",
        "received": yuan(said["received_fen"]),
        "spent_in_all": yuan(said["spent_in_all_fen"]),
        "spent": yuan(said["spent_fen"]),
        "remaining": yuan(said["remaining_fen"]),
        "households": few if said["households"] is None else f"{said['households']} 户",
        "times": few if said["times"] is None else f"{said['times']} 人次",
    }
    rows = [
        {
            "kind": KIND_NAMES.get(row["kind"] or "", OTHERS),
            "district": row["district"] or OTHERS,
            "households": few if row["households"] is None else str(row["households"]),
            "net": plain_yuan(row["spent_fen"]),
        }
        for row in said["rows"]
    ]
    rows.append({"kind": "合计", "district": "", "households": "", "net": plain_yuan(said["spent_fen"])})
    issued = f"发布日期：{released_on.isoformat()}" if released_on else "未发布（草稿，不得外传）"
    return paper(
        TITLE,
        [fields("", _HEAD, head), table("本期支出，按帮扶种类和区县", [_ROWS], rows)],
        above=[f"{said['organisation']}", issued],
        foot=f"户数少于 {said['least_households']} 户的栏目已经合并，以免看出是哪一家。取自资金台账。　校验码 {sha256}",
    )
