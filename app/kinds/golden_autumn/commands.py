"""Gathering what the rules of Golden Autumn (金秋助学) need to know, and asking them."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from app.applications.commands import Assessed
from app.applications.path import Kind
from app.applications.programme import Document, Filing, Programme, assessed
from app.applications.queries import subject_is_aided
from app.db.work import Work
from app.households.queries import facts_of, kept_form
from app.households.rules import criteria_of
from app.kernel.business_time import academic_year
from app.kinds.golden_autumn import rules
from app.kinds.golden_autumn.forms import GoldenAutumnForm
from app.kinds.golden_autumn.policy import Policy
from app.kinds.golden_autumn.rules import KIND, Facts
from app.people.consents import Purpose

SUBJECT = "application.subject_index|golden_autumn"


def period(form: Mapping[str, Any], today: date) -> str:
    """One open draft per academic year: a second child's is opened when the first is submitted."""
    return str(form.get("academic_year") or academic_year(today))


async def assess(work: Work, filing: Filing) -> Assessed:
    """Ask the rules in force on the day of application. Raises NoPolicyInForce."""
    form: GoldenAutumnForm = filing.form
    household = kept_form(work.keyring, filing.household)
    subject = work.keyring.blind_index(SUBJECT, form.student.id_number, str(form.academic_year))
    members = {each["id_number"]: each for each in (household["head"], *household["members"])} if household else {}
    student = members.get(form.student.id_number)
    facts = Facts(
        applied_on=work.today,
        household=facts_of(household, filing.household, work.today, work.policies),
        student_is_member=student is not None if household else None,
        stage=form.stage,
        school_public=form.school_public,
        enrolment=form.enrolment,
        academic_year=form.academic_year,
        tuition_fen=form.tuition_fen,
        admitted_on=form.admitted_on,
        granted_for_this_year=await subject_is_aided(
            work.transaction, Kind.GOLDEN_AUTUMN, subject, except_id=filing.application_id
        ),
        other_grants_fen=tuple(grant.amount_fen for grant in form.other_grants),
        programme_type=form.programme_type or "ordinary",
        otherwise_in_file=(
            rules.otherwise_in_file(form.student.name, form.stage, form.enrolment, student) if student else None
        ),
    )
    policy = work.policies.in_force(KIND, Policy, work.today)
    criteria = criteria_of(work.policies, facts.household, work.today)
    decision = rules.assess(facts, policy, criteria, decided_on=work.today)
    household_id = filing.household["id"] if filing.household else None
    return assessed(decision, facts, rules, household_id=household_id, item=form.stage, subject_index=subject)


PROGRAMME = Programme(
    kind=Kind.GOLDEN_AUTUMN,
    name="金秋助学",
    summary="帮助困难职工子女完成高中阶段和高等教育学业，每名学生每学年一次。",
    form=GoldenAutumnForm,
    form_version="2026-1",
    consents=(
        Purpose.PRIVACY_POLICY,
        Purpose.SENSITIVE_FINANCE,
        Purpose.CHILD_DATA,
        Purpose.PUBLIC_NOTICE,
    ),
    documents=(
        Document("admission_or_student_proof", "录取通知书或在读证明"),
        Document("tuition_receipt", "学费收据"),
        Document("household_register", "能证明亲子关系的户口簿页"),
    ),
    period=period,
    assess=assess,
)
