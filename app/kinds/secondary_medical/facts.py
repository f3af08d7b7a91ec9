"""What the rules of secondary medical insurance (住院二次医保) may know of a claim. Pure; amounts in fen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

from app.kernel.money import Fen

Treatment: TypeAlias = Literal["inpatient", "outpatient_special"]
Cause: TypeAlias = Literal["illness", "accident"]
Joining: TypeAlias = Literal["new", "renewal", "late_renewal"]
"""How a cover began: a first one, one that follows the last within the scheme's days of grace, or a later one."""
Ward: TypeAlias = Literal["general", "psychiatric", "rehabilitation", "maternity", "family_bed"]
Circumstance: TypeAlias = Literal[
    "work_injury",
    "third_party_liability",
    "not_designated_hospital",
    "overseas",
    "cosmetic",
    "self_harm",
    "drunk_or_drugged",
    "crime",
]

CAUSES: Final[Mapping[Cause, str]] = {"illness": "疾病", "accident": "意外"}
JOININGS: Final[Mapping[Joining | None, str]] = {
    "new": "首次参保",
    "renewal": "按期续保",
    "late_renewal": "逾期续保",
    None: "暂时查不到是否续保",
}
WARDS: Final[Mapping[Ward | None, str]] = {
    "general": "普通病房",
    "psychiatric": "精神科病房",
    "rehabilitation": "康复病房",
    "maternity": "产科病房",
    "family_bed": "家庭病床",
    None: "没有填写病房类别",
}
HOSPITAL_LEVELS: Final[Mapping[int | None, str]] = {
    1: "一级医院",
    2: "二级医院",
    3: "三级医院",
    None: "没有填写医院等级",
}
TREATMENTS: Final[Mapping[Treatment, str]] = {"inpatient": "住院", "outpatient_special": "门诊特定病种"}
CIRCUMSTANCES: Final[Mapping[Circumstance, str]] = {
    "work_injury": "工伤",
    "third_party_liability": "应由第三人负担",
    "not_designated_hospital": "非定点医院",
    "overseas": "境外就医",
    "cosmetic": "美容整形",
    "self_harm": "自伤自残",
    "drunk_or_drugged": "酗酒或吸毒",
    "crime": "违法犯罪",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The settlement sheet (医保结算单), by the national sheet's names; `settled_on` is its business date."""

    settled_on: date
    medfee_sumamt_fen: Fen
    fulamt_ownpay_amt_fen: Fen
    overlmt_selfpay_fen: Fen
    preselfpay_amt_fen: Fen
    inscp_scp_amt_fen: Fen
    act_pay_dedc_fen: Fen
    hifp_pay_fen: Fen
    hifob_pay_fen: Fen
    cvlserv_pay_fen: Fen
    maf_pay_fen: Fen
    acct_pay_fen: Fen
    psn_cash_pay_fen: Fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The cover that the stay falls in, or the applicant's latest; both days included. `joining` None: not known."""

    starts_on: date
    ends_on: date
    joining: Joining | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What one benefit line of one earlier claim pays, approved and not yet paid included.

    `on` is the day by which the earlier claim belongs to a calendar year; `in_term`: it was made on the same cover.
    """

    line: str
    amount_fen: Fen
    on: date
    in_term: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the rules may know. None: not known, which a scheme that asks for it takes for not met.

    `cover` None: none found. `events`: what happened besides the stay, by the scheme's own codes, such as
    critical_illness. `hospital_level`: 1 to 3. `receipts_fen`: the sum of the receipts handed in. `in_archive`: a
    living hardship file.
    """

    applied_on: date
    cover: Cover | None
    treatment: Treatment
    cause: Cause
    admitted_on: date
    discharged_on: date
    ward: Ward | None
    hospital_level: int | None
    events: tuple[str, ...]
    circumstances: tuple[Circumstance, ...]
    settlement: Settlement
    receipts_fen: Fen | None
    in_archive: bool | None
    settlement_claimed_before: bool | None
    paid_before: tuple[Paid, ...]
