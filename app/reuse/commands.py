"""Keeping prints and marks, raising and clearing hints, and answering them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, text, update

from app.applications.queries import case
from app.applications.recusal import post_for, why_not
from app.audit.commands import record
from app.db.sealing import Keyring
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.reuse.events import ReuseAnswered, ReuseFound
from app.reuse.path import PATH, Verdict
from app.reuse.queries import R, ReuseNotFound, hint, seen
from app.reuse.rules import Found, Key
from app.reuse.tables import BAND_BITS, BITS
from app.workflow.path import check_words

KEY, CODE, NOTE = "claim_mark.key", "picture_print.code", "reuse_hint.note"
BEYOND: Final = "('paying','paid')"
"""Where a case is not kept from going on any more: what was found is told, and the case stays as it is."""
_KEEP_PRINT = statement(
    text(
        """
        insert into picture_print (file_id, page, person_id, bits, turned, bands, codes)
        values (:file_id, :page, :person_id, cast(cast(:bits as text) as bit(256)),
          cast(cast(:turned as text) as bit(768)), cast(:bands as int[]), cast(:codes as bigint[]))
        on conflict (file_id, page) do nothing
        """
    )
)
_KEEP_MARKS = statement(
    text(
        """
        insert into claim_mark (application_id, keys) values (:application_id, cast(:keys as bigint[]))
        on conflict (application_id) do update set keys = excluded.keys
        """
    )
)
_HOLD = statement(text("select id from application where id = any(cast(:ids as uuid[])) order by id for no key update"))
_RAISE = statement(
    text(
        """
        insert into reuse_hint as h (id, created_at, application_id, other_id, applicant_id, other_applicant_id, low_id,
          high_id, number, organisation_name, other_number, other_organisation_name, score, evidence, state, seen_at,
          version)
        values (:id, :now, :application_id, :other_id, :applicant_id, :other_applicant_id, :low_id, :high_id, :number,
          :organisation_name, :other_number, :other_organisation_name, :score, cast(:evidence as jsonb), 'open', :now,
          1)
        on conflict (low_id, high_id) do update set
          application_id = excluded.application_id, other_id = excluded.other_id,
          applicant_id = excluded.applicant_id, other_applicant_id = excluded.other_applicant_id,
          number = excluded.number, organisation_name = excluded.organisation_name,
          other_number = excluded.other_number, other_organisation_name = excluded.other_organisation_name,
          score = excluded.score, evidence = excluded.evidence, seen_at = excluded.seen_at,
          version = h.version + case when h.evidence = excluded.evidence and h.state <> 'cleared' then 0 else 1 end,
          (state, decided_by, decided_at, note) = (select
            case when again then 'open' else h.state end,
            case when again then null else h.decided_by end,
            case when again then null else h.decided_at end,
            case when again then null else h.note end
            from (select h.state = 'cleared' or h.state = 'different' and excluded.score > h.score as again) a)
        returning h.id, h.state, h.version
        """
    )
)
_CLEAR = statement(
    text(
        """
        update reuse_hint set state = 'cleared', version = version + 1, seen_at = :now, decided_by = null,
          decided_at = null, note = null
        where state in ('open','same') and (application_id = :of_id or other_id = :of_id)
          and not (application_id = any(cast(:still as uuid[])) or other_id = any(cast(:still as uuid[])))
        returning application_id
        """
    )
)
# Whoever saw the case before is told that it has changed: an approval that overlaps finds another version.
_SETTLE = statement(
    text(
        f"""
        update application a set reuse = s.stands, version = a.version + 1, updated_at = :now
        from (
          select case when bool_or(h.state = 'open') then 'open' when bool_or(h.state = 'same') then 'same' end
            as stands
          from reuse_hint h where h.application_id = :id
        ) s
        where a.id = :id and a.reuse is distinct from s.stands and a.state not in {BEYOND}
        """  # noqa: S608 - states of our own
    )
)
_ANSWER = statement(
    update(R)
    .where(R.c.id == bindparam("row_id"), R.c.version == bindparam("seen"))
    .values(
        {c: bindparam(c, type_=R.c[c].type) for c in ("state", "decided_by", "decided_at", "note")}
        | {"version": R.c.version + literal_column("1")}
    )
)


def key_of(keyring: Keyring, purpose: str, *said: str) -> int:
    """64 bits of a keyed hash: who meets by accident is told apart when they are compared."""
    return int.from_bytes(keyring.blind_index(purpose, *said)[:8], "big", signed=True)


def keyed(keyring: Keyring, keys: Iterable[Key]) -> list[int]:
    """The keyed hashes of a claim's keys."""
    return sorted({key_of(keyring, KEY, *key) for key in keys})


