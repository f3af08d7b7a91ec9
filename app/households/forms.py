"""The household file as the phone fills it in (api: `/me/household`).

What only the statutory register asks for is optional here (app.households.register says what it still misses).
"""

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from app.policy.fields import Code, Fen, FileIds, Frozen, Id, IdNumber, IsoDate, LongText, PersonName, ShortText

Cause = Literal[
    "no_labour_capacity",
    "unemployed_able",
    "laid_off",
    "no_social_insurance",
    "insurance_not_delivered",
    "serious_illness",
    "natural_disaster",
    "accident",
    "child_schooling",
    "other",
]
Relation = Literal["spouse", "son", "daughter", "grandchild", "parent", "grandparent", "sibling", "other"]
Health = Literal["healthy", "weak", "chronic_illness", "serious_illness", "disabled"]
Spending = Literal["illness", "disability", "schooling", "accident", "necessary_work_cost"]
Schooling = Literal[
    "none", "pre_school", "primary", "junior_high", "senior_high", "secondary_vocational", "junior_college",
    "undergraduate", "postgraduate",
]  # fmt: skip
SPENDING_KINDS: Final[tuple[Spending, ...]] = get_args(Spending)
MAX_MEMBERS = 20
DECLARED: Final = (
    "financial_assets_fen",
    "receives_dibao",
    "months_below",
    "homes",
    "runs_business",
    "private_car",
    "non_dwelling_property",
    "high_fee_school",
    "study_abroad",
    "able_adult_not_working",
    "migrant_worker",
    "union_member",
    "labour_relation_months",
)
"""Optional declarations that the criteria of hardship may ask for; the facts have them under the same names."""


ListCode = Annotated[str, Field(pattern=r"^[0-9a-z_]{1,40}$")]
"""A code of a dated list (app/households/dictionaries.yaml), judged by the edition of the day."""
DivisionCode = Annotated[str, Field(pattern=r"^[0-9]{6,12}$")]
Mobile = Annotated[str, Field(pattern=r"^1[0-9]{10}$")]


class _Registered(Frozen):
    """登记表中每个人都有的项目；代码见 /reference/dictionaries。"""

    ethnicity: ListCode | None = Field(default=None, description="民族")
    sex: ListCode | None = Field(default=None, description="性别")
    political_status: ListCode | None = Field(default=None, description="政治面貌")
    birth_date: IsoDate | None = Field(default=None, description="出生日期")
    illness: ListCode | None = Field(default=None, description="疾病类别")
    disability: ListCode | None = Field(default=None, description="残疾类别")
    disability_grade: ListCode | None = Field(default=None, description="残疾等级")
    medical_insurance: ListCode | None = Field(default=None, description="医保状况")
    marital_status: ListCode | None = Field(default=None, description="婚姻状况")
    hukou_kind: ListCode | None = Field(default=None, description="户口类型")
    worker_identity: ListCode | None = Field(default=None, description="人员身份")


class Head(_Registered):
    """户主：本人。"""

    name: PersonName
    id_number: IdNumber
    health: Health
    organisation_code: Code | None = None
    """The union that the worker belongs to; without one the service centre takes the file."""
    employer: ShortText | None = None
    model_worker: ListCode | None = Field(default=None, description="劳模类型")
    hukou_division_code: DivisionCode | None = Field(default=None, description="户口所在地行政区划")
    mobile: Mobile | None = Field(default=None, description="手机号码")
    other_contact: ShortText | None = Field(default=None, description="其他联系方式")
    postcode: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = Field(default=None, description="邮政编码")
    employer_kind: ListCode | None = Field(default=None, description="单位性质")
    employer_condition: ListCode | None = Field(default=None, description="企业状况")
    industry: ListCode | None = Field(default=None, description="所属行业")
    work_status: ListCode | None = Field(default=None, description="工作状态")
    work_began_on: IsoDate | None = Field(default=None, description="参加工作时间")
    contract_signed_on: IsoDate | None = Field(default=None, description="劳动合同签订时间")
    contract_term: ListCode | None = Field(default=None, description="劳动合同期限")
    monthly_income_fen: Fen | None = Field(default=None, description="本人月平均收入，单位分")


