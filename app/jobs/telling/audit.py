"""Every event with what becomes of it: told to whom, by which message, on which way, or why to nobody.

The page docs/diagrams/events.md is written from this, and a test sees to it that nothing is missing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.applications.path import PATHS, WHOLE_PATHS, State
from app.households.path import PATH as HOUSEHOLD_PATH
from app.jobs.telling import wording
from app.jobs.telling.handlers import SILENT, TELLS, Handler
from app.messaging.outbox import Fact
from app.wechat.templates import BY_KIND
from app.workflow.path import Step

TELLERS: Final[Mapping[str, tuple[str, str]]] = {
    "tell_of_application": ("申请人", "application"),
    "tell_of_household": ("户主", "household"),
    "tell_objectors": ("提出异议的人", "objection"),
    "tell_investigators": ("核查异议的人", "investigation"),
    "tell_deciders": ("可以复核的人", "appeal"),
    "tell_deciders_above": ("上一级可以复核的人", "appeal"),
    "tell_appellant": ("申诉人", "appeal"),
    "tell_level_above": ("上一级", "escalation"),
    "tell_claimed": ("账户本人", "account"),
    "tell_of_card": ("户主", "card"),
    "tell_of_discrepancy": ("户主", "discrepancy"),
    "tell_resolved": ("户主", "discrepancy"),
    "tell_asked": ("资料被申请变更的人", "change"),
    "tell_changed": ("资料被申请变更的人", "change"),
    "tell_change_withdrawn": ("资料被申请变更的人", "change"),
    "tell_of_visit": ("户主", "visit"),
    "tell_of_match_alert": ("制作名单的人", "match"),
    "tell_verified": ("户主", "household"),
    "tell_voters": ("参加表决的人", "meeting"),
    "tell_delegate": ("受托人", "delegation"),
    "tell_delegation_ended": ("委托双方", "delegation"),
    "tell_checkers": ("复核付款的人", "payment"),
    "tell_card_checked": ("持卡人", "card_check"),
    "tell_reuse": ("可以核实的人", "reuse"),
    "tell_card": ("审核和付款的人", "card_alert"),
    "tell_supervisors": ("监督资金的人", "reconciliation"),
    "tell_of_article": ("撰写和审核文章的人", "article"),
    "tell_found_risky": ("可以撤下文章的人", "article"),
    "tell_to_withdraw": ("可以撤下文章的人", "article"),
    "tell_supplement_asked": ("申请人", "supplement_asked"),
    "tell_supplement_closed": ("提出要求的人", "supplement_answered"),
    "remind_people": ("户主和责任人", "review_due"),
    "tell_of_filled_in_application": ("所填写的职工", "filing"),
    "tell_of_filled_in_file": ("所填写的职工", "filing"),
    "tell_confirmers": ("核对任免的人", "post"),
    "tell_of_post": ("任免的人", "post"),
    "tell_evaluators": ("两位评估人", "evaluation"),
    "tell_helpers": ("可以代办的人", "paper_task"),
}
"""By the name of what tells: whom, and the kind of message."""
ELSEWHERE: Final[Mapping[str, str]] = {
    "SupplementAsked": "tell_supplement_asked",
    "SupplementClosed": "tell_supplement_closed",
    "Reminded": "remind_people",
}
"""Facts that are told by handlers of their own (app/jobs/handlers.py)."""
ON_PAPER: Final = ("申请 退回，本人没有微信", "档案 退回，本人没有微信", "SupplementAsked，本人没有微信")
"""What others are told of beside whom it concerns, whom the app does not reach."""
IN_APP_ALONE: Final[Mapping[str, str]] = {}
"""Kinds of messages that go by no template, and why."""
SEEN_BY_ACTOR: Final = "本人当场办理，当场看到"
IN_TIMELINE: Final = "工会内部的一步，申请页的时间线上看得到；不要求本人做什么"
OF_APPLICATIONS: Final[Mapping[str, str]] = {
    "submit": SEEN_BY_ACTOR,
    "withdraw": SEEN_BY_ACTOR,
    "appeal": SEEN_BY_ACTOR,
    "withdraw_appeal": SEEN_BY_ACTOR,
    "refuse_by_rule": SEEN_BY_ACTOR,
    "supplement": SEEN_BY_ACTOR,
    "accept": IN_TIMELINE,
    "approve": IN_TIMELINE,
    "raise_amount": IN_TIMELINE,
    "convene": IN_TIMELINE,
    "uphold_decision": "作为申诉的答复告知",
    "change_decision": "作为申诉的答复告知",
    "reopen": "作为申诉的答复告知",
    "stop_payment": "作为资料变更告知",
    "ask_supplement": "作为补充材料告知",
    "lapse_supplement": "作为补充材料告知",
    "undo": IN_TIMELINE,
}
"""Why of a step of an application nobody is told, by its action."""
OF_HOUSEHOLDS: Final[Mapping[str, str]] = {
    "submit": SEEN_BY_ACTOR,
    "withdraw": SEEN_BY_ACTOR,
    "accept": IN_TIMELINE,
    "approve": IN_TIMELINE,
    "report": IN_TIMELINE,
    "end_notice": IN_TIMELINE,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One event, and what becomes of it. `kind` None: nobody is told, and `said` is why."""

    event: str
    whom: str
    kind: str | None
    way: str
    said: str