def bands_of(bits: str) -> list[int]:
    """The parts of a print, each with its place."""
    width = BAND_BITS
    return [n << width | int(bits[n * width : (n + 1) * width], 2) for n in range(BITS // width)]


async def keep_print(work: Work, file_id: UUID, person_id: UUID, page: int, seen: Mapping[str, Any]) -> None:
    """What a page looks like, as the child process saw it."""
    turns: Sequence[str] = seen["turns"]
    await work.transaction.run(
        _KEEP_PRINT,
        file_id=file_id,
        page=page,
        person_id=person_id,
        bits=turns[0],
        turned="".join(turns[1:]),
        bands=bands_of(turns[0]),
        codes=[key_of(work.keyring, CODE, said) for said in seen["codes"]],
    )


async def keep_marks(work: Work, application_id: UUID, keys: list[int]) -> None:
    """By what a claim is found; what was kept of an earlier submission is replaced."""
    await work.transaction.run(_KEEP_MARKS, application_id=application_id, keys=keys)


async def raise_hint(work: Work, case: Record, other: Record, found: Found) -> None:
    """From now on it is asked of this case whether the two stand on one bill, whichever was asked before. Twice is
    once; what was answered stays answered unless more is equal."""
    low, high = sorted((case["id"], other["id"]))
    await work.transaction.rows(_HOLD, ids=[low, high])
    row = await work.transaction.row(
        _RAISE,
        id=new_id(),
        now=work.now,
        application_id=case["id"],
        other_id=other["id"],
        applicant_id=case["applicant_id"],
        other_applicant_id=other["applicant_id"],
        low_id=low,
        high_id=high,
        number=case["number"],
        organisation_name=case["organisation_name"],
        other_number=other["number"],
        other_organisation_name=other["organisation_name"],
        score=found.score,
        evidence=_plain(found),
    )
    assert row is not None
    if row["state"] == "open":
        await emit(work, ReuseFound(row["id"], case["id"], row["version"]))
    for each in (low, high):
        await settle(work, each)


def _plain(found: Found) -> dict[str, Any]:
    shown = [{"code": e.code, "points": e.points, "files": list(e.files) if e.files else None} for e in found.evidence]
    return {"found": shown, "differs": list(found.differs)}


async def clear_hints(work: Work, application_id: UUID, still: Sequence[UUID]) -> None:
    """Of a case only what it has in common with the cases `still` named is asked; all else is answered by itself."""
    rows = await work.transaction.rows(_CLEAR, of_id=application_id, still=list(still), now=work.now)
    for asked_of in {row["application_id"] for row in rows}:
        await settle(work, asked_of)


async def settle(work: Work, application_id: UUID) -> None:
    """The case says itself whether something is asked of it: its next step need not look."""
    await work.transaction.run(_SETTLE, id=application_id, now=work.now)


async def answer_hint(
    work: Work, actor: Actor, hint_id: UUID, expected: int, verdict: Verdict, note: str | None
) -> Record:
    """Say whether two claims stand on one bill.

    Raises ReuseNotFound, StaleVersion, NotAllowedNow, NotAllowed, Recused, Invalid.
    """
    transaction = work.transaction
    row = await hint(transaction, actor, hint_id)
    if row["application_id"] not in await seen(transaction, actor, [row]):
        raise ReuseNotFound
    # The case first, as whoever raises hints does: nobody waits in a circle.
    held = await case(transaction, actor, row["application_id"], whole=False, locked=True)
    row = await hint(transaction, actor, hint_id)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    step = PATH.step(row["state"], verdict)
    if post_for(actor, step.by, held) is None:
        raise why_not(actor, step.by, held)
    check_words(step, note, None, ())
    assert note is not None
    changed = await transaction.run(
        _ANSWER,
        row_id=hint_id,
        seen=expected,
        state=step.to,
        decided_by=actor.person_id,
        decided_at=work.now,
        note=work.keyring.seal_text(NOTE, hint_id, note),
    )
    assert changed == 1  # its case is held
    await settle(work, row["application_id"])
    await _record(work, actor, row, verdict)
    await emit(work, ReuseAnswered(hint_id, row["application_id"], verdict))
    return dict(row) | {"state": step.to, "version": row["version"] + 1}


async def _record(work: Work, actor: Actor, row: Record, verdict: Verdict) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action=f"reuse.{verdict}",
        subject_kind="application",
        subject_id=row["application_id"],
        subject_person_id=row["applicant_id"],
        hint=str(row["id"]),
    )
