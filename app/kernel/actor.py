"""Who acts, what they may do, and how far their reach goes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID


class Tier(StrEnum):
    """Where an organisation stands: each case carries its organisation on each tier as a column."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    UNIT = "unit"


class Role(StrEnum):
    UNIT_CLERK = "unit_clerk"
    UNIT_CHAIR = "unit_chair"
    STREET_REVIEWER = "street_reviewer"
    DISTRICT_REVIEWER = "district_reviewer"
    DISTRICT_LEADER = "district_leader"
    CITY_REVIEWER = "city_reviewer"
    CITY_LEADER = "city_leader"
    MUTUAL_AID_OFFICER = "mutual_aid_officer"
    FINANCE_MAKER = "finance_maker"
    FINANCE_CHECKER = "finance_checker"
    PUBLICITY_EDITOR = "publicity_editor"
    PUBLICITY_APPROVER = "publicity_approver"
    EVALUATOR = "evaluator"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    HOME_VISITOR = "home_visitor"
    """A volunteer or a social worker whose service was bought: sees the visits assigned to them, and nothing else."""


class Permission(StrEnum):
    READ_CASES = "case:read"
    ACCEPT_CASE = "case:accept"
    REVIEW_AT_UNIT = "case:review:unit"
    REVIEW_AT_DISTRICT = "case:review:district"
    APPROVE_AT_CITY = "case:approve:city"
    APPROVE_MUTUAL_AID = "case:approve:mutual_aid"
    HOLD_MEETING = "meeting:hold"
    """Convene a meeting of the city on a case, keep its minutes, end it: whoever does decides nothing by that."""
    VOTE = "meeting:vote"
    """To be named in such a meeting, and vote in it."""
    ASSIST = "case:assist"
    """To fill in for a worker, and to ask for a change of their file: whoever did so never decides it."""
    DECIDE_CHANGE = "change:decide"
    START_PAYMENT = "payment:start"
    CONFIRM_PAYMENT = "payment:confirm"
    ENROL_COVER = "cover:enrol"
    WRITE_PLANS = "plan:write"
    """Plans, measures, services, verifications and watch tasks of the households of one's own union."""
    READ_POLICIES = "policy:read"
    PROPOSE_POLICY = "policy:propose"
    PUBLISH_POLICY = "policy:publish"
    REHEARSE_POLICY = "policy:rehearse"
    PLAN_VISIT = "visit:plan"
    FILL_ASSIGNED_VISIT = "visit:assigned"
    """Fill in the visits that one is sent on; by itself it reaches nothing."""
    JUDGE_DUPLICATES = "duplicate:judge"
    ANSWER_REUSE = "reuse:answer"
    """To say whether two claims stand on one bill: whoever reviews one of them."""
    RUN_MATCH = "match:run"
    INVESTIGATE = "notice:investigate"
    """To look into an objection to a public notice, at the level above the unit."""
    UNDO_REVIEW = "case:undo"
    """To take back what somebody else decided, on one's own level or below."""
    READ_RATINGS = "rating:read"
    """How satisfied the workers of each union were, without their names."""
    KEEP_CALENDAR = "calendar:keep"
    """Enter the holidays that the State Council announced, and correct a day."""
    READ_CROSSINGS = "crossing:read"
    """Cases that somebody signed across a relation that was declared only later."""
    END_DELEGATIONS = "delegation:end"
    """To end what others delegated to one another; by itself it reaches no case."""
    KEEP_UNIONS = "organisation:keep"
    """To enter unions under one's own, and to rename them."""
    READ_POSTS = "post:read"
    """Who holds which post under one's union, and what was proposed about them; it opens nobody's case."""
    PROPOSE_POST = "post:propose"
    """To propose that somebody is given a post, or loses it."""
    CONFIRM_POST = "post:confirm"
    """To confirm what another administrator proposed."""
    READ_FUNDS = "fund:read"
    """Funds, budgets, what is drawn on them, the waiting list and the ledger, of one's own unions."""
    PROPOSE_BUDGET = "budget:propose"
    """To enter a fund and what it received, and to propose how it is allocated."""
    DECIDE_BUDGET = "budget:decide"
    """To decide what another proposed."""
    RECONCILE = "money:reconcile"
    """To read in a bank's statement of one's union's account, and to have money reconciled."""
    SUPERVISE_MONEY = "money:supervise"
    """To see statements, reconciliations and what does not agree, and to be told of it."""
    SUPERVISE = "payment:supervise"
    """To draw a sample of what was paid, and write down what was found of it; to have files evaluated by others."""
    EVALUATE = "evaluation:score"
    """To score the files that were drawn for an evaluation that names one; by itself it reaches nothing."""
    READ_ARTICLES = "article:read"
    """Articles for the official account, of one's own union; it opens nobody's case, nor does any of these."""
    WRITE_ARTICLES = "article:write"
    """To write, to send out what another has reviewed."""
    REVIEW_ARTICLES = "article:review"
    WITHDRAW_ARTICLES = "article:withdraw"
    """To take down at once what is published: whoever writes or reviews may."""
    OWN = "own"
    """The applicant's own case: everyone has it, for nothing else."""
    SYSTEM = "system"
    """Steps that a timer takes; nobody is given it."""


