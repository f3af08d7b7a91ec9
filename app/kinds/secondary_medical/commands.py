"""Gathering what the rules of secondary medical insurance (住院二次医保) need to know, and asking them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.applications.commands import DECISION, FACTS, Assessed
from app.applications.path import Kind
from app.applications.programme import Document, Filing, Programme, assessed
from app.applications.queries import decided_of_kind, subject_is_aided
from app.covers.commands import enrol_list
from app.covers.queries import covered_at, of_holder
from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import ACTIVE_STATES
from app.kernel.errors import FieldError, Invalid
from app.kernel.identifiers import InvalidIdentifier, ResidentId, plain_number, resident_id
from app.kinds.secondary_medical import rules
from app.kinds.secondary_medical.attribution import Held, began, day_of_stay, governing, held_by_stay
from app.kinds.secondary_medical.enrolment import Answer, UnitList, judge_unit
from app.kinds.secondary_medical.facts import Cover, Facts, Paid
from app.kinds.secondary_medical.forms import SecondaryMedicalForm
from app.kinds.secondary_medical.payment import lines_paid, lines_within
from app.kinds.secondary_medical.scheme import KIND, Attribution, Policy
from app.people.consents import Purpose
from app.policy.book import PolicyBook
from app.policy.decision import from_plain

SUBJECT = "application.subject_index|secondary_medical"


def period(_: Mapping[str, Any], today: date) -> str:
    """One open draft per year: the next sheet is claimed when the first is submitted."""
    return str(today.year)


async def assess(work: Work, filing: Filing) -> Assessed:
    """Ask the scheme that governs the stay. Raises NoPolicyInForce."""
    form: SecondaryMedicalForm = filing.form
    rows = await of_holder(work.transaction, filing.applicant["id_number_index"])
    claimed = _claimed_on(work.policies, rows, form)
    number = plain_number(form.settlement.number)
    subject = work.keyring.blind_index(SUBJECT, plain_number(form.stay.hospital_code), number)
    facts = Facts(
        applied_on=work.today,
        cover=claimed.cover,
        settlement=form.settlement.facts(),
        receipts_fen=form.receipts_fen,
        in_archive=filing.household is not None and filing.household["state"] in ACTIVE_STATES,
        settlement_claimed_before=await _claimed_before(work, filing, subject),
        paid_before=await _paid_before(work, filing, claimed),
        **form.stay.facts(),
    )
    decision = rules.assess(facts, claimed.policy, decided_on=work.today)
    household_id = filing.household["id"] if filing.household else None
    return assessed(decision, facts, rules, household_id=household_id, subject_index=subject, cover_id=claimed.cover_id)


async def _claimed_before(work: Work, filing: Filing, subject: bytes) -> bool:
    """Whether the sheet is claimed for already; what was kept before numbers had one spelling is found as written."""
    form: SecondaryMedicalForm = filing.form
    as_written = work.keyring.blind_index(SUBJECT, form.stay.hospital_code, form.settlement.number)
    for index in dict.fromkeys((subject, as_written)):
        kind, except_id = Kind.SECONDARY_MEDICAL, filing.application_id
        if await subject_is_aided(work.transaction, kind, index, except_id=except_id):
            return True
    return False


class _Claimed(NamedTuple):
    """The cover that a stay is claimed on, if there is one, and the version that governs."""

    cover_id: UUID | None
    cover: Cover | None
    policy: Policy


def _claimed_on(policies: PolicyBook, rows: Sequence[Record], form: SecondaryMedicalForm) -> _Claimed:
    """The cover that was chosen, else the one that the scheme gives the stay to. Raises NoPolicyInForce."""
    days = (form.stay.admitted_on, form.stay.discharged_on, form.settlement.settled_on)
    covers = [Held(row["starts_on"], row["ends_on"], row["area"], row["is_renewal"]) for row in rows]
    if form.cover_id is None:
        place = held_by_stay(policies, covers, *days)
    else:
        place = next((place for place, row in enumerate(rows) if row["id"] == form.cover_id), None)
    if place is None:
        return _Claimed(None, None, governing(policies, None, *days))
    held = covers[place]
    policy = governing(policies, held.starts_on, *days, held.area)
    joining = began(held, covers, policy.waiting)
    return _Claimed(rows[place]["id"], Cover(starts_on=held.starts_on, ends_on=held.ends_on, joining=joining), policy)


async def _paid_before(work: Work, filing: Filing, claimed: _Claimed) -> tuple[Paid, ...]:
    """What each line of the applicant's other living claims pays, by the cover and the day that they belong to."""
    claims = await decided_of_kind(
        work.transaction, Kind.SECONDARY_MEDICAL, filing.applicant["id"], except_id=filing.application_id
    )
    paid = []
    for claim in claims:
        decision = from_plain(orjson.loads(work.keyring.open(DECISION, claim["id"], claim["decision"])))
        on = _day_of(orjson.loads(work.keyring.open(FACTS, claim["id"], claim["facts"])), claimed.policy.attribution)
        in_term = claimed.cover_id is not None and claim["cover_id"] == claimed.cover_id
        lines = lines_within(lines_paid(decision), claim["only_fen"])
        paid += [Paid(line=line, amount_fen=fen, on=on, in_term=in_term) for line, fen in lines]
    return tuple(paid)


