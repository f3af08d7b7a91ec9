"""What happens next: each fact and what is done about it. Every handler is safe to run twice."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from app.applications.commands import stop_payments
from app.applications.events import ApplicationMoved
from app.applications.path import Action, State
from app.applications.queries import by_id_locked
from app.applications.supplements.events import SupplementAsked, SupplementClosed
from app.articles.sending_commands import ask_to_withdraw
from app.bulk.events import ExportAsked, ImportAsked, ImportConfirmed
from app.change_requests.events import ChangeAsked
from app.change_requests.queries import by_id, lock_payments
from app.contact_cards.events import CardIssued
from app.db.work import Work
from app.files.events import FileKept
from app.funds.events import BudgetRaised
from app.households import queries as households
from app.households.events import HouseholdMoved
from app.households.path import DEAD_STATES
from app.households.queries import ACTIVE_STATES, kept_form
from app.jobs import cards, exports, files, funding, imports, reconciliations, rehearsals, reminders, supplements
from app.jobs.duplicates.search import look_at
from app.jobs.notices.ending import publish_anew, settle, take_down, take_down_file
from app.jobs.notices.opening import open_household_notice, open_notice
from app.jobs.queries import household_locked, people_of_file
from app.jobs.reuse import search as reuse
from app.jobs.running import Jobs
from app.jobs.telling.handlers import TELLS
from app.jobs.transfers import follow
from app.jobs.wechat.pushes import handle_push
from app.kernel.business_time import business_date
from app.notices.events import InvestigationDecided
from app.people.consents import Purpose
from app.people.events import CardChanged, ConsentWithdrawn
from app.plans import commands as plans
from app.plans.events import MeasureTaken
from app.reconciliations.events import ReconciliationAsked
from app.rehearsals.events import RehearsalAsked
from app.relatives.commands import find_crossings
from app.relatives.events import RelativeDeclared
from app.reuse.card_commands import look_at_cards
from app.settings import settings
from app.upkeep import commands as upkeep
from app.upkeep.events import Reminded
from app.upkeep.rules import causes_of
from app.wechat.events import PushCame
from app.wechat.tag_commands import retag

Handler = Callable[[Work, dict[str, str]], Awaitable[None]]
LongHandler = Callable[[Jobs, dict[str, str]], Awaitable[None]]


async def stop_payments_elsewhere(work: Work, fact: dict[str, str]) -> None:
    """What is being paid under a union that whoever asked for the change cannot see is stopped as well."""
    request = await by_id(work.transaction, UUID(fact["request_id"]))
    if request is not None and request["state"] == "open":
        await lock_payments(work.transaction, request["person_id"], request["household_id"])
        await stop_payments(work, request["person_id"], request["household_id"])


async def withdraw_articles(work: Work, fact: dict[str, str]) -> None:
    """Who no longer consents to being shown asks by that for what shows them to be withdrawn."""
    if fact["purpose"] == Purpose.PUBLICITY:
        await ask_to_withdraw(work, UUID(fact["person_id"]))


async def run_rehearsal(jobs: Jobs, fact: dict[str, str]) -> None:
    """A policy version is rehearsed on the files that live now."""
    await rehearsals.run(jobs, UUID(fact["rehearsal_id"]))


async def look_for_duplicates(jobs: Jobs, fact: dict[str, str]) -> None:
    """A household file that has moved may be one that is there already, or be one no more."""
    await look_at(jobs, UUID(fact["household_id"]))


_CLAIMED = frozenset({State.SUBMITTED, State.REJECTED, State.WITHDRAWN, State.RETURNED})


_CLAIMS_ANEW = frozenset({Action.SUPPLEMENT, Action.UNDO, Action.REOPEN, Action.CHANGE_DECISION})


async def look_for_reuse(jobs: Jobs, fact: dict[str, str]) -> None:
    """A claim that was submitted, or brought more papers, may stand on a bill that was claimed for before; one that is
    over stands in nobody's way."""
    if fact["to_state"] in _CLAIMED or fact.get("action") in _CLAIMS_ANEW:
        await reuse.look_at(jobs, UUID(fact["application_id"]))


async def look_at_card(work: Work, fact: dict[str, str]) -> None:
    """Who is paid to another card may share it with another household, or share one no more."""
    await look_at_cards(work, UUID(fact["person_id"]))


async def look_at_cards_of_file(work: Work, fact: dict[str, str]) -> None:
    """Who belongs to a household, and who does not, may have changed with its file."""
    for person_id in await people_of_file(work.transaction, UUID(fact["household_id"])):
        await look_at_cards(work, person_id)


async def follow_file(work: Work, fact: dict[str, str]) -> None:
    """What hangs on a file that another union took over goes with it."""
    if fact.get("action") != "transfer":
        return
    row = await households.by_id_locked(work.transaction, UUID(fact["household_id"]))
    if row is not None:
        await follow(work.transaction, row)


async def note_payment(work: Work, fact: dict[str, str]) -> None:
    """Who was paid was helped."""
    if fact["to_state"] != State.PAID:
        return
    row = await by_id_locked(work.transaction, UUID(fact["application_id"]))
    if row is not None and row["household_id"] is not None and row["paid_at"] is not None:
        await plans.note_help(work, row["household_id"], row["paid_at"])


_BACK_IN_FILE = (*ACTIVE_STATES, "relieved", "suspended", "exit_proposed", "exit_notice")
"""From where a file that was open already comes back to being in force."""


