"""Who is told of which fact. Each is safe to run twice: what a message tells is named, and nobody is told it again."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from uuid import UUID

from app.appeals.events import AppealDecided, AppealLodged, AppealSteppedUp, AppealWithdrawn
from app.appeals.path import WAITING
from app.appeals.rules import deciders_at
from app.applications.assisting.events import ApplicationFilledIn
from app.applications.escalations.events import CaseEscalated
from app.applications.events import ApplicationMoved
from app.applications.path import Kind, State
from app.applications.supplements.events import SupplementAsked, SupplementClosed
from app.appointments.events import PostChangeDecided, PostChangeProposed
from app.articles.events import ArticleMoved, PictureFoundRisky, WithdrawalAsked
from app.bulk.events import ExportAsked, ImportAsked, ImportConfirmed
from app.change_requests.events import ChangeAsked, ChangeDecided, ChangeWithdrawn
from app.change_requests.queries import by_id as change_request
from app.contact_cards.events import CardIssued
from app.db.work import Work
from app.delegations.events import DelegationEnded, PostDelegated
from app.discrepancies.events import DiscrepancyAnswered, DiscrepancyOpened, DiscrepancyResolved
from app.duplicates.events import DuplicateJudged
from app.files.events import FileKept
from app.funds.events import AllocationMoved, BudgetRaised, FundReceived
from app.households.events import HouseholdMoved
from app.jobs.telling import wording
from app.jobs.telling.appointments import tell_confirmers, tell_of_post
from app.jobs.telling.articles import tell_found_risky, tell_of_article, tell_to_withdraw
from app.jobs.telling.evaluations import tell_evaluators
from app.jobs.telling.filings import tell_of_filled_in_application, tell_of_filled_in_file
from app.jobs.telling.guards import tell_card, tell_reuse
from app.jobs.telling.on_paper import tell_helpers
from app.jobs.telling.queries import (
    apart,
    appeal,
    application,
    batch,
    delegation,
    discrepancy,
    failed_line,
    holders,
    household,
    payment_batch,
    step_of,
    step_of_application,
    visit,
    voters,
)
from app.jobs.telling.wording import Said
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.business_time import business_date
from app.kernel.money import yuan
from app.matching.events import MatchAlert, MatchReceived
from app.meetings.events import MeetingConvened, MeetingEnded
from app.messaging.commands import Told, tell
from app.messaging.outbox import Fact
from app.notices.events import InvestigationDecided, LineObjected
from app.notices.objection_commands import REPLY
from app.notices.objection_queries import decided, objectors
from app.payments.events import CardChecked, PaymentBatchMoved
from app.payments.path import BatchState
from app.payments.policy import KIND as PAYMENT
from app.payments.policy import PaymentPolicy
from app.people.claiming.events import AccountClaimed
from app.people.events import CardChanged, ConsentWithdrawn
from app.plans.events import MeasureTaken, PlanClosed, PlanOpened, ServiceGiven
from app.policies.events import PolicyPublished
from app.programmes import KINDS
from app.proxy_filings.events import FileFilledIn
from app.reaching.events import PersonTold, SendingRetried
from app.reconciliations.events import BreakExplained, BreaksOpened, MonthClosed, ReconciliationAsked, StatementImported
from app.rehearsals.events import RehearsalAsked
from app.relatives.events import RelativeDeclared, RelativeEnded
from app.reuse.events import CardShared, ReuseAnswered, ReuseFound
from app.supervision.evaluations.events import EvaluationMoved
from app.supervision.events import DonorReportMoved, PaymentChecked, SampleMoved
from app.upkeep.events import HouseholdVerified, Reminded, WatchDone
from app.visits.events import VisitMoved
from app.wechat.events import PushCame

Handler = Callable[[Work, dict[str, str]], Awaitable[None]]


def _roles(permission: Permission) -> list[Role]:
    return [role for role, held in PERMISSIONS.items() if permission in held]


async def _tell(
    work: Work, people: Iterable[UUID], once: str, kind: str, said: Said | None, subject_id: UUID, about: str = ""
) -> None:
    if said is not None:
        told = [Told(each, once, kind, *said, about or kind, subject_id) for each in dict.fromkeys(people)]
        await tell(work, told)


async def tell_of_application(work: Work, fact: dict[str, str]) -> None:
    """The worker hears how their application goes on, where it is theirs to know or to do something."""
    row = await application(work.transaction, UUID(fact["application_id"]))
    if row is None:
        return
    action, to_state = fact.get("action", ""), fact["to_state"]
    name = KINDS[Kind(row["kind"])].name
    said = wording.of_application(action, to_state, name, row["number"], fact.get("from_state", ""))
    # By the step itself: what was taken back may be decided in the same words again.
    step = await step_of_application(work.transaction, row["id"], action, to_state)
    once = f"application:{row['id']}:{step or f'{action}:' + fact.get('round', str(row['round']))}"
    if to_state == State.PAYMENT_FAILED and (line := await failed_line(work.transaction, row["id"])):
        reason = work.policies.in_force(PAYMENT, PaymentPolicy, work.today).returned(line["return_code"]).text
        said = wording.of_failed_payment(line["remedy"], reason, name, row["number"])
    await _tell(work, [row["applicant_id"]], once, "application", said, row["id"])
    if to_state == State.RETURNED:
        await tell_helpers(work, row, once, wording.of_paper_returned(row["number"]))


async def tell_of_household(work: Work, fact: dict[str, str]) -> None:
    """The worker hears how their household file goes on."""
    row = await household(work.transaction, UUID(fact["household_id"]))
    if row is None:
        return
    action, to_state = fact.get("action", ""), fact["to_state"]
    said = wording.of_household(action, fact.get("from_state", ""), to_state, row["number"])
    step = await step_of(work.transaction, row["id"], action, to_state)
    once = f"household:{row['id']}:{step}"
    await _tell(work, [row["person_id"]], once, "household", said, row["id"])
    if to_state == "returned":
        await tell_helpers(work, row, once, wording.of_paper_returned(row["number"]))


async def tell_objectors(work: Work, fact: dict[str, str]) -> None:
    """Who objected, and was signed in, hears what came of it; the others ask with the code of their receipt."""
    found = await decided(work.transaction, UUID(fact["notice_id"]))
    if found is None or found["state"] == "open":
        return
    reply = work.keyring.open_text(REPLY, found["id"], found["reply"]) if found["reply"] else None
    said = wording.of_objection(found["state"], found["number"], reply)
    people = await objectors(work.transaction, found["id"])
    await _tell(work, people, f"objection:{found['id']}", "objection", said, found["id"], "notice")


async def tell_investigators(work: Work, fact: dict[str, str]) -> None:
    """Those above the unit hear that a line stands still; not who signed it, nor whom it is about."""
    found = await decided(work.transaction, UUID(fact["notice_id"]))
    if found is None or found["state"] != "open":
        return
    union, roles = found["district_id"] or found["city_id"], _roles(Permission.INVESTIGATE)
    near = {found["person_id"], *found["signer_ids"]}
    people = [each for each in await holders(work.transaction, union, roles, work.today) if each not in near]
    said = wording.of_line_objected(found["number"], found["due_on"])
    await _tell(work, people, f"investigate:{found['id']}", "investigation", said, found["id"], "notice")


async def tell_deciders(work: Work, fact: dict[str, str]) -> None:
    """Those who may decide an appeal hear of it where it waits."""
    row = await appeal(work.transaction, UUID(fact["appeal_id"]))
    if row is None or row["state"] not in WAITING:
        return
    union = row["district_id" if row["state"] == "at_district" else "city_id"]
    roles = deciders_at(Kind(row["kind"]), row["state"])
    found = await holders(work.transaction, union, roles, work.today)
    people = await apart(work.transaction, row["application_id"], found)
    due_on = business_date(row["due_at"])
    said = wording.of_appeal_waiting(row["number"], due_on, stepped_up=row["stepped_up_at"] is not None)
    await _tell(work, people, f"appeal:{row['id']}:{row['state']}", "appeal", said, row["id"])


async def tell_deciders_above(work: Work, fact: dict[str, str]) -> None:
    """So do those of the level above, when nobody below may."""
    await tell_deciders(work, fact)


async def tell_appellant(work: Work, fact: dict[str, str]) -> None:
    """The worker hears that their appeal was answered."""
    row = await appeal(work.transaction, UUID(fact["appeal_id"]))
    if row is not None:
        said = wording.of_appeal(row["state"], row["number"])
        await _tell(work, [row["applicant_id"]], f"appeal:{row['id']}:{row['state']}", "appeal", said, row["id"])


async def tell_level_above(work: Work, fact: dict[str, str]) -> None:
    """Those of the level that a late case is escalated to hear of it; one that has moved on meanwhile is not late."""
    row = await application(work.transaction, UUID(fact["application_id"]))
    if row is None or str(row["version"]) != fact["version"] or row["due_at"] is None:
        return
    of_kind = Permission.APPROVE_MUTUAL_AID if row["kind"] == Kind.SECONDARY_MEDICAL else Permission.APPROVE_AT_CITY
    roles = _roles(Permission.REVIEW_AT_DISTRICT if fact["told"] == "district" else of_kind)
    people = await holders(work.transaction, row[f"{fact['told']}_id"], roles, work.today)
    said = wording.of_escalation(row["number"], row["applicant_masked"], business_date(row["due_at"]))
    others = [each for each in people if each != row["applicant_id"]]
    await _tell(work, others, f"late:{row['id']}:{fact['version']}", "escalation", said, row["id"], "application")


async def tell_claimed(work: Work, fact: dict[str, str]) -> None:
    """Whoever was on paper hears that their account has a WeChat now, in case it was not them."""
    person_id = UUID(fact["person_id"])
    said = wording.of_account_claimed(fact["proof"])
    once = f"account_claimed:{fact.get('claim_id', person_id)}"  # facts of before it was said have none
    await _tell(work, [person_id], once, "account", said, person_id, "person")


async def tell_of_card(work: Work, fact: dict[str, str]) -> None:
    """The worker hears whom to turn to from now on."""
    said, household_id = wording.of_card(fact["serial"]), UUID(fact["household_id"])
    await _tell(work, [UUID(fact["person_id"])], f"card:{fact['serial']}", "card", said, household_id, "household")


async def tell_of_discrepancy(work: Work, fact: dict[str, str]) -> None:
    """The worker has something to answer, by a day."""
    row = await discrepancy(work.transaction, UUID(fact["discrepancy_id"]))
    if row is not None:
        said = wording.of_discrepancy(row["said_by"], row["due_on"])
        await _tell(work, [row["person_id"]], f"discrepancy:{row['id']}", "discrepancy", said, row["id"])


async def tell_resolved(work: Work, fact: dict[str, str]) -> None:
    """The worker hears what was found to be right."""
    row = await discrepancy(work.transaction, UUID(fact["discrepancy_id"]))
    if row is not None and row["outcome"] is not None:
        said = wording.of_discrepancy_resolved(row["outcome"])
        await _tell(work, [row["person_id"]], f"discrepancy:{row['id']}:resolved", "discrepancy", said, row["id"])


async def tell_asked(work: Work, fact: dict[str, str]) -> None:
    """Whose bank card, name or family somebody else wants to change hears of it at once."""
    row = await change_request(work.transaction, UUID(fact["request_id"]))
    if row is not None and row["asked_by"] != row["person_id"]:
        said, once = wording.of_change_asked(row["kind"]), f"change:{row['id']}"
        await _tell(work, [row["person_id"]], once, "change", said, row["id"], "change_request")


async def tell_changed(work: Work, fact: dict[str, str]) -> None:
    """And what came of it, whoever asked."""
    row = await change_request(work.transaction, UUID(fact["request_id"]))
    if row is not None and row["state"] != "open":
        said, once = wording.of_change(row["kind"], row["state"]), f"change:{row['id']}:{row['state']}"
        await _tell(work, [row["person_id"]], once, "change", said, row["id"], "change_request")


async def tell_change_withdrawn(work: Work, fact: dict[str, str]) -> None:
    """Or that it was taken back, if by somebody else."""
    row = await change_request(work.transaction, UUID(fact["request_id"]))
    if row is not None and row["asked_by"] != row["person_id"]:
        await tell_changed(work, fact)


async def tell_of_visit(work: Work, fact: dict[str, str]) -> None:
    """The worker hears when somebody comes, and that there is something to confirm."""
    row = await visit(work.transaction, UUID(fact["visit_id"]))
    if row is not None:
        said = wording.of_visit(fact["action"], row["planned_on"], row["organisation_name"])
        await _tell(work, [row["person_id"]], f"visit:{row['id']}:{fact['action']}", "visit", said, row["id"])


async def tell_of_match_alert(work: Work, fact: dict[str, str]) -> None:
    """Whoever made the list hears that the department used another key, or another list."""
    row = await batch(work.transaction, UUID(fact["batch_id"]))
    if row is not None:
        said, once = wording.of_match_alert(row["number"]), f"match:{fact['return_id']}"
        await _tell(work, [row["made_by"]], once, "match", said, row["id"], "match_batch")


async def tell_verified(work: Work, fact: dict[str, str]) -> None:
    """The worker hears that their file was verified, and until when it is."""
    row = await household(work.transaction, UUID(fact["household_id"]))
    if row is not None:
        said, once = wording.of_verification(row["review_due_on"]), f"verified:{row['id']}:{row['review_due_on']}"
        await _tell(work, [row["person_id"]], once, "household", said, row["id"])


async def tell_voters(work: Work, fact: dict[str, str]) -> None:
    """Those who are named hear that they have to vote."""
    meeting_id = UUID(fact["meeting_id"])
    members = await voters(work.transaction, meeting_id)
    if members:
        said, people = wording.of_meeting(members[0]["number"]), [each["person_id"] for each in members]
        await _tell(work, people, f"meeting:{meeting_id}", "meeting", said, meeting_id)


async def tell_delegate(work: Work, fact: dict[str, str]) -> None:
    """Whoever is to act for a colleague hears of it."""
    row = await delegation(work.transaction, UUID(fact["delegation_id"]))
    if row is not None:
        by, union = row["from_masked"], row["organisation_name"]
        said = wording.of_delegation(by, union, row["starts_on"], row["ends_on"])
        await _tell(work, [row["to_person_id"]], f"delegation:{row['id']}", "delegation", said, row["id"])


async def tell_delegation_ended(work: Work, fact: dict[str, str]) -> None:
    """Both hear that it ended before its day, whoever ended it."""
    row = await delegation(work.transaction, UUID(fact["delegation_id"]))
    if row is not None and row["ended_at"] is not None:
        said = wording.of_delegation_ended(row["from_masked"], row["organisation_name"])
        people = [row["from_person_id"], row["to_person_id"]]
        await _tell(work, people, f"delegation:{row['id']}:ended", "delegation", said, row["id"])


async def tell_checkers(work: Work, fact: dict[str, str]) -> None:
    """Those who may confirm a batch hear that one waits; what became of it they see in their list."""
    row = await payment_batch(work.transaction, UUID(fact["batch_id"]))
    if row is None or row["state"] != BatchState.FROZEN:
        return
    people = await holders(work.transaction, row["organisation_id"], _roles(Permission.CONFIRM_PAYMENT), work.today)
    others = [each for each in people if each != row["maker_id"]]
    said = wording.of_batch_frozen(row["number"], row["line_count"], yuan(row["total_fen"]))
    await _tell(work, others, f"payment_batch:{row['id']}", "payment", said, row["id"], "payment_batch")


async def tell_card_checked(work: Work, fact: dict[str, str]) -> None:
    """Whose card a bank does not know as theirs hears of it before a payment fails."""
    person_id, said = UUID(fact["person_id"]), wording.of_card_checked(fact["outcome"])
    await _tell(work, [person_id], f"card_check:{fact['check_id']}", "card_check", said, person_id, "person")


async def tell_supervisors(work: Work, fact: dict[str, str]) -> None:
    """Those who supervise the money of a union hear that something does not agree; once for each run, or a night."""
    union, roles = UUID(fact["organisation_id"]), _roles(Permission.SUPERVISE_MONEY)
    people = await holders(work.transaction, union, roles, work.today)
    once = f"breaks:{union}:{fact['found_by']}:{fact['day']}"
    said = wording.of_breaks(int(fact["count"]), nightly=fact["found_by"] == "nightly")
    await _tell(work, people, once, "reconciliation", said, union, "organisation")


TELLS: Final[dict[type[Fact], Handler]] = {
    ApplicationMoved: tell_of_application,
    HouseholdMoved: tell_of_household,
    InvestigationDecided: tell_objectors,
    LineObjected: tell_investigators,
    AppealLodged: tell_deciders,
    AppealSteppedUp: tell_deciders_above,
    AppealDecided: tell_appellant,
    CaseEscalated: tell_level_above,
    AccountClaimed: tell_claimed,
    CardIssued: tell_of_card,
    DiscrepancyOpened: tell_of_discrepancy,
    DiscrepancyResolved: tell_resolved,
    ChangeAsked: tell_asked,
    ChangeDecided: tell_changed,
    ChangeWithdrawn: tell_change_withdrawn,
    VisitMoved: tell_of_visit,
    MatchAlert: tell_of_match_alert,
    HouseholdVerified: tell_verified,
    MeetingConvened: tell_voters,
    PostDelegated: tell_delegate,
    DelegationEnded: tell_delegation_ended,
    PaymentBatchMoved: tell_checkers,
    CardChecked: tell_card_checked,
    ReuseFound: tell_reuse,
    CardShared: tell_card,
    BreaksOpened: tell_supervisors,
    ArticleMoved: tell_of_article,
    PictureFoundRisky: tell_found_risky,
    WithdrawalAsked: tell_to_withdraw,
    ApplicationFilledIn: tell_of_filled_in_application,
    FileFilledIn: tell_of_filled_in_file,
    PostChangeProposed: tell_confirmers,
    PostChangeDecided: tell_of_post,
    EvaluationMoved: tell_evaluators,
}
"""The facts of which somebody is told, and by what. `Reminded` has a handler of its own (app/jobs/reminders.py)."""
SILENT: Final[dict[type[Fact], str]] = {
    Reminded: "told by app/jobs/reminders.py",
    SupplementAsked: "told by app/jobs/supplements.py",
    SupplementClosed: "told by app/jobs/supplements.py",
    RelativeDeclared: "whoever declared it did so themselves; what was signed across it is a list of its own",
    RelativeEnded: "whoever ended it did so themselves",
    MeetingEnded: "what it decided moves the application, and that is told",
    AppealWithdrawn: "the appellant did it themselves; from the list of those who decide it is gone",
    ConsentWithdrawn: "the person did it themselves",
    DiscrepancyAnswered: "the worker did it themselves; for staff it stands in the list of what waits",
    DuplicateJudged: "a suspicion about two files, of which no family is told; it decides nothing",
    MatchReceived: "what it found to be otherwise is a discrepancy, and told as one; the batch shows the rest",
    PlanOpened: "a proposal until somebody takes a measure on; from then on it stands on the contact card",
    MeasureTaken: "the contact card is issued anew, and that is told",
    PlanClosed: "its household has left, and that is told",
    ServiceGiven: "whoever received it was there",
    WatchDone: "whoever was asked was there",
    PolicyPublished: "nobody's case: what is in force stands at /programmes",
    RehearsalAsked: "work for the jobs; whoever asked looks at its progress",
    ImportAsked: "work for the jobs; whoever asked looks at its progress",
    ImportConfirmed: "work for the jobs; whoever asked looks at its progress",
    ExportAsked: "work for the jobs; whoever asked looks at its progress",
    FileKept: "work for the jobs; the file shows its state",
    FundReceived: "whoever entered it did so themselves; the ledger shows it",
    AllocationMoved: "stands in the list of proposals of those who decide them",
    BudgetRaised: "whoever is funded by it hears that of their application",
    ReuseAnswered: "whoever answered did so themselves; the case shows it to the next who reviews it",
    CardChanged: "work for the jobs; whoever changes a card sees it, and what staff change is told as a change",
    StatementImported: "whoever read it in sees it; what does not agree with it is found by a reconciliation",
    ReconciliationAsked: "work for the jobs; whoever asked looks at its progress",
    BreakExplained: "stands at the break, for those who supervise money",
    MonthClosed: "stands in the list of closed months",
    SendingRetried: "the message itself goes again",
    PersonTold: "that is what it says: they were told",
    PushCame: "what WeChat told us; whom it is about did it themselves",
    SampleMoved: "stands in the list of samples; whoever announced or drew it did so themselves",
    PaymentChecked: "whoever was asked was there, or is not told that nobody found them; the case is not moved by it",
    DonorReportMoved: "stands in the list of reports of those who let them out",
}
"""The facts of which nobody is told, and why."""
