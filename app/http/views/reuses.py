"""What is shown of two claims that may stand on one bill, and of a card that two households share."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.kernel.business_time import answered
from app.reuse.commands import NOTE
from app.reuse.path import State
from app.reuse.rules import Code

SIDES: Final = ("this", "other")
WORDS: Final[Mapping[Code, str]] = {
    "file": "上传的是同一个文件",
    "code": "材料上的二维码或条码相同",
    "picture": "两张图片叠在一起，版式、文字和数字处处重合（旋转、裁剪、压缩、亮度已排除）",
    "number": "结算单号相同（大小写、分隔符已统一）",
    "number_near": "结算单号只差一位，或相邻两位颠倒",
    "amounts": "结算单各项金额分毫不差",
    "bill": "结算日期和个人负担金额相同",
    "stay": "医院、入院日期、出院日期都相同",
}
FIELDS: Final[Mapping[str, str]] = {
    "number": "结算单号",
    "hospital": "医院",
    "admitted_on": "入院日期",
    "discharged_on": "出院日期",
    "medfee_sumamt_fen": "医疗费总额",
    "fulamt_ownpay_amt_fen": "全自费",
    "overlmt_selfpay_fen": "超限价自费",
    "preselfpay_amt_fen": "先行自付",
    "inscp_scp_amt_fen": "符合政策范围",
    "act_pay_dedc_fen": "起付线",
    "hifp_pay_fen": "统筹支付",
    "hifob_pay_fen": "大额补助",
    "cvlserv_pay_fen": "公务员补助",
    "maf_pay_fen": "医疗救助",
    "acct_pay_fen": "个人账户支付",
    "psn_cash_pay_fen": "现金支付",
}
ADVICE: Final = "提示只说明有相同之处，不是结论：同一家医院的票据本来就相像。请对照两份材料核实。"


class ReuseEvidence(BaseModel):
    """一处相同。"""

    code: Code
    points: int
    text: str


class ReuseSide(BaseModel):
    """一份申请。不在管辖范围内的，只有编号和所属工会。"""

    in_reach: bool
    number: str
    organisation: str
    application_id: str | None


class ReusePictures(BaseModel):
    """两份材料，可以并排查看；两份都在管辖范围内的才有。每次查看都有记录。"""

    this: str = Field(description="本申请的材料的地址")
    other: str = Field(description="另一份申请的材料的地址")


class ReuseSummary(BaseModel):
    """一条一票多用提示。score 满分 100，只提示核实，不作任何决定。"""

    id: str
    state: State
    version: int
    score: int
    evidence: list[ReuseEvidence] = Field(description="相同之处，分数高的在前")
    differs: list[str] = Field(description="两份都填了、但不相同的项目")
    this: ReuseSide = Field(description="后提交的、须核实的申请")
    other: ReuseSide
    found_at: str
    seen_at: str


class ReusePage(BaseModel):
    items: list[ReuseSummary]
    next_cursor: str | None


class ReuseCount(BaseModel):
    count: int = Field(description="最多数到 10001")


class ReuseView(ReuseSummary):
    pictures: list[ReusePictures]
    note: str | None
    advice: str
    open_actions: list[str]


class ReuseAnswered(BaseModel):
    """核实之后；案件的版本也会更新，办理案件前请重新读取。"""

    id: str
    state: State
    version: int


class CaseReuse(BaseModel):
    """案件中的一条一票多用提示。"""

    id: str
    state: State
    version: int
    score: int
    asked_of_this: bool = Field(description="true：本申请后提交，须先核实才能继续办理；false：另一份申请须核实")
    number: str = Field(description="另一份申请的编号")
    organisation: str = Field(description="另一份申请所属的工会")
    evidence: list[ReuseEvidence]
    differs: list[str]
    found_at: str


class CardSide(BaseModel):
    in_reach: bool
    organisation: str | None
    household_number: str | None


class CardAlertView(BaseModel):
    """两户的收款人用同一张银行卡；原因消失后自动消除。"""

    id: str
    card: str = Field(description="卡号（已脱敏）")
    since: str
    sides: list[CardSide] = Field(description="两边各属哪个工会、哪份档案；不显示姓名")


class CardAlertPage(BaseModel):
    items: list[CardAlertView]
    next_cursor: str | None


class CaseCardAlert(BaseModel):
    """申请人的收款银行卡也是另一户的收款银行卡。"""

    id: str
    card: str
    organisation: str | None = Field(description="另一户所属的工会")
    household_number: str | None = Field(description="另一户的档案编号")
    since: str


def summary(row: Record, reached: Set[UUID]) -> dict[str, Any]:
    """`reached`: the cases that the reader reaches."""
    return _of(row) | {
        "this": _side(row["application_id"], row["number"], row["organisation_name"], reached),
        "other": _side(row["other_id"], row["other_number"], row["other_organisation_name"], reached),
        "found_at": instant(row["created_at"]),
        "seen_at": instant(row["seen_at"]),
    }


def detail(row: Record, reached: Set[UUID], keyring: Keyring) -> dict[str, Any]:
    both = {row["application_id"], row["other_id"]} <= reached
    papers = [each["files"] for each in row["evidence"]["found"] if each["files"]] if both else []
    note = keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None
    return summary(row, reached) | {
        "pictures": [dict(zip(SIDES, map(_address, files), strict=True)) for files in papers],
        "note": note,
        "advice": ADVICE,
    }


def case_reuse(row: Record) -> dict[str, Any]:
    """Of a hint beside a case, as its JSON is: what the other case is called, and no more."""
    asked = row["asked_of_this"]
    names = ("other_number", "other_organisation_name") if asked else ("number", "organisation_name")
    return _of(row) | {
        "asked_of_this": asked,
        "number": row[names[0]],
        "organisation": row[names[1]],
        "found_at": answered(datetime.fromisoformat(row["created_at"])),
    }


def _of(row: Record) -> dict[str, Any]:
    evidence = row["evidence"]
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "version": row["version"],
        "score": row["score"],
        "evidence": [
            {"code": each["code"], "points": each["points"], "text": WORDS[each["code"]]} for each in evidence["found"]
        ],
        "differs": [FIELDS[name] for name in evidence["differs"]],
    }


def _side(case_id: UUID, number: str, union: str, reached: Set[UUID]) -> dict[str, Any]:
    in_reach = case_id in reached
    return {
        "in_reach": in_reach,
        "number": number,
        "organisation": union,
        "application_id": str(case_id) if in_reach else None,
    }


def _address(file_id: str) -> str:
    return f"/api/v1/files/{file_id}"


def card_alert(row: Record, unions: Mapping[UUID, str], reached: Set[UUID]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "card": row["number_masked"],
        "since": instant(row["created_at"]),
        "sides": [
            {
                "in_reach": row[f"person_{side}_id"] in reached,
                "organisation": unions.get(row[f"organisation_{side}_id"]),
                "household_number": row[f"household_{side}_number"],
            }
            for side in "ab"
        ],
    }


def case_card(row: Record) -> dict[str, Any]:
    """Of an alert beside a case, as its JSON is."""
    return {name: row[name] for name in ("id", "card", "organisation", "household_number")} | {
        "since": answered(datetime.fromisoformat(row["created_at"]))
    }
