"""What may be done with many cases at once: pure."""

import re

import pytest

from app.applications.batches import tables
from app.applications.batches.rules import AT_MOST, TOGETHER, NotInBulk, check_asked, repeats
from app.applications.batches.steps import _DIFFERS
from app.applications.path import WHOLE_PATHS, Action
from app.applications.steps import step_text
from app.db.base import table_of
from app.kernel.actor import Permission
from app.kernel.errors import Invalid
from app.kernel.ids import new_id

ONE_BY_ONE = {
    *(Action.REJECT, Action.OBJECT, Action.UNDO, Action.CONVENE),
    *(Action.ASK_SUPPLEMENT, Action.WITHDRAW_SUPPLEMENT),
    *(Action.START_PAYMENT, Action.REISSUE, Action.WRITE_OFF),
}
REASONS = ("not_in_hardship",)
BY_STAFF = {
    step.action
    for path in WHOLE_PATHS.values()
    for step in path.steps
    if step.by not in (Permission.OWN, Permission.SYSTEM)
}  # fmt: skip


def test_every_step_of_staff_is_taken_together_or_one_by_one() -> None:
    assert set(TOGETHER) | ONE_BY_ONE == BY_STAFF
    assert set(TOGETHER) & ONE_BY_ONE == set()
    for action in [*ONE_BY_ONE, Action.WITHDRAW, Action.END_NOTICE, "dance"]:
        with pytest.raises(NotInBulk):
            check_asked(action, "理由", "not_in_hardship", [new_id()], REASONS)


def test_no_step_that_gives_a_reason_is_taken_together() -> None:
    steps = [step for path in WHOLE_PATHS.values() for step in path.steps if step.action in TOGETHER]
    assert steps
    assert not any(step.needs_reason for step in steps)


def test_a_return_needs_its_words() -> None:
    check_asked(Action.RETURN, "请补交材料", None, [new_id()], REASONS)
    with pytest.raises(Invalid):
        check_asked(Action.RETURN, None, None, [new_id()], REASONS)


def test_what_stood_there_before_is_found_at_each_of_its_places() -> None:
    a, b = new_id(), new_id()
    assert repeats([a, b]) == []
    assert repeats([a, b, a, b, a]) == [2, 3, 4]


def test_the_table_knows_the_same_actions_and_the_same_number() -> None:
    rules = {str(c.name): str(getattr(c, "sqltext", "")) for c in table_of(tables.BatchAction).constraints}
    # What was done together before payments had batches of their own stays in it.
    once = {Action.START_PAYMENT, Action.CONFIRM_PAYMENT}
    assert set(re.findall(r"'(\w+)'", rules["ck_batch_action_action"])) == {*TOGETHER, *once}
    assert str(AT_MOST) in rules["ck_batch_action_size"]


def test_what_differs_between_cases_are_names_of_the_single_step() -> None:
    """A name that the statement of one step no longer has would silently be the same for all."""
    assert set(_DIFFERS) <= set(re.findall(r":(\w+)", step_text()))
