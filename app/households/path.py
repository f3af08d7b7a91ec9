"""The way of a household file in its simple form: the unit confirms it, the district opens it (先建档、后帮扶)."""

from app.kernel.actor import Permission
from app.workflow.path import Path, Step

REASONS: dict[str, str] = {
    "not_in_hardship": "家庭困难程度未达到建档标准",
    "facts_not_confirmed": "经核实，申报的情况与实际不符",
    "retired_under_social_management": "已实行社会化管理的退休人员原则上不纳入建档范围",
    "duplicate_file": "家庭成员已在其他档案中",
}
EDITABLE = frozenset({"draft", "returned"})
PATH = Path(
    (
        Step("draft", "submit", "submitted", Permission.OWN),
        Step("returned", "submit", "submitted", Permission.OWN),
        *(Step(state, "withdraw", "withdrawn", Permission.OWN) for state in ("draft", "returned", "submitted")),
        Step("submitted", "approve", "district_review", Permission.REVIEW_AT_UNIT, counts_as_review=True),
        Step("submitted", "return", "returned", Permission.REVIEW_AT_UNIT, needs_note=True, counts_as_review=True),
        Step("district_review", "approve", "active", Permission.REVIEW_AT_DISTRICT, counts_as_review=True),
        Step(
            "district_review",
            "return",
            "returned",
            Permission.REVIEW_AT_DISTRICT,
            needs_note=True,
            counts_as_review=True,
        ),
        Step(
            "district_review",
            "reject",
            "rejected",
            Permission.REVIEW_AT_DISTRICT,
            needs_note=True,
            needs_reason=True,
            counts_as_review=True,
        ),
        Step("active", "start_review", "annual_review", Permission.ACCEPT_CASE),
        Step("annual_review", "finish_review", "active", Permission.REVIEW_AT_UNIT),
    )
)
