"""The book of policies: every published version of every kind of policy, to be asked by kind, area and day. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias, TypeVar, get_args

from app.policy.versions import CITY, NoPolicyInForce, Version, in_force

V = TypeVar("V", bound=Version)

PolicyKind: TypeAlias = Literal[
    "hardship_aid",
    "golden_autumn",
    "secondary_medical",
    "household_criteria",
    "minimum_living_standard",
    "home_visits",
    "household_upkeep",
    "public_notice",
    "accountability",
    "service_standard",
    "approval_route",
    "application_reasons",
    "fund_order",
    "payment",
    "household_cap",
    "exit_target",
    "text_messages",
]
POLICY_KINDS: Final[tuple[PolicyKind, ...]] = get_args(PolicyKind)


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """Versions by kind, each kind's oldest first. Kept by each process.

    `closed` names the kinds and areas of which a version could not be read: none of their versions is in force, nor
    is the province's in place of a prefecture's own, because nobody knows what the unread one would have said.
    """

    versions: Mapping[PolicyKind, tuple[Version, ...]]
    closed: frozenset[tuple[PolicyKind, str]] = frozenset()

    def of(self, kind: PolicyKind, model: type[V]) -> tuple[V, ...]:
        """Every version of a kind."""
        return tuple(each for each in self.versions.get(kind, ()) if isinstance(each, model))

    def in_force(self, kind: PolicyKind, model: type[V], on: date, division_code: str = CITY) -> V:
        """The version in force for a division (of six digits or more) on a day. Raises NoPolicyInForce."""
        if (kind, f"{division_code[:4]}00") in self.closed:
            raise NoPolicyInForce
        found = in_force(self.of(kind, model), on, division_code)
        if (kind, found.area) in self.closed:
            raise NoPolicyInForce
        return found

    def named(self, kind: PolicyKind, model: type[V], version: str, division_code: str = CITY) -> V:
        """A version by its name, the prefecture's own before its province's. Raises NoPolicyInForce."""
        for area in (f"{division_code[:4]}00", f"{division_code[:2]}0000"):
            for each in self.of(kind, model):
                if each.area == area and each.version == version:
                    return each
        raise NoPolicyInForce
