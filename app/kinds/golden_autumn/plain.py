"""The standard of Golden Autumn in plain words, from its data. Pure."""

from typing import Final, get_args

from app.households.criteria import CATEGORY_NAMES, Category
from app.kinds.golden_autumn.policy import MonthDay, Policy, StageTable, Window
from app.kinds.golden_autumn.rules import PROGRAMME_NAMES, STAGE_NAMES
from app.policy.plain import Section, Standards, Table, money, months

_CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)


def sections(policy: Policy, standards: Standards) -> tuple[Section, ...]:
    """How much, when, and who is not aided."""
    windows, stages, excluded = policy.windows, policy.stages, policy.excluded_programmes
    head = ("学段", *(CATEGORY_NAMES[each] for each in _CATEGORIES))
    tables = [(stage, table) for stage in stages.offered() if (table := stages.of(stage)) is not None]
    amounts = tuple(
        (STAGE_NAMES[stage], *(_amount(table, each, standards) for each in _CATEGORIES)) for stage, table in tables
    )
    fees = tuple((STAGE_NAMES[stage], money(table.high_fee_above_fen)) for stage, table in tables)
    types = "、".join(PROGRAMME_NAMES[each] for each in excluded.types)
    dated = policy.admission.dated_from
    return (
        Section("给多少", (), Table("每名学生每学年最多（上为城镇，下为农村）", head, amounts), stages.source),
        Section(
            "什么时候申请",
            (f"新录取的学生：{_window(windows.new)}。", f"在读的学生：{_window(windows.continuing)}。"),
            None,
            windows.source,
        ),
        Section(
            "录取通知书",
            (f"新生凭学年开始那一年{dated.month}月{dated.day}日以后的录取通知书申请，不看年龄。",),
            None,
            policy.admission.source,
        ),
        Section(
            "其他单位也资助的",
            (
                "其他单位已经资助的，从标准里扣除，差多少补多少。"
                if policy.other_grants.rule == "deduct"
                else "其他单位已经资助的，不再资助。",
            ),
            None,
            policy.other_grants.source,
        ),
        *((Section("不予资助的", (f"{types}。",), None, excluded.source),) if types else ()),
        Section(
            "民办学校学费太高的",
            ("就读民办学校，每学年学费高于下面数目的，不予资助。",),
            Table("民办学校学费界线", ("学段", "每学年"), fees, (1,)),
            stages.high_fee_source,
        ),
    )


def _amount(table: StageTable, category: Category, standards: Standards) -> str:
    cap = "\n".join(months(table.cap_months.of(category), each) for each in standards)
    grant = table.grant_fen.of(category) if table.grant_fen is not None else None
    return cap if grant is None else f"{money(grant)}，并且不超过\n{cap}"


def _window(window: Window) -> str:
    return f"每年{_month_day(window.opens)}到{'次年' if window.closes_next_year else ''}{_month_day(window.closes)}"


def _month_day(day: MonthDay) -> str:
    return f"{day.month}月{day.day}日"
