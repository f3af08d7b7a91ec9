"""What is frozen of a batch, what keeps a payment out of it, and what a row of a bank's result means. Pure."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal
from uuid import UUID

from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.money import MAX_FEN
from app.payments.policy import PaymentPolicy, Returned
from app.policy.replay import canonical

AT_MOST: Final = 1_000
"""Lines of one batch."""
REFERENCE, AMOUNT, CODE = "参考号", "金额（元）", "返回码"
TITLES: Final = (REFERENCE, AMOUNT, CODE)
"""Columns that a bank's result must have, wherever; it may have others."""
_REFERENCE: Final = re.compile(r"\A[0-9A-F]{32}\Z")
_YUAN: Final = re.compile(r"\A[0-9]{1,12}(?:\.[0-9]{1,2})?\Z")
_HEAD_WITHIN: Final = 5
"""Titles stand in one of the first rows."""


class CardMissing(Conflict):
    """申请人还没有绑定银行卡，请联系本人绑定后再付款。"""


class CardUnchecked(Conflict):
    """申请人的银行卡还没有经户名核验或小额验证，请先核验。"""


class CardCheckFailed(Conflict):
    """申请人的银行卡核验没有通过，请联系本人更正银行卡。"""


class AppealOpen(Conflict):
    """这份申请的申诉正在复核，复核结束后才能付款。"""


class InAnotherBatch(Conflict):
    """这份申请已经在另一个付款批次里。"""


class NothingToPay(Conflict):
    """没有可以付款的申请；每一份不能付款的原因见预览。"""


class BatchOutdated(Conflict):
    """批次里有申请现在不能付款，或内容有变，这个批次不能继续；请作废后重新建批次。"""


class ResultColumnsMissing(Invalid):
    """结果文件缺少列，应当有“参考号”“金额（元）”“返回码”三列。"""


def reference_of(line_id: UUID) -> str:
    """By what the bank knows a line, and never knows two: its idempotency key."""
    return line_id.hex.upper()


def why_out(standing: Mapping[str, Any]) -> Conflict | None:
    """What of the card, the appeals and the other batches keeps an application out; `standing`: as of
    `payment_standing` in the database."""
    if standing["in_batch"]:
        return InAnotherBatch()
    if standing["appealed"]:
        return AppealOpen()
    if standing["card_id"] is None:
        return CardMissing()
    if standing["checked"] == "failed":
        return CardCheckFailed()
    return CardUnchecked() if standing["checked"] is None else None


def content_of(batch: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> bytes:
    """What is frozen, in the one spelling that is hashed; of people and cards no more than lists show."""
    return canonical(
        {
            "batch": batch["number"],
            "organisation": batch["organisation_name"],
            "bank": batch["bank"],
            "layout": batch["layout"],
            "policy_version": batch["policy_version"],
            "total_fen": batch["total_fen"],
            "lines": [
                {
                    "serial": line["serial"],
                    "reference": reference_of(line["id"]),
                    "number": line["number"],
                    "round": line["round"],
                    "name_masked": line["applicant_masked"],
                    "bank_name": line["bank_name"],
                    "card_id": str(line["card_id"]),
                    "card_masked": line["card_masked"],
                    "amount_fen": line["amount_fen"],
                }
                for line in lines
            ],
        }
    )


# ---- what a bank says ----

Ended = Literal["paid", "failed", "returned"]
BreakKind = Literal["unknown_reference", "wrong_amount", "repeated", "contradiction", "unreadable", "moved_on"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a result: its number in the file, and three of its cells."""

    number: int
    reference: str
    amount: str
    code: str


@dataclass(frozen=True, slots=True)
class Known:
    """A line of the batch as it stands, and whether its application still stands where that line left it."""

    id: UUID
    amount_fen: int
    state: str
    return_code: str | None
    in_step: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line; `returned`: what its code asks for, where it was not paid."""

    line_id: UUID
    ended: Ended
    returned: Returned | None


@dataclass(frozen=True, slots=True)
class Break:
    """A row by which nothing is done."""

    row_number: int
    kind: BreakKind
    line_id: UUID | None = None


def rows_of(lines: Sequence[tuple[int, Sequence[str]]]) -> list[Row]:
    """The rows below the titles. Raises ResultColumnsMissing."""
    for at, (_, cells) in enumerate(lines[:_HEAD_WITHIN]):
        titles = [cell.strip().replace("(", "（").replace(")", "）") for cell in cells]
        if all(title in titles for title in TITLES):
            places = [titles.index(title) for title in TITLES]
            return [Row(number, *(_cell(each, place) for place in places)) for number, each in lines[at + 1 :]]
    raise ResultColumnsMissing(
        FieldError("/file", "columns_missing", "结果文件缺少“参考号”“金额（元）”或“返回码”一列。")
    )


def _cell(cells: Sequence[str], place: int) -> str:
    return cells[place].strip().lstrip("'") if place < len(cells) else ""


def fen_of(text: str) -> int | None:
    """An amount in yuan as banks write it. None: it is none."""
    plain = text.replace(",", "")
    if not _YUAN.match(plain):
        return None
    try:
        fen = int(Decimal(plain) * 100)
    except InvalidOperation:
        return None
    return fen if fen <= MAX_FEN else None


def weigh(rows: Sequence[Row], known: Mapping[str, Known], policy: PaymentPolicy) -> tuple[list[Outcome], list[Break]]:
    """What is done by a result, and which of its rows do not fit. Nothing is guessed: of two rows for one line, neither
    counts. `known`: by reference."""
    outcomes, breaks = list[Outcome](), list[Break]()
    often = Counter(row.reference.upper() for row in rows)
    for row in rows:
        found = _weighed(row, known.get(row.reference.upper()), often, policy)
        if isinstance(found, Outcome):
            outcomes.append(found)
        elif found is not None:
            breaks.append(found)
    return outcomes, breaks


def _weighed(row: Row, line: Known | None, often: Mapping[str, int], policy: PaymentPolicy) -> Outcome | Break | None:
    fen, reference = fen_of(row.amount), row.reference.upper()
    if not _REFERENCE.match(reference) or fen is None or not row.code or len(row.code) > 20 or not row.code.isascii():
        return Break(row.number, "unreadable", line.id if line else None)
    if line is None:
        return Break(row.number, "unknown_reference")
    if often[reference] > 1:
        return Break(row.number, "repeated", line.id)
    if fen != line.amount_fen:
        return Break(row.number, "wrong_amount", line.id)
    return _said(row, line, policy)


def _said(row: Row, line: Known, policy: PaymentPolicy) -> Outcome | Break | None:
    """None: what we knew already."""
    if row.code in policy.success_codes:
        if line.state == "paid":
            return None
        ended: Ended = "paid"
        returned = None
    else:
        if line.state in ("failed", "returned", "written_off") and line.return_code == row.code:
            return None
        ended = "returned" if line.state == "paid" else "failed"
        returned = policy.returned(row.code)
    if line.state not in ("sent", "paid"):
        return Break(row.number, "contradiction", line.id)
    return Outcome(line.id, ended, returned) if line.in_step else Break(row.number, "moved_on", line.id)
