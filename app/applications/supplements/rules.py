"""What a supplement asks for, whether it was given, and what people are told of it. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from app.applications.path import Action
from app.applications.standards import SUPPLEMENT
from app.kernel.errors import FieldError
from app.policy.wording import day_text
from app.workflow.clock import Arrival

MAX_ITEMS: Final = 20
QUESTION: Final = "question"
"""The code of what is asked in words alone."""


class Item(NamedTuple):
    """One thing that is missing: a paper of the kind's list, or whatever else has a name."""

    code: str
    name: str


def unknown(codes: Sequence[str], known: Collection[str]) -> list[FieldError]:
    """What is wrong with the papers that a reviewer names."""
    wrong = [
        FieldError(f"/documents/{n}", "document_unknown", "这一项不在本项目的材料清单里，请重新选择。")
        for n, code in enumerate(codes)
        if code not in known
    ]
    repeated = [
        FieldError(f"/documents/{n}", "document_repeated", "这一项已经选过了。")
        for n, code in enumerate(codes)
        if code in codes[:n]
    ]
    return wrong + repeated


def asked_for(
    documents: Sequence[str], names: Mapping[str, str], others: Sequence[str], text: str | None
) -> list[Item]:
    """The items in the order in which they are shown; those without a code of the list are numbered."""
    listed = [Item(code, names[code]) for code in documents]
    named = [Item(f"other_{n}", name) for n, name in enumerate(others, 1)]
    return [*listed, *named, *([Item(QUESTION, "需要说明的问题")] if text else [])]


def wrong_answers(items: Collection[str], answers: Sequence[str]) -> list[FieldError]:
    """What is wrong with the items that a worker answers."""
    return [
        FieldError(f"/answers/{n}/item", "item_unknown", "没有要求补充这一项，请刷新后再填。")
        for n, item in enumerate(answers)
        if item not in items
    ] + [
        FieldError(f"/answers/{n}/item", "item_repeated", "这一项已经填过了。")
        for n, item in enumerate(answers)
        if item in answers[:n]
    ]


def missing(asked: Mapping[str, Any], answer: Mapping[str, Any] | None) -> list[str]:
    """The items that were neither brought nor answered. Files without an item may be any of them: nobody but the
    reviewer can tell, so then none is called missing."""
    items = [item["code"] for item in asked["items"]]
    if answer is None:
        return items
    if answer["file_ids"]:
        return []
    given = {each["item"] for each in answer["answers"]}
    return [code for code in items if code not in given and not (code == QUESTION and answer["note"])]


def arrivals(steps: Iterable[tuple[datetime, str, str]]) -> list[Arrival]:
    """Where a case stood, from the steps of its way (instant, action, state after it): while a supplement is open it
    waits for its applicant, wherever it stands."""
    way: list[Arrival] = []
    awaited = False
    for at, action, to_state in steps:
        # A case that only follows its file to another union goes on waiting.
        awaited = action == Action.ASK_SUPPLEMENT or (awaited and action == Action.FOLLOW_FILE)
        way.append((at, SUPPLEMENT if awaited else to_state))
    return way


class Words(NamedTuple):
    """A message: its title and its text."""

    title: str
    text: str


def asking(number: str, last_day: date) -> Words:
    return Words(
        "请补充材料",
        f"您的申请{number}需要补充材料或说明，请在{day_text(last_day)}前到申请页面补充；期间暂停计时，排队位置不变。"
        "有困难的，请联系所在工会。",
    )


def reminding(number: str, last_day: date) -> Words:
    return Words(
        "补充材料快到期了",
        f"您的申请{number}还没有补充材料，截止到{day_text(last_day)}。办不到的，也可以在申请页面写明原因。",
    )


def lapsed_for_worker(number: str) -> Words:
    return Words(
        "补充材料已到期",
        f"您的申请{number}没有在期限内补充材料，将按现有材料继续审核，不会因此自动不予通过。仍想补充的，请联系所在工会。",
    )


def closed_for_staff(number: str, outcome: str) -> Words:
    if outcome == "answered":
        return Words("申请人已补充材料", f"申请{number}已经补充材料，请继续审核。")
    return Words("补充材料逾期", f"申请{number}没有在期限内补充材料，已回到待办并注明，请按现有材料审核。")
