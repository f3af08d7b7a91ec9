"""What an approver may grant (核定金额): less than was approved so far, or more, by another way. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from app.applications.path import Action, Kind, path_of, stages_along
from app.applications.routes import route_for
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.money import yuan
from app.policy.book import PolicyBook
from app.workflow.path import Step

AT = "/amount_fen"


class AmountFixed(Conflict):
    """住院二次医保按参保计划给付，审批时不能改变金额。"""


def granting(
    policies: PolicyBook, on: date, row: Mapping[str, Any], step: Step, amount_fen: int, note: str | None
) -> tuple[Step, dict[str, Any]]:
    """The step that follows where somebody approves so much, and what it writes.

    Up to what was approved so far the case goes on. More than that nobody before them has seen: their step is the last
    of its round, and the case begins anew with the first stage of the way for the new amount.
    Raises Invalid, AmountFixed, NoPolicyInForce.
    """
    if step.action != Action.APPROVE:
        raise Invalid(FieldError(AT, "amount_not_asked", "只有审核、审批通过的时候才填写金额。"))
    if row["kind"] == Kind.SECONDARY_MEDICAL:
        raise AmountFixed
    so_far: int = row["amount_fen"]
    _within(row, amount_fen)
    if amount_fen != so_far and not note:
        raise Invalid(FieldError("/note", "note_required", "改变金额的，请写明理由。"))
    if amount_fen <= so_far:
        return step, {"amount_fen": amount_fen}
    route = route_for(policies, row["kind"], row["item"], amount_fen, on)
    raised = path_of(row).step(row["state"], Action.RAISE_AMOUNT)
    # Signed in the round that ends here: whoever has signed it already raises nothing, and may sign the next.
    anew = replace(raised, to=stages_along(route.route)[0], counts_as_review=True)
    written = {"amount_fen": amount_fen, "round": row["round"] + raised.opens_round, "signed_round": row["round"]}
    return anew, written | route._asdict()


def _within(row: Mapping[str, Any], amount_fen: int) -> None:
    """Raises Invalid: never more than the rules give, nor less than has been paid, nor nothing."""
    most = row["amount_fen"] if row["decided_fen"] is None else row["decided_fen"]
    paid = row["paid_before_fen"]
    if amount_fen > most:
        raise Invalid(FieldError(AT, "amount_above_decision", f"不能超过按政策测算的金额，最多{yuan(most)}。"))
    if paid is not None and amount_fen <= paid:
        raise Invalid(FieldError(AT, "amount_below_paid", f"已经发放了{yuan(paid)}，金额应高于这个数。"))
    if amount_fen == 0:
        raise Invalid(FieldError(AT, "amount_zero", "金额应大于0；不同意帮扶的，请选择不予通过。"))
