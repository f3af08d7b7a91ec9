"""Gathering what the rules of secondary medical insurance (住院二次医保) need to know, and asking them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson

from app.applications.commands import DECISION, Assessed
from app.applications.path import Kind
from app.applications.programme import Document, Filing, Programme, assessed
from app.applications.queries import decided_on_cover, subject_is_aided
from app.covers.queries import for_stay, of_holder
from app.db.transaction import Record
from app.db.work import Work
from app.kinds.secondary_medical import rules
from app.kinds.secondary_medical.forms import SecondaryMedicalForm
from app.kinds.secondary_medical.rules import Cover, Facts, governed_on, lines_paid
from app.kinds.secondary_medical.scheme import Paid, Policy
from app.people.consents import Purpose
from app.policy.decision import from_plain
from app.policy.versions import in_force, load

POLICIES = load(Policy, __package__ or "")
SUBJECT = "application.subject_index|secondary_medical"


def period(_: Mapping[str, Any], today: date) -> str:
    """One open draft per year: the next sheet is claimed when the first is submitted."""
    return str(today.year)


async def assess(work: Work, filing: Filing) -> Assessed:
    """Ask the scheme that the cover's term began under. Raises NoPolicyInForce."""
    form: SecondaryMedicalForm = filing.form
    covers = await of_holder(work.transaction, filing.applicant["id_number_index"])
    cover = for_stay(covers, form.stay.admitted_on, form.cover_id)
    subject = work.keyring.blind_index(SUBJECT, form.stay.hospital_code, form.settlement.number)
    facts = Facts(
        applied_on=work.today,
        cover=_cover(cover),
        treatment="inpatient",
        cause=form.stay.cause,
        admitted_on=form.stay.admitted_on,
        discharged_on=form.stay.discharged_on,
        settlement=form.settlement.facts(),
        settlement_claimed_before=await subject_is_aided(
            work.transaction, Kind.SECONDARY_MEDICAL, subject, except_id=filing.application_id
        ),
        paid_in_term=await _paid_in_term(work, filing, cover),
    )
    policy = in_force(POLICIES, governed_on(cover["starts_on"] if cover else None, form.stay.admitted_on))
    decision = rules.assess(facts, policy, decided_on=work.today)
    return assessed(
        decision,
        facts,
        rules,
        household_id=filing.household["id"] if filing.household else None,
        subject_index=subject,
        cover_id=cover["id"] if cover else None,
    )


def _cover(row: Record | None) -> Cover | None:
    if row is None:
        return None
    return Cover(starts_on=row["starts_on"], ends_on=row["ends_on"], is_renewal=row["is_renewal"])


async def _paid_in_term(work: Work, filing: Filing, cover: Record | None) -> tuple[Paid, ...]:
    if cover is None:
        return ()
    claims = await decided_on_cover(
        work.transaction, cover["id"], filing.applicant["id"], except_id=filing.application_id
    )
    decisions = (orjson.loads(work.keyring.open(DECISION, row["id"], row["decision"])) for row in claims)
    return tuple(paid for decision in decisions for paid in lines_paid(from_plain(decision)))


PROGRAMME = Programme(
    kind=Kind.SECONDARY_MEDICAL,
    name="住院二次医保",
    summary="在职职工住院医疗互助保障：医保结算后个人负担的部分再按比例给付。",
    form=SecondaryMedicalForm,
    form_version="2026-1",
    consents=(Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_HEALTH, Purpose.SENSITIVE_FINANCE),
    documents=(
        Document("settlement_sheet", "医保结算单（盖章）"),
        Document("discharge_summary", "出院小结"),
        Document("receipt", "医疗费票据"),
        Document("accident_report", "意外经过说明（因意外住院时）", required=False),
    ),
    policies=POLICIES,
    period=period,
    assess=assess,
)
