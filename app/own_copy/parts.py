"""What a copy of one's data is made of, table by table; and what is left out of it, and why.

Every table with somebody's id in it stands in one of the two: a test walks them all. A column that is shown is named,
so that a new one is in no copy before somebody has thought about it.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from app.access.tables import Reveal
from app.appeals.tables import Appeal
from app.applications.assisting.tables import ProxyApplication
from app.applications.resubmissions.tables import EarlierSubmission
from app.applications.supplements.tables import Supplement
from app.appointments.tables import PostChange
from app.articles.tables import ArticlePerson
from app.audit.tables import AuditEntry
from app.change_requests.tables import ChangeRequest, PaymentHold
from app.contact_cards.tables import ContactCard, ResponsiblePerson
from app.covers.tables import Cover
from app.db.base import Named
from app.discrepancies.tables import Discrepancy
from app.households.tables import (
    Household,
    HouseholdChange,
    HouseholdExit,
    HouseholdMember,
    HouseholdPassage,
    HouseholdTransfer,
)
from app.matching.tables import MatchAuthorisation, MatchResult
from app.messaging.tables import Message, MessageSending
from app.organisations.tables import Post
from app.payments.tables import CardCheck, PaymentLine
from app.people.claiming.tables import AccountClaim
from app.plans.tables import Measure, Plan, Service
from app.proxy_filings.tables import ProxyFiling
from app.ratings.tables import Rating
from app.reaching.tables import TextMessage
from app.relatives.tables import DeclaredRelative
from app.supervision.tables import PaymentCheck
from app.upkeep.tables import HouseholdVerification, WatchTask
from app.visits.tables import Visit
from app.wechat.tables import WechatGrant

Whose = Literal[
    "person_id",
    "subject_person_id",
    "head_id",
    "applicant_id",
    "claimant_or_person",
    "household_id",
    "application_id",
    "id_number_index",
]
"""By what a row is somebody's: their id, a household or application of theirs, or their identity number."""


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one table that are somebody's."""

    model: type[Named]
    whose: Whose
    plain: tuple[str, ...]
    texts: tuple[str, ...] = ()
    """Sealed words."""
    documents: tuple[str, ...] = ()
    """Sealed JSON."""
    hidden: tuple[str, ...] = field(default=())
    """Other people, places in the tree of unions, keyed hashes: nothing of one's own."""
    sealed_as: tuple[str, str] | None = None
    """The table and the column with the id under which its documents are sealed, where they are another row's."""


def _part(model: type[Named], whose: Whose, plain: str, texts: str = "", documents: str = "", hidden: str = "") -> Part:
    told = ("id", "created_at", *plain.split())
    return Part(model, whose, told, tuple(texts.split()), tuple(documents.split()), tuple(hidden.split()))


