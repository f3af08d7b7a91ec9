"""Gathering what the rules of hardship aid (困难帮扶) need to know, and asking them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from app.applications.commands import Assessed
from app.applications.path import Kind
from app.applications.programme import Document, Filing, Programme, assessed
from app.applications.queries import granted_since
from app.db.work import Work
from app.households.queries import CATEGORIES, facts_of, form_of
from app.kernel.business_time import SHANGHAI
from app.kinds.hardship_aid import rules
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.kinds.hardship_aid.rules import Facts, Granted, Policy
from app.people.consents import Purpose
from app.policy.versions import in_force, load

POLICIES = load(Policy, __package__ or "")


def period(form: Mapping[str, Any], today: date) -> str:
    """One open draft per item and year."""
    return f"{today.year}:{form.get('item', '')}"


async def assess(work: Work, filing: Filing) -> Assessed:
    """Ask the rules in force on the day of application. Raises NoPolicyInForce."""
    form: HardshipAidForm = filing.form
    household = form_of(work.keyring, filing.household)
    year = datetime(work.today.year, 1, 1, tzinfo=SHANGHAI)
    person_id = filing.applicant["id"]
    household_id = filing.household["id"] if filing.household else None
    granted = await granted_since(work.transaction, household_id, person_id, year, except_id=filing.application_id)
    temporary = [row for row in granted if row["item"] == "temporary" and row["applicant_id"] == person_id]
    facts = Facts(
        applied_on=work.today,
        household=facts_of(household, filing.household, work.today),
        item=form.item,
        requested_fen=form.requested_fen,
        granted_this_year=tuple(
            Granted(kind=row["kind"], item=row["item"], amount_fen=row["amount_fen"]) for row in granted
        ),
        temporary_granted_this_year_fen=sum(row["amount_fen"] for row in temporary),
        medical_self_paid_fen=form.medical.self_paid_fen if form.medical else None,
        medical_mutual_aid_paid_fen=form.medical.mutual_aid_paid_fen if form.medical else None,
        medical_settled_on=form.medical.settled_on if form.medical else None,
        accident_caused_fen=form.accident.caused_fen if form.accident else None,
        accident_happened_on=form.accident.happened_on if form.accident else None,
    )
    policy, categories = in_force(POLICIES, work.today), in_force(CATEGORIES, work.today)
    decision = rules.assess(facts, policy, categories, decided_on=work.today)
    return assessed(decision, facts, rules, household_id=household_id, item=form.item)


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
    policies=POLICIES,
    period=period,
    assess=assess,
)