def lines() -> Iterator[Line]:
    """All of them, the steps of applications and files one by one. Raises KeyError for what nobody has thought of."""
    for fact in sorted((*TELLS, *SILENT), key=lambda each: each.__name__):
        name = fact.__name__
        if name == "ApplicationMoved":
            yield from _steps_of_applications()
        elif name == "HouseholdMoved":
            yield from _steps_of_households()
        elif name in ELSEWHERE:
            yield _told(name, ELSEWHERE[name], "")
        elif fact in TELLS:
            yield _told(name, teller(TELLS[fact]), "")
        else:
            yield Line(name, "", None, "", SILENT[fact])
    yield from (_told(event, "tell_helpers", "") for event in ON_PAPER)


def teller(handler: Handler) -> str:
    return str(getattr(handler, "__name__", ""))


def _told(event: str, by: str, title: str) -> Line:
    whom, kind = TELLERS[by]
    way = f"微信（{BY_KIND[kind].name}）和小程序" if kind in BY_KIND else f"只在小程序：{IN_APP_ALONE[kind]}"
    return Line(event, whom, kind, way, title)


def _steps_of_applications() -> Iterator[Line]:
    paths = (*PATHS.values(), *WHOLE_PATHS.values())
    seen = {each for path in paths for step in path.steps for each in _ways(step)}
    for action, at, to in sorted(seen):
        event = f"申请 {action}{f'（{at}）' if at else ''} → {to}"
        said = wording.of_application(action, to, "困难帮扶", "编号", at)
        if to == State.PAYMENT_FAILED:
            said = wording.of_failed_payment("fix_card", "原因", "困难帮扶", "编号")
        if said is not None:
            yield _told(event, "tell_of_application", said.title)
        else:
            yield Line(event, "", None, "", OF_APPLICATIONS[action])


def _ways(step: Step) -> Iterator[tuple[str, str, str]]:
    """The action, where it leads, and of what is taken back in which state it was."""
    action = str(step.action)
    for to in (step.to, step.otherwise):
        if to is not None:
            yield action, str(step.at) if action == "undo" else "", str(to)


def _steps_of_households() -> Iterator[Line]:
    seen = {(str(step.action), str(step.at), str(step.to)) for step in HOUSEHOLD_PATH.steps}
    titles: dict[tuple[str, str], str | None] = {}
    for action, at, to in sorted(seen):
        said = wording.of_household(action, at, to, "编号")
        titles[action, to] = said.title if said else titles.get((action, to))
    for (action, to), title in titles.items():
        event = f"档案 {action} → {to}"
        if title is not None:
            yield _told(event, "tell_of_household", title)
        else:
            yield Line(event, "", None, "", OF_HOUSEHOLDS[action])


def kinds_told() -> frozenset[str]:
    """Every kind of message that somebody may get."""
    return frozenset(kind for _, kind in TELLERS.values())


def unnamed(facts: frozenset[type[Fact]]) -> frozenset[type[Fact]]:
    """Facts that are told by nobody who stands above."""
    told = {fact for fact in TELLS if teller(TELLS[fact]) in TELLERS}
    return facts - told - frozenset(SILENT)
