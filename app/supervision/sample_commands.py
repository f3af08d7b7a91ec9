"""Announcing a sample, drawing it, and writing down what was found of each payment. Nobody commits here; the edge does.

Who announces cannot choose the seed: it is made here, by the machine, and sealed; its hash is told at once. Who draws
cannot either: it was made before the period ended. Of one union and period there is one sample.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.appeals.queries import is_near
from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.funds.book_queries import hold_books_alone
from app.kernel.actor import Actor, Permission, Post
from app.kernel.errors import Conflict, FieldError, IdentityRequired, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound, organisation_of_code
from app.people.queries import person
from app.supervision.disclosure import disclosure_on
from app.supervision.events import PaymentChecked, SampleMoved
from app.supervision.rules import Answers, draw, population, result_of, sha256
from app.supervision.sample_queries import C, S, as_paid, check, payments_made, sample_to_draw

SEED, NOTE = "payment_sample.seed", "payment_check.note"
TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
SEED_BYTES: Final = 16
_INSERT = insertion(
    S,
    *"id created_at organisation_id organisation_name".split(),
    *TIERS,
    *"since until size state version announced_by seed_sha256 seed_sealed".split(),
)
_DRAWN = "state seed drawn_at drawn_by population population_sha256 lines fen strata".split()
_DRAW = statement(
    update(S)
    .where(S.c.id == bindparam("row_id"))
    .values(
        {name: bindparam(name, type_=S.c[name].type) for name in _DRAWN}
        | {"version": S.c.version + literal_column("1")}
    )
)
_INSERT_CHECK = insertion(
    C,
    *"id created_at sample_id serial line_id application_id".split(),
    *TIERS,
    *"amount_fen paid_at state version".split(),
)
_FOUND = (
    "state reached arrived amount papers result note checked_at checked_by checked_by_role checked_by_organisation"
).split()
_CHECK = statement(
    update(C)
    .where(C.c.id == bindparam("row_id"))
    .values(
        {name: bindparam(name, type_=C.c[name].type) for name in _FOUND}
        | {"version": C.c.version + literal_column("1")}
    )
)


class SampleAlreadyAnnounced(Conflict):
    """这个工会这段期间已经登记过抽查，不能再登记一次。"""


class SampleNotDue(Conflict):
    """抽查的期间还没有结束，结束之后才能抽取。"""


class SampleAlreadyDrawn(Conflict):
    """这次抽查已经抽取，名单和结果不能再变。"""


class PopulationTooLarge(Conflict):
    """这段期间的付款太多，请分几段期间或分区县抽查。"""


class CheckAlreadyClosed(Conflict):
    """这一笔已经有抽查结果；要更正的，请先重新打开。"""


class CheckStillOpen(Conflict):
    """这一笔还没有抽查结果。"""


class NearThePayment(NotAllowed):
    """您办理过这份申请，或与领款人有关，这一笔必须由其他人抽查。"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sample as somebody announces it."""

    organisation_code: str
    since: datetime
    until: datetime
    size: int


async def announce(work: Work, actor: Actor, wanted: Wanted) -> UUID:
    """Fix the union, the period, the size and the seed, while what will be paid is not known yet.

    Raises OrganisationNotFound, Invalid, SampleAlreadyAnnounced.
    """
    union = await organisation_of_code(work.transaction, wanted.organisation_code)
    if post_over(actor, Permission.SUPERVISE, union) is None:
        raise OrganisationNotFound
    if wanted.until <= work.now:
        raise Invalid(FieldError("/until", "period_over", "期间应在登记时还没有结束：结束之后登记的，付款已经知道了。"))
    if wanted.since >= wanted.until:
        raise Invalid(FieldError("/since", "period_empty", "期间的开始应早于结束。"))
    sample_id, seed = new_id(), secrets.token_hex(SEED_BYTES)
    try:
        async with work.transaction.attempt():
            await work.transaction.run(
                _INSERT,
                id=sample_id,
                created_at=work.now,
                organisation_id=union["id"],
                organisation_name=union["name"],
                **{tier: union[tier] for tier in TIERS},
                since=wanted.since,
                until=wanted.until,
                size=wanted.size,
                state="announced",
                version=1,
                announced_by=actor.person_id,
                seed_sha256=sha256(seed.encode()),
                seed_sealed=work.keyring.seal_text(SEED, sample_id, seed),
            )
    except asyncpg.UniqueViolationError as taken:
        raise SampleAlreadyAnnounced from taken
    await _audit(work, actor, "sample.announced", "payment_sample", sample_id, seed_sha256=sha256(seed.encode()))
    await emit(work, SampleMoved(sample_id, "announced"))
    return sample_id


