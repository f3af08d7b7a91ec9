"""Decisions made again years later: the same to the byte, or named with what differs."""

import sys
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import orjson
import pytest
from sqlalchemy import String, func, select

from app.applications.commands import DECISION, FACTS
from app.applications.path import Kind
from app.applications.programme import code_of
from app.db.database import Database
from app.db.sealing import Keyring
from app.db.statements import statement
from app.db.transaction import COMMAND_SECONDS, Sight
from app.jobs.queries import Wanted
from app.jobs.replay import WORDS, Found, Tally, replay
from app.policy.changes import decide
from app.policy.decision import Cited, Decision, Finding, Judged, TraceStep, cite, finding, plain
from app.policy.replay import canonical, facts_json, sha256
from app.programmes import MODELS, REPLAYERS, Replayer, shipped
from tests import make
from tests.make import Guild, World
from tests.policies import test_store as store
from tests.policies.making import document, row

CAP_FEN = 100_000
_days = count(1)


@dataclass(frozen=True, slots=True)
class Facts:
    requested_fen: int
    on: date
    name: str = "甲"


def assess(facts: Facts, by: Mapping[str, Any], on: date, *, cap_fen: int = CAP_FEN) -> Decision:
    """Rules of this test alone: what is asked, if it is not above the cap."""
    policy = cite("hardship_aid", by["hardship_aid"], Cited("household_criteria", by["household_criteria"].version))

    def judge(known: Facts) -> Judged[Facts]:
        met: Finding[Facts] = finding(
            "cap", known.requested_fen <= cap_fen, "不超过上限", str(cap_fen), str(known.requested_fen), "某文",
            "减少申请金额", True, lambda each: replace(each, requested_fen=cap_fen),
        )  # fmt: skip
        step = TraceStep("asked", "申请金额", known.requested_fen)
        return Judged((met,), (step,), known.requested_fen)

    return decide(policy, facts, judge, on)


THIS = sys.modules[__name__]
KINDS = {Kind.HARDSHIP_AID: Replayer(Facts, THIS, assess)}
VERSIONS = {
    "hardship_aid": shipped().versions["hardship_aid"][-1],
    "household_criteria": shipped().versions["household_criteria"][-1],
}


@dataclass
class Archive:
    """Decisions of a day on which nobody else applied."""

    world: World
    owner: asyncpg.Connection
    jobs: Database
    keyring: Keyring
    home: Guild
    day: date

    async def keep(self, requested_fen: int = 50_000, **given: Any) -> Any:
        """An application with its facts and its decision, as it is kept; `given` is put in place of what is right."""
        facts = Facts(requested_fen, self.day)
        written, known = orjson.dumps(plain(assess(facts, VERSIONS, self.day))), facts_json(facts)
        at = datetime.combine(self.day, datetime.min.time(), UTC)
        case = await self.world.application(await self.world.person(consents=()), self.home, submitted_at=at)
        columns: dict[str, Any] = {
            "facts": self.keyring.seal(FACTS, case.id, given.pop("facts_written", known)),
            "facts_sha256": sha256(known),
            "decision": self.keyring.seal(DECISION, case.id, given.pop("decision_written", written)),
            "policy_version": VERSIONS["hardship_aid"].version,
            "code_sha256": code_of(THIS),
        } | given
        names = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
        await self.owner.execute(f"update application set {names} where id = $1", case.id, *columns.values())
        return case.id

    async def replayed(self, kinds: Mapping[Kind, Replayer] = KINDS, **wanted: Any) -> list[Found]:
        chosen = Wanted(**{"since": self.day, "until": self.day} | wanted)
        found: list[Found] = []
        async with aclosing(replay(self.jobs, self.keyring, MODELS, kinds, chosen)) as pages:
            async for page in pages:
                found += page.found
                assert page.total is not None
                assert page.total >= len(found)
        return found

    async def differing(self, **given: Any) -> tuple[str, ...]:
        """What is said to differ of one decision that was kept like this."""
        kept = await self.keep(**given)
        (found,) = await self.replayed()
        assert found.application_id == kept
        assert set(found.differs) <= WORDS.keys()
        return found.differs


