"""A published list as a form to be posted on a wall, from what is shown of it to everyone. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from app.documents.paper import Column, paper, table
from app.kernel.business_time import SHANGHAI
from app.kernel.money import yuan
from app.notices.policy import NoticeKind

TITLES: Final[Mapping[NoticeKind, str]] = {
    "hardship_aid": "困难职工帮扶拟发放名单公示",
    "golden_autumn": "金秋助学拟发放名单公示",
    "household_admission": "困难职工拟建档名单公示",
    "household_exit": "困难职工档案拟退出名单公示",
}
STOPPED: Final = "暂停公示"
_AID: Final = ("hardship_aid", "golden_autumn")


def columns(kind: str) -> tuple[Column, ...]:
    """What the form has: of a household file there is no amount to be shown."""
    always = (
        Column("序号", "/serial", 2),
        Column("编号", "/number", 9),
        Column("姓名", "/name", 5),
        Column("工会", "/union", 12),
    )
    return (*always, Column("金额", "/amount", 8, right=True)) if kind in _AID else always


def line(said: Mapping[str, Any]) -> dict[str, str]:
    """A line as people read it; of one that stands still only that it does."""
    if not said["shown"]:
        return {"serial": str(said["serial"]), "number": STOPPED, "name": "", "union": "", "amount": ""}
    exact = said["amount_fen"]
    return {
        "serial": str(said["serial"]),
        "number": said["number"],
        "name": said["name_masked"],
        "union": said["organisation"],
        "amount": said["amount_band"] or (yuan(exact) if exact is not None else "不公开"),
    }


def day_and_time(written: str) -> str:
    """2026-12-02T00:00:00+08:00 → 2026年12月1日24时: a day that is over, not one that begins."""
    at = datetime.fromisoformat(written).astimezone(SHANGHAI)
    if (at.hour, at.minute, at.second) == (0, 0, 0):
        before = at - timedelta(days=1)
        return f"{before.year}年{before.month}月{before.day}日24时"
    return f"{at.year}年{at.month}月{at.day}日{at.hour}时{at.minute:02d}分"


def how_to_object(batch: Mapping[str, Any]) -> str:
    return (
        f"公示期 {batch['working_days']} 个完整的工作日，到 {day_and_time(batch['ends_at'])} 为止，期满即撤下。"
        f"有异议的，请在公示期内通过小程序提出（可以匿名），或拨打 {batch['hotline']}。"
        "异议只暂停所指的一行，工会核查后再公示或退回。"
    )


def notice_paper(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The whole form, with the hash of the list below it."""
    lines = [line(each) for each in batch["lines"]]
    return paper(
        TITLES[batch["kind"]],
        [table("", [columns(batch["kind"])], lines, least=1)],
        above=[
            f"公示单位：{batch['organisation']}", f"共 {len(lines)} 行", f"发布：{day_and_time(batch['published_at'])}",
        ],
        foot=f"{how_to_object(batch)}\n名单校验码（SHA-256）：{batch['sha256']}",
    )  # fmt: skip
