"""The template of household files: its columns, what may be chosen in them, and where each stands in the form. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from app.households.dictionaries import dictionaries
from app.households.forms import Spending
from app.spreadsheets.writing import Column

RELATION, NAME, NUMBER, OF_HEAD = "与户主关系", "姓名", "证件号码", "户主证件号码"
HEALTH, PHONE, UNION, EMPLOYER = "健康状况", "联系电话", "所属工会编码", "工作单位"
ADDRESS, DIVISION, HOUSING, INCOME = "家庭住址", "行政区划代码", "住房类型", "家庭年收入（元）"
CAUSE, OTHER_CAUSES, DEMANDS, RESIDENCE = "主要致困原因", "其他致困原因", "帮扶需求", "城镇或农村"
DIBAO, OWN_INCOME, SCHOOLING, ERRORS = "是否低保", "成员年收入（元）", "就学阶段", "错误说明"
BANK, BRANCH, CARD = "开户银行", "支行名称", "银行卡号"
HEAD: Final = "本人"
LEFT: Final = "已离开"
"""A member of a file who is no member any more."""

Reads = Literal["text", "money", "day", "count", "flag", "code"]
RESIDENCES: Final[Mapping[str, str]] = {"城镇": "urban", "农村": "rural"}
FLAGS: Final[Mapping[str, bool]] = {"是": True, "否": False}
SPENDINGS: Final[Mapping[str, Spending]] = {
    "患病支出（元）": "illness", "残疾支出（元）": "disability", "就学支出（元）": "schooling",
    "意外支出（元）": "accident", "必要就业成本（元）": "necessary_work_cost",
}  # fmt: skip
_SAID_TOO: Final[Mapping[str, Mapping[str, str]]] = {
    "relation": {"孙子女": "grandchild", "外孙子女": "grandchild", "祖父母": "grandparent", "外祖父母": "grandparent"},
    "health": {"健康": "healthy", "大病": "serious_illness"},
    "housing": {
        "保障性住房": "affordable", "经济适用房": "affordable", "两限房": "affordable", "公租房": "public_rental",
        "廉租房": "public_rental", "租住私房": "private_rental", "单位住房": "employer", "无住房": "none",
    },
    "cause": {
        "有劳动能力未就业": "unemployed_able", "社会保险待遇未落实": "insurance_not_delivered",
        "患重病": "serious_illness", "自然灾害": "natural_disaster", "意外事故": "accident",
    },
    "schooling": {
        "学前": "pre_school", "中职": "secondary_vocational", "大专": "junior_college", "本科": "undergraduate",
    },
}  # fmt: skip
"""What people write for a code besides the words of its list."""


@cache
def choices(name: str) -> Mapping[str, Any]:
    """What may be written into a column of a list (the words of all its editions, or a code), and the code it stands
    for. Whether the list has that code today is asked later, by the form."""
    if name in _OWN_LISTS:
        return _OWN_LISTS[name]
    items = [item for edition in dictionaries()[name].editions for item in edition.items]
    words = {item.text: item.code for item in items} | dict(_SAID_TOO.get(name, {}))
    return words | {item.code: item.code for item in items if item.code not in words}


_OWN_LISTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "residence": {**RESIDENCES, **{code: code for code in RESIDENCES.values()}},
    "flag": {**FLAGS, "true": True, "false": False},
}


def offered(name: str) -> tuple[str, ...]:
    """What the drop-down of a list offers."""
    if name in _OWN_LISTS:
        return tuple(RESIDENCES if name == "residence" else FLAGS)
    return tuple(item.text for item in dictionaries()[name].editions[-1].items)


@dataclass(frozen=True, slots=True)
class Item:
    """A column that is one field of the form: where in the row of a head, and which field in the row of a member."""

    title: str
    reads: Reads = "text"
    head: str = ""
    """JSON pointer; empty: not filled in for the head."""
    member: str = ""
    list: str = ""
    note: str = ""
    required: bool = False
    width: int = 14

    @property
    def column(self) -> Column:
        """As the template shows it."""
        notes = [self.note, _HOW.get(self.reads, ""), _WHOSE.get((bool(self.head), bool(self.member)), "")]
        return Column(self.title, "".join(notes), offered(self.list) if self.list else (), self.required, self.width)


_HOW: Final[Mapping[str, str]] = {
    "money": "填数字，单位元，最多两位小数。", "day": "填日期，例如 2020-01-31。", "count": "填整数。",
}  # fmt: skip
_WHOSE: Final = {(True, False): "只在户主一行填写。", (False, True): "只在成员一行填写。"}
_MUST: Final = "登记表必填。"


def _of_person(title: str, name: str, note: str = "") -> Item:
    return Item(title, "code", f"/head/{name}", name, name, note)


def _of_head(title: str, name: str, reads: Reads = "text", note: str = "") -> Item:
    return Item(title, reads, f"/head/{name}", list=name if reads == "code" else "", note=note)


def _flag(title: str, name: str) -> Item:
    return Item(title, "flag", f"/{name}", list="flag", width=10)


_PERSON: Final = (
    _of_person("民族", "ethnicity", _MUST),
    _of_person("性别", "sex", _MUST),
    _of_person("政治面貌", "political_status", _MUST),
    Item("出生日期", "day", "/head/birth_date", "birth_date", note=_MUST),
    _of_person("婚姻状况", "marital_status", _MUST),
    Item(HEALTH, "code", "/head/health", "health", "health", required=True, width=10),
    _of_person("疾病类别", "illness", "患病的必填。"),
    _of_person("残疾类别", "disability", "残疾的必填。"),
    _of_person("残疾等级", "disability_grade", "残疾的必填。"),
    _of_person("医保状况", "medical_insurance", _MUST),
    _of_person("户口类型", "hukou_kind", _MUST),
    _of_person("人员身份", "worker_identity", _MUST),
)
_HEAD: Final = (
    _of_head("劳模类型", "model_worker", "code", _MUST),
    _of_head("户口所在地代码", "hukou_division_code", note=f"{_MUST}6 到 12 位数字。"),
    _of_head("其他联系方式", "other_contact", note=_MUST),
    _of_head("邮政编码", "postcode"),
    Item(EMPLOYER, head="/head/employer", width=20),
    _of_head("单位性质", "employer_kind", "code"),
    _of_head("企业状况", "employer_condition", "code"),
    _of_head("所属行业", "industry", "code"),
    _of_head("工作状态", "work_status", "code", _MUST),
    _of_head("参加工作时间", "work_began_on", "day", _MUST),
    _of_head("劳动合同签订时间", "contract_signed_on", "day"),
    _of_head("劳动合同期限", "contract_term", "code"),
    _of_head("本人月平均收入（元）", "monthly_income_fen", "money", _MUST),
)
_HOUSEHOLD: Final = (
    Item(ADDRESS, head="/address", required=True, width=30),
    Item(DIVISION, head="/division_code", note="6 到 12 位数字。", required=True),
    Item(RESIDENCE, "code", "/residence", list="residence", note="不填按城镇。", width=10),
    Item(HOUSING, "code", "/housing", list="housing", required=True, width=16),
    Item("建筑面积", "code", "/floor_area", list="floor_area"),
    Item("住房套数", "count", "/homes", width=10),
    Item(INCOME, "money", "/income_fen_yearly", required=True),
    Item("家庭其他非薪资年收入（元）", "money", "/non_wage_income_fen_yearly", note=_MUST),
    Item("家庭存款和投资净值（元）", "money", "/financial_assets_fen"),
    Item("收入低于低保的月数", "count", "/months_below", note="没有政府救助时，人均收入已连续多少个月低于低保标准。"),
    Item("劳动关系月数", "count", "/labour_relation_months", note="劳动关系已满多少个月。"),
    _flag(DIBAO, "receives_dibao"),
    _flag("是否单亲", "single_parent"),
    _flag("有一定自救能力", "can_help_itself"),
    _flag("零就业家庭", "nobody_employed"),
    _flag("是否农民工", "migrant_worker"),
    _flag("是否工会会员", "union_member"),
    _flag("是否社会化管理退休", "retired_under_social_management"),
    _flag("是否经商办店或雇佣他人", "runs_business"),
    _flag("是否有非经营性机动车", "private_car"),
    _flag("是否有非居住类房产", "non_dwelling_property"),
    _flag("子女是否就读高收费学校", "high_fee_school"),
    _flag("子女是否自费出国留学", "study_abroad"),
    _flag("有劳动能力成年人无故不就业", "able_adult_not_working"),
    Item(CAUSE, "code", "/primary_cause", list="cause", note="只选一项。", required=True, width=18),
)
_GROUPS: Final = (
    Item("致困情况说明", head="/cause_note", width=24),
    Item("重点群体", "code", "/key_group", list="key_group"),
    Item("四个一批", "code", "/measure_batch", list="measure_batch"),
)
_MEMBER: Final = (
    Item(OWN_INCOME, "money", member="income_fen_yearly", note="没有收入填 0。"),
    Item(SCHOOLING, "code", member="schooling", list="schooling"),
    Item("入学年份", "count", member="school_entered_in", width=10),
    Item("学制（年）", "count", member="school_years", width=10),
    Item("成员单位或学校", member="employer_or_school", width=20),
)
ITEMS: Final = (*_PERSON, *_HEAD, *_HOUSEHOLD, *_GROUPS, *_MEMBER)
_OF_HEAD_ONLY: Final = "只在户主一行填写。"
_CARD_NOTE: Final = f"持卡人必须是户主本人；档案里已有的卡，变更要由两人核对。{_OF_HEAD_ONLY}"
COLUMNS: Final = (
    Column(
        RELATION, f"户主填“本人”，每户从户主开始，成员紧跟在后。档案里的成员不再是本户的，填“{LEFT}”。",
        (HEAD, *offered("relation"), LEFT), required=True, width=14,
    ),
    Column(NAME, "与证件一致。", required=True),
    Column(NUMBER, "18 位，以文本填写；校验位必须正确。", required=True, width=22),
    Column(OF_HEAD, "成员必填，与上面户主的证件号码一致；户主一行可以不填。", width=22),
    Column(PHONE, f"11 位手机号，本人可凭它确认档案。{_OF_HEAD_ONLY}", required=True, width=14),
    Column(UNION, f"不填为导入时选择的工会；填写的必须是它或它下级的编码。{_OF_HEAD_ONLY}", width=18),
    *(item.column for item in (*_PERSON, *_HEAD, *_HOUSEHOLD)),
    Column(OTHER_CAUSES, f"最多三项，用分号隔开，用词同主要致困原因。{_OF_HEAD_ONLY}", width=20),
    Column(DEMANDS, f"用分号隔开。{_OF_HEAD_ONLY}", width=24),
    *(item.column for item in _GROUPS),
    *(Column(title, f"过去一年，已扣除报销和救助。{_HOW['money']}{_OF_HEAD_ONLY}") for title in SPENDINGS),
    *(Column(title, _CARD_NOTE, width=18) for title in (BANK, BRANCH, CARD)),
    *(item.column for item in _MEMBER),
)  # fmt: skip
TITLES: Final = tuple(column.title for column in COLUMNS)
NEEDED: Final = frozenset({RELATION, NAME, NUMBER, OF_HEAD})
"""The columns without which a file is no filled-in template: who is meant. What a new file needs is told by cell."""
NOTES: Final = (
    "1. 每人一行；每户从“与户主关系”为“本人”的一行开始，家庭成员紧跟在后，不要排序打乱。",
    "2. 不要改动第一行的标题；列的顺序可以调整，空行会跳过。有下拉选项的列，填选项的文字或者代码都可以。",
    "3. 上传后先试算，不写入任何档案；有错的行会逐列说明，改正后重新上传，只处理没有成功的户。",
    "4. 户主还没有档案的，提交后生成代办档案，由本人实名登录后确认，或由另一名工作人员凭本人签名确认。",
    "5. 户主已有档案的，按证件号码更新那份档案：填写的列改为填写的内容，空着的列不变；没有列出的成员不变。",
    "6. 姓名、家庭人口和银行卡的变更不直接写入，提交后生成变更申请，由另一人核对；核对结束前不向这一户付款。",
    "7. 附件在系统里上传，各级意见在办理时签署，都不在表格中填写。",
)
PLACES: Final[Mapping[str, str]] = {
    "/head/name": NAME, "/head/id_number": NUMBER, "/head/mobile": PHONE,
    "/secondary_causes": OTHER_CAUSES, "/demands": DEMANDS, "/rigid_spending": next(iter(SPENDINGS)),
    "/members": RELATION, "/bank_card": CARD,
} | {item.head: item.title for item in ITEMS if item.head}  # fmt: skip
"""Where what the form says of the whole household stands in the template."""
MEMBER_PLACES: Final[Mapping[str, str]] = {"name": NAME, "id_number": NUMBER, "relation": RELATION} | {
    item.member: item.title for item in ITEMS if item.member
}
"""Where what it says of a member does."""
