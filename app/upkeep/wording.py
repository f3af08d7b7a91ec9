"""What the worker and the staff are told before a verification or a watch task is due. Pure."""

from datetime import date
from typing import NamedTuple

from app.policy.wording import day_text


class Notice(NamedTuple):
    """A title, and what stands below it for the worker and for staff."""

    title: str
    to_worker: str
    to_staff: str


def reminding(about: str, due_on: date, days: int, head_masked: str, number: str) -> Notice:
    """`days`: how many days before the due date it is sent at the earliest (30, 7, 0)."""
    day, whose = day_text(due_on), f"{head_masked}家（档案{number}）"
    if about == "watch":
        return Notice(
            "回访提醒",
            f"您家脱困后的回访在{day}前后进行，请留意工会的联系。生活又遇到困难的，可以直接重新申请建档。",
            f"{whose}脱困后的回访到期日是{day}，请回访并登记结果。",
        )
    if days > 0:
        return Notice(
            "年度复核提醒",
            f"您的家庭档案要在{day}前复核，请准备家庭收入和支出的证明，等候工会联系。",
            f"{whose}的年度复核到期日是{day}，请安排入户、比对或书面声明。",
        )
    return Notice(
        "年度复核到期",
        f"您的家庭档案的复核到期日是{day}。到期超过30天没有复核的，除紧急救助外暂停新的帮扶，请尽快联系所在工会。",
        f"{whose}的年度复核到期日是{day}。到期超过30天没有复核的，除紧急救助外暂停新的帮扶，请尽快复核。",
    )
