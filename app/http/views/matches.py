"""What is shown of matching: batches to those who run them, results to whose file it is as well."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.matching.commands import LeftOut, Made
from app.matching.departments import NAMES, Department, MatchPurpose, Mode, Outcome, by_code
from app.matching.receiving.commands import FOUND, IN_FILE, Received


class LeftOutView(BaseModel):
    """没有列入名单的人或档案。"""

    household_id: str
    number: str
    pointer: str | None
    name_masked: str | None
    why: str = Field(description="not_authorised 没有签字授权；file_with_owner 档案在申请人手中")


class MatchMade(BaseModel):
    """已生成的一批。"""

    id: str
    number: str
    people: int
    left_out: list[LeftOutView]


class MatchSummary(BaseModel):
    id: str
    number: str
    department: Department
    purpose: MatchPurpose
    basis_code: str
    basis_text: str
    mode: Mode
    made_at: str
    people: int
    households: int
    outgoing_sha256: str = Field(description="交给部门的名单（CSV）的 SHA-256")


class MatchPage(BaseModel):
    items: list[MatchSummary]
    next_cursor: str | None


class MatchReturned(BaseModel):
    """收到的一个结果文件。"""

    id: str
    sha256: str
    received_at: str
    rows: int
    matched: int
    unknown: int
    gone: int
    alert: str | None


class MatchView(MatchSummary):
    made_by: str
    returns: list[MatchReturned]
    outcomes: dict[str, int] = Field(description="一致、不一致、无记录的条数")


class MatchFile(BaseModel):
    """交给部门的名单，内容为 base64。"""

    name: str
    media_type: str
    sha256: str
    content: str


class MatchKey(BaseModel):
    """这一次交换专用的密钥（十六进制），请与名单分开交给部门。"""

    key: str
    algorithm: str


class MatchReceived(BaseModel):
    """收下的结果。alert 不为空时，请先与部门核对密钥和名单。"""

    id: str
    rows: int
    matched: int = Field(description="对上人的行数")
    unknown: int = Field(description="摘要不在名单里的行数（只用于摘要方式）")
    gone: int = Field(description="档案已不在办或成员已变更的行数，不作记录")
    outcomes: dict[str, int]
    alert: str | None = Field(description="no_digest_matches：没有一个摘要对得上，很可能没有用这次的密钥")


class MatchResultView(BaseModel):
    """部门核对的一项结果，注明来源和日期。不一致只会请您说明，不会自动作出不利决定。"""

    id: str
    household_id: str
    batch: str
    department: Department
    source: str
    basis: str
    name_masked: str
    outcome: Outcome
    field: str | None
    label: str | None
    pointer: str | None
    in_file: Any
    found: Any
    found_on: str
    received_at: str
    discrepancy_id: str | None


class MatchResultPage(BaseModel):
    items: list[MatchResultView]
    next_cursor: str | None


class AuthorisationView(BaseModel):
    """一位成员签字的比对授权。"""

    id: str
    name_masked: str
    file_id: str | None
    consent_id: str | None
    signed_on: str
    recorded_at: str
    withdrawn_at: str | None


class AuthorisationList(BaseModel):
    items: list[AuthorisationView]


class Authorised(BaseModel):
    id: str
    name_masked: str


def made(row: Made) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "number": row.number,
        "people": row.people,
        "left_out": [_left_out(each) for each in row.left_out],
    }


def _left_out(each: LeftOut) -> dict[str, Any]:
    return {
        "household_id": str(each.household_id),
        "number": each.number,
        "pointer": each.pointer,
        "name_masked": each.name_masked,
        "why": each.why,
    }


def summary(row: Record) -> dict[str, Any]:
    names = "number department purpose basis_code basis_text mode people households outgoing_sha256".split()
    return {"id": str(row["id"]), "made_at": instant(row["created_at"]), **{name: row[name] for name in names}}


def whole(row: Record, returned: Sequence[Record], outcomes: Mapping[str, int]) -> dict[str, Any]:
    names = "sha256 rows matched unknown gone alert".split()
    files = [
        {"id": str(each["id"]), "received_at": instant(each["created_at"]), **{name: each[name] for name in names}}
        for each in returned
    ]
    return summary(row) | {"made_by": str(row["made_by"]), "returns": files, "outcomes": dict(outcomes)}


def received(row: Received) -> dict[str, Any]:
    names = "rows matched unknown gone alert".split()
    return {"id": str(row.id), "outcomes": dict(row.outcomes), **{name: getattr(row, name) for name in names}}


def result(row: Record, keyring: Keyring) -> dict[str, Any]:
    field = by_code(row["department"]).get(row["field"] or "")
    opened = {
        name: keyring.open_document(column, row["id"], row[name]) if row[name] else None
        for name, column in (("found", FOUND), ("in_file", IN_FILE))
    }
    return {
        "id": str(row["id"]),
        "household_id": str(row["household_id"]),
        "batch": row["batch_number"],
        "department": row["department"],
        "source": NAMES[row["department"]],
        "basis": row["basis_text"],
        "name_masked": row["name_masked"],
        "outcome": row["outcome"],
        "field": row["field"],
        "label": field.label if field else None,
        "pointer": row["pointer"],
        **opened,
        "found_on": str(row["found_on"]),
        "received_at": instant(row["created_at"]),
        "discrepancy_id": str(row["discrepancy_id"]) if row["discrepancy_id"] else None,
    }


def authorisation(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "name_masked": row["name_masked"],
        "file_id": str(row["file_id"]) if row["file_id"] else None,
        "consent_id": str(row["consent_id"]) if row["consent_id"] else None,
        "signed_on": str(row["signed_on"]),
        "recorded_at": instant(row["created_at"]),
        "withdrawn_at": instant(row["withdrawn_at"]),
    }
