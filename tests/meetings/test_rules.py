"""How votes are counted, on each side of every boundary."""

from itertools import product

import pytest

from app.meetings.path import Choice, MeetingAction
from app.meetings.rules import Tally, outcome, quorum_of, tally_of

CARRY, TURN_DOWN = MeetingAction.CARRY, MeetingAction.TURN_DOWN


@pytest.mark.parametrize(
    ("members", "quorum", "named", "needed"),
    [(3, 2, 3, 2), (3, 2, 4, 3), (3, 2, 5, 4), (3, 2, 6, 4), (5, 3, 5, 3), (5, 3, 6, 4), (1, 1, 7, 7), (50, 1, 50, 1)],
)
def test_the_quorum_is_the_same_share_of_those_who_are_named(
    members: int, quorum: int, named: int, needed: int
) -> None:
    assert quorum_of(members, quorum, named) == needed


@pytest.mark.parametrize(
    ("members", "quorum", "majority", "votes", "expected"),
    [
        (3, 2, "of_members", "f", None),
        (3, 2, "of_members", "", None),
        (3, 2, "of_members", "ff", CARRY),
        (3, 2, "of_members", "fa", TURN_DOWN),
        (4, 2, "of_members", "ff", TURN_DOWN),  # half is no majority
        (4, 2, "of_members", "fff", CARRY),
        (5, 3, "of_members", "ffx", TURN_DOWN),
        (5, 3, "of_votes", "ffx", CARRY),
        (5, 3, "of_votes", "faxx", TURN_DOWN),
        (5, 2, "of_votes", "fx", TURN_DOWN),  # whoever abstains was not for it
        (5, 2, "of_votes", "ff", CARRY),
        (1, 1, "of_members", "f", CARRY),
        (1, 1, "of_votes", "x", TURN_DOWN),
    ],
)
def test_it_is_carried_by_more_than_half(
    members: int, quorum: int, majority: str, votes: str, expected: MeetingAction | None
) -> None:
    choices = [{"f": Choice.FOR, "a": Choice.AGAINST, "x": Choice.ABSTAIN}[each] for each in votes]
    assert outcome(tally_of(members, choices), quorum, majority) == expected


def test_a_vote_more_for_it_never_turns_it_down() -> None:
    for members, majority in product(range(1, 8), ("of_members", "of_votes")):
        for for_, against in product(range(members), range(members)):
            if for_ + against < members:
                before = outcome(Tally(members, for_, against, 0), 1, majority)
                after = outcome(Tally(members, for_ + 1, against, 0), 1, majority)
                assert (before, after) != (CARRY, TURN_DOWN)
