"""Gathering what the rules of hardship aid (困难帮扶) need to know, and asking them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from app.applications.commands import FORM, Assessed
from app.applications.path import Kind
from app.applications.programme import Document, Filing, Programme, assessed
from app.applications.queries import living_of_kind, temporary_aid_elsewhere
from app.db.work import Work
from app.households.queries import facts_of, kept_form
from app.households.rules import criteria_of
from app.kernel.business_time import SHANGHAI, business_date
from app.kernel.money import Fen
from app.kinds.hardship_aid import rules
from app.kinds.hardship_aid.facts import Facts, Granted
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.kinds.hardship_aid.policy import KIND, Policy
from app.people.consents import Purpose

SUBJECT = "application.subject_index|hardship_aid"


def period(form: Mapping[str, Any], today: date) -> str:
    """One open draft per item and year."""
    return f"{today.year}:{form.get('item', '')}"


async def assess(work: Work, filing: Filing) -> Assessed:
    """Ask the rules in force on the day of application. Raises NoPolicyInForce."""
    form: HardshipAidForm = filing.form
    household = kept_form(work.keyring, filing.household)
    policy = work.policies.in_force(KIND, Policy, work.today)
    household_id = filing.household["id"] if filing.household else None
    applicant = str(filing.applicant["id"])
    temporary = [each for each in filing.granted if each["item"] == "temporary" and each["applicant_id"] == applicant]
    facts = Facts(
        applied_on=work.today,
        household=facts_of(household, filing.household, work.today, work.policies),
        item=form.item,
        requested_fen=form.requested_fen,
        granted_this_year=tuple(
            Granted(kind=each["kind"], item=each["item"], amount_fen=each["amount_fen"]) for each in filing.granted
        ),
        temporary_granted_this_year_fen=(
            sum(each["amount_fen"] for each in temporary) + await _under_other_accounts(work, filing)
        ),
        medical_self_paid_fen=form.medical.self_paid_fen if form.medical else None,
        medical_mutual_aid_paid_fen=form.medical.mutual_aid_paid_fen if form.medical else None,
        medical_settled_on=form.medical.settled_on if form.medical else None,
        mutual_aid_found_fen=await _on_same_bill(work, filing, policy, Kind.SECONDARY_MEDICAL, _claim_settled_on),
        medical_aided_before_fen=await _on_same_bill(work, filing, policy, Kind.HARDSHIP_AID, _aid_settled_on) or 0,
        accident_caused_fen=form.accident.caused_fen if form.accident else None,
        accident_happened_on=form.accident.happened_on if form.accident else None,
    )
    facts = replace(facts, household=rules.household_shown(facts))
    criteria = criteria_of(work.policies, facts.household, work.today)
    decision = rules.assess(facts, policy, criteria, decided_on=work.today)
    if form.item == "temporary" and not facts.household.file_active:
        household_id = None  # aid to a person: no file stands behind it, and so no plan
    number_index = filing.applicant["id_number_index"]
    whose = applicant if number_index is None else number_index.hex()
    subject = work.keyring.blind_index(SUBJECT, whose, *_purpose(form, work.today))
    return assessed(decision, facts, rules, household_id=household_id, item=form.item, subject_index=subject)


def _purpose(form: HardshipAidForm, today: date) -> tuple[str, ...]:
    """What must not be aided twice, under whatever account: a bill, an accident; of what has no date of its own the
    very same request within a month. Different ones stand beside one another as far as the year's caps let them."""
    if form.item == "medical" and form.medical is not None:
        return form.item, str(form.medical.settled_on), str(form.medical.self_paid_fen)
    if form.item == "accident" and form.accident is not None:
        return form.item, str(form.accident.happened_on), str(form.accident.caused_fen)
    return form.item, f"{today:%Y-%m}", str(form.requested_fen), " ".join(form.reason.split())


async def _under_other_accounts(work: Work, filing: Filing) -> Fen:
    """The cap of temporary aid is for each person, whose other accounts are out of this one's sight."""
    if filing.form.item != "temporary":
        return 0
    since = datetime(work.today.year, 1, 1, tzinfo=SHANGHAI)
    return await temporary_aid_elsewhere(work.transaction, filing.applicant["id"], since)


async def _on_same_bill(
    work: Work, filing: Filing, policy: Policy, kind: Kind, settled_on: Callable[[Mapping[str, Any]], date | None]
) -> Fen | None:
    """What applications of a kind have paid, or have under way, on sheets settled when this medical bill was.

    None where no medical bill is applied for. The dates stand in the sealed forms, whose names are fixed.
    """
    form: HardshipAidForm = filing.form
    if form.item != "medical" or form.medical is None or policy.medical is None:
        return None
    household_id = filing.household["id"] if filing.household else None
    amount, near = 0, timedelta(days=policy.medical.same_bill_days)
    rows = await living_of_kind(
        work.transaction, kind, filing.applicant["id"], household_id, except_id=filing.application_id
    )
    for row in rows:
        day = settled_on(work.keyring.open_document(FORM, row["id"], row["form"]))
        if day is not None and abs(day - form.medical.settled_on) <= near:
            amount += row["given_fen"] or 0
    return amount


def _claim_settled_on(claim: Mapping[str, Any]) -> date | None:
    return business_date(datetime.fromisoformat(claim["settlement"]["settled_at"]))


def _aid_settled_on(aid: Mapping[str, Any]) -> date | None:
    return date.fromisoformat(aid["medical"]["settled_on"]) if aid["item"] == "medical" else None


PROGRAMME = Programme(
    kind=Kind.HARDSHIP_AID,
    name="困难帮扶",
    summary="生活、医疗、意外和临时救助，先建档、后帮扶。",
    form=HardshipAidForm,
    form_version="2026-1",
    consents=(Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_FINANCE, Purpose.PUBLIC_NOTICE),
    documents=(
        Document("identity_card", "本人及家庭成员身份证"),
        Document("household_register", "户口簿全部页"),
        Document("income_proof", "近12个月收入证明或失业证明"),
        Document("medical_settlement", "医疗费用结算单（申请医疗救助时）", required=False),
        Document("accident_proof", "意外或灾害证明（申请意外救助时）", required=False),
    ),
    period=period,
    assess=assess,
)
