"""Three devices, any order: the same sheet in the end, and no value gone that nobody decided against."""

import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.ids import new_id
from app.visits.syncing.rules import Change, Operation, Outcome, Sheet, choose_mine, choose_theirs, merge
from tests.thorough import thorough

DEVICES = (UUID(int=1), UUID(int=2), UUID(int=3))
FIELDS = ("/answers/income", "/answers/housing", "/answers/homes", "/findings")


@dataclass
class Server:
    """The sheet with everything that was ever sent to it, as the tables keep it."""

    sheet: Sheet = field(default_factory=lambda: Sheet(1))
    known: dict[UUID, tuple[Operation, UUID, Outcome]] = field(default_factory=dict)
    overwritten: list[tuple[Change | None, Operation, UUID]] = field(default_factory=list)

    def take(self, operation: Operation, device: UUID) -> Outcome:
        if operation.operation_id in self.known:
            return self.known[operation.operation_id][2]
        before = self.sheet.changes.get(operation.field)
        self.sheet, outcome = merge(self.sheet, operation, device)
        if self.sheet.changes.get(operation.field) != before:
            self.overwritten.append((before, operation, device))
        self.known[operation.operation_id] = operation, device, outcome
        if outcome.supersedes is not None:
            earlier, of, _ = self.known[outcome.supersedes]
            self.known[outcome.supersedes] = earlier, of, Outcome("superseded", outcome.version)
        return outcome

    def waiting(self) -> list[tuple[Operation, UUID, Outcome]]:
        return [each for each in self.known.values() if each[2].status == "conflict"]

    def choose(self, operation: Operation, which: str) -> Outcome:
        _, device, told = self.known[operation.operation_id]
        if which == "mine":
            self.sheet, outcome = choose_mine(self.sheet, operation, device, told.version)
        else:
            self.sheet, outcome = choose_theirs(self.sheet, operation, device)
        self.known[operation.operation_id] = operation, device, outcome
        return outcome


def edits_of(rng: random.Random) -> dict[UUID, list[Operation]]:
    """What each device filled in while all were offline, having seen the empty sheet."""
    return {
        device: [Operation(new_id(), rng.choice(FIELDS), f"{n}-{turn}", 1) for turn in range(rng.randrange(1, 6))]
        for n, device in enumerate(DEVICES)
    }


def played(edits: dict[UUID, list[Operation]], rng: random.Random) -> Server:
    """The queues in pieces, mixed, some of it sent again; then every conflict settled: the lower device is right."""
    server = Server()
    queues = {device: list(queue) for device, queue in edits.items()}
    sent: list[tuple[UUID, Operation]] = []
    while any(queues.values()):
        device = rng.choice([each for each in DEVICES if queues[each]])
        for _ in range(rng.randrange(1, 4)):
            if queues[device]:
                sent.append((device, queues[device].pop(0)))
                server.take(sent[-1][1], device)
        for again in rng.sample(sent, min(len(sent), 2)):
            before = server.sheet
            server.take(again[1], again[0])
            assert server.sheet == before
        if server.waiting() and rng.random() < 0.3:
            settle(server, rng)
    while server.waiting():
        settle(server, rng)
    return server


def settle(server: Server, rng: random.Random) -> None:
    operation, device, _ = rng.choice(server.waiting())
    theirs = server.sheet.changes[operation.field].device
    server.choose(operation, "mine" if device < theirs else "theirs")


def test_three_devices_in_two_hundred_orders_end_with_the_same_sheet() -> None:
    rng = random.Random(20261125)
    for _ in range(10):
        edits = edits_of(rng)
        ends = [played(edits, rng) for _ in range(200)]
        assert len({tuple(sorted(server.sheet.values.items())) for server in ends}) == 1
        expected: dict[str, Any] = {}
        for device in reversed(DEVICES):
            expected |= {operation.field: operation.value for operation in edits[device]}
        assert ends[0].sheet.values == expected


