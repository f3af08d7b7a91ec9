"""Household files to print: a usual one, one with everything too long, one with nothing in it."""

from datetime import datetime
from typing import Any

WHEN = datetime.fromisoformat("2026-11-25T09:00:00+08:00")
LONG_NAMES = ("欧阳修远", "阿卜杜热合曼·买买提艾力·图尔荪", "陈𬸣", "林阿妹")
UNION = "汕头市龙湖区金霞街道纺织行业联合工会委员会"
FILE: dict[str, Any] = {
    "number": "DA-440507-2026-000123", "state": "active", "category": "deep", "archive_level": "municipal",
    "organisation": UNION, "active_on": "2026-11-03", "printed_on": "2026-11-25", "cohort_2016": False,
    "opened_by": "陈冬梅", "reviewed_by": "林楚鑫、苏映彤", "entered_by": "郑雪芬",
}  # fmt: skip
OPINIONS = {
    "unit": ["情况属实，同意上报。", f"{UNION}　2026年10月20日", "公示结果：公示期满，无异议。　2026年11月2日"],
    "district": ["同意。", "汕头市龙湖区总工会　2026年10月28日"],
}


def member(n: int = 0, **given: Any) -> dict[str, Any]:
    return {
        "name": LONG_NAMES[n % len(LONG_NAMES)], "id_number": "110105194912310021", "relation": "daughter",
        "health": "chronic_illness", "income_fen_yearly": 12_345_67, "schooling": "secondary_vocational",
        "school_entered_in": 2024, "school_years": 3, "employer_or_school": "汕头市澄海区莲下中学附属职业技术学校",
    } | given  # fmt: skip


def form(members: int = 2, **given: Any) -> dict[str, Any]:
    return {
        "head": {
            "name": "阿卜杜热合曼·买买提艾力·图尔荪", "id_number": "11010519491231002X", "health": "weak",
            "mobile": "13800138000", "employer": "汕头市龙湖区金霞街道某某纺织印染有限公司第二分公司",
            "monthly_income_fen": 1_800_00, "postcode": "515041",
        },
        "members": [member(n) for n in range(members)],
        "address": "广东省汕头市龙湖区金霞街道丹霞庄西区12幢304房之二（原建设新村旧门牌45号）",
        "division_code": "440507", "housing": "private_rental", "income_fen_yearly": 24_000_00,
        "rigid_spending": [{"kind": "illness", "amount_fen": 6_000_00}, {"kind": "schooling", "amount_fen": 4_000_50}],
        "primary_cause": "serious_illness", "secondary_causes": ["child_schooling", "laid_off"],
        "demands": ["希望得到生活救助", "=1+1 也只是文字"], "single_parent": True, "cause_note": "丈夫患病，女儿上学",
    } | given  # fmt: skip
