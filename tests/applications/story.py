"""All that the database knows of an application, and what has to be true of it whatever was done.

Written down here once more, in words of its own, so that a change of the way to the money has to be meant twice.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.applications.commands import DECISION
from app.applications.path import path_of
from app.db.sealing import Keyring

Row = Mapping[str, Any]
GRANTED = ("approved", "paying", "paid", "payment_failed")
PAYMENTS = ("start_payment", "confirm_payment")
BESIDE = ("appeal", "uphold_decision", "withdraw_appeal", "stand", "check_payment")
"""What is no step of its own where it stays where it is: what goes on while it is appealed against, what was signed
before a decision that is taken back, and the signature of whoever confirmed a batch."""
WITH_ANOTHER = ("stand", "check_payment")
"""What is written in the same moment as a step."""
SIGNERS = ("accept", "approve", "stand")
"""Those whose signatures stand where a later decision is taken back."""
REVIEWS = ("unit_review", "district_review", "city_approval")
SIGNATURES: dict[str, frozenset[tuple[str, str]]] = {
    "submit": frozenset(
        {("submitted", "accept"), ("unit_review", "approve"), ("district_review", "approve"),
         ("city_approval", "approve")}
    ),
    "object": frozenset({("district_review", "approve"), ("city_approval", "approve")}),
    "reopen": frozenset({("city_approval", "approve")}),
    "change_decision": frozenset(),
    "raise_amount": frozenset((state, "approve") for state in REVIEWS),
}  # fmt: skip
"""What has to be signed in a round before anything is granted in it, by how the round began."""


def signatures(began: Row) -> frozenset[tuple[str, str]]:
    """The same of a round that a step began: what is decided anew is signed by that stage and those after it."""
    if began["action"] == "undo":
        return frozenset((state, "approve") for state in REVIEWS[REVIEWS.index(began["to_state"]) :])
    return SIGNATURES[began["action"]]


@dataclass(frozen=True)
class Story:
    """An application as the tables have it: its row, its timeline, and whatever was written beside."""

    row: Row
    passages: tuple[Row, ...]
    facts: tuple[Row, ...]
    entries: tuple[Row, ...]
    notices: tuple[Row, ...]
    appeals: tuple[Row, ...]
    supplements: tuple[Row, ...]

    @property
    def needs_notice(self) -> bool:
        return self.row["kind"] != "secondary_medical"


def in_place(step: Row) -> bool:
    return step["from_state"] == step["to_state"] and step["action"] in BESIDE


_TOLD: dict[str, str] = {
    "row": "select * from application where id = any($1)",
    "passages": "select application_id as of, * from passage where application_id = any($1) order by id",
    "facts": """
      select (body->>'application_id')::uuid as of, id, body from out_message
      where id > $2 and name = 'ApplicationMoved' and (body->>'application_id')::uuid = any($1) order by id""",
    "entries": """
      select subject_id as of, id, action, person_id, details::text as details from audit_entry
      where subject_kind = 'application' and subject_id = any($1) and details ? 'from' order by id""",
    "notices": "select application_id as of, * from notice where application_id = any($1) order by created_at, id",
    "appeals": "select application_id as of, * from appeal where application_id = any($1) order by id",
    "supplements": "select application_id as of, * from supplement where application_id = any($1) order by id",
}
NIL = UUID(int=0)


async def stories(owner: asyncpg.Connection, ids: Sequence[UUID], since: UUID = NIL) -> dict[UUID, Story]:
    """In the order of the ids. `since`: no fact that was told before this id is asked for."""
    found: dict[str, list[Row]] = {}
    for part, query in _TOLD.items():
        found[part] = await owner.fetch(query, list(ids), *([since] if "$2" in query else []))
    rows = {row["id"]: row for row in found.pop("row")}
    return {
        each: Story(
            row=rows[each], **{part: tuple(row for row in of if row["of"] == each) for part, of in found.items()}
        )
        for each in ids
    }


async def story(owner: asyncpg.Connection, application_id: UUID, since: UUID = NIL) -> Story:
    return (await stories(owner, [application_id], since))[application_id]


# ---- what is always true ----


def check(told: Story, keyring: Keyring, *, made_in: str | None = None) -> None:
    """Raises AssertionError. `made_in`: a state that the factory of the tests put it into, with no more of a way behind
    it than its submission; what led there is not asked for."""
    known = 0 if made_in in (None, "draft") else sum(step["action"] == "submit" for step in told.passages[:1])
    one_way(told, known, made_in)
    rounds(told)
    undone(told)
    awaited(told)
    nobody_twice(told)
    written_beside(told, known)
    money(told, keyring)
    if made_in is None:
        signed_enough(told)
        noticed(told)


def one_way(told: Story, known: int, made_in: str | None) -> None:
    """The timeline is a walk through the table, and ends where the application is."""
    path, state = path_of(told.row), "draft" if made_in is None else made_in
    for step in told.passages[known:]:
        assert step["from_state"] == state, f"{step['action']} from {step['from_state']} at {state}"
        if not in_place(step):
            back = step["to_state"] if step["action"] in ("undo", "fund") else None
            row = path.step(state, step["action"], back)
            assert step["to_state"] in (row.to, row.otherwise), dict(step)
        state = step["to_state"]
    assert told.row["state"] == state, f"the row says {told.row['state']}, its timeline {state}"


def round_after(step: Row) -> int:
    """The round that an application is in after a step. To grant more is signed in the round that it ends."""
    return int(step["round"]) + (step["action"] == "raise_amount")


def rounds(told: Story) -> None:
    """A round begins by what makes earlier signatures void, one after the other."""
    now = 1
    for step in told.passages:
        if step["round"] != now:
            assert step["round"] == now + 1, dict(step)
            assert step["action"] in {*SIGNATURES, "refuse_by_rule", "undo"} - {"raise_amount"}, dict(step)
            now = step["round"]
        now = round_after(step)
    assert told.row["round"] == now, "the row is in a round that its timeline does not know"


def undone(told: Story) -> None:
    """A decision is taken back by another than made it, and what was signed before it stands, nothing else."""
    for n, step in enumerate(told.passages):
        if step["action"] != "undo":
            continue
        moves = [each for each in told.passages[:n] if each["from_state"] != each["to_state"]]
        decision = moves[-1]
        assert (decision["action"] in ("approve", "reject"), decision["from_state"]) == (True, step["to_state"])
        assert decision["person_id"] != step["person_id"], "somebody took back what they decided themselves"
        before = told.passages[: told.passages.index(decision)]
        signers = {
            each["person_id"]
            for each in before
            if each["counts_as_review"] and each["round"] == decision["round"] and each["action"] in SIGNERS
        }
        stand = [s["person_id"] for s in told.passages if s["action"] == "stand" and s["round"] == step["round"]]
        assert sorted(stand) == sorted(signers)


def awaited(told: Story) -> None:
    """The row says that its applicant is waited for exactly while something is asked for."""
    waiting = [each for each in told.supplements if each["state"] == "open"]
    assert len(waiting) == (told.row["supplement"] == "open"), "asked for, and not waited for, or the other way"
    asked = [step for step in told.passages if step["action"] == "ask_supplement"]
    assert len(told.supplements) == len(asked)


def nobody_twice(told: Story) -> None:
    """Nobody signs twice in a round, and nobody their own application."""
    signed = Counter((step["round"], step["person_id"]) for step in told.passages if step["counts_as_review"])
    assert max(signed.values(), default=0) <= 1, "somebody signed twice in a round"
    for step in told.passages:
        own = step["person_id"] == told.row["applicant_id"]
        assert not (own and (step["counts_as_review"] or step["post_role"])), "an applicant signed their own"
    for appeal in told.appeals:
        apart = appeal["decided_at"]
        near = {step["person_id"] for step in told.passages if apart and step["created_at"] < apart}
        assert appeal["decided_by"] is None or appeal["decided_by"] not in near, "who was near decided the appeal"


def signed_enough(told: Story) -> None:
    """What is granted was signed by everybody in this very round: what was signed before is void."""
    if told.row["state"] not in (*GRANTED, "public_notice", "waiting_funds"):
        return
    way = [step for step in told.passages if step["round"] == told.row["round"]]
    ended = [step for step in told.passages if step["round"] == told.row["round"] - 1][-1:]
    began = ended[0] if ended and ended[0]["action"] == "raise_amount" else way[0]
    signed = {(step["from_state"], step["action"]) for step in way if step["counts_as_review"]}
    assert signed >= signatures(began), f"round began by {began['action']}, signed {sorted(signed)}"


def noticed(told: Story) -> None:
    """No money before the notice of its round is over, and none while another is shown."""
    if not told.needs_notice:
        assert not told.notices
        return
    if told.row["state"] in GRANTED:
        assert any(step["round"] == told.row["round"] and step["action"] == "end_notice" for step in told.passages)
    for step in told.passages:
        if step["action"] in PAYMENTS:
            lines = [line for line in told.notices if line["round"] == step["round"]]
            over = [line for line in lines if line["state"] == "ended" and line["closed_at"] <= step["created_at"]]
            assert len(over) == 1, f"{step['action']} in round {step['round']} without the end of its notice"
            assert all(line["closed_at"] is not None for line in lines), "paid while a line of the round is shown"


def written_beside(told: Story, known: int) -> None:
    """For each step one fact, and one entry of the audit trail that names who took it."""
    moves = [step for step in told.passages[known:] if not in_place(step)]
    facts = Counter(
        (fact["action"], fact["from_state"], fact["to_state"], int(fact["round"]))
        for fact in (orjson.loads(each["body"]) for each in told.facts)
    )
    assert facts == Counter((s["action"], s["from_state"], s["to_state"], round_after(s)) for s in moves)
    entries = Counter((entry["action"], entry["person_id"]) for entry in told.entries)
    assert entries == Counter((f"application.{s['action']}", s["person_id"]) for s in moves)


def money(told: Story, keyring: Keyring) -> None:
    """Never more than was decided by the rules; what was paid before is less than what is paid in all."""
    row = told.row
    if row["decision"] is None:
        assert row["amount_fen"] is None
        return
    decided = keyring.open_document(DECISION, row["id"], row["decision"])
    assert row["amount_fen"] <= decided["amount_fen"], f"{row['amount_fen']} of {decided['amount_fen']}"
    for appeal in told.appeals:
        if appeal["state"] == "changed":
            assert appeal["amount_fen"] > appeal["before_fen"]


# ---- from one look to the next ----


def follows(before: Story, now: Story) -> None:
    """The timeline is only added to, by a step for each version at most, and versions and rounds only grow."""
    kept = [dict(step) for step in now.passages[: len(before.passages)]]
    assert kept == [dict(step) for step in before.passages], "the timeline was changed"
    assert now.row["round"] >= before.row["round"]
    versions = now.row["version"] - before.row["version"]
    added = [step for step in now.passages[len(before.passages) :] if step["action"] not in WITH_ANOTHER]
    assert versions >= len(added), "more steps than versions"
    assert versions >= (dict(now.row) != dict(before.row)), "something changed under the same version"
