"""What is shown of a file's history: to its owner as it is, to staff masked as the case is."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.households.changes import told
from app.households.history import ABSENT
from app.households.masking import field_of, masked
from app.http.views.applications import By, instant


class ChangeView(BaseModel):
    """一处变更：哪一项、由什么改为什么、来源、原因和经办。"""

    at: str
    pointer: str = Field(description="档案表单中的位置（JSON pointer）")
    before: Any = Field(description="变更前；原来没有的为 null")
    after: Any = Field(description="变更后；删除的为 null")
    source: Literal["self", "staff", "import", "match"] = Field(description="本人、工会、导入、比对")
    reason: str | None
    by: By
    version: int = Field(description="变更后的档案版本")


class ChangePage(BaseModel):
    items: list[ChangeView]
    next_cursor: str | None


def change(row: Record, keyring: Keyring, *, plain: bool) -> dict[str, Any]:
    """`plain`: to the owner; otherwise names, numbers and words are masked."""
    before, after, reason = told(keyring, row)
    return {
        "at": instant(row["created_at"]),
        "pointer": row["pointer"],
        "before": _value(row["pointer"], before, plain),
        "after": _value(row["pointer"], after, plain),
        "source": row["source"],
        "reason": reason,
        "by": _by(row),
        "version": row["household_version"],
    }


def _value(pointer: str, value: Any, plain: bool) -> Any:
    if value is ABSENT:
        return None
    return value if plain else masked(field_of(pointer), value)


def _by(row: Record) -> dict[str, Any]:
    who = "system" if row["person_id"] is None else "self" if row["post_role"] is None else "staff"
    return {"who": who, "role": row["post_role"], "organisation": row["organisation_name"]}