def test_no_value_goes_unseen_in_any_order() -> None:
    """Each edit ends as the value that stands, or replaced by its own device, or decided against by somebody."""
    rng = random.Random(7)
    for _ in range(200):
        server = played(edits_of(rng), rng)
        assert server.sheet.pending == {}
        for operation, device, outcome in server.known.values():
            standing = server.sheet.changes[operation.field]
            if outcome.status in ("applied", "chosen") and standing.operation_id != operation.operation_id:
                after = [
                    (other, of, ended)
                    for other, of, ended in server.known.values()
                    if other.field == operation.field and ended.version > outcome.version
                ]
                assert any(of == device or ended.status == "chosen" for _, of, ended in after)
        for before, operation, device in server.overwritten:
            assert before is None or before.device == device or before.version <= operation.base_version


moves = st.lists(
    st.tuples(
        st.sampled_from(("edit", "sync", "pull", "mine", "theirs")),
        st.integers(0, 2),
        st.sampled_from(FIELDS),
        st.integers(0, 3),
    ),
    max_size=60,
)


@thorough
@given(moves)
def test_whatever_devices_do_nothing_is_overwritten_that_its_author_had_not_seen(made: list[Any]) -> None:
    """Editing, syncing and looking in any order: who replaces a value made it, has seen it, or was shown both."""
    server = Server()
    queues: dict[int, list[Operation]] = {0: [], 1: [], 2: []}
    seen = {0: 1, 1: 1, 2: 1}
    for move, who, name, value in made:
        match move:
            case "edit":
                queues[who].append(Operation(new_id(), name, value, seen[who]))
            case "sync":
                for operation in queues[who]:
                    server.take(operation, DEVICES[who])
            case "pull":
                seen[who] = server.sheet.version
            case _:
                mine = [each for each in server.waiting() if each[1] == DEVICES[who]]
                if mine:
                    server.choose(mine[0][0], move)
        for before, operation, device in server.overwritten:
            assert before is None or before.device == device or before.version <= operation.base_version
    for operation, _, outcome in server.known.values():
        if outcome.status == "conflict":
            assert server.sheet.changes[operation.field].operation_id != operation.operation_id
    assert len(server.sheet.pending) == len(server.waiting())
    assert set(server.sheet.pending.values()) == {operation.operation_id for operation, _, _ in server.waiting()}


# ---- one by one ----

A, B, C = DEVICES


def taken(server: Server, device: UUID, value: Any, base: int, name: str = "/findings") -> Operation:
    operation = Operation(new_id(), name, value, base)
    server.take(operation, device)
    return operation


def test_a_field_that_somebody_else_changed_since_is_a_conflict_and_keeps_both() -> None:
    server = Server()
    taken(server, A, "a", 1)
    mine = taken(server, B, "b", 1)
    assert server.sheet.values == {"/findings": "a"}
    assert [each[0].value for each in server.waiting()] == ["b"]
    assert server.choose(mine, "mine").status == "chosen"
    assert server.sheet.values == {"/findings": "b"}


def test_another_field_and_the_same_value_and_a_seen_value_are_no_conflict() -> None:
    server = Server()
    taken(server, A, "a", 1)
    taken(server, B, 5, 1, "/answers/homes")
    taken(server, B, "a", 1)
    taken(server, C, "c", server.sheet.version)
    assert server.waiting() == []
    assert server.sheet.values == {"/findings": "c", "/answers/homes": 5}


def test_what_changed_while_somebody_was_choosing_is_told_first() -> None:
    server = Server()
    taken(server, A, "a", 1)
    mine = taken(server, B, "b", 1)
    taken(server, C, "c", server.sheet.version)
    assert server.choose(mine, "mine").status == "conflict"
    assert server.sheet.values == {"/findings": "c"}
    assert server.choose(mine, "mine").status == "chosen"
    assert server.sheet.values == {"/findings": "b"}


def test_a_device_that_writes_again_has_one_value_waiting() -> None:
    server = Server()
    taken(server, A, "a", 1)
    first, second = taken(server, B, "b", 1), taken(server, B, "bb", 1)
    assert [each[0].operation_id for each in server.waiting()] == [second.operation_id]
    assert server.known[first.operation_id][2].status == "superseded"


