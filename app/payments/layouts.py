"""How each bank wants to be told (docs/bank_files.md): the same payments give the same bytes."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.applications.path import Kind
from app.kernel.business_time import SHANGHAI
from app.payments.policy import Layout
from app.spreadsheets.writing import Column, Workbook

MEDIA_TYPES: Final[Mapping[Layout, str]] = {
    "csv_gb18030": "text/csv; charset=gb18030",
    "csv_utf8": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ENDINGS: Final[Mapping[Layout, str]] = {"csv_gb18030": "csv", "csv_utf8": "csv", "xlsx": "xlsx"}
TITLES: Final = ("序号", "收款人户名", "收款账号", "开户银行", "开户支行", "金额（元）", "参考号", "用途")
_WIDTHS: Final = (8, 16, 26, 24, 28, 16, 40, 20)
_FOR: Final[Mapping[str, str]] = {
    Kind.HARDSHIP_AID: "困难帮扶金",
    Kind.GOLDEN_AUTUMN: "金秋助学金",
    Kind.SECONDARY_MEDICAL: "住院二次医保",
}
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Payment:
    """One line as a bank needs it: whole, and nowhere else."""

    serial: int
    holder: str
    number: str
    bank_name: str
    branch: str
    amount_fen: int
    reference: str
    kind: str


def written(batch: Mapping[str, Any], payments: Sequence[Payment]) -> bytes:
    """The file of a batch, in the layout that was chosen for it."""
    layout: Layout = batch["layout"]
    return _ADAPTERS[layout](batch, payments)


def banner(batch: Mapping[str, Any]) -> str:
    """What stands above the lines: which batch it is, and that its lines are those that were confirmed."""
    total = yuan_plain(batch["total_fen"])
    return f"批次 {batch['number']}　校验码 {batch['sha256']}　{batch['line_count']} 笔　合计 {total} 元"


def yuan_plain(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _cells(payments: Iterable[Payment]) -> Iterable[tuple[str, ...]]:
    for each in payments:
        yield (
            str(each.serial),
            _inert(each.holder),
            each.number,
            _inert(each.bank_name),
            _inert(each.branch),
            yuan_plain(each.amount_fen),
            each.reference,
            _FOR[each.kind],
        )


def _inert(text: str) -> str:
    """Never a formula, whatever opens the file."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _csv(encoding: str) -> Callable[[Mapping[str, Any], Sequence[Payment]], bytes]:
    def write(batch: Mapping[str, Any], payments: Sequence[Payment]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([banner(batch)])
        writer.writerow(TITLES)
        writer.writerows(_cells(payments))
        return text.getvalue().encode(encoding)

    return write


def _xlsx(batch: Mapping[str, Any], payments: Sequence[Payment]) -> bytes:
    columns = [Column(title, width=width) for title, width in zip(TITLES, _WIDTHS, strict=True)]
    # Written in China's time, and at an instant of the batch's own: twice the same payments are twice the same bytes.
    created = batch["frozen_at"].astimezone(SHANGHAI).replace(tzinfo=None)
    with tempfile.TemporaryDirectory(prefix="aid-payments-") as folder:
        path = Path(folder) / "payments.xlsx"
        with Workbook(path, columns, sheet="代发明细", banner=banner(batch), created=created) as book:
            book.add(_cells(payments))
        return path.read_bytes()


_ADAPTERS: Final[Mapping[Layout, Callable[[Mapping[str, Any], Sequence[Payment]], bytes]]] = {
    "csv_gb18030": _csv("gb18030"),
    "csv_utf8": _csv("utf-8-sig"),
    "xlsx": _xlsx,
}
