"""Making every stored decision again, from its own facts and by the versions that it cites, and naming what differs.

Nothing is written, and nothing is looked up that could have changed since: the facts are the sealed ones, the versions
those of the same snapshot of the database.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from app.applications.commands import DECISION, FACTS
from app.applications.path import Kind
from app.applications.programme import code_of
from app.db.database import Database
from app.db.sealing import Keyring, SealBroken
from app.db.transaction import Record, Sight
from app.jobs.queries import Wanted, decided, how_many_decided
from app.policies.queries import Models, book
from app.policy.book import PolicyBook, PolicyKind
from app.policy.decision import plain
from app.policy.facts import FactsChanged
from app.policy.replay import differing, facts_from, sha256
from app.policy.versions import NoPolicyInForce, Version
from app.programmes import Replayer

SEAL, FACTS_MISSING, FACTS_HASH, FACTS_FORM = "seal_broken", "facts_missing", "facts_hash_broken", "facts_changed"
DECISION_FORM, POLICY_MISSING, JUDGING = "decision_unreadable", "policy_missing", "rules_failed"
WORDS: Final[Mapping[str, str]] = {
    SEAL: "密封已破坏",
    FACTS_MISSING: "没有留存事实",
    FACTS_HASH: "事实与其哈希不符",
    FACTS_FORM: "事实的格式已改变",
    DECISION_FORM: "决定无法读取",
    POLICY_MISSING: "所依据的政策版本不存在",
    JUDGING: "规则无法重新计算",
    "policy_version": "登记的政策版本与决定不符",
    "outcome": "结论",
    "amount_fen": "金额",
    "policy": "所依据的政策",
    "reasons": "理由",
    "changes": "怎样会改变",
    "trace": "计算过程",
    "decided_on": "决定日期",
}
"""What can differ, by code, as it is told to people."""


class Found(NamedTuple):
    """One decision made again: what differs, if anything; and whether the code that judged it was another."""

    application_id: UUID
    kind: str
    differs: tuple[str, ...]
    other_code: bool


@dataclass
class Tally:
    """Counts of a replay."""

    replayed: int = 0
    same: int = 0
    same_by_other_code: int = 0
    different: int = 0
    different_by_other_code: int = 0
    by_difference: Counter[str] = field(default_factory=Counter)

    def add(self, found: Found) -> None:
        self.replayed += 1
        self.same += not found.differs
        self.same_by_other_code += found.other_code and not found.differs
        self.different += bool(found.differs)
        self.different_by_other_code += found.other_code and bool(found.differs)
        self.by_difference.update(found.differs)


class Snapshot:
    """The decisions of one snapshot of the database, and the book of the same snapshot to make them again by."""

    def __init__(self, keyring: Keyring, policies: PolicyBook, models: Models, kinds: Mapping[Kind, Replayer]) -> None:
        self.keyring, self.policies, self.models, self.kinds = keyring, policies, models, kinds
        self._found: dict[tuple[PolicyKind, str, str], Version] = {}

    def again(self, row: Record) -> Found:
        """One decision, made again."""
        replayer = self.kinds[Kind(row["kind"])]
        other_code = row["code_sha256"] != code_of(replayer.rules)
        return Found(row["id"], row["kind"], tuple(self._differences(row, replayer)), other_code)

    def _differences(self, row: Record, replayer: Replayer) -> Iterator[str]:
        """What differs, as far as it can be told: what cannot be opened or read ends it."""
        try:
            written = self.keyring.open(DECISION, row["id"], row["decision"])
            facts_written = self.keyring.open(FACTS, row["id"], row["facts"]) if row["facts"] else None
        except SealBroken:
            yield SEAL
            return
        if facts_written is None:
            yield FACTS_MISSING
            return
        if sha256(facts_written) != row["facts_sha256"]:
            yield FACTS_HASH
        try:
            stored = orjson.loads(written)
            cited, on = stored["policy"], date.fromisoformat(stored["decided_on"])
            by = self._cited(cited, row["division_code"])
        except NoPolicyInForce:
            yield POLICY_MISSING
            return
        except (ValueError, KeyError, TypeError):
            yield DECISION_FORM
            return
        if cited["version"] != row["policy_version"]:
            yield "policy_version"
        try:
            again = plain(replayer.assess(facts_from(replayer.facts, facts_written), by, on))
        except FactsChanged:
            yield FACTS_FORM
        except Exception:
            # Whatever the rules of today stumble over: it is named, and the others are still made again.
            yield JUDGING
        else:
            # The usual case costs one comparison; what differs is only sought when something does.
            if orjson.dumps(again) != written:
                yield from differing(stored, again)

    def _cited(self, cited: Mapping[str, Any], division_code: str) -> dict[str, Version]:
        """The versions that a decision cites, by kind. Raises NoPolicyInForce, KeyError."""
        named = {each["kind"]: each["version"] for each in (cited, *cited["rests_on"])}
        return {kind: self._version(kind, version, division_code) for kind, version in named.items()}

    def _version(self, kind: PolicyKind, version: str, division_code: str) -> Version:
        asked = (kind, version, division_code)
        if asked not in self._found:
            self._found[asked] = self._named(*asked)
        return self._found[asked]

    def _named(self, kind: PolicyKind, version: str, division_code: str) -> Version:
        """The version of the case's own area, else the only one of that name: a household may live elsewhere."""
        try:
            return self.policies.named(kind, self.models[kind], version, division_code)
        except NoPolicyInForce:
            others = [each for each in self.policies.of(kind, self.models[kind]) if each.version == version]
            if len(others) != 1:
                raise
            return others[0]


@dataclass(frozen=True, slots=True)
class Page:
    """How many decisions there are in all, if they are few enough to be counted, and the next ones, made again."""

    total: int | None
    found: tuple[Found, ...]


async def replay(
    database: Database, keyring: Keyring, models: Models, kinds: Mapping[Kind, Replayer], wanted: Wanted
) -> AsyncGenerator[Page]:
    """Every wanted decision, made again, page by page. `database` is the jobs'."""
    async with database.begin(Sight("job", snapshot=True)) as transaction:
        snapshot = Snapshot(keyring, await book(transaction, models), models, kinds)
        total = await how_many_decided(transaction, wanted)
        async for rows in decided(transaction, wanted):
            yield Page(total, tuple(map(snapshot.again, rows)))
