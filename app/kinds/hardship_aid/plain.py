"""The standard of hardship aid in plain words, from its data. Pure."""

from collections.abc import Iterable
from typing import Final, get_args

from app.households.criteria import CATEGORY_NAMES, Category
from app.kinds.hardship_aid.policy import AidKind, Approvals, Costs, HouseholdYear, Level, Living, Policy, Temporary
from app.kinds.hardship_aid.rules import ITEM_NAMES
from app.policy.plain import Section, Standards, Table, limit, money, months
from app.policy.wording import percent_text

_CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)
_KINDS: Final[dict[AidKind, str]] = {
    "hardship_aid": "困难帮扶",
    "golden_autumn": "金秋助学",
    "secondary_medical": "住院二次医保",
}
_LEVELS: Final[dict[Level, str]] = {"city": "市总工会", "province": "省总工会", "national": "全国总工会"}


def sections(policy: Policy, standards: Standards) -> tuple[Section, ...]:
    """Each item that is offered, then what holds for all."""
    said: list[Section] = []
    if policy.living is not None:
        said.append(_living(policy.living, standards))
    if policy.medical is not None:
        base = "按医保、互助保障等报销以后，自己还要付的部分计算。"
        said.append(_costs("医疗救助：看病花费大", base, "结算", policy.medical))
    if policy.accident is not None:
        said.append(_costs("意外救助：遇到意外或灾害", "按意外造成的支出计算。", "意外发生", policy.accident))
    if policy.temporary is not None:
        said.append(_temporary(policy.temporary))
    return (*said, *_together(policy))


def _living(living: Living, standards: Standards) -> Section:
    rows = tuple(
        (
            CATEGORY_NAMES[each],
            f"{living.cap_months.of(each)}个月",
            *(months(living.cap_months.of(each), standard) for standard in standards),
        )
        for each in _CATEGORIES
    )
    table = Table("每户每年最多", ("困难类别", "一个人的低保标准", "城镇", "农村"), rows, (2, 3))
    return Section("生活救助：日常生活困难", (), table, living.source)


def _costs(title: str, base: str, since: str, costs: Costs) -> Section:
    rows = tuple(
        (CATEGORY_NAMES[each], percent_text(costs.rate_bp.of(each)), limit(costs.cap_fen.of(each)))
        for each in _CATEGORIES
    )
    table = Table("给多少", ("困难类别", "比例", "每户每年最多"), rows, (1, 2))
    return Section(title, (base, f"{since}以后{costs.window_months}个月内可以申请。"), table, costs.source)


def _temporary(temporary: Temporary) -> Section:
    who = "只给没有建立困难职工档案的职工。" if temporary.only_without_file else "建档和没有建档的职工都可以申请。"
    lines = (f"每人每年最多{money(temporary.cap_fen)}。", who)
    return Section("临时救助：一时遇到急难", lines, None, temporary.source)


def _together(policy: Policy) -> Iterable[Section]:
    one = policy.one_item
    if one.categories:
        who = "、".join(CATEGORY_NAMES[each] for each in one.categories)
        yield Section("一年一项", (f"{who}家庭每年只享受一项（{_kinds(one.counted_kinds)}）。",), None, one.source)
    earlier = policy.earlier_aid
    if earlier.categories:
        who = "、".join(CATEGORY_NAMES[each] for each in earlier.categories)
        text = f"{who}家庭可以享受多项；本年度已得到的{_kinds(earlier.counted_kinds)}计入收入以后，仍要符合条件。"
        yield Section("已经得到过帮扶的", (text,), None, earlier.source)
    yield from _year(policy.household_year)
    yield from _approvals(policy.approvals)


def _year(year: HouseholdYear) -> Iterable[Section]:
    capped = [(each, year.cap_fen.of(each)) for each in _CATEGORIES]
    if any(cap is not None for _, cap in capped):
        rows = tuple((CATEGORY_NAMES[each], limit(cap)) for each, cap in capped)
        table = Table(f"每户每年合计最多（{_kinds(year.counted_kinds)}）", ("困难类别", "最多"), rows, (1,))
        yield Section("各项合计", (), table, year.source)


def _approvals(approvals: Approvals) -> Iterable[Section]:
    items = "、".join(ITEM_NAMES[each] for each in approvals.items)
    lines = tuple(
        f"{items}每户每年超过{money(each.above_fen)}的，报{_LEVELS[each.level]}审批。" for each in approvals.levels
    )
    if items and lines:
        yield Section("金额较大的", lines, None, approvals.source)


def _kinds(kinds: Iterable[AidKind]) -> str:
    return "、".join(_KINDS[each] for each in kinds)