def test_an_older_edit_of_the_same_device_that_comes_late_replaces_nothing() -> None:
    server = Server()
    older, newer = (Operation(new_id(), "/findings", value, 1) for value in ("old", "new"))
    server.take(newer, A)
    assert server.take(older, A).status == "superseded"
    assert server.sheet.values == {"/findings": "new"}
    other = Server()
    taken(other, B, "b", 1)
    other.take(newer, A)
    assert other.take(older, A).status == "superseded"
    assert [each[0].value for each in other.waiting()] == ["new"]


def test_ids_that_tell_no_time_count_in_the_order_in_which_they_come() -> None:
    server = Server()
    for value in ("first", "second", "third"):
        assert server.take(Operation(uuid4(), "/findings", value, 1), A).status == "applied"
    assert server.sheet.values == {"/findings": "third"}


def test_a_version_that_nobody_gave_out_has_seen_nothing() -> None:
    server = Server()
    taken(server, A, "a", 1)
    taken(server, B, "b", 10**6)
    assert [each[0].value for each in server.waiting()] == ["b"]


@pytest.mark.parametrize("base", [1, 2])
def test_taking_an_entry_back_is_an_edit_like_any_other(base: int) -> None:
    server = Server()
    taken(server, A, "a", 1)
    taken(server, B, None, base)
    assert server.sheet.values == ({"/findings": "a"} if base == 1 else {})
    assert len(server.waiting()) == (base == 1)


# ---- what becomes of an operation, exactly ----


def outcome(server: Server, device: UUID, value: Any, base: int, name: str = "/findings") -> tuple[UUID, Outcome]:
    operation = taken(server, device, value, base, name)
    return operation.operation_id, server.known[operation.operation_id][2]


def test_an_edit_that_is_older_than_the_one_that_waits_is_told_the_version_of_the_sheet() -> None:
    server = Server()
    older = Operation(new_id(), "/findings", "old", 1)
    taken(server, A, "a", 1)
    taken(server, B, "b", 1)
    taken(server, A, 1, 1, "/answers/homes")
    assert server.take(older, B) == Outcome("superseded", 3)


def test_an_edit_that_is_older_than_the_one_that_stands_is_told_when_that_came() -> None:
    server = Server()
    older = Operation(new_id(), "/findings", "old", 1)
    taken(server, A, "a", 1)
    taken(server, B, 1, 1, "/answers/homes")
    assert server.take(older, A) == Outcome("superseded", 2)


def test_who_has_seen_the_other_value_replaces_it_and_what_waited_waits_no_longer() -> None:
    server = Server()
    taken(server, A, "a", 1)
    waiting, _ = outcome(server, B, "b", 1)
    assert outcome(server, B, "c", 2)[1] == Outcome("applied", 3, waiting)
    assert (server.sheet.values, server.sheet.pending) == ({"/findings": "c"}, {})


def test_who_comes_to_the_same_value_agrees_and_what_waited_waits_no_longer() -> None:
    server = Server()
    taken(server, A, "a", 1)
    taken(server, A, 1, 1, "/answers/homes")
    waiting, told = outcome(server, B, "b", 1)
    assert told == Outcome("conflict", 2)
    assert outcome(server, B, "a", 1)[1] == Outcome("applied", 2, waiting)
    assert (server.sheet.version, server.sheet.pending) == (3, {})


def test_who_chooses_what_stands_there_meanwhile_is_not_asked_again() -> None:
    server = Server()
    taken(server, A, "a", 1)
    mine = taken(server, B, "b", 1)
    taken(server, C, "b", server.sheet.version)
    assert server.choose(mine, "mine") == Outcome("chosen", 4)


def test_who_chooses_the_other_value_gives_up_their_own() -> None:
    server = Server()
    taken(server, A, "a", 1)
    mine = taken(server, B, "b", 1)
    assert server.choose(mine, "theirs") == Outcome("discarded", 2)
    assert (server.sheet.values, server.sheet.pending) == ({"/findings": "a"}, {})


def test_a_version_that_nobody_gave_out_has_not_even_seen_the_first() -> None:
    server = Server(Sheet(0))
    taken(server, A, "a", 0)
    assert outcome(server, B, "b", 10**6)[1] == Outcome("conflict", 1)