_SCOPE = "city_id district_id street_id unit_id"
_FILED = "state version post_role organisation_name"
_FILED_HIDDEN = f"id_number_index name_masked phone_masked {_SCOPE} assisted_by confirmed_by"
PARTS: Final[dict[str, Part]] = {
    "posts": _part(Post, "person_id", "role from_date ended_at", hidden="person_id organisation_id note"),
    "post_changes": _part(
        PostChange,
        "person_id",
        "kind role organisation_name from_date basis state version decided_at note",
        texts="person_name",
        hidden=f"person_id person_masked organisation_id {_SCOPE} post_id proposed_by proposed_masked decided_by "
        "decided_masked",
    ),
    "former_households": _part(
        Household,
        "person_id",
        "number state round version category archive_level cohort_2016 cohort_fixed_on previous_id merged_into_id "
        "split_from_id cancel_code left_at relieved_at submitted_at active_at updated_at changed_at review_due_on "
        "last_helped_at has_open_plan",
        documents="form",
        hidden=f"person_id state_before head_masked {_SCOPE}",
    ),
    "household_members": _part(
        HouseholdMember, "household_id", "household_id relation living", hidden="id_number_index"
    ),
    "household_steps": _part(
        HouseholdPassage,
        "household_id",
        "household_id round action from_state to_state post_role organisation_name reason_code",
        texts="note",
        hidden="person_id counts_as_review",
    ),
    "household_changes": _part(
        HouseholdChange,
        "household_id",
        "household_id household_version pointer source post_role organisation_name",
        texts="reason",
        documents="before after",
        hidden="person_id",
    ),
    "household_exits": _part(
        HouseholdExit,
        "household_id",
        "household_id kind code state ended_at",
        documents="evidence decision",
        hidden="proposed_by",
    ),
    "household_transfers": _part(
        HouseholdTransfer,
        "household_id",
        "household_id number from_organisation_name to_organisation_name state version ended_at",
        texts="note",
        hidden=f"head_masked from_organisation_id to_organisation_id {_SCOPE} proposed_by ended_by",
    ),
    "verifications": _part(
        HouseholdVerification,
        "household_id",
        "household_id way reference verified_on finding next_due_on post_role organisation_name",
        texts="note",
        hidden="person_id",
    ),
    "watch_tasks": _part(
        WatchTask,
        "head_id",
        "household_id months due_on version done_at outcome post_role organisation_name",
        texts="note",
        hidden=f"head_id head_masked {_SCOPE} done_by",
    ),
    "plans": _part(
        Plan,
        "household_id",
        "household_id state origin version post_role organisation_name closed_at result",
        texts="result_note",
        hidden="opened_by closed_by",
    ),
    "measures": _part(
        Measure,
        "household_id",
        "plan_id household_id kind state version due_on responsible_role responsible_organisation result updated_at",
        texts="responsible_name note",
        hidden="responsible_id",
    ),
    "services": _part(
        Service,
        "household_id",
        "measure_id household_id given_on provider quantity unit post_role organisation_name",
        texts="note",
        hidden="person_id",
    ),
    "contact_cards": _part(
        ContactCard,
        "household_id",
        "household_id sequence serial sha256 superseded_at",
        documents="content",
        hidden="responsible_id drawn_by",
    ),
    "responsible_persons": _part(
        ResponsiblePerson,
        "household_id",
        "household_id sequence organisation_name from_date until_date",
        texts="name phone",
        hidden="person_id assigned_by",
    ),
    "visits": _part(
        Visit,
        "person_id",
        "household_id round purpose state planned_on organisation_name visitors policy_version photos position_agreed "
        "started_at ended_at signatures_needed confirmed_at objected_at version",
        texts="address objection cancelled_because",
        documents="content position",
        hidden=f"person_id planned_by visitor_ids head_masked changed ended_by signed_by {_SCOPE}",
    ),
    "discrepancies": _part(
        Discrepancy,
        "person_id",
        "household_id source field found_on said_by state due_on answered_at outcome resolved_at version",
        texts="note",
        documents="in_file found answer",
        hidden=f"person_id source_id resolved_by {_SCOPE}",
    ),
    "match_authorisations": _part(
        MatchAuthorisation,
        "household_id",
        "household_id name_masked file_id consent_id signed_on withdrawn_at",
        hidden="id_number_index recorded_by withdrawn_by",
    ),
    "matches": _part(
        MatchResult,
        "household_id",
        "household_id batch_number department basis_text name_masked field pointer outcome found_on discrepancy_id",
        documents="found in_file",
        hidden="batch_id return_id match_person_id",
    ),
    "change_requests": _part(
        ChangeRequest,
        "person_id",
        "household_id kind field state version asked_by_role asked_by_organisation decided_at decided_by_role "
        "decided_by_organisation withdrawn_at",
        texts="reason decision_note",
        documents="wanted",
        hidden=f"person_id person_number_index person_masked asked_by asked_by_number_index decided_by "
        f"decided_by_number_index {_SCOPE}",
    ),
    "payment_holds": _part(PaymentHold, "person_id", "household_id released_at", hidden="person_id"),
    "covers": _part(
        Cover,
        "id_number_index",
        "area starts_on ends_on is_renewal",
        hidden=f"id_number_index organisation_id {_SCOPE} enrolled_by",
    ),
    "proxy_filings": _part(
        ProxyFiling,
        "id_number_index",
        f"{_FILED} division_code household_id confirmed_at signature_file_id",
        texts="id_number name phone",
        documents="form bank_card",
        hidden=_FILED_HIDDEN,
    ),
    "proxy_applications": _part(
        ProxyApplication,
        "id_number_index",
        f"{_FILED} kind period returned_id application_id confirmed_role confirmed_organisation signature_file_id "
        "ended_at",
        texts="id_number name phone",
        documents="form bank_card",
        hidden=_FILED_HIDDEN,
    ),
    "account_claims": _part(
        AccountClaim,
        "claimant_or_person",
        "state proof version expires_at ended_at decided_role decided_organisation",
        hidden=f"claimant_id person_id person_masked id_number_index {_SCOPE} openid openid_index unionid_index phone "
        "phone_index phone_masked code decided_by",
    ),
    "appeals": _part(
        Appeal,
        "applicant_id",
        "application_id kind ground state version before_fen due_at stepped_up_at withdrawn_at decided_at "
        "decided_by_role decided_by_organisation amount_fen",
        texts="reply",
        documents="reason",
        hidden=f"applicant_id decision_id decided_by {_SCOPE}",
    ),
    "supplements": _part(
        Supplement,
        "applicant_id",
        "application_id at_state round asked_by_role asked_by_organisation due_at state closed_at",
        documents="request answer",
        hidden="applicant_id asked_by",
    ),
    "earlier_submissions": replace(
        _part(EarlierSubmission, "application_id", "application_id round amount_fen", documents="form decision"),
        sealed_as=("application", "application_id"),
    ),
    "ratings": _part(Rating, "application_id", "application_id score", texts="words", hidden=_SCOPE),
    "reveals": _part(
        Reveal, "subject_person_id", "application_id field", texts="reason", hidden="person_id subject_person_id"
    ),
    "declared_relatives": _part(
        DeclaredRelative,
        "person_id",
        "name_masked relation ended_at",
        texts="name end_note",
        hidden="person_id number_index relative_index",
    ),
    "payments": _part(
        PaymentLine,
        "application_id",
        "application_id round number kind amount_fen card_masked bank_name state version sent_at answered_at "
        "return_code remedy",
        hidden="batch_id serial applicant_masked organisation_name card_id reissue_of",
    ),
    "payment_checks": _part(
        PaymentCheck,
        "application_id",
        "application_id line_id amount_fen paid_at state version reached arrived amount papers result checked_at "
        "checked_by_role checked_by_organisation",
        texts="note",
        hidden=f"sample_id serial {_SCOPE} checked_by",
    ),
    "card_checks": _part(
        CardCheck,
        "person_id",
        "method outcome state decided_at",
        hidden=f"card_id person_id {_SCOPE} entered_by decided_by",
    ),
    "messages": _part(Message, "person_id", "kind title text subject_kind subject_id read_at", hidden="person_id once"),
    "wechat_deliveries": _part(
        MessageSending,
        "person_id",
        "message_id template state moved_at attempts told_at",
        hidden=f"person_id due_at grant_id reference errcode person_masked told_by kind {_SCOPE}",
    ),
    "text_messages": _part(
        TextMessage, "person_id", "message_id state moved_at", hidden="person_id due_at attempts reference"
    ),
    "wechat_subscriptions": _part(
        WechatGrant,
        "person_id",
        "template lasting hinted_at confirmed_at used_at revoked_at",
        hidden="person_id",
    ),
    "shown_in_articles": _part(
        ArticlePerson, "person_id", "article_id removed_at", texts="name", hidden="person_id number_index added_by"
    ),
    "access_log": _part(
        AuditEntry,
        "subject_person_id",
        "action subject_kind",
        hidden="shard sequence person_id subject_id subject_person_id details hash",
    ),
}
"""The parts that are read table by table, by the names that they have in the copy."""
BY_OTHERS: Final[dict[str, str]] = {
    "person": "`person`",
    "bank_card": "`bank_cards`, masked: the number is on the card",
    "consent": "`consents`",
    "session": "`sessions`",
    "application": "`applications`",
    "file": "`files`, with hashes; the contents are at /files",
}
"""Tables in the copy that are read where they are shown otherwise as well."""
LEFT_OUT: Final[dict[str, str]] = {
    "duplicate_flag": "a suspicion about two files, one of which may be another family's; it decides nothing",
    "reuse_hint": "a suspicion about two claims, one of which is another family's; it decides nothing",
    "claim_mark": "keyed hashes, by which such suspicions are found",
    "picture_print": "what an uploaded paper looks like, in 256 bits, for the same purpose; the paper is in `files`",
    "card_alert": "that another family is paid to the same card, for as long as it is so",
    "duplicate_key": "keyed hashes, by which such suspicions are found",
    "rehearsal_line": "what a policy that is only proposed would change; no decision about anybody",
    "reminder": "that staff were reminded of a date, which stands in the file",
    "notice": "what was shown to the public for some days, masked: name, union, kind and amount of `applications` and "
    "files",
    "match_person": "the list as it went to a department; that one was on it is in `access_log`, what came back in "
    "`matches`",
    "visit_operation": "an edit by a visitor's device, whose outcome is in `visits`; the person is the visitor",
    "visit_visitor": "the person is the visitor, whom `visits` names as others are told of them",
    "meeting_member": "the person is a member of staff who was named to vote; that a meeting decided, and what, is in "
    "`applications`",
    "meeting_vote": "how a member of staff voted at work",
    "drawing": "which fund pays how much of it is in `applications`",
    "ledger_transaction": "the books of the unions; what was paid to a person is in `applications`",
    "keyed_answer": "an answer that was given already, kept some days for repeated requests",
    "bulk_row": "a row of a list that staff uploaded; what became of it stands in the file and its changes",
    "notice_investigation": "objections are kept from whom they are about, so that none is called to account; "
    "what came of it is in `applications` and the file",
    "evaluation_case": "a file as a third party saw it, without names; the file is in the copy, each look in "
    "`access_log`",
    "evaluation_score": "what somebody outside thinks of how the union works; it decides nothing of anybody",
    "bulk_export": "a list that somebody asked for at work; the person is that member of staff",
    "article_revision": "what a member of staff wrote at work; that one is shown in it is in `shown_in_articles`",
    "article_step": "the person is the member of staff who took the step at work",
    "batch_action": "which cases somebody looked at together at work; the person is that member of staff, "
    "and each step is in the timeline of its application",
}
"""Tables with somebody's id in them that are in no copy, and why."""