@pytest.fixture
async def archive(world: World, owner: asyncpg.Connection, jobs: Database, keyring: Keyring) -> Archive:
    day = date(2060, 1, 1) + timedelta(days=7 * next(_days))
    return Archive(world, owner, jobs, keyring, await world.union("city"), day)


def tampered(**change: Any) -> bytes:
    """Facts as they are written, with these values in them."""
    return canonical({"name": "甲", "on": "2060-01-01"} | change)


async def test_a_decision_made_again_is_the_same_to_the_byte(archive: Archive) -> None:
    kept = [await archive.keep(1 + n * 40_000) for n in range(6)]  # some are refused
    found = await archive.replayed()
    assert {each.application_id for each in found} == set(kept)
    assert {(each.differs, each.other_code) for each in found} == {((), False)}


@pytest.mark.parametrize("kind", list(Kind))
async def test_what_the_service_itself_decided_comes_out_the_same(
    client: httpx.AsyncClient, world: World, jobs: Database, keyring: Keyring, kind: Kind
) -> None:
    """Granted and refused, with a household and without."""
    child = make.id_number(date(2007, 3, 5))
    form = make.golden_autumn(child) if kind is Kind.GOLDEN_AUTUMN else make.FORMS[kind]()
    home = (await world.town()).units[0]
    ids, outcomes = set(), set()
    for someone in (await world.worker(home, members=[make.member(number=child)]), await world.person(home=home)):
        headers = someone.headers
        opened = await client.post("/applications", json={"kind": kind, "form": form}, headers=headers | make.keyed())
        application_id = opened.json()["id"]
        sent = await client.post(
            f"/applications/{application_id}/submit", headers=headers | make.keyed() | {"If-Match": '"1"'}
        )
        assert sent.status_code == 200, sent.text
        ids.add(application_id)
        outcomes.add(sent.json()["decision"]["outcome"])
    assert outcomes == {"eligible", "ineligible"}
    found: dict[str, Found] = {}
    async with aclosing(replay(jobs, keyring, MODELS, REPLAYERS, Wanted(kind, since=make.TODAY))) as pages:
        async for page in pages:
            found |= {str(each.application_id): each for each in page.found}
    assert {(found[each].differs, found[each].other_code) for each in ids} == {((), False)}


async def test_a_new_version_changes_no_decision_that_was_made_before(
    archive: Archive, jobs: Database, owner: asyncpg.Connection
) -> None:
    await archive.keep()
    before = await owner.fetch("select id, facts, decision from application where submitted_at >= $1", archive.day)
    for _ in range(5):
        for kind in ("hardship_aid", "household_criteria"):
            await store.published(jobs, owner, row(kind, document(kind)))  # type: ignore[arg-type]
    (found,) = await archive.replayed()
    assert found.differs == ()
    assert before == await owner.fetch(
        "select id, facts, decision from application where submitted_at >= $1", archive.day
    )


async def test_the_same_result_by_other_code_is_told_but_is_no_difference(archive: Archive) -> None:
    await archive.keep(code_sha256="0" * 64)
    found = await archive.replayed()
    assert [(each.differs, each.other_code) for each in found] == [((), True)]
    tally = Tally()
    for each in found:
        tally.add(each)
    assert (tally.replayed, tally.same, tally.same_by_other_code, tally.different) == (1, 1, 1, 0)


async def test_another_result_is_named_member_by_member(archive: Archive) -> None:
    await archive.keep(CAP_FEN)
    lower = Replayer(Facts, THIS, lambda facts, by, on: assess(facts, by, on, cap_fen=CAP_FEN - 1))
    (found,) = await archive.replayed({Kind.HARDSHIP_AID: lower})
    assert found.differs == ("outcome", "amount_fen", "reasons", "changes", "trace")
    assert found.other_code is False


async def test_of_another_result_it_is_told_whether_other_code_had_decided() -> None:
    tally = Tally()
    for other_code in (False, True, True):
        tally.add(Found(uuid4(), "hardship_aid", ("amount_fen",), other_code))
    assert (tally.different, tally.different_by_other_code) == (3, 2)
    assert (tally.same, tally.same_by_other_code) == (0, 0)


