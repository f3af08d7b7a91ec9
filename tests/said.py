"""What the rules say to people, written down beside the cases: the office reads it, and no word changes unnoticed.

One entry for every answer of every rule, as the first of the office's cases gives it, with the name of that case.
After a change that is meant: `AID_WRITE_SAID=1 make test`, then read what git shows.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from app.policy.decision import Change, Decision, Finding, Reason, TraceStep
from tests.kinds.cases import check_reason_is_plain, check_text_is_plain

_ANSWERS = {True: "符合", False: "不符合", None: "暂时不能判断"}
_CAN = {True: "本人可以改变", False: "本人不能改变"}


class Said:
    """Collects what is said, each thing once; `check` holds it to the file beside a test file."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str, str], tuple[str, ...]] = {}
        self.steps: dict[str, str] = {}

    def decision(self, case: str, decision: Decision) -> None:
        changes = {change.rule: change for change in decision.changes}
        for reason in decision.reasons:
            self.reason(case, reason, changes.get(reason.rule))
        self.trace(case, decision.trace)

    def findings(self, case: str, findings: Iterable[Finding]) -> None:
        for each in findings:
            remedy = each.remedy
            self.reason(case, each.reason, remedy and Change(remedy.rule, remedy.text, remedy.can_change))

    def reason(self, case: str, reason: Reason, change: Change | None = None) -> None:
        check_reason_is_plain(reason)
        changing = ()
        if change is not None:
            check_text_is_plain(change.text)
            changing = (f"    {_CAN[change.can_change]}：{change.text}",)
        said = f"  {_ANSWERS[reason.met]}：{reason.text}"
        told = (f"    要求：{reason.needed}", f"    情况：{reason.given}", f"    依据：{reason.source}")
        key = (reason.rule, said, "".join(changing))
        self.answers.setdefault(key, (f"{said}（例：{case}）", *told, *changing))

    def trace(self, case: str, steps: Iterable[TraceStep]) -> None:
        for step in steps:
            check_text_is_plain(step.text)
            self.steps.setdefault(step.step, f"  {step.step}：{step.text}（{step.amount_fen}分，例：{case}）")

    def text(self) -> str:
        lines = []
        for rule in dict.fromkeys(rule for rule, _, _ in sorted(self.answers)):
            lines += [rule, *(line for key in sorted(self.answers) if key[0] == rule for line in self.answers[key]), ""]
        return "\n".join([*lines, *(["计算步骤", *self.steps.values(), ""] if self.steps else [])])

    def check(self, beside: str, name: str = "said.txt") -> None:
        hold(self.text(), beside, name)


def hold(text: str, beside: str, name: str = "said.txt") -> None:
    """Hold what is said to the file beside a test file."""
    file = Path(beside).with_name(name)
    if os.environ.get("AID_WRITE_SAID"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
