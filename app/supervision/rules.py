"""Drawing a sample that anybody can draw again, and what a check of a payment says. Pure.

`tools/redraw_sample.py` is the same method in twenty lines of its own, for whoever does not trust this file.
"""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any, Final, Literal, NamedTuple

from app.kernel.money import WHOLE_BP

HEADER: Final = ("line_id", "district_code", "kind", "paid_at", "amount_fen")
METHOD: Final = (
    "一、名单是期间内银行付到的每一笔，按 line_id 从小到大，UTF-8、逗号分隔、换行为 \\n，校验码是全文的 SHA-256。"
    "二、层是区县代码和帮扶种类，按代码、种类的字母顺序排列。"
    "三、样本量：不少于层数，不多于总笔数，其余照登记的数。"
    "四、每层先得一笔；余下的 r 笔按各层（笔数减一）占比分：第 i 层得 r×(ni−1)÷(N−层数) 的整数部分，"
    "剩下的一笔一笔给余数大的层，余数相同的给排在前面的层。"
    "五、层内按 SHA-256(种子:line_id) 的十六进制从小到大，取前几笔。"
    "六、种子由系统在期间结束之前随机产生并封存，当时公布它的 SHA-256；期间结束、名单冻结之后才公布种子本身。"
)
"""How a sample is drawn, as its page says it."""
Reached = Literal["yes", "no"]
Arrived = Literal["yes", "no", "unknown"]
Amount = Literal["right", "wrong", "unknown"]
Papers = Literal["complete", "missing"]
Result = Literal["in_order", "error", "unverifiable"]
Finding = Literal["not_arrived", "wrong_amount", "papers_missing", "not_reached"]


class Paid(NamedTuple):
    """A line that was paid, as a population lists it: nothing personal."""

    line_id: str
    district_code: str
    kind: str
    paid_at: str
    amount_fen: int

    @property
    def stratum(self) -> tuple[str, str]:
        return self.district_code, self.kind


@dataclass(frozen=True, slots=True)
class Stratum:
    """One district and kind: how many lines, how much money, and how many of them are drawn."""

    district_code: str
    kind: str
    lines: int
    fen: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What whoever checked a payment found."""

    reached: Reached
    arrived: Arrived
    amount: Amount
    papers: Papers


@dataclass(frozen=True, slots=True)
class Share:
    """How many of those that could be verified were wrong, and between which limits the true share lies."""

    checked: int
    errors: int
    share_bp: int
    low_bp: int
    high_bp: int


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def population(lines: Iterable[Paid]) -> bytes:
    """The list in its one written form."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(sorted(lines))
    return written.getvalue().encode()


def listed(content: bytes) -> list[Paid]:
    """The lines of a list that `population` wrote."""
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]
    return [Paid(line_id, code, kind, at, int(fen)) for line_id, code, kind, at, fen in rows]


def allocated(size: int, counts: Sequence[int]) -> list[int]:
    """How many of each stratum are drawn: one of each, and the rest by their share, largest remainders first."""
    whole = min(sum(counts), max(size, len(counts)))
    rest, beyond = whole - len(counts), sum(counts) - len(counts)
    if rest == 0:
        return [1] * len(counts)
    parts = [divmod(rest * (count - 1), beyond) for count in counts]
    by_remainder = sorted(range(len(parts)), key=lambda n: (-parts[n][1], n))
    more = set(by_remainder[: rest - sum(part for part, _ in parts)])
    return [1 + part + (n in more) for n, (part, _) in enumerate(parts)]


def rank(seed: str, line_id: str) -> str:
    return sha256(f"{seed}:{line_id}".encode())


def draw(seed: str, size: int, lines: Iterable[Paid]) -> tuple[list[Stratum], list[Paid]]:
    """The strata in their order, and the lines that are drawn, stratum by stratum."""
    strata: dict[tuple[str, str], list[Paid]] = defaultdict(list)
    for line in lines:
        strata[line.stratum].append(line)
    in_order = sorted(strata.items())
    shares = allocated(size, [len(of) for _, of in in_order])
    drawn, told = list[Paid](), list[Stratum]()
    for ((code, kind), of), share in zip(in_order, shares, strict=True):
        drawn += sorted(of, key=lambda line: rank(seed, line.line_id))[:share]
        told.append(Stratum(code, kind, len(of), sum(line.amount_fen for line in of), share))
    return told, drawn


def findings_of(answers: Answers) -> list[Finding]:
    """What is wrong, or could not be found out."""
    found: Mapping[Finding, bool] = {
        "not_arrived": answers.arrived == "no",
        "wrong_amount": answers.amount == "wrong",
        "papers_missing": answers.papers == "missing",
        "not_reached": answers.reached == "no",
    }
    return [finding for finding, so in found.items() if so]


def result_of(answers: Answers) -> Result:
    """By what was found, and not as anybody chooses: an error where one was seen, in order where all was seen."""
    if {"not_arrived", "wrong_amount", "papers_missing"} & set(findings_of(answers)):
        return "error"
    return "in_order" if (answers.arrived, answers.amount) == ("yes", "right") else "unverifiable"


def error_share(results: Iterable[Any], z_ten_thousandths: int) -> Share | None:
    """Of the checks that could be verified; nothing where none could. Not weighted: small strata, of which one is
    always drawn, count a little more than their share."""
    known = [result for result in results if result in ("in_order", "error")]
    return share_of(len(known), known.count("error"), z_ten_thousandths)


def share_of(n: int, errors: int, z_ten_thousandths: int) -> Share | None:
    """With Wilson's interval, widened to whole basis points; nothing of nothing."""
    if n == 0:
        return None
    z, p = z_ten_thousandths / 10_000, errors / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + side * half) / (1 + z * z / n) for side in (-1, 1))
    return Share(
        n,
        errors,
        round(p * WHOLE_BP),
        0 if errors == 0 else max(0, floor(low * WHOLE_BP)),
        WHOLE_BP if errors == n else min(WHOLE_BP, ceil(high * WHOLE_BP)),
    )
