"""The template of household files: its columns, what may be chosen in them, and where each stands in the form. Pure."""

from collections.abc import Mapping
from typing import Final

from app.households.forms import Spending
from app.spreadsheets.writing import Column

RELATION, NAME, NUMBER, OF_HEAD = "与户主关系", "姓名", "证件号码", "户主证件号码"
HEALTH, PHONE, UNION, EMPLOYER = "健康状况", "联系电话", "所属工会编码", "工作单位"
ADDRESS, DIVISION, HOUSING, INCOME = "家庭住址", "行政区划代码", "住房类型", "家庭年收入（元）"
CAUSE, OTHER_CAUSES, DEMANDS, RESIDENCE = "主要致困原因", "其他致困原因", "帮扶需求", "城镇或农村"
DIBAO, OWN_INCOME, SCHOOLING, ERRORS = "是否低保", "成员年收入（元）", "就学阶段", "错误说明"
HEAD: Final = "本人"

RELATIONS: Final[Mapping[str, str]] = {
    "配偶": "spouse", "子": "son", "女": "daughter", "孙子女": "grandchild", "父母": "parent", "祖父母": "grandparent",
    "兄弟姐妹": "sibling", "其他": "other",
}  # fmt: skip
HEALTHS: Final[Mapping[str, str]] = {
    "健康": "healthy", "体弱": "weak", "慢性病": "chronic_illness", "大病": "serious_illness", "残疾": "disabled",
}  # fmt: skip
HOUSINGS: Final[Mapping[str, str]] = {
    "自建房": "self_built", "商品房": "commercial", "保障性住房": "affordable", "公租房": "public_rental",
    "租住私房": "private_rental", "单位住房": "employer", "无住房": "none", "其他": "other",
}  # fmt: skip
CAUSES: Final[Mapping[str, str]] = {
    "无劳动能力": "no_labour_capacity", "有劳动能力未就业": "unemployed_able", "下岗失业": "laid_off",
    "未参加社会保险": "no_social_insurance", "社会保险待遇未落实": "insurance_not_delivered",
    "患重病": "serious_illness",
    "自然灾害": "natural_disaster", "意外事故": "accident", "子女上学": "child_schooling", "其他": "other",
}  # fmt: skip
SCHOOLINGS: Final[Mapping[str, str]] = {
    "未上学": "none", "学前": "pre_school", "小学": "primary", "初中": "junior_high", "高中": "senior_high",
    "中职": "secondary_vocational", "大专": "junior_college", "本科": "undergraduate", "研究生": "postgraduate",
}  # fmt: skip
RESIDENCES: Final[Mapping[str, str]] = {"城镇": "urban", "农村": "rural"}
FLAGS: Final[Mapping[str, bool]] = {"是": True, "否": False}
SPENDINGS: Final[Mapping[str, Spending]] = {
    "患病支出（元）": "illness", "残疾支出（元）": "disability", "就学支出（元）": "schooling",
    "意外支出（元）": "accident", "必要就业成本（元）": "necessary_work_cost",
}  # fmt: skip

_OF_HEAD_ONLY = "只在户主一行填写。"
_MONEY = "填数字，单位元，最多两位小数。"
COLUMNS: Final = (
    Column(RELATION, "户主填“本人”，每户从户主开始，成员紧跟在后。", (HEAD, *RELATIONS), required=True, width=12),
    Column(NAME, "与证件一致。", required=True),
    Column(NUMBER, "18 位，以文本填写；校验位必须正确。", required=True, width=22),
    Column(OF_HEAD, "成员必填，与上面户主的证件号码一致；户主一行可以不填。", width=22),
    Column(HEALTH, "", tuple(HEALTHS), required=True, width=10),
    Column(PHONE, f"11 位手机号，本人可凭它确认档案。{_OF_HEAD_ONLY}", required=True, width=14),
    Column(UNION, f"不填为导入时选择的工会；填写的必须是它或它下级的编码。{_OF_HEAD_ONLY}", width=18),
    Column(EMPLOYER, _OF_HEAD_ONLY, width=20),
    Column(ADDRESS, _OF_HEAD_ONLY, required=True, width=30),
    Column(DIVISION, f"6 到 12 位数字。{_OF_HEAD_ONLY}", required=True),
    Column(HOUSING, _OF_HEAD_ONLY, tuple(HOUSINGS), required=True, width=12),
    Column(INCOME, f"{_MONEY}{_OF_HEAD_ONLY}", required=True),
    Column(CAUSE, f"只选一项。{_OF_HEAD_ONLY}", tuple(CAUSES), required=True),
    Column(OTHER_CAUSES, f"最多三项，用顿号隔开，用词同主要致困原因。{_OF_HEAD_ONLY}", width=20),
    Column(DEMANDS, f"用分号隔开。{_OF_HEAD_ONLY}", width=24),
    Column(RESIDENCE, f"不填按城镇。{_OF_HEAD_ONLY}", tuple(RESIDENCES), width=10),
    Column(DIBAO, _OF_HEAD_ONLY, tuple(FLAGS), width=10),
    *(Column(title, f"过去一年，已扣除报销和救助。{_MONEY}{_OF_HEAD_ONLY}") for title in SPENDINGS),
    Column(OWN_INCOME, f"成员填写，没有收入填 0。{_MONEY}"),
    Column(SCHOOLING, "成员填写。", tuple(SCHOOLINGS), width=10),
)
TITLES: Final = tuple(column.title for column in COLUMNS)
NEEDED: Final = frozenset(column.title for column in COLUMNS if column.required) | {OF_HEAD, OWN_INCOME}
"""The columns without which a file is no filled-in template."""
NOTES: Final = (
    "1. 每人一行；每户从“与户主关系”为“本人”的一行开始，家庭成员紧跟在后，不要排序打乱。",
    "2. 不要改动第一行的标题；列的顺序可以调整，空行会跳过。",
    "3. 上传后先试算，不写入任何档案；有错的行会逐列说明，改正后重新上传，只处理没有成功的户。",
    "4. 提交后生成代办档案，由本人实名登录后确认，或由另一名工作人员凭本人签名确认。",
)
PLACES: Final[Mapping[str, str]] = {
    "/head/name": NAME, "/head/id_number": NUMBER, "/head/health": HEALTH, "/head/employer": EMPLOYER,
    "/address": ADDRESS, "/division_code": DIVISION, "/housing": HOUSING, "/income_fen_yearly": INCOME,
    "/primary_cause": CAUSE, "/secondary_causes": OTHER_CAUSES, "/demands": DEMANDS, "/residence": RESIDENCE,
    "/receives_dibao": DIBAO, "/rigid_spending": next(iter(SPENDINGS)), "/members": RELATION,
}  # fmt: skip
"""Where what the form says of the whole household stands in the template."""
MEMBER_PLACES: Final[Mapping[str, str]] = {
    "name": NAME, "id_number": NUMBER, "relation": RELATION, "health": HEALTH, "income_fen_yearly": OWN_INCOME,
    "schooling": SCHOOLING,
}  # fmt: skip
