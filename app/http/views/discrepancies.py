"""What is shown of a discrepancy: whole to whose file it is, masked to those who decide."""

from typing import Any

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.discrepancies.commands import ANSWER, FOUND, IN_FILE, NOTE
from app.discrepancies.path import Outcome, Source, State
from app.http.views.applications import instant
from app.kernel.masking import mask_id_number, mask_name

MASKS = {"name": mask_name, "id_number": mask_id_number}


class AnswerView(BaseModel):
    """本人的说明。"""

    text: str
    file_ids: list[str]


class DiscrepancyView(BaseModel):
    """档案与走访或部门核对结果不一致的一处。不一致不等于不符合条件：您可以说明，由区县工会核实。"""

    id: str
    household_id: str
    source: Source = Field(description="入户走访（visit）或部门核对（match）")
    said_by: str = Field(description="来源")
    found_on: str
    field: str = Field(description="档案中的哪一项（JSON 指针）")
    in_file: Any = Field(description="档案中填写的")
    found: Any = Field(description="走访或核对得到的")
    state: State
    due_on: str = Field(description="请在这一天之前说明")
    answer: AnswerView | None
    answered_at: str | None
    outcome: Outcome | None = Field(description="以档案为准、以核对结果为准，或说明成立")
    note: str | None
    resolved_at: str | None
    version: int
    open_actions: list[str]


class DiscrepancyPage(BaseModel):
    items: list[DiscrepancyView]
    next_cursor: str | None


class DiscrepancyTask(BaseModel):
    """等待核实的一处不一致。"""

    id: str
    household_id: str
    number: str = Field(description="档案编号")
    head_masked: str
    source: Source
    said_by: str
    found_on: str
    field: str
    state: State
    due_on: str
    overdue: bool
    version: int


class DiscrepancyTaskPage(BaseModel):
    items: list[DiscrepancyTask]
    next_cursor: str | None


class DiscrepancyCase(DiscrepancyView):
    """核实一处不一致所需要的信息（姓名和证件号码已脱敏）。"""

    number: str
    head_masked: str


class DiscrepancyMoved(BaseModel):
    """说明或核实之后的状态。"""

    id: str
    state: State
    version: int


def whole(row: Record, keyring: Keyring, open_actions: list[str]) -> dict[str, Any]:
    """Everything, for whose file it is."""

    def unsealed(column: str, name: str) -> Any:
        return None if row[name] is None else keyring.open_document(column, row["id"], row[name])

    return {
        "id": str(row["id"]),
        "household_id": str(row["household_id"]),
        "source": row["source"],
        "said_by": row["said_by"],
        "found_on": row["found_on"].isoformat(),
        "field": row["field"],
        "in_file": unsealed(IN_FILE, "in_file"),
        "found": unsealed(FOUND, "found"),
        "state": row["state"],
        "due_on": row["due_on"].isoformat(),
        "answer": unsealed(ANSWER, "answer"),
        "answered_at": instant(row["answered_at"]),
        "outcome": row["outcome"],
        "note": None if row["note"] is None else keyring.open_text(NOTE, row["id"], row["note"]),
        "resolved_at": instant(row["resolved_at"]),
        "version": row["version"],
        "open_actions": open_actions,
    }


def case(row: Record, keyring: Keyring, open_actions: list[str]) -> dict[str, Any]:
    shown = whole(row, keyring, open_actions)
    name = row["field"].rpartition("/")[2]
    masked = {key: masked_value(name, shown[key]) for key in ("in_file", "found")}
    return shown | masked | {"number": row["number"], "head_masked": row["head_masked"]}


def masked_value(name: str, value: Any) -> Any:
    """A value of the household form with every name and identity number in it masked."""
    if isinstance(value, dict):
        return {key: masked_value(key, inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [masked_value(name, inside) for inside in value]
    return MASKS[name](value) if name in MASKS and isinstance(value, str) else value


def task(row: Record, today: Any) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "household_id": str(row["household_id"]),
        "number": row["number"],
        "head_masked": row["head_masked"],
        "source": row["source"],
        "said_by": row["said_by"],
        "found_on": row["found_on"].isoformat(),
        "field": row["field"],
        "state": row["state"],
        "due_on": row["due_on"].isoformat(),
        "overdue": row["due_on"] < today,
        "version": row["version"],
    }


def moved(row: Record) -> dict[str, Any]:
    return {"id": str(row["id"]), "state": row["state"], "version": row["version"]}
