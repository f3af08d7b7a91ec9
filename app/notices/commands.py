"""Publishing frozen lists, and what becomes of their lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import bindparam, literal_column, update

from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.ids import new_id
from app.notices.policy import Level, NoticeKind, NoticePolicy
from app.notices.rules import Heading, Line, Subject, end_of_period, frozen, lines_of
from app.notices.tables import Notice, NoticeBatch
from app.policy.replay import sha256

_N, _B = table_of(Notice), table_of(NoticeBatch)
Closed = Literal["ended", "renewed", "upheld", "withdrawn"]
_INSERT_BATCH = insertion(
    _B,
    *"id created_at organisation_id city_id district_id street_id unit_id organisation_name kind level".split(),
    *"policy_version lines content sha256 working_days ends_at".split(),
)
_INSERT_LINE = insertion(
    _N,
    *"id created_at batch_id serial application_id household_id person_id signer_ids agreed city_id".split(),
    *"district_id round number kind name_masked organisation_name amount_fen amount_band working_days ends_at".split(),
    *("state", "objections"),
)
_CLOSE = statement(
    update(_N)
    .where(_N.c.id == bindparam("row_id"), _N.c.state == bindparam("from_state", type_=_N.c.state.type))
    .values(state=bindparam("to_state", type_=_N.c.state.type), closed_at=bindparam("now", type_=_N.c.closed_at.type))
)
_END = statement(
    update(_N)
    .where(_N.c.id == bindparam("row_id"), _N.c.state == literal_column("'open'"), _N.c.ends_at <= bindparam("now_too"))
    .values(state=literal_column("'ended'"), closed_at=bindparam("now", type_=_N.c.closed_at.type))
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A subject with what its line needs beside what it shows: where it stands, and who signed it."""

    subject: Subject
    city_id: UUID
    district_id: UUID | None
    signer_ids: tuple[UUID, ...]


async def publish(
    work: Work,
    publisher: Record,
    kind: NoticeKind,
    level: Level,
    policy: NoticePolicy,
    entries: Sequence[Entry],
    *,
    seconds: int | None,
) -> UUID:
    """Freeze these as one list and show it for the policy's working days (`seconds` in a demo).

    The subjects are locked, and none has a line of its round that is shown or over: the database takes no second one.
    """
    ends_at = end_of_period(work.calendar, work.now, policy.working_days)
    if seconds:
        ends_at = work.now + timedelta(seconds=seconds)
    heading = Heading(
        organisation_code=publisher["code"],
        organisation=publisher["name"],
        kind=kind,
        level=level,
        policy_version=policy.version,
        working_days=policy.working_days,
        hotline=policy.hotline,
        published_at=work.now,
        ends_at=ends_at,
    )
    lines = lines_of(policy, level, [entry.subject for entry in entries])
    content, batch_id = frozen(heading, lines), new_id()
    await work.transaction.run(
        _INSERT_BATCH,
        id=batch_id,
        created_at=work.now,
        organisation_id=publisher["id"],
        **{f"{tier}_id": publisher[f"{tier}_id"] for tier in ("city", "district", "street", "unit")},
        organisation_name=publisher["name"],
        kind=kind,
        level=level,
        policy_version=policy.version,
        lines=len(lines),
        content=content,
        sha256=sha256(content),
        working_days=policy.working_days,
        ends_at=ends_at,
    )
    for entry, line in zip(entries, lines, strict=True):
        await _add(work, batch_id, heading, entry, line)
    return batch_id


async def _add(work: Work, batch_id: UUID, heading: Heading, entry: Entry, line: Line) -> None:
    await work.transaction.run(
        _INSERT_LINE,
        id=new_id(),
        created_at=work.now,
        batch_id=batch_id,
        serial=line.serial,
        application_id=entry.subject.application_id,
        household_id=entry.subject.household_id,
        person_id=entry.subject.person_id,
        signer_ids=list(entry.signer_ids),
        agreed=entry.subject.agreed,
        city_id=entry.city_id,
        district_id=entry.district_id,
        round=entry.subject.round,
        number=line.number,
        kind=heading.kind,
        name_masked=line.name_masked,
        organisation_name=line.organisation,
        amount_fen=line.amount_fen,
        amount_band=line.amount_band,
        working_days=heading.working_days,
        ends_at=heading.ends_at,
        state="open",
        objections=0,
    )


async def end(work: Work, notice_id: UUID) -> bool:
    """Take down a line whose time is over; False when it is not, or was objected to, or is down already."""
    return await work.transaction.run(_END, row_id=notice_id, now=work.now, now_too=work.now) == 1


async def close(work: Work, notice_id: UUID, from_state: Literal["open", "suspended"], to_state: Closed) -> bool:
    """Take a line down for another reason; False when it is not in that state."""
    return (
        await work.transaction.run(_CLOSE, row_id=notice_id, from_state=from_state, to_state=to_state, now=work.now)
        == 1
    )
