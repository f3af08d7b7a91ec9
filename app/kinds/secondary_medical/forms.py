"""What a worker fills in for secondary medical insurance (住院二次医保): the stay and its settlement sheet."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.kernel.business_time import business_date
from app.kinds.secondary_medical.scheme import Cause, Settlement
from app.policy.fields import Code, Fen, FileIds, Frozen, Id, Instant, IsoDate, LongText, ShortText


class Stay(Frozen):
    hospital_code: Code
    hospital_name: ShortText
    cause: Cause
    admitted_on: IsoDate
    discharged_on: IsoDate
    diagnosis: LongText

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Self:
        if self.discharged_on < self.admitted_on:
            raise PydanticCustomError("stay_dates", "出院日期不能早于入院日期")
        return self


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

    def facts(self) -> Settlement:
        """The sheet as the rules take it: without its number, the instant as the business date in Shanghai."""
        amounts = self.model_dump(exclude={"number", "settled_at"})
        return Settlement(settled_on=business_date(self.settled_at), **amounts)


class SecondaryMedicalForm(Frozen):
    """`form` of an application of this kind."""

    cover_id: Id | None = None
    stay: Stay
    settlement: SettlementSheet
    file_ids: FileIds = Field(default_factory=list)