@pytest.mark.parametrize(
    ("given", "differs"),
    [
        ({"facts": b"\x01" * 60}, ("seal_broken",)),
        ({"decision": b""}, ("seal_broken",)),
        ({"facts": None}, ("facts_missing",)),
        ({"facts_sha256": "0" * 64}, ("facts_hash_broken",)),
        ({"facts_written": tampered(requested_fen=1.5)}, ("facts_hash_broken", "facts_changed")),
        ({"facts_written": tampered(requested_fen=1, more=1)}, ("facts_hash_broken", "facts_changed")),
        ({"policy_version": "another"}, ("policy_version",)),
        ({"decision_written": b"{}"}, ("decision_unreadable",)),
        ({"decision_written": b"not json"}, ("decision_unreadable",)),
    ],
    ids=str,
)  # fmt: skip
async def test_what_was_tampered_with_is_named(
    archive: Archive, given: dict[str, Any], differs: tuple[str, ...]
) -> None:
    assert await archive.differing(**given) == differs


async def test_facts_that_were_changed_and_sealed_again_are_named_by_their_hash_and_by_the_result(
    archive: Archive,
) -> None:
    other = facts_json(Facts(60_000, archive.day))
    assert await archive.differing(facts_written=other) == ("facts_hash_broken", "amount_fen", "reasons", "trace")


async def test_an_amount_that_was_changed_and_sealed_again_is_named(archive: Archive) -> None:
    written = plain(assess(Facts(50_000, archive.day), VERSIONS, archive.day)) | {"amount_fen": 50_001}
    assert await archive.differing(decision_written=orjson.dumps(written)) == ("amount_fen",)


@pytest.mark.parametrize("cited", ["policy", "rests_on"])
async def test_a_version_that_is_not_in_the_book_is_named(archive: Archive, cited: str) -> None:
    written = plain(assess(Facts(50_000, archive.day), VERSIONS, archive.day))
    if cited == "policy":
        written["policy"]["version"] = "never published"
    else:
        written["policy"]["rests_on"][0]["version"] = "never published"
    assert (await archive.differing(decision_written=orjson.dumps(written)))[0] == "policy_missing"


async def test_facts_moved_from_another_application_do_not_open(archive: Archive, owner: asyncpg.Connection) -> None:
    one, other = await archive.keep(), await archive.keep()
    move = "update application a set facts = other.facts from application other where a.id = $1 and other.id = $2"
    await owner.execute(move, one, other)
    differs = {each.application_id: each.differs for each in await archive.replayed()}
    assert differs == {one: ("seal_broken",), other: ()}


async def test_kinds_days_and_a_limit_choose_what_is_replayed(archive: Archive) -> None:
    for _ in range(3):
        await archive.keep()
    assert len(await archive.replayed(limit=2)) == 2
    assert len(await archive.replayed(kind=Kind.HARDSHIP_AID)) == 3
    assert await archive.replayed(kind=Kind.GOLDEN_AUTUMN) == []
    assert await archive.replayed(since=archive.day + timedelta(days=1), until=None) == []
    assert await archive.replayed(since=archive.day - timedelta(days=1), until=archive.day - timedelta(days=1)) == []


async def test_a_snapshot_can_neither_write_nor_see_what_comes_later(
    jobs: Database, owner: asyncpg.Connection, world: World
) -> None:
    async with jobs.begin(Sight("job", snapshot=True)) as transaction:
        asked = "select count(*) from organisation"
        before = await transaction.connection.fetchval(asked)
        await world.union("city")
        assert await transaction.connection.fetchval(asked) == before
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await transaction.connection.execute("update notice set closed_at = closed_at")


async def test_a_snapshot_is_patient_with_a_cold_disk_and_leaves_no_patience_behind(jobs: Database) -> None:
    slow = statement(select(func.length(func.pg_sleep(COMMAND_SECONDS + 0.5).cast(String))))
    async with jobs.begin(Sight("job", snapshot=True)) as transaction:
        assert await transaction.value(slow) == 0
    async with jobs.begin(Sight("job")) as transaction:
        assert await transaction.connection.fetchval("show statement_timeout") == "5s"
