"""What a rehearsal counts. Pure; amounts in fen. What could not be worked out is listed, and counts as nothing."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.kernel.money import Fen
from app.policy.decision import Judged

Effect = Literal["gains", "loses", "more", "less", "same", "unevaluable"]


class Answer(NamedTuple):
    """What the rules give: an amount, 0 for a refusal, or None with the first rule that could not be answered."""

    amount_fen: Fen | None
    rule: str | None = None


class Compared(NamedTuple):
    """One question answered by the versions in force and by the proposed one."""

    kind: str
    item: str
    month: str
    """YYYY-MM of the day on which the question is asked."""
    district_id: UUID | None
    household_id: UUID | None
    application_id: UUID | None
    before: Answer
    after: Answer

    @property
    def effect(self) -> Effect:
        return effect(self.before, self.after)


def answer(judged: Judged[Any]) -> Answer:
    """The amount if every rule is met; nothing if one is not; unknown if all that is wanting cannot be answered."""
    wanting = [each.reason for each in judged.findings if each.remedy]
    if not wanting:
        return Answer(judged.amount_fen)
    if any(reason.met is False for reason in wanting):
        return Answer(0)
    return Answer(None, wanting[0].rule)


def effect(before: Answer, after: Answer) -> Effect:
    """What changes for whoever asked."""
    if before.amount_fen is None or after.amount_fen is None:
        return "unevaluable"
    if before.amount_fen == after.amount_fen:
        return "same"
    if before.amount_fen == 0:
        return "gains"
    if after.amount_fen == 0:
        return "loses"
    return "more" if after.amount_fen > before.amount_fen else "less"


@dataclass
class Cell:
    """The money of one district, kind and month."""

    district_id: str | None
    kind: str
    month: str
    evaluated: int = 0
    unevaluable: int = 0
    before_fen: Fen = 0
    after_fen: Fen = 0


@dataclass
class Tally:
    """All that a rehearsal counts; `total` is how many files or claims there are to go through."""

    total: int = 0
    seen: int = 0
    evaluated: int = 0
    unevaluable: int = 0
    gains: int = 0
    loses: int = 0
    more: int = 0
    less: int = 0
    before_fen: Fen = 0
    after_fen: Fen = 0
    cells: dict[tuple[UUID | None, str, str], Cell] = field(default_factory=dict)

    def add(self, compared: Compared) -> None:
        key = (compared.district_id, compared.kind, compared.month)
        cell = self.cells.get(key)
        if cell is None:
            district = str(compared.district_id) if compared.district_id else None
            cell = self.cells[key] = Cell(district, compared.kind, compared.month)
        found = compared.effect
        before, after = compared.before.amount_fen, compared.after.amount_fen
        if before is None or after is None:
            self.unevaluable += 1
            cell.unevaluable += 1
            return
        self.evaluated += 1
        cell.evaluated += 1
        self.before_fen += before
        self.after_fen += after
        cell.before_fen += before
        cell.after_fen += after
        if found != "same":
            setattr(self, found, getattr(self, found) + 1)

    @property
    def percent(self) -> int:
        """How far it is; 100 only when it has come to its end."""
        return min(self.seen * 100 // self.total, 99) if self.total else 99

    def counts(self) -> dict[str, int]:
        """The counts as the table has them."""
        names = ("evaluated", "unevaluable", "gains", "loses", "more", "less", "before_fen", "after_fen")
        return {name: getattr(self, name) for name in names}

    def money(self) -> list[dict[str, Any]]:
        """The cells in a stable order."""
        ordered: Iterable[Cell] = sorted(
            self.cells.values(), key=lambda cell: (cell.month, cell.kind, cell.district_id or "")
        )
        return [asdict(cell) for cell in ordered]
