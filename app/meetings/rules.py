"""How votes are counted. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from app.meetings.path import Choice, MeetingAction


class Tally(NamedTuple):
    """How many voted how, of so many members."""

    members: int
    in_favour: int
    against: int
    abstained: int

    @property
    def cast(self) -> int:
        return self.in_favour + self.against + self.abstained


def quorum_of(members: int, quorum: int, named: int) -> int:
    """How many of those named have to vote: as large a share as `quorum` of `members`, rounded up."""
    return -(-named * quorum // members)


def tally_of(members: int, choices: Iterable[str]) -> Tally:
    cast = list(choices)
    return Tally(members, cast.count(Choice.FOR), cast.count(Choice.AGAINST), cast.count(Choice.ABSTAIN))


def outcome(tally: Tally, quorum: int, majority: str) -> MeetingAction | None:
    """Whether it is carried or turned down, as the votes stand; None as long as too few have voted.

    Half is no majority, and whoever abstains was not for it.
    """
    if tally.cast < quorum:
        return None
    of = tally.members if majority == "of_members" else tally.cast
    return MeetingAction.CARRY if 2 * tally.in_favour > of else MeetingAction.TURN_DOWN