async def look_after_file(work: Work, fact: dict[str, str]) -> None:
    """A file that was opened gets its day for the yearly verification and a proposed plan; one that was left ends its
    plan, and a household that was lifted is watched."""
    to_state = fact["to_state"]
    if to_state not in (*ACTIVE_STATES, *DEAD_STATES):
        return
    row = await household_locked(work.transaction, UUID(fact["household_id"]))
    if row is None:
        return
    if to_state in DEAD_STATES and row["state"] in DEAD_STATES:
        await plans.end_plan(work, row, "achieved" if row["state"] == "lifted" else "left")
        await upkeep.watch(work, row["id"])
    elif row["active_at"] is not None and row["state"] not in DEAD_STATES:
        await upkeep.first_due(work, row["id"], business_date(row["active_at"]))
        if fact["from_state"] not in _BACK_IN_FILE:
            form = kept_form(work.keyring, row)
            await plans.propose_plan(work, row, causes_of(form) if form else ())


async def scan_file(jobs: Jobs, fact: dict[str, str]) -> None:
    """A file that waits for the virus scanner is looked at; as long as the scanner is away it waits on."""
    await files.scan(jobs, UUID(fact["file_id"]), settings().files_scanner)


async def remind_people(work: Work, fact: dict[str, str]) -> None:
    """The worker and the responsible staff find a reminder among their messages."""
    await reminders.deliver(work, fact)


async def check_import(jobs: Jobs, fact: dict[str, str]) -> None:
    """An uploaded workbook of household files gets its dry run."""
    await imports.check(jobs, UUID(fact["import_id"]))


async def commit_import(jobs: Jobs, fact: dict[str, str]) -> None:
    """A dry run that was confirmed becomes filings."""
    await imports.carry_out(jobs, UUID(fact["import_id"]))


async def issue_card_again(work: Work, fact: dict[str, str]) -> None:
    """Somebody else sees to a household now: its contact card says so."""
    await cards.issue_again(work, UUID(fact["household_id"]))


async def draw_card(jobs: Jobs, fact: dict[str, str]) -> None:
    """A new contact card is drawn for its hash."""
    await cards.draw(jobs, UUID(fact["household_id"]))


async def make_export(jobs: Jobs, fact: dict[str, str]) -> None:
    """A list that was asked for is written."""
    await exports.make(jobs, UUID(fact["export_id"]))


async def find_what_was_signed(work: Work, fact: dict[str, str]) -> None:
    """Whoever declares a relative may have signed across that relation before."""
    await find_crossings(work, UUID(fact["relative_id"]))


async def tell_supplement_asked(work: Work, fact: dict[str, str]) -> None:
    """The worker finds among their messages what is missing, and until when."""
    await supplements.tell_asked(work, fact)


async def tell_supplement_closed(work: Work, fact: dict[str, str]) -> None:
    """Whoever asked for it can go on."""
    await supplements.tell_closed(work, fact)


async def fund_in_line(jobs: Jobs, fact: dict[str, str]) -> None:
    """A case that let go of money, or that waits for some: whoever is first in line gets what there is."""
    await funding.after_step(jobs, fact)


async def fund_from_budget(jobs: Jobs, fact: dict[str, str]) -> None:
    """A budget was raised: the same."""
    await funding.fund(jobs, [UUID(fact["budget_id"])])


async def reconcile_money(jobs: Jobs, fact: dict[str, str]) -> None:
    """A reconciliation that was asked for is run, or gone on with."""
    await reconciliations.run(jobs, UUID(fact["reconciliation_id"]))


async def take_tags_off(work: Work, fact: dict[str, str]) -> None:
    """Who no longer agrees to hear from the official account is taken off its tags, not only tonight."""
    await retag(work, UUID(fact["person_id"]))


HANDLERS: dict[str, tuple[Handler, ...]] = {
    ApplicationMoved.__name__: (open_notice, note_payment, take_down),
    HouseholdMoved.__name__: (
        open_household_notice,
        look_after_file,
        follow_file,
        take_down_file,
        look_at_cards_of_file,
    ),
    CardChanged.__name__: (look_at_card,),
    InvestigationDecided.__name__: (settle,),
    ConsentWithdrawn.__name__: (publish_anew, withdraw_articles, take_tags_off),
    ChangeAsked.__name__: (stop_payments_elsewhere,),
    Reminded.__name__: (remind_people,),
    MeasureTaken.__name__: (issue_card_again,),
    RelativeDeclared.__name__: (find_what_was_signed,),
    SupplementAsked.__name__: (tell_supplement_asked,),
    SupplementClosed.__name__: (tell_supplement_closed,),
    PushCame.__name__: (handle_push,),
}
"""What is done about a fact, and who is told of it: each of these in a job, and a transaction, of its own."""
for _fact, _teller in TELLS.items():
    HANDLERS[_fact.__name__] = (*HANDLERS.get(_fact.__name__, ()), _teller)
LONG_HANDLERS: dict[str, tuple[LongHandler, ...]] = {
    RehearsalAsked.__name__: (run_rehearsal,),
    HouseholdMoved.__name__: (look_for_duplicates,),
    FileKept.__name__: (scan_file,),
    ApplicationMoved.__name__: (look_for_reuse, fund_in_line),
    BudgetRaised.__name__: (fund_from_budget,),
    ImportAsked.__name__: (check_import,),
    ImportConfirmed.__name__: (commit_import,),
    ExportAsked.__name__: (make_export,),
    CardIssued.__name__: (draw_card,),
    ReconciliationAsked.__name__: (reconcile_money,),
}
"""What takes longer than one transaction may."""


def followed_by() -> dict[str, tuple[str, ...]]:
    """The jobs that each fact sets off, by name."""
    follows: dict[str, tuple[str, ...]] = {}
    for handlers in (HANDLERS, LONG_HANDLERS):
        for fact, each in handlers.items():
            follows[fact] = follows.get(fact, ()) + tuple(handler.__name__ for handler in each)
    return follows
