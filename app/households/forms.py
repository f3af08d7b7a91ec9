"""The household file as the phone fills it in (api: `/me/household`)."""

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


class Head(Frozen):
    """户主：本人。"""

    name: PersonName
    id_number: IdNumber
    health: Health
    organisation_code: Code | None = None
    """The union that the worker belongs to; without one the service centre takes the file."""
    employer: ShortText | None = None


class Member(Frozen):
    """与户主共同生活的家庭成员。"""

    name: PersonName
    id_number: IdNumber
    relation: Relation
    birth_date: IsoDate | None = None
    health: Health
    income_fen_yearly: Fen
    schooling: Schooling | None = None
    child_consent_id: Id | None = None


class RigidSpending(Frozen):
    """过去一年的刚性支出（已扣除报销和救助）。"""

    kind: Spending
    amount_fen: Fen
    file_ids: FileIds = Field(default_factory=list)


class HouseholdForm(Frozen):
    """一户一档案：家庭档案登记表（简表）。"""

    head: Head
    members: Annotated[list[Member], Field(max_length=MAX_MEMBERS)]
    address: ShortText
    division_code: Annotated[str, Field(pattern=r"^[0-9]{6,12}$")]
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
    file_ids: FileIds = Field(default_factory=list)