class Member(_Registered):
    """与户主共同生活的家庭成员。"""

    name: PersonName
    id_number: IdNumber
    relation: Relation
    health: Health
    income_fen_yearly: Fen
    schooling: Schooling | None = None
    school_entered_in: Annotated[int, Field(ge=1900, le=2100)] | None = Field(default=None, description="入学年份")
    school_years: Annotated[int, Field(ge=1, le=10)] | None = Field(default=None, description="学制（年）")
    employer_or_school: ShortText | None = Field(default=None, description="工作单位或学校")
    child_consent_id: Id | None = None


class Attachment(Frozen):
    """一份附件。"""

    kind: ListCode
    file_id: Id
    note: ShortText | None = None


class RigidSpending(Frozen):
    """过去一年的刚性支出（已扣除报销和救助）。"""

    kind: Spending
    amount_fen: Fen
    file_ids: FileIds = Field(default_factory=list)


class HouseholdForm(Frozen):
    """一户一档案：家庭档案登记表。"""

    head: Head
    members: Annotated[list[Member], Field(max_length=MAX_MEMBERS)]
    address: ShortText
    division_code: DivisionCode
    housing: Literal[
        "self_built", "commercial", "affordable", "public_rental", "private_rental", "employer", "none", "other"
    ]
    income_fen_yearly: Fen
    rigid_spending: Annotated[list[RigidSpending], Field(max_length=20)]
    primary_cause: Cause
    secondary_causes: Annotated[list[Cause], Field(max_length=3)] = Field(default_factory=list)
    demands: Annotated[list[LongText], Field(max_length=10)] = Field(default_factory=list)
    residence: Literal["urban", "rural"] | None = Field(default=None, description="按城镇还是农村低保标准；不填按城镇")
    financial_assets_fen: Fen | None = Field(default=None, description="家庭存款和投资净值，单位分")
    receives_dibao: bool | None = Field(default=None, description="是否享受低保")
    months_below: Annotated[int, Field(ge=0, le=600)] | None = Field(
        default=None, description="没有政府救助时，人均收入已连续多少个月低于低保标准"
    )
    single_parent: bool | None = Field(default=None, description="是否单亲")
    homes: Annotated[int, Field(ge=0, le=50)] | None = Field(default=None, description="住房套数")
    runs_business: bool | None = Field(default=None, description="是否经商办店或雇佣他人")
    private_car: bool | None = Field(
        default=None, description="是否经常使用非经营性机动车（残疾人代步车、摩托车、电动车除外）"
    )
    non_dwelling_property: bool | None = Field(default=None, description="是否有非居住类房产")
    high_fee_school: bool | None = Field(default=None, description="子女是否就读高收费学校")
    study_abroad: bool | None = Field(default=None, description="子女是否自费出国留学")
    able_adult_not_working: bool | None = Field(
        default=None, description="是否有劳动能力的成年人无正当理由不就业（患病除外）"
    )
    migrant_worker: bool | None = Field(default=None, description="是否农民工")
    union_member: bool | None = Field(default=None, description="是否工会会员")
    labour_relation_months: Annotated[int, Field(ge=0, le=720)] | None = Field(
        default=None, description="劳动关系已满多少个月"
    )
    retired_under_social_management: bool | None = Field(
        default=None, description="户主是否已实行社会化管理退休；是的原则上不建档"
    )
    can_help_itself: bool | None = Field(default=None, description="是否有一定自救能力")
    nobody_employed: bool | None = Field(default=None, description="是否零就业家庭")
    floor_area: ListCode | None = Field(default=None, description="建筑面积")
    non_wage_income_fen_yearly: Fen | None = Field(default=None, description="家庭其他非薪资年收入，单位分")
    cause_note: LongText | None = Field(default=None, description="致困原因说明")
    key_group: ListCode | None = Field(default=None, description="五类重点群体")
    measure_batch: ListCode | None = Field(default=None, description="“四个一批”措施")
    bank_card_id: Id | None = Field(default=None, description="收款银行卡（/me/bank_card）；卡号不写进档案")
    attachments: Annotated[list[Attachment], Field(max_length=50)] = Field(default_factory=list)
    file_ids: FileIds = Field(default_factory=list)
