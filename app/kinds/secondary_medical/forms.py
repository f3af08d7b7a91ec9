"""What a worker fills in for secondary medical insurance (住院二次医保): the stay and its settlement sheet."""

from datetime import date
from typing import Annotated, Self, TypeAlias, TypedDict

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.kernel.business_time import business_date
from app.kinds.secondary_medical.facts import Cause, Circumstance, Settlement, Treatment, Ward
from app.policy.fields import Code, Fen, FileIds, Frozen, Id, Instant, IsoDate, LongText, ShortText

Event: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class StayFacts(TypedDict):
    """What a stay gives to `facts.Facts`, by its names."""

    treatment: Treatment
    cause: Cause
    admitted_on: date
    discharged_on: date
    ward: Ward | None
    hospital_level: int | None
    events: tuple[str, ...]
    circumstances: tuple[Circumstance, ...]


class Stay(Frozen):
    hospital_code: Code
    hospital_name: ShortText
    cause: Cause
    admitted_on: IsoDate
    discharged_on: IsoDate
    diagnosis: LongText
    treatment: Treatment = Field(default="inpatient", description="住院，或门诊特定病种")
    hospital_level: Annotated[int, Field(ge=1, le=3)] | None = Field(
        default=None, description="医院等级（1至3级）；保障计划有要求时填写"
    )
    ward: Ward | None = Field(default=None, description="病房类别；保障计划有要求时填写")
    events: Annotated[list[Event], Field(max_length=10)] = Field(
        default_factory=list, description="除住院外发生的、保障计划列明的事项，如 critical_illness 确诊重大疾病"
    )
    circumstances: Annotated[list[Circumstance], Field(max_length=10)] = Field(
        default_factory=list, description="可能不在给付范围内的情形，如工伤"
    )

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Self:
        if self.discharged_on < self.admitted_on:
            raise PydanticCustomError("stay_dates", "出院日期不能早于入院日期。")
        return self

    def facts(self) -> StayFacts:
        """The part of the facts that the stay gives."""
        return StayFacts(
            treatment=self.treatment,
            cause=self.cause,
            admitted_on=self.admitted_on,
            discharged_on=self.discharged_on,
            ward=self.ward,
            hospital_level=self.hospital_level,
            events=tuple(self.events),
            circumstances=tuple(self.circumstances),
        )


class SettlementSheet(Frozen):
    """The settlement sheet (医保结算单), by the names of the national sheet; amounts in fen."""

    number: Code
    settled_at: Instant
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

    @property
    def settled_on(self) -> date:
        """The business date in Shanghai."""
        return business_date(self.settled_at)

    def facts(self) -> Settlement:
        """The sheet as the rules take it: without its number, with the day for the instant."""
        amounts = self.model_dump(exclude={"number", "settled_at"})
        return Settlement(settled_on=self.settled_on, **amounts)


class SecondaryMedicalForm(Frozen):
    """`form` of an application of this kind."""

    cover_id: Id | None = None
    stay: Stay
    settlement: SettlementSheet
    receipts_fen: Fen | None = Field(default=None, description="票据金额合计；保障计划有要求时填写")
    file_ids: FileIds = Field(default_factory=list)