async def draw_sample(work: Work, actor: Actor, sample_id: UUID, expected: int) -> None:
    """Freeze what was paid in the period, open the seed, and draw.

    A payment of the last moment of the period may not be committed yet. The books are held alone first: whoever is at
    them is waited for, and whoever comes after takes the instant of a payment from the same clock, when the period is
    over (`import_result`).

    Raises SampleNotFound, StaleVersion, SampleAlreadyDrawn, SampleNotDue, PopulationTooLarge.
    """
    row = await sample_to_draw(work.transaction, actor, sample_id)
    if row["state"] != "announced":
        raise SampleAlreadyDrawn
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    at = await hold_books_alone(work.transaction, row["city_id"])
    if at < row["until"]:
        raise SampleNotDue(until=row["until"].isoformat())
    most = disclosure_on(work.today).most_lines
    made = await payments_made(work.transaction, row, most + 1)
    if len(made) > most:
        raise PopulationTooLarge
    seed = work.keyring.open_text(SEED, sample_id, row["seed_sealed"])
    lines = [as_paid(each) for each in made.values()]
    content = population(lines)
    strata, drawn = draw(seed, row["size"], lines)
    await work.transaction.run(
        _DRAW,
        row_id=sample_id,
        state="drawn",
        seed=seed,
        drawn_at=at,
        drawn_by=actor.person_id,
        population=content,
        population_sha256=sha256(content),
        lines=len(lines),
        fen=sum(line.amount_fen for line in lines),
        strata=[asdict(stratum) for stratum in strata],
    )
    await _write_checks(work, sample_id, [made[UUID(line.line_id)] for line in drawn])
    await _audit(
        work, actor, "sample.drawn", "payment_sample", sample_id, population_sha256=sha256(content),
        lines=str(len(lines)), drawn=str(len(drawn)),
    )  # fmt: skip
    await emit(work, SampleMoved(sample_id, "drawn"))


async def _write_checks(work: Work, sample_id: UUID, drawn: list[Record]) -> None:
    ids = sorted(new_id() for _ in drawn)  # so that their order is that in which they were drawn
    await work.transaction.many(
        _INSERT_CHECK,
        [
            {
                "id": check_id, "created_at": work.now, "sample_id": sample_id, "serial": serial,
                "state": "open", "version": 1,
                **{name: each[name] for name in ("line_id", "application_id", *TIERS, "amount_fen", "paid_at")},
            }
            for serial, (check_id, each) in enumerate(zip(ids, drawn, strict=True), 1)
        ],
    )  # fmt: skip


async def close_check(
    work: Work, actor: Actor, sample_id: UUID, check_id: UUID, expected: int, answers: Answers, note: str | None
) -> Record:
    """Somebody who had no part in the case writes down what they found.

    Raises SampleCheckNotFound, StaleVersion, CheckAlreadyClosed, IdentityRequired, NearThePayment, Invalid.
    """
    row, post = await _open_to(work, actor, sample_id, check_id, expected)
    if row["state"] != "open":
        raise CheckAlreadyClosed
    result = result_of(answers)
    if result != "in_order" and note is None:
        raise Invalid(FieldError("/note", "note_required", "有问题的或核实不了的，请写明情况。"))
    found = asdict(answers) | {
        "state": "closed",
        "result": result,
        "note": work.keyring.seal_text(NOTE, check_id, note) if note is not None else None,
        "checked_at": work.now,
        "checked_by": actor.person_id,
        "checked_by_role": post.role.value,
        "checked_by_organisation": post.place.name,
    }
    return await _found(work, actor, row, found, result=result)


async def reopen_check(
    work: Work, actor: Actor, sample_id: UUID, check_id: UUID, expected: int, reason: str | None
) -> Record:
    """What was found turns out to be wrong: it is looked at once more. What it said before stays in the audit trail.

    Raises SampleCheckNotFound, StaleVersion, CheckStillOpen, IdentityRequired, NearThePayment, Invalid.
    """
    row, _ = await _open_to(work, actor, sample_id, check_id, expected)
    if row["state"] != "closed":
        raise CheckStillOpen
    if reason is None:
        raise Invalid(FieldError("/note", "note_required", "重新打开的，请写明理由。"))
    found: dict[str, Any] = dict.fromkeys(_FOUND) | {"state": "open"}
    # Kept until something else is found: why it was opened again is what the next who looks has to know.
    found["note"] = work.keyring.seal_text(NOTE, check_id, reason)
    before = {name: row[name] for name in ("reached", "arrived", "amount", "papers", "result")}
    return await _found(work, actor, row, found, by=str(row["checked_by"]), **before)


async def _open_to(work: Work, actor: Actor, sample_id: UUID, check_id: UUID, expected: int) -> tuple[Record, Post]:
    row = await check(work.transaction, actor, sample_id, check_id, locked=True)
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    post = post_over(actor, Permission.SUPERVISE, row)
    if post is None:
        raise NotAllowed
    if (await person(work.transaction, actor.person_id))["id_number_index"] is None:
        raise IdentityRequired
    kept_from = {row["applicant_id"], row["household_id"]} & actor.apart.away
    if kept_from or await is_near(work.transaction, row["application_id"]):
        raise NearThePayment
    return row, post


async def _found(work: Work, actor: Actor, row: Record, found: dict[str, Any], **details: str) -> Record:
    await work.transaction.run(_CHECK, row_id=row["id"], **found)
    await _audit(
        work, actor, f"payment_check.{'closed' if found['result'] else 'reopened'}", "payment_check", row["id"],
        row["applicant_id"], **details,
    )  # fmt: skip
    await emit(work, PaymentChecked(row["id"], row["sample_id"], found["state"]))
    return dict(row) | found | {"version": row["version"] + 1}


async def population_taken(work: Work, actor: Actor, row: Record) -> None:
    """Record that somebody took the list of a sample."""
    await _audit(work, actor, "sample.population_taken", "payment_sample", row["id"])


async def _audit(
    work: Work, actor: Actor, action: str, kind: str, subject_id: UUID, subject_person_id: UUID | None = None,
    **details: str,
) -> None:  # fmt: skip
    await record(
        work, person_id=actor.person_id, action=action, subject_kind=kind, subject_id=subject_id,
        subject_person_id=subject_person_id, **details,
    )  # fmt: skip
