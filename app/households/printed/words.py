"""How values of a household file are printed: codes in words, money in yuan, days in Chinese. Pure.

A code without a word here is printed as it is: a form never fails for a word that is missing.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from app.households.criteria import CLASS_NAMES
from app.kernel.money import yuan
from app.policy.wording import day_text

CAUSES: Final[Mapping[str, str]] = {
    "no_labour_capacity": "无劳动能力",
    "unemployed_able": "有劳动能力而未就业",
    "laid_off": "下岗失业",
    "no_social_insurance": "未参加社会保险",
    "insurance_not_delivered": "社会保险待遇落实不到位",
    "serious_illness": "患重特大疾病",
    "natural_disaster": "遭受自然灾害",
    "accident": "遭受意外事故",
    "child_schooling": "子女上学",
    "other": "其他",
}
LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "category": {str(code): name for code, name in CLASS_NAMES.items()},
    "archive_level": {
        "national": "全国级", "provincial": "省级", "municipal": "地市级", "county": "区县级",
        "grassroots": "基层（本级）",
    },
    "state": {
        "draft": "草稿", "submitted": "已提交", "unit_review": "工会初审", "home_visit": "入户核查",
        "district_review": "区县复核", "means_check": "信息比对", "public_notice": "公示中",
        "city_approval": "市总审批",
        "active": "在档", "annual_review": "年度复核", "exit_proposed": "拟退出", "exit_notice": "退出公示",
        "lifted": "已脱困", "relieved": "解困（兜底）", "cancelled": "已注销", "transferred": "已转出",
        "returned": "退回补正", "rejected": "不予建档", "withdrawn": "已撤回", "suspended": "暂停",
    },
    "sex": {"male": "男", "female": "女"},
    "relation": {
        "self": "本人", "spouse": "配偶", "son": "子", "daughter": "女", "grandchild": "孙子女、外孙子女",
        "parent": "父母",
        "grandparent": "祖父母、外祖父母", "sibling": "兄弟姐妹", "other": "其他",
    },
    "health": {
        "healthy": "良好", "weak": "体弱", "chronic_illness": "慢性病", "serious_illness": "重病", "disabled": "残疾",
    },
    "housing": {
        "self_built": "自建房", "commercial": "商品房", "affordable": "经济适用房、两限房",
        "public_rental": "政府廉租房、公租房",
        "private_rental": "租房", "employer": "承租单位公房", "none": "无房", "other": "其他",
    },
    "schooling": {
        "none": "未上学", "pre_school": "学前教育", "primary": "小学", "junior_high": "初中", "senior_high": "高中",
        "secondary_vocational": "中等职业教育", "junior_college": "大学专科", "undergraduate": "大学本科",
        "postgraduate": "研究生",
    },
    "spending": {
        "illness": "医疗支出", "disability": "残疾支出", "schooling": "就学支出", "accident": "意外支出",
        "necessary_work_cost": "必要就业成本",
    },
}  # fmt: skip


def text_of(list_name: str, code: str) -> str:
    """The word of a code of one of the lists that a file is filled in from."""
    return LISTS.get(list_name, {}).get(code, code)


def coded(list_name: str) -> Callable[[Any], str]:
    """Prints codes of this list as words."""
    return lambda code: "" if code is None else text_of(list_name, str(code))


def cause(code: Any) -> str:
    """A cause of hardship in the words of the form."""
    return "" if code is None else CAUSES.get(str(code), str(code))


def listed(show: Callable[[Any], str]) -> Callable[[Any], str]:
    """Several values side by side."""
    return lambda values: "、".join(show(value) for value in values or ())


def money(fen: Any) -> str:
    """Fen as yuan; nothing for what is not known."""
    return yuan(fen) if isinstance(fen, int) else ""


def yes_no(value: Any) -> str:
    return "" if value is None else "是" if value else "否"


def day(value: Any) -> str:
    """2026-09-01 → 2026年9月1日; what is no day (a masked one) stays as it is."""
    if isinstance(value, date):
        return day_text(value)
    try:
        return day_text(date.fromisoformat(value)) if value else ""
    except ValueError:
        return str(value)
