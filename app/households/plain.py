"""The criteria of hardship in plain words, from their data. Pure."""

from collections.abc import Iterator, Mapping

from app.households.criteria import CLASS_NAMES, CategoryPolicy, Criterion, Line, Migrants, Predicate, Threshold
from app.households.wording import CAUSES, LINES, MEASURES, OPERATORS, exclusion_needed
from app.kernel.money import Fen, half_up
from app.policy.plain import Section, Standards, Table, money


def sections(policy: CategoryPolicy, standards: Standards) -> tuple[Section, ...]:
    """The standard that all is compared with, each class, and who is not filed."""
    return tuple(_sections(policy, standards))


def _sections(policy: CategoryPolicy, standards: Standards) -> Iterator[Section]:
    urban, rural = standards
    rows = (
        ("低保标准", *(_line(each.monthly_fen) for each in standards)),
        ("低保边缘线", *(_line(each.edge_line_fen) for each in standards)),
    )
    yield Section("低保标准", (), Table("每人每月", ("标准", "城镇", "农村"), rows, (1, 2)), urban.source)
    lines: Mapping[Line, Fen | None] = {
        "minimum_living_standard": urban.monthly_fen, "edge_line": urban.edge_line_fen, "income_year": None,
    }  # fmt: skip
    rural_lines: Mapping[Line, Fen | None] = {
        "minimum_living_standard": rural.monthly_fen, "edge_line": rural.edge_line_fen, "income_year": None,
    }  # fmt: skip
    for criterion in policy.criteria:
        yield Section(
            CLASS_NAMES[criterion.category], tuple(_criterion(criterion, lines, rural_lines)), None, criterion.source
        )
    if policy.exclusions:
        yield Section(
            "还要符合",
            tuple(f"{exclusion_needed(each)}。" for each in policy.exclusions),
            None,
            "；".join(dict.fromkeys(each.source for each in policy.exclusions)),
        )
    if policy.migrants is not None:
        yield Section("农民工", tuple(_migrants(policy.migrants)), None, policy.migrants.source)


def _criterion(
    criterion: Criterion, urban: Mapping[Line, Fen | None], rural: Mapping[Line, Fen | None]
) -> Iterator[str]:
    for each in criterion.all_of:
        yield f"{_condition(each, urban, rural)}。"
    if criterion.receives_dibao is not None:
        yield "正在享受低保。" if criterion.receives_dibao else "没有享受低保。"
    if criterion.months_below is not None:
        yield f"收入低于低保已连续{criterion.months_below}个月以上。"
    if criterion.causes:
        yield f"原因是{'、'.join(CAUSES[each] for each in criterion.causes)}之一。"
    if criterion.aid_as is None:
        yield "只用本级工会自筹的资金帮扶。"


def _condition(predicate: Predicate, urban: Mapping[Line, Fen | None], rural: Mapping[Line, Fen | None]) -> str:
    said = f"{MEASURES[predicate.measure]}{OPERATORS[predicate.operator]}{_threshold(predicate, urban, rural)}"
    if predicate.or_else is None:
        return said
    return f"{said}；当地没有公布的，{OPERATORS[predicate.operator]}{_threshold(predicate.or_else, urban, rural)}"


def _threshold(threshold: Threshold, urban: Mapping[Line, Fen | None], rural: Mapping[Line, Fen | None]) -> str:
    said = f"{LINES[threshold.of]}{_part(threshold.percent)}"
    known = [
        f"{name}{money(half_up(fen * threshold.percent, 100))}"
        for name, lines in (("城镇", urban), ("农村", rural))
        if (fen := lines[threshold.of]) is not None
    ]
    return f"{said}（{'，'.join(known)}）" if known else said


def _part(percent: int) -> str:
    """100 % is said by saying nothing, and 200 % as 的2倍."""
    times, rest = divmod(percent, 100)
    return f"的{percent}%" if rest else f"的{times}倍" if times > 1 else ""


def _line(fen: Fen | None) -> str:
    return "没有查到" if fen is None else money(fen)


def _migrants(migrants: Migrants) -> Iterator[str]:
    if migrants.union_member:
        yield "须是工会会员。"
    if migrants.labour_relation_months:
        yield f"建立劳动关系满{migrants.labour_relation_months}个月。"