_P = Permission
# Who decides cases reads what they are decided by. Who knows a scheme proposes (the mutual aid officer any kind too:
# what guards the law is that another person publishes it), and whoever proposes or publishes may first rehearse.
_PROPOSES = frozenset({_P.READ_POLICIES, _P.PROPOSE_POLICY, _P.REHEARSE_POLICY})
_PUBLISHES = frozenset({_P.READ_POLICIES, _P.PUBLISH_POLICY, _P.REHEARSE_POLICY})
# Whoever reviews may take back what another of their level, or a level below, decided.
_UNDOES = frozenset({_P.UNDO_REVIEW})
_ANSWERS = frozenset({_P.ANSWER_REUSE})
# Who sends visitors may be one of them.
_SENDS = frozenset({_P.PLAN_VISIT, _P.FILL_ASSIGNED_VISIT})
# Whoever reviews files above the units tells two files of one household apart, and asks the departments about files.
_COMPARES = frozenset({_P.JUDGE_DUPLICATES, _P.RUN_MATCH})
_DISTRICT = (
    frozenset({_P.READ_CASES, _P.REVIEW_AT_DISTRICT, _P.DECIDE_CHANGE, _P.READ_POLICIES, _P.INVESTIGATE})
    | _SENDS
    | _UNDOES
    | _ANSWERS
)
_CITY = (
    frozenset({_P.READ_CASES, _P.APPROVE_AT_CITY, _P.HOLD_MEETING, _P.DECIDE_CHANGE, _P.INVESTIGATE, _P.KEEP_CALENDAR})
    | _UNDOES
    | _ANSWERS
)
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.UNIT_CLERK: frozenset({_P.READ_CASES, _P.ACCEPT_CASE, _P.ASSIST, _P.ENROL_COVER, _P.WRITE_PLANS}) | _SENDS,
    Role.UNIT_CHAIR: frozenset({_P.READ_CASES, _P.REVIEW_AT_UNIT, _P.DECIDE_CHANGE, _P.WRITE_PLANS, _P.READ_RATINGS})
    | _SENDS
    | _UNDOES
    | _ANSWERS,
    # Whose unit has a single clerk finds help at the next level, with somebody who decides nothing.
    Role.STREET_REVIEWER: frozenset({_P.READ_CASES, _P.FILL_ASSIGNED_VISIT, _P.ASSIST}),
    Role.DISTRICT_REVIEWER: _DISTRICT | _COMPARES,
    Role.DISTRICT_LEADER: _DISTRICT | {_P.JUDGE_DUPLICATES, _P.READ_RATINGS, _P.READ_FUNDS},
    Role.CITY_REVIEWER: _CITY | _PROPOSES | _COMPARES | {_P.READ_FUNDS},
    Role.CITY_LEADER: _CITY
    | {_P.VOTE, _P.READ_RATINGS, _P.READ_CROSSINGS, _P.READ_FUNDS, _P.DECIDE_BUDGET, _P.SUPERVISE_MONEY}
    | _PUBLISHES,
    Role.MUTUAL_AID_OFFICER: frozenset({_P.READ_CASES, _P.APPROVE_MUTUAL_AID, _P.ENROL_COVER})
    | _PROPOSES
    | _UNDOES
    | _ANSWERS,
    Role.FINANCE_MAKER: frozenset({_P.READ_CASES, _P.START_PAYMENT, _P.READ_FUNDS, _P.PROPOSE_BUDGET, _P.RECONCILE}),
    Role.FINANCE_CHECKER: frozenset(
        {_P.READ_CASES, _P.CONFIRM_PAYMENT, _P.READ_FUNDS, _P.DECIDE_BUDGET, _P.RECONCILE, _P.SUPERVISE_MONEY}
    ),
    Role.PUBLICITY_EDITOR: frozenset({_P.READ_ARTICLES, _P.WRITE_ARTICLES, _P.WITHDRAW_ARTICLES}),
    Role.PUBLICITY_APPROVER: frozenset({_P.READ_ARTICLES, _P.REVIEW_ARTICLES, _P.WITHDRAW_ARTICLES}),
    Role.EVALUATOR: frozenset({_P.EVALUATE}),
    Role.AUDITOR: frozenset({_P.READ_CASES, _P.READ_POLICIES, _P.READ_RATINGS, _P.READ_CROSSINGS, _P.READ_FUNDS})
    | {_P.SUPERVISE_MONEY, _P.SUPERVISE, _P.READ_POSTS},
    # The administrators of the three-officer separation (三员) never touch a case.
    Role.SYSTEM_ADMIN: frozenset({_P.END_DELEGATIONS, _P.READ_POSTS, _P.PROPOSE_POST, _P.KEEP_UNIONS}),
    Role.SECURITY_ADMIN: frozenset({_P.END_DELEGATIONS, _P.READ_POSTS, _P.CONFIRM_POST}),
    Role.HOME_VISITOR: frozenset({_P.FILL_ASSIGNED_VISIT}),
}