def _day_of(facts: Mapping[str, Any], attribution: Attribution) -> date:
    days = (facts["admitted_on"], facts["discharged_on"], facts["settlement"]["settled_on"])
    return day_of_stay(attribution, *(date.fromisoformat(day) for day in days))


async def enrol_unit(
    work: Work, person_id: UUID, union: Record, staff_count: int, starts_on: date, id_numbers: Sequence[str]
) -> tuple[int, date, Policy]:
    """Enrol a list of a unit's people, all or none: how many, the last day, and the scheme that says so.

    Raises Invalid with everything that is against it, NoPolicyInForce, AlreadyCovered.
    """
    people = _people(id_numbers, work.today)
    policy = work.policies.in_force(KIND, Policy, starts_on, union["division_code"])
    first: dict[str, int] = {}
    repeated = frozenset(place for place, one in enumerate(people) if first.setdefault(one.number, place) != place)
    asked = UnitList(
        applied_on=work.today,
        starts_on=starts_on,
        staff_count=staff_count,
        covered_before=await covered_at(work.transaction, union["id"], starts_on),
        people=tuple(one.birth_date for one in people),
        repeated=repeated,
    )
    answer = judge_unit(asked, policy)
    if not answer.accepted or answer.ends_on is None:
        raise Invalid(*_against(answer))
    count = await enrol_list(work, person_id, union, [one.number for one in people], starts_on, answer.ends_on)
    return count, answer.ends_on, policy


_ABOUT_THE_START = ("term_open", "not_backdated", "enrolment_open")


def _against(answer: Answer) -> Iterator[FieldError]:
    """Everything that is against a list: the list as a whole, then each of its people."""
    for reason in answer.reasons:
        if not reason.met:
            pointer = "/starts_on" if reason.rule in _ABOUT_THE_START else "/staff_count"
            text = f"没有做到“{reason.text}”：要求{reason.needed}，现在{reason.given}。"
            yield FieldError(pointer, reason.rule, text)
    for unfit in answer.unfit:
        yield FieldError(f"/id_numbers/{unfit.place}", unfit.code, unfit.text)


def _people(id_numbers: Sequence[str], today: date) -> list[ResidentId]:
    """Raises Invalid, naming each number that cannot be right by its place."""
    people, wrong = [], []
    for place, number in enumerate(id_numbers):
        try:
            people.append(resident_id(number, today))
        except InvalidIdentifier as error:
            wrong.append(FieldError(f"/id_numbers/{place}", error.code, error.message))
    if wrong:
        raise Invalid(*wrong)
    return people


PROGRAMME = Programme(
    kind=Kind.SECONDARY_MEDICAL,
    name="住院二次医保",
    summary="在职职工住院医疗互助保障：医保结算后个人负担的部分再按比例给付。",
    form=SecondaryMedicalForm,
    form_version="2026-2",
    consents=(Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_HEALTH, Purpose.SENSITIVE_FINANCE),
    documents=(
        Document("settlement_sheet", "医保结算单（盖章）"),
        Document("discharge_summary", "出院小结"),
        Document("receipt", "医疗费票据"),
        Document("accident_report", "意外经过说明（因意外住院时）", required=False),
    ),
    period=period,
    assess=assess,
)
