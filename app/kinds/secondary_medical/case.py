"""A case file for `aid policy evaluate`: a claim of secondary medical insurance as an official writes it down. Pure."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.kinds.secondary_medical.attribution import governing
from app.kinds.secondary_medical.facts import Cover, Facts, Joining, Paid
from app.kinds.secondary_medical.forms import SecondaryMedicalForm
from app.kinds.secondary_medical.rules import assess
from app.kinds.secondary_medical.scheme import Policy
from app.policy.book import PolicyBook
from app.policy.decision import Decision
from app.policy.fields import Fen, Frozen, IsoDate
from app.policy.versions import CITY


class CaseCover(Frozen):
    """The cover that the stay is claimed on."""

    starts_on: IsoDate = Field(description="保障期第一天")
    ends_on: IsoDate = Field(description="保障期最后一天")
    joining: Joining | None = Field(description="new 首次参保，renewal 按期续保，late_renewal 逾期续保；null 为查不到")

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Self:
        if self.ends_on < self.starts_on:
            raise PydanticCustomError("term_order", "保障期的结束日期不能早于开始日期。")
        return self


class CasePaid(Frozen):
    """What one line of an earlier claim was paid."""

    line: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="给付项目的代码")]
    amount_fen: Fen = Field(description="给付金额（分）")
    paid_for: IsoDate = Field(description="那次住院归入的日期（按计划为入院、出院或结算日）")
    in_term: bool = Field(description="是否在同一个保障期内")


class Case(Frozen):
    """One claim, with what the service would otherwise look up."""

    event_date: IsoDate = Field(description="申请日")
    area: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(default=CITY, description="行政区划代码（六位）")
    form: SecondaryMedicalForm = Field(description="申请表")
    cover: CaseCover | None = Field(description="参保记录；null 为没有参保")
    paid_before: list[CasePaid] = Field(
        default_factory=list, max_length=1_000, description="以前给付过的项目，包括已批准、未发放的"
    )
    settlement_claimed_before: bool | None = Field(default=False, description="结算单是否申请过；null 为查不到")
    in_archive: bool | None = Field(default=None, description="是否已建立困难职工档案；null 为查不到")


def facts_of(case: Case, book: PolicyBook) -> Facts:
    """The facts of a case. The book is not needed: nothing of this kind stands on another policy."""
    return Facts(
        applied_on=case.event_date,
        cover=Cover(**case.cover.model_dump()) if case.cover else None,
        settlement=case.form.settlement.facts(),
        receipts_fen=case.form.receipts_fen,
        in_archive=case.in_archive,
        settlement_claimed_before=case.settlement_claimed_before,
        paid_before=tuple(
            Paid(line=each.line, amount_fen=each.amount_fen, on=each.paid_for, in_term=each.in_term)
            for each in case.paid_before
        ),
        **case.form.stay.facts(),
    )


def judge_case(case: Case, policy: Policy, book: PolicyBook) -> Decision:
    """The decision on a case under one version."""
    return assess(facts_of(case, book), policy, decided_on=case.event_date)


def policy_of(case: Case, book: PolicyBook) -> Policy:
    """The version of the book that governs a case. Raises NoPolicyInForce."""
    facts = facts_of(case, book)
    days = (facts.admitted_on, facts.discharged_on, facts.settlement.settled_on)
    return governing(book, facts.cover.starts_on if facts.cover else None, *days, case.area)