OPEN_NOTHING = frozenset(
    {
        _P.FILL_ASSIGNED_VISIT,
        _P.END_DELEGATIONS,
        _P.READ_POSTS,
        _P.PROPOSE_POST,
        _P.CONFIRM_POST,
        _P.KEEP_UNIONS,
        _P.EVALUATE,
    }
    | {_P.READ_ARTICLES, _P.WRITE_ARTICLES, _P.REVIEW_ARTICLES, _P.WITHDRAW_ARTICLES}
)
"""What somebody may do without seeing what lies under their union."""


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation as much as an actor or an answer needs to know of it."""

    id: UUID
    code: str
    name: str
    level: str
    tier: Tier


@dataclass(frozen=True, slots=True)
class Apart:
    """Whom a member of staff is kept apart from (回避), as it was when they came in: ids of people and households."""

    near: frozenset[UUID] = frozenset()
    """Who is them under another account, lives with them, or is a declared relative: no round is signed by both."""
    homes: frozenset[UUID] = frozenset()
    """The households in which one of these lives."""
    away: frozenset[UUID] = frozenset()
    """Whose cases, of which applicants and households, are none of theirs to deal with."""
    lifted: frozenset[UUID] = frozenset()
    """Cases at whose stage everybody must stand aside, so that it is for the actor's level."""


@dataclass(frozen=True, slots=True)
class Lent:
    """What of a post somebody else delegated (委托代办), and whom that somebody is kept apart from."""

    delegation_id: UUID
    by: UUID
    said: str
    """Who acts for whom, masked, as the timeline says it."""
    kinds: frozenset[str]
    permissions: frozenset[Permission]
    apart: Apart


@dataclass(frozen=True, slots=True)
class Post:
    """A role held at an organisation; it reaches that organisation's subtree."""

    role: Role
    place: Place
    lent: Lent | None = None
    """Of a post that is another's."""

    def allows(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role] and (self.lent is None or permission in self.lent.permissions)

    @property
    def reaches(self) -> bool:
        """Whether it opens its subtree at all: a visitor's post opens only what is assigned to its holder, an
        administrator's, a publicity officer's and an evaluator's no case."""
        return bool(PERMISSIONS[self.role] - OPEN_NOTHING)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the tree as a scope: the tier names the column, the id its value."""

    tier: Tier
    organisation_id: UUID


Reach = tuple[Node, ...]
"""What a person may see: every case under any of these nodes. Empty means nothing."""


NOBODY = Apart()


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person with the posts they hold now."""

    person_id: UUID
    session_id: UUID
    posts: tuple[Post, ...] = ()
    lent: tuple[Post, ...] = ()
    """Posts of others, for applications alone: see `for_cases`."""
    apart: Apart = NOBODY

    def for_cases(self) -> "Actor":
        """The same with the posts that others delegated, behind their own."""
        return replace(self, posts=self.posts + self.lent) if self.lent else self

    def posts_with(self, permission: Permission) -> tuple[Post, ...]:
        return tuple(post for post in self.posts if post.allows(permission))

    def reach(self, permission: Permission) -> Reach:
        """The nodes where a post gives this permission."""
        return nodes_of(post.place for post in self.posts_with(permission))

    def may(self, *permissions: Permission) -> bool:
        return any(post.allows(permission) for post in self.posts for permission in permissions)


def nodes_of(places: Iterable[Place]) -> Reach:
    """The distinct nodes of these places, in a stable order."""
    return tuple(dict.fromkeys(Node(place.tier, place.id) for place in places))
