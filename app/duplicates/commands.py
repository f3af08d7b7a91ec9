"""Keeping keys, raising and clearing suspicions, and judging them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, text, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.scope import post_over
from app.db.sealing import Keyring
from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.duplicates.events import DuplicateJudged
from app.duplicates.path import PATH, Verdict
from app.duplicates.queries import duplicate
from app.duplicates.rules import Features, Likeness, keys
from app.duplicates.tables import DuplicateFlag
from app.households.queries import household
from app.kernel.actor import Actor
from app.kernel.errors import NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.workflow.path import check_words

KEY, FEATURES, NOTE = "duplicate_key.key", "duplicate_flag.features", "duplicate_flag.note"
TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
F = table_of(DuplicateFlag)
_FORGET = statement(
    text("delete from duplicate_key where household_id > :after and household_id <= cast(:upto as uuid)")
)
_KEEP = statement(
    text(
        """
        insert into duplicate_key (household_id, key)
        select * from unnest(cast(:households as uuid[]), cast(:hashes as bigint[])) on conflict do nothing
        """
    )
)
_RAISE = statement(
    text(
        """
        insert into duplicate_flag as f (id, created_at, household_a_id, household_b_id, person_a_id, person_b_id,
          organisation_a_id, organisation_b_id, a_city_id, a_district_id, a_street_id, a_unit_id, b_city_id,
          b_district_id, b_street_id, b_unit_id, score, reasons, weights, features_index, state, seen_at, version)
        values (:id, :now, :household_a_id, :household_b_id, :person_a_id, :person_b_id, :organisation_a_id,
          :organisation_b_id, :a_city_id, :a_district_id, :a_street_id, :a_unit_id, :b_city_id, :b_district_id,
          :b_street_id, :b_unit_id, :score, cast(:reasons as jsonb), :weights, :features_index, 'open', :now, 1)
        on conflict (household_a_id, household_b_id) do update set
          score = excluded.score, reasons = excluded.reasons, weights = excluded.weights, seen_at = excluded.seen_at,
          organisation_a_id = excluded.organisation_a_id, organisation_b_id = excluded.organisation_b_id,
          a_city_id = excluded.a_city_id, a_district_id = excluded.a_district_id, a_street_id = excluded.a_street_id,
          a_unit_id = excluded.a_unit_id, b_city_id = excluded.b_city_id, b_district_id = excluded.b_district_id,
          b_street_id = excluded.b_street_id, b_unit_id = excluded.b_unit_id,
          features_index = excluded.features_index,
          version = f.version + case when f.score = excluded.score and f.features_index = excluded.features_index
            and f.state <> 'cleared' then 0 else 1 end,
          (state, decided_by, decided_at, note) = (select
            case when again then 'open' else f.state end,
            case when again then null else f.decided_by end,
            case when again then null else f.decided_at end,
            case when again then null else f.note end
            from (select f.state = 'cleared'
              or f.state = 'different' and f.features_index <> excluded.features_index as again) a)
        """
    )
)
_CLEAR = "update duplicate_flag set state = 'cleared', version = version + 1, seen_at = :now where state = 'open'"
_CLEAR_UNSEEN = statement(text(f"{_CLEAR} and seen_at < :since"))
_CLEAR_OF = statement(
    text(
        f"{_CLEAR} and (household_a_id = :of_household or household_b_id = :of_household) "
        "and not (household_a_id = any(cast(:still as uuid[])) or household_b_id = any(cast(:still as uuid[])))"
    )
)
_JUDGE = statement(
    update(F)
    .where(F.c.id == bindparam("row_id"))
    .values(
        {c: bindparam(c, type_=F.c[c].type) for c in ("state", "decided_by", "decided_at", "note")}
        | {"version": F.c.version + literal_column("1")}
    )
)


@dataclass(frozen=True, slots=True)
class File:
    """A household file as the search knows it."""

    household_id: UUID
    person_id: UUID
    scope: Mapping[str, UUID | None]
    """Its union on each tier, by column."""
    features: Features

    @property
    def organisation_id(self) -> UUID:
        """The union that owns it."""
        return next(union for tier in reversed(TIERS) if (union := self.scope[tier]) is not None)


def hashes(keyring: Keyring, features: Features) -> set[int]:
    """The keyed hashes of a file's keys, 64 bits each: who meets by accident is told apart when they are compared."""
    return {int.from_bytes(keyring.blind_index(KEY, *key)[:8], "big", signed=True) for key in set(keys(features))}


