"""Whether a household may leave the file as lifted or as relieved. Pure, exact, whole numbers.

Lifted (脱困): the cause is gone, and the income per head has been above the minimum living standard for some months
in a row after aid. Relieved (解困): it cannot be lifted, and reaches that standard with the floor of the government and
the standing aid of the union; it stays in the file. How many months, and what keeps a household from being lifted, the
policy of the day says. A figure per head is never divided: both sides are multiplied instead.
"""

from dataclasses import dataclass

from app.households.upkeep import Lifting, Relief
from app.kernel.money import Fen, yuan
from app.policy.decision import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """The household as it is when its exit is proposed. Amounts in fen a year; the standard per head and month."""

    income_fen_yearly: Fen
    rigid_spending_fen: Fen
    members: int
    circumstances: tuple[str, ...]
    months_above: int
    floor_aid_fen_yearly: Fen
    standing_aid_fen_yearly: Fen
    minimum_living_standard_fen: Fen | None
    standard_source: str


def lifted(facts: Recheck, policy: Lifting) -> tuple[Reason, ...]:
    """Every rule of being lifted, met or not."""
    net = facts.income_fen_yearly - facts.rigid_spending_fen
    line = _line(facts)
    above = None if line is None else net > line
    months = facts.months_above
    return (
        Reason(
            "exit_income_above_standard",
            above,
            "扣除刚性支出后，人均收入高于低保标准",
            f"全家全年高于{_said(line)}",
            f"全家全年{_said(net)}，共{facts.members}人",
            facts.standard_source,
        ),
        Reason(
            "exit_months_above_standard",
            months >= policy.months_above,
            "帮扶后人均收入连续高于低保标准",
            f"连续{policy.months_above}个月以上",
            f"连续{months}个月",
            policy.source,
        ),
    )


def relieved(facts: Recheck, policy: Relief) -> tuple[Reason, ...]:
    """Every rule of being relieved by floor and standing aid, met or not."""
    aided = facts.income_fen_yearly - facts.rigid_spending_fen
    aided += facts.floor_aid_fen_yearly + facts.standing_aid_fen_yearly
    line = _line(facts)
    cannot = bool(set(policy.circumstances).intersection(facts.circumstances))
    return (
        Reason(
            "exit_cannot_be_lifted",
            cannot,
            "因重病、残疾或没有劳动能力无法脱困",
            "有其中一种情形",
            "有这样的情形" if cannot else "没有这样的情形",
            policy.source,
        ),
        Reason(
            "exit_level_reached",
            None if line is None else aided >= line,
            "加上政府兜底和常态化帮扶，生活水平达到低保标准",
            f"全家全年不低于{_said(line)}",
            f"全家全年{_said(aided)}，共{facts.members}人",
            facts.standard_source,
        ),
    )


def _line(facts: Recheck) -> Fen | None:
    """The minimum living standard of the whole household for a year; None where the day's is not known."""
    standard = facts.minimum_living_standard_fen
    return None if standard is None or facts.members < 1 else standard * 12 * facts.members


def _said(amount: Fen | None) -> str:
    if amount is None:
        return "当日的低保标准（系统中没有）"
    return f"负{yuan(-amount)}" if amount < 0 else yuan(amount)
