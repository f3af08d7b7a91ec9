"""困难职工登记表: one household file with all its groups, in the order of the form. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.documents.paper import Column, Field, fields, opinions, paper, table
from app.households.printed.persons import completed, masked
from app.households.printed.words import cause, coded, day, listed, money, yes_no
from app.kernel.money import half_up

_OFFICIAL: Final = ("number", "organisation", "opened_by", "reviewed_by", "entered_by")
TITLE: Final = "困难职工登记表"
SIGNATURE: Final = "签字（盖章）：　　　　　　　　　　年　　月　　日"
HEAD: Final = (
    Field("职工编号", "/number"),
    Field("困难类别", "/category", show=coded("category")),
    Field("建档标准", "/archive_level", show=coded("archive_level")),
    Field("办理状态", "/state", show=coded("state")),
    Field("建档人", "/opened_by"),
    Field("审核人", "/reviewed_by"),
    Field("录入人", "/entered_by"),
    Field("建档日期", "/active_on", show=day),
)
PERSON: Final = (
    Field("姓名", "/head/name"),
    Field("民族", "/head/ethnicity", show=coded("ethnicity")),
    Field("性别", "/head/sex", show=coded("sex")),
    Field("政治面貌", "/head/political_status", show=coded("political_status")),
    Field("身份证号", "/head/id_number", 2),
    Field("出生日期", "/head/birth_date", show=day),
    Field("婚姻状况", "/head/marital_status", show=coded("marital_status")),
    Field("健康状况", "/head/health", show=coded("health")),
    Field("疾病残疾类别", "/head/ailment"),
    Field("劳模类型", "/head/model_worker", show=coded("model_worker")),
    Field("医保状况", "/head/medical_insurance", show=coded("medical_insurance")),
    Field("户口类型", "/head/hukou_kind", show=coded("hukou_kind")),
    Field("户口所在地", "/head/hukou_division_code"),
    Field("手机号码", "/head/mobile"),
    Field("其他联系方式", "/head/other_contact"),
    Field("家庭住址", "/address", 3),
    Field("邮编", "/head/postcode"),
)
WORK: Final = (
    Field("工作单位", "/head/employer", 2),
    Field("单位性质", "/head/employer_kind", show=coded("employer_kind")),
    Field("企业状况", "/head/employer_condition", show=coded("employer_condition")),
    Field("所属行业", "/head/industry", show=coded("industry")),
    Field("工作状态", "/head/work_status", show=coded("work_status")),
    Field("参加工作时间", "/head/work_began_on", show=day),
    Field("人员身份", "/head/worker_identity", show=coded("worker_identity")),
    Field("合同签订时间", "/head/contract_signed_on", show=day),
    Field("合同期限", "/head/contract_term", show=coded("contract_term")),
    Field("所属工会", "/organisation", 2),
)
LIVING: Final = (
    Field("住房类型", "/housing", show=coded("housing")),
    Field("建筑面积", "/floor_area", show=coded("floor_area")),
    Field("住房套数", "/homes"),
    Field("家庭人口", "/people"),
    Field("本人月均收入", "/head/monthly_income_fen", show=money),
    Field("其他非薪资年收入", "/non_wage_income_fen_yearly", show=money),
    Field("家庭年度总收入", "/income_fen_yearly", show=money),
    Field("家庭月人均收入", "/per_head_fen_monthly", show=money),
    Field("是否单亲", "/single_parent", show=yes_no),
    Field("有一定自救能力", "/can_help_itself", show=yes_no),
    Field("零就业家庭", "/nobody_employed", show=yes_no),
    Field("享受低保", "/receives_dibao", show=yes_no),
)
MEMBERS: Final = (
    (
        Column("姓名", "/name", 4),
        Column("关系", "/relation", 3, coded("relation")),
        Column("民族", "/ethnicity", 3, coded("ethnicity")),
        Column("性别", "/sex", 2, coded("sex")),
        Column("政治面貌", "/political_status", 4, coded("political_status")),
        Column("身份证号", "/id_number", 7),
        Column("出生日期", "/birth_date", 5, day),
        Column("健康状况", "/health", 3, coded("health")),
        Column("疾病残疾类别", "/ailment", 4),
    ),
    (
        Column("月收入", "/income_fen_monthly", 4, money),
        Column("身份", "/worker_identity", 3, coded("worker_identity")),
        Column("医保状况", "/medical_insurance", 5, coded("medical_insurance")),
        Column("婚姻", "/marital_status", 4, coded("marital_status")),
        Column("户口", "/hukou_kind", 3, coded("hukou_kind")),
        Column("学历", "/schooling", 4, coded("schooling")),
        Column("入学年份", "/school_entered_in", 3),
        Column("学制", "/school_years", 2),
        Column("单位或学校", "/employer_or_school", 7),
    ),
)
SPENDING: Final = (
    (
        Column("刚性支出项目（过去一年）", "/kind", 18, coded("spending")),
        Column("金额", "/amount_fen", 18, money, right=True),
    ),
)
CAUSES: Final = (
    Field("主要致困原因", "/primary_cause", 2, cause),
    Field("次要致困原因", "/secondary_causes", 2, listed(cause)),
    Field("致困情况说明", "/cause_note", 4),
    Field("帮扶需求", "/demands", 4, listed(str)),
)
PROGRAMME: Final = (
    Field("解困脱困对象", "/cohort_2016", show=yes_no),
    Field("认定日期", "/cohort_fixed_on", show=day),
    Field("重点群体", "/key_group", show=coded("key_group")),
    Field("四个一批", "/measure_batch", show=coded("measure_batch")),
    Field("开户银行", "/bank/bank_name"),
    Field("支行名称", "/bank/branch"),
    Field("银行卡号", "/bank/number", 2),
)
ATTACHMENTS: Final = (
    (Column("附件类型", "/kind", 9, coded("attachment")), Column("附件名称", "/name", 15), Column("备注", "/note", 12)),
)
OPINIONS: Final = (
    ("基层党组织或行政意见", "management"),
    ("基层工会（办事处）意见（含公示结果）", "unit"),
    ("系统（主管）工会意见", "industry"),
    ("区（县）总工会意见", "district"),
    ("市总工会意见", "city"),
)
"""Which opinions the form asks for, and under which name each is given."""


def register_form(
    file: Mapping[str, Any], form: Mapping[str, Any], said: Mapping[str, Sequence[str]], *, whole: bool = False
) -> dict[str, Any]:
    """The form as a paper. `file`: the columns of the file; `form`: what was filled in; `said`: the lines of opinions.

    Only the household itself sees the `whole`: to all others persons are masked as on the screen.
    """
    everything = _everything(file, form)
    shown = everything if whole else masked(everything)
    # A union's or a file's own name is no personal value; who signed did so in office.
    shown |= {key: everything.get(key) for key in _OFFICIAL}
    return paper(
        TITLE,
        [
            fields("一、档案信息", HEAD, shown),
            fields("二、个人信息", PERSON, shown),
            fields("三、工作信息", WORK, shown),
            fields("四、住房和收入", LIVING, shown),
            table("五、家庭成员", MEMBERS, shown["members"], least=1),
            table("六、刚性支出", SPENDING, shown["rigid_spending"], least=1),
            fields("七、致困原因和需求", CAUSES, shown),
            fields("八、帮扶项目和银行信息", PROGRAMME, shown),
            table("九、附件", ATTACHMENTS, shown["attachments"], least=1),
            opinions("十、意见", [(label, "\n".join(said.get(name, ())), SIGNATURE) for label, name in OPINIONS]),
        ],
        above=[f"填报单位：{everything['organisation'] or ''}", f"填表日期：{day(file.get('printed_on'))}"],
        foot="本人承诺以上填写的内容真实、完整。　　申请人签字：　　　　　　　　　　年　　月　　日",
    )


def _everything(file: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """The file and the form as one document, with what follows from them."""
    members = [_earning(completed(member)) for member in form.get("members") or ()]
    people = len(members) + 1
    income = form.get("income_fen_yearly")
    head = completed(form.get("head") or {})
    return {
        "organisation": None,
        **form,
        **file,
        "head": head,
        "members": members,
        "rigid_spending": form.get("rigid_spending") or [],
        "attachments": form.get("attachments") or [],
        "people": people if form else None,
        "per_head_fen_monthly": half_up(income, 12 * people) if isinstance(income, int) else None,
    }


def _earning(member: dict[str, Any]) -> dict[str, Any]:
    yearly = member.get("income_fen_yearly")
    monthly = half_up(yearly, 12) if isinstance(yearly, int) else None
    return {"income_fen_monthly": monthly, **member}