async def keep_keys(transaction: Transaction, keyring: Keyring, files: Sequence[File], after: UUID, upto: UUID) -> None:
    """The keys of all files whose ids are beyond `after` and up to `upto`; of others in between nothing is left."""
    await transaction.run(_FORGET, after=after, upto=upto)
    rows = [(file.household_id, key) for file in files for key in hashes(keyring, file.features)]
    await transaction.run(_KEEP, households=[row[0] for row in rows], hashes=[row[1] for row in rows])


async def raise_flags(
    transaction: Transaction,
    keyring: Keyring,
    found: Sequence[tuple[File, File, Likeness]],
    weights: str,
    now: datetime,
) -> None:
    """Each pair is a suspicion from now on. Where somebody said that they differ, only if either has changed since."""
    await transaction.many(_RAISE, [_row(keyring, a, b, like, weights, now) for a, b, like in found])


def _row(keyring: Keyring, one: File, other: File, like: Likeness, weights: str, now: datetime) -> dict[str, Any]:
    a, b = sorted((one, other), key=lambda file: file.household_id)
    turned = a is not one
    return {
        "id": new_id(),
        "now": now,
        "household_a_id": a.household_id,
        "household_b_id": b.household_id,
        "person_a_id": a.person_id,
        "person_b_id": b.person_id,
        "organisation_a_id": a.organisation_id,
        "organisation_b_id": b.organisation_id,
        **{f"a_{tier}": a.scope[tier] for tier in TIERS},
        **{f"b_{tier}": b.scope[tier] for tier in TIERS},
        "score": like.score,
        "reasons": [
            {"code": each.code, "points": each.points, "a": each.b if turned else each.a,
             "b": each.a if turned else each.b}
            for each in like.reasons
        ],
        "weights": weights,
        "features_index": keyring.blind_index(FEATURES, a.features.spelt(), b.features.spelt()),
    }  # fmt: skip


async def clear_unseen(transaction: Transaction, since: datetime, now: datetime) -> int:
    """What a whole search did not find again is no suspicion any more. Answers how many."""
    return await transaction.run(_CLEAR_UNSEEN, since=since, now=now)


async def clear_of(transaction: Transaction, household_id: UUID, still: Sequence[UUID], now: datetime) -> int:
    """Of one file only the suspicions with the files `still` named remain."""
    return await transaction.run(_CLEAR_OF, of_household=household_id, still=list(still), now=now)


async def judge(work: Work, actor: Actor, flag_id: UUID, expected: int, verdict: Verdict, note: str | None) -> Record:
    """Say whether two files are one household; to merge them is another step.

    Raises DuplicateNotFound, StaleVersion, NotAllowedNow, NotAllowed, Invalid.
    """
    row = await duplicate(work.transaction, actor, flag_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], verdict)
    sides = [await household(work.transaction, actor, row[f"household_{side}_id"]) for side in "ab"]
    if not any(side is not None and post_over(actor, step.by, side) for side in sides):
        raise NotAllowed
    check_words(step, note, None, ())
    assert note is not None
    await work.transaction.run(
        _JUDGE,
        row_id=flag_id,
        state=step.to,
        decided_by=actor.person_id,
        decided_at=work.now,
        note=work.keyring.seal_text(NOTE, flag_id, note),
    )
    for side in "ab":
        await record(
            work,
            person_id=actor.person_id,
            action=f"duplicate.{verdict}",
            subject_kind="duplicate",
            subject_id=flag_id,
            subject_person_id=row[f"person_{side}_id"],
        )
    await emit(work, DuplicateJudged(flag_id, row["household_a_id"], row["household_b_id"], verdict))
    return dict(row) | {"state": step.to, "version": row["version"] + 1}
