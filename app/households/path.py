"""The way of a household file (一户一档案).

It is opened once it is reviewed, visited, matched, published and approved; looked at again every year; and left for one
of several reasons that are never mixed.
"""

from typing import Final

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

P = Permission
EDITABLE = frozenset({"draft", "returned"})
IN_FORCE = ("active", "annual_review", "relieved")
"""The file stands: the household may be aided."""
SETTLED = (*IN_FORCE, "suspended")
CORRECTABLE = ("submitted", "unit_review", "home_visit", *SETTLED)
"""The unit has the file: its clerk may complete and correct it."""
CLASSABLE = ("district_review", "means_check", "city_approval", *SETTLED)
DEAD_STATES: Final = ("rejected", "withdrawn", "lifted", "cancelled", "transferred")

REASONS: dict[str, str] = {
    "not_in_hardship": "家庭困难程度未达到建档标准",
    "facts_not_confirmed": "经核实，申报的情况与实际不符",
    "retired_under_social_management": "已实行社会化管理的退休人员原则上不纳入建档范围",
    "duplicate_file": "家庭成员已在其他档案中",
}
"""Why a file may be refused: code and text for the worker."""

CANCEL_REASONS: dict[str, str] = {
    "death": "户主死亡",
    "retired_under_social_management": "已实行社会化管理的退休人员",
    "not_eligible": "经精准识别不符合建档条件",
    "duplicate": "重复建档",
    "left": "已离开本市或不再属于本市工会",
    "false_statement": "申报情况不实",
    "voluntary": "本人自愿退出",
    "lost_contact": "长期失去联系",
}
"""Why a file is cancelled (注销): neither lifted nor relieved, and never counted as such."""

GATES: dict[str, str] = {
    "register_complete": "登记表必填项齐全",
    "visit_confirmed": "入户调查已完成并经职工确认",
    "not_excluded": "没有不予建档的情形",
    "classified": "已确定困难类别和档案级别",
    "no_open_discrepancy": "没有待核实的差异",
}
"""What has to be so before some steps; app/households/gates.py and app/http/gates.py ask it."""

_ADMITS = ("not_excluded",)


def _review(state: str, by: Permission, to: str, *gates: str) -> tuple[Step, ...]:
    """A reviewer approves, returns for correction or rejects with a reason."""
    return (
        Step(state, "approve", to, by, counts_as_review=True, gates=gates),
        Step(state, "return", "returned", by, needs_note=True, counts_as_review=True),
        Step(state, "reject", "rejected", by, needs_note=True, needs_reason=True, counts_as_review=True),
    )


def _opening() -> tuple[Step, ...]:
    own = ("draft", "returned", "submitted", "unit_review", "home_visit")
    return (
        *(Step(state, "submit", "submitted", P.OWN) for state in ("draft", "returned")),
        *(Step(state, "withdraw", "withdrawn", P.OWN) for state in own),
        Step("submitted", "accept", "unit_review", P.ACCEPT_CASE, counts_as_review=True),
        Step("submitted", "return", "returned", P.ACCEPT_CASE, needs_note=True, counts_as_review=True),
        *_review("unit_review", P.REVIEW_AT_UNIT, "home_visit", *_ADMITS),
        Step("home_visit", "report", "district_review", P.ACCEPT_CASE, gates=("visit_confirmed", "register_complete")),
        Step("home_visit", "return", "returned", P.ACCEPT_CASE, needs_note=True),
        *_review("district_review", P.REVIEW_AT_DISTRICT, "means_check", *_ADMITS),
        # What a match says is no verdict: it can be answered, and nothing leads from here to `rejected`.
        Step(
            "means_check", "conclude", "public_notice", P.REVIEW_AT_DISTRICT,
            gates=("no_open_discrepancy", "classified"),
        ),
        Step("means_check", "return", "returned", P.REVIEW_AT_DISTRICT, needs_note=True),
        Step("public_notice", "end_notice", "city_approval", P.SYSTEM),
        Step(
            "public_notice", "object", "district_review", P.REVIEW_AT_DISTRICT,
            needs_note=True, opens_round=True, optional=True,
        ),
        *_review("city_approval", P.APPROVE_AT_CITY, "active", *_ADMITS),
    )  # fmt: skip


def _standing() -> tuple[Step, ...]:
    district = P.REVIEW_AT_DISTRICT
    return (
        Step("active", "start_review", "annual_review", P.ACCEPT_CASE, opens_round=True, optional=True),
        Step("annual_review", "finish_review", "active", P.REVIEW_AT_UNIT, counts_as_review=True),
        *(Step(state, "suspend", "suspended", district, needs_note=True, optional=True) for state in IN_FORCE),
        *(
            Step("suspended", "resume", state, district, needs_note=True, when=state, optional=True)
            for state in IN_FORCE
        ),
        *(Step(state, "transfer_out", "transferred", district, needs_note=True, optional=True) for state in SETTLED),
        *(
            Step(state, "merge", "cancelled", district, needs_note=True, carries="merge", optional=True)
            for state in SETTLED
        ),
    )


def _leaving() -> tuple[Step, ...]:
    district = P.REVIEW_AT_DISTRICT
    return (
        *(
            Step(state, "propose_exit", "exit_proposed", P.ACCEPT_CASE, needs_note=True, opens_round=True,
                 counts_as_review=True, carries="exit", optional=True)
            for state in IN_FORCE
        ),
        Step("exit_proposed", "approve", "exit_notice", district, counts_as_review=True),
        *(
            Step("exit_proposed", "return", state, district, needs_note=True, counts_as_review=True, when=state)
            for state in IN_FORCE
        ),
        Step("exit_notice", "object", "exit_proposed", district, needs_note=True, opens_round=True, optional=True),
        Step("exit_notice", "lift", "lifted", P.SYSTEM),
        Step("exit_notice", "relieve", "relieved", P.SYSTEM),
        Step("exit_notice", "cancel", "cancelled", P.SYSTEM),
    )  # fmt: skip


WORKING_DAYS: dict[str, int] = {
    "submitted": 3,
    "unit_review": 5,
    "home_visit": 10,
    "district_review": 5,
    "means_check": 10,
    "city_approval": 5,
    "exit_proposed": 5,
}
PATH = Path((*_opening(), *_standing(), *_leaving()), WORKING_DAYS)
WAITING_STATES = tuple(state for state in PATH.states if state in WORKING_DAYS or state == "annual_review")
EXIT_ENDS: Final = {"lifted": "lift", "relieved": "relieve", "cancelled": "cancel"}
"""How an exit of each kind ends after its notice."""


def way_back(step: Step, before: str | None) -> str | None:
    """Where a file can go back to after this step: what it was before it was suspended, or its exit was proposed."""
    leaving = ("exit_proposed", "exit_notice")
    if step.at in leaving:
        return before if step.to in leaving else None
    return step.at if step.to in ("suspended", "exit_proposed") else None
