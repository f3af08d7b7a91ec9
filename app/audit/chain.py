"""Verifying the audit trail: every entry hashes the one before it, so a change shows where it was made."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.db.statements import Statement, statement
from app.db.transaction import Transaction

PAGE = 5000
# The content is spelt as in the trigger `audit_chain_append`.
_ENTRIES = Statement(
    """
    select sequence, hash, id::text as id, concat_ws(chr(31), id::text,
      (extract(epoch from created_at) * 1000000)::bigint::text, coalesce(person_id::text, ''), action,
      subject_kind, subject_id::text, coalesce(subject_person_id::text, ''), details::text) as content
    from audit_entry where shard = $1 and sequence > $2 order by sequence limit $3
    """,
    ("shard", "after", "size"),
    {},
)
_HEADS = statement(text("select shard, length, head from audit_chain order by shard"))


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain breaks: the first bad position of a shard, and why."""

    shard: int
    sequence: int
    entry_id: str | None
    why: str


async def verify(transaction: Transaction) -> tuple[int, list[Break]]:
    """How many entries were read, and the first break of every broken chain. Reads one page at a time."""
    read, breaks = 0, []
    for head in await transaction.rows(_HEADS):
        count, found = await _verify_shard(transaction, head)
        read += count
        if found is not None:
            breaks.append(found)
    return read, breaks


async def _verify_shard(transaction: Transaction, head: Any) -> tuple[int, Break | None]:
    shard, last, count = head["shard"], b"", 0
    async for entry in _entries(transaction, shard):
        count += 1
        if entry["sequence"] != count:
            return count, Break(shard, count, None, "an entry is missing")
        last = hashlib.sha256(last + entry["content"].encode()).digest()
        if last != entry["hash"]:
            return count, Break(shard, count, entry["id"], "an entry was changed")
    if (count, last) != (head["length"], head["head"]):
        return count, Break(shard, count + 1, None, "the end of the chain was cut off or added to")
    return count, None


async def _entries(transaction: Transaction, shard: int) -> AsyncIterator[Any]:
    after = 0
    while page := await transaction.rows(_ENTRIES, shard=shard, after=after, size=PAGE):
        for entry in page:
            yield entry
        after = page[-1]["sequence"]
