"""Who acts, what they may do, and how far their reach goes. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
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


class Permission(StrEnum):
    READ_CASES = "case:read"
    ACCEPT_CASE = "case:accept"
    REVIEW_AT_UNIT = "case:review:unit"
    REVIEW_AT_DISTRICT = "case:review:district"
    APPROVE_AT_CITY = "case:approve:city"
    APPROVE_MUTUAL_AID = "case:approve:mutual_aid"
    START_PAYMENT = "payment:start"
    CONFIRM_PAYMENT = "payment:confirm"
    ENROL_COVER = "cover:enrol"
    WRITE_PLANS = "plan:write"
    """Plans, measures, services, verifications and watch tasks of the households of one's own union."""
    READ_POLICIES = "policy:read"
    PROPOSE_POLICY = "policy:propose"
    PUBLISH_POLICY = "policy:publish"
    REHEARSE_POLICY = "policy:rehearse"
    OWN = "own"
    """The applicant's own case: everyone has it, for nothing else."""
    SYSTEM = "system"
    """Steps that a timer takes; nobody is given it."""


_P = Permission
# Who decides cases reads what they are decided by. Who knows a scheme proposes (the mutual aid officer any kind too:
# what guards the law is that another person publishes it), and whoever proposes or publishes may first rehearse.
_PROPOSES = frozenset({_P.READ_POLICIES, _P.PROPOSE_POLICY, _P.REHEARSE_POLICY})
_PUBLISHES = frozenset({_P.READ_POLICIES, _P.PUBLISH_POLICY, _P.REHEARSE_POLICY})
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.UNIT_CLERK: frozenset({_P.READ_CASES, _P.ACCEPT_CASE, _P.ENROL_COVER, _P.WRITE_PLANS}),
    Role.UNIT_CHAIR: frozenset({_P.READ_CASES, _P.REVIEW_AT_UNIT, _P.WRITE_PLANS}),
    Role.STREET_REVIEWER: frozenset({_P.READ_CASES}),
    Role.DISTRICT_REVIEWER: frozenset({_P.READ_CASES, _P.REVIEW_AT_DISTRICT, _P.READ_POLICIES}),
    Role.DISTRICT_LEADER: frozenset({_P.READ_CASES, _P.REVIEW_AT_DISTRICT, _P.READ_POLICIES}),
    Role.CITY_REVIEWER: frozenset({_P.READ_CASES, _P.APPROVE_AT_CITY}) | _PROPOSES,
    Role.CITY_LEADER: frozenset({_P.READ_CASES, _P.APPROVE_AT_CITY}) | _PUBLISHES,
    Role.MUTUAL_AID_OFFICER: frozenset({_P.READ_CASES, _P.APPROVE_MUTUAL_AID, _P.ENROL_COVER}) | _PROPOSES,
    Role.FINANCE_MAKER: frozenset({_P.READ_CASES, _P.START_PAYMENT}),
    Role.FINANCE_CHECKER: frozenset({_P.READ_CASES, _P.CONFIRM_PAYMENT}),
    Role.PUBLICITY_EDITOR: frozenset(),
    Role.PUBLICITY_APPROVER: frozenset(),
    Role.EVALUATOR: frozenset(),
    Role.AUDITOR: frozenset({_P.READ_CASES, _P.READ_POLICIES}),
    # The administrators of the three-officer separation (三员) never touch a case.
    Role.SYSTEM_ADMIN: frozenset(),
    Role.SECURITY_ADMIN: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation as much as an actor or an answer needs to know of it."""

    id: UUID
    code: str
    name: str
    level: str
    tier: Tier


@dataclass(frozen=True, slots=True)
class Post:
    """A role held at an organisation; it reaches that organisation's subtree."""

    role: Role
    place: Place

    def allows(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the tree as a scope: the tier names the column, the id its value."""

    tier: Tier
    organisation_id: UUID


Reach = tuple[Node, ...]
"""What a person may see: every case under any of these nodes. Empty means nothing."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A signed-in person with the posts they hold now."""

    person_id: UUID
    session_id: UUID
    posts: tuple[Post, ...] = ()

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
