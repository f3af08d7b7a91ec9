"""Announcing an evaluation, drawing its files, scoring them and closing it. Nobody commits here; the edge does.

As with samples of payments, whoever announces does not choose the seed: the machine makes and seals it. What is drawn
is kept as the evaluators will see it, so that both see the same, whatever becomes of the file.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, update

from app.audit.commands import record, record_reading
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.households.classing import Proposed
from app.households.exits import DECISION, latest_exit
from app.households.path import CANCEL_REASONS, REASONS
from app.households.queries import FORM, passages
from app.kernel.actor import Actor, Permission
from app.kernel.business_time import business_date
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, Overtaken, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound, organisation, organisation_of_code
from app.supervision.disclosure import disclosure_on
from app.supervision.evaluations import queries
from app.supervision.evaluations.events import EvaluationMoved
from app.supervision.evaluations.queries import C, E, S
from app.supervision.evaluations.rules import (
    MOST_DAYS,
    STRATA,
    Listed,
    Verdict,
    agreement_of,
    draw,
    population,
    stratum_of,
    untold,
)
from app.supervision.rules import sha256
from app.supervision.sample_commands import SEED_BYTES

SEED, CONTENT, REASONING = "evaluation.seed", "evaluation_case.content", "evaluation_score.reasons"
TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
_INSERT = insertion(
    E,
    *"id created_at organisation_id organisation_name".split(),
    *TIERS,
    *"title basis first_day last_day sizes first_evaluator_id first_masked second_evaluator_id second_masked".split(),
    *"state version announced_by seed_sha256 seed_sealed complete".split(),
)
_CASE = insertion(C, *"id created_at evaluation_id serial stratum household_id person_id number content".split())
_SCORE = insertion(S, *"id created_at evaluation_id case_id person_id revision verdict reasons".split())


def _change(*columns: str) -> Any:
    values = {name: bindparam(name, type_=E.c[name].type) for name in columns}
    return statement(
        update(E).where(E.c.id == bindparam("row_id")).values(values | {"version": E.c.version + literal_column("1")})
    )


_DRAW = _change(*"state seed drawn_at drawn_by population population_sha256 drawn strata".split())
_CLOSE = _change("state", "closed_at", "closed_by")
_RESULT = statement(
    update(E).where(E.c.id == bindparam("row_id")).values(result=bindparam("result", type_=E.c.result.type))
)


class EvaluationAlreadyAnnounced(Conflict):
    """这个工会这段期间的评估已经登记过，不能再登记一次。"""


class EvaluationAlreadyDrawn(Conflict):
    """这次评估已经抽取，名单不能再变。"""


class EvaluationNotDrawn(Conflict):
    """这次评估还没有抽取。"""


class EvaluationDaysOver(Conflict):
    """评估期间已经过了，不能再抽取。"""


class EvaluationUnderway(Conflict):
    """评估还没有结束：两位评估人都评完，或者评估期间过后，由审计员结束评估。"""


class EvaluationClosed(Conflict):
    """这次评估已经结束，只能查看结果。"""


class ScoresComplete(Conflict):
    """两位评估人都已评完，不能再改。"""


class NearTheHousehold(NotAllowed):
    """您与这一户有关，应当回避，不能查看和评分。"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An evaluation as somebody announces it."""

    organisation_code: str
    title: str
    basis: str
    first_day: date
    last_day: date
    sizes: Mapping[str, int]
    first_evaluator_id: UUID
    second_evaluator_id: UUID


async def announce(work: Work, actor: Actor, wanted: Wanted) -> UUID:
    """Fix the union, the days, how many files of each stratum, who evaluates, and the seed.

    Raises OrganisationNotFound, Invalid, EvaluationAlreadyAnnounced, Overtaken.
    """
    union = await audited(work, actor, wanted.organisation_code)
    known = await queries.evaluators_of(work.transaction, union["id"], work.today)
    wrong = _wrong(wanted, known, work.today)
    if wrong:
        raise Invalid(*wrong)
    evaluation_id, seed = new_id(), secrets.token_hex(SEED_BYTES)
    plain = ("title", "basis", "first_day", "last_day", "first_evaluator_id", "second_evaluator_id")
    try:
        async with work.transaction.attempt():
            await work.transaction.run(
                _INSERT,
                id=evaluation_id,
                created_at=work.now,
                organisation_id=union["id"],
                organisation_name=union["name"],
                **{tier: union[tier] for tier in TIERS},
                **{name: getattr(wanted, name) for name in plain},
                sizes=dict(wanted.sizes),
                first_masked=known[wanted.first_evaluator_id],
                second_masked=known[wanted.second_evaluator_id],
                state="announced",
                version=1,
                announced_by=actor.person_id,
                seed_sha256=sha256(seed.encode()),
                seed_sealed=work.keyring.seal_text(SEED, evaluation_id, seed),
                complete=False,
            )
    except asyncpg.UniqueViolationError as taken:
        raise EvaluationAlreadyAnnounced from taken
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name != "ck_evaluation_evaluators":
            raise
        raise Overtaken from refused  # somebody has just lost the post, or got another
    await _moved(work, actor, evaluation_id, "announced", seed_sha256=sha256(seed.encode()))
    return evaluation_id


def _wrong(wanted: Wanted, known: Mapping[UUID, str], today: date) -> list[FieldError]:
    unknown = "请从可选的评估人中选择：在市总工会担任第三方评估人，没有其他岗位。"
    checked = (
        (wanted.first_day >= today, FieldError("/first_day", "day_past", "开始的日期不能早于今天。")),
        (
            0 <= (wanted.last_day - wanted.first_day).days < MOST_DAYS,
            FieldError("/last_day", "days_out_of_range", f"结束的日期不能早于开始的日期，一共最多 {MOST_DAYS} 天。"),
        ),
        (any(wanted.sizes.values()), FieldError("/sizes", "sizes_empty", "四层中至少有一层要抽。")),
        *(
            (who in known, FieldError(f"/{place}_evaluator_id", "not_an_evaluator", unknown))
            for place, who in (("first", wanted.first_evaluator_id), ("second", wanted.second_evaluator_id))
        ),
        (
            wanted.first_evaluator_id != wanted.second_evaluator_id,
            FieldError("/second_evaluator_id", "same_evaluator", "两位评估人应是不同的人。"),
        ),
    )
    return [wrong for holds, wrong in checked if not holds]


async def audited(work: Work, actor: Actor, code: str) -> Record:
    """A union that the actor audits. Raises OrganisationNotFound."""
    union = await organisation_of_code(work.transaction, code)
    if post_over(actor, Permission.SUPERVISE, union) is None:
        raise OrganisationNotFound
    return union


async def draw_cases(work: Work, actor: Actor, evaluation_id: UUID, expected: int) -> None:
    """Freeze which files there are, open the seed, draw, and keep what was drawn as the evaluators will see it.

    Raises EvaluationNotFound, EvaluationAlreadyDrawn, StaleVersion, EvaluationDaysOver.
    """
    row = await queries.evaluation_held(work.transaction, actor, evaluation_id)
    if row["state"] != "announced":
        raise EvaluationAlreadyDrawn
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if work.today > row["last_day"]:
        raise EvaluationDaysOver
    union = await organisation(work.transaction, row["organisation_id"])
    files = {str(each["id"]): each for each in await queries.files_under(work.transaction, row, union["tier"])}
    listed = [Listed(file_id, stratum_of(each["state"])) for file_id, each in files.items()]
    seed, content = work.keyring.open_text(SEED, evaluation_id, row["seed_sealed"]), population(listed)
    drawn = draw(seed, row["sizes"], listed)
    ids = sorted(new_id() for _ in drawn)  # so that their order is that in which they were drawn
    for serial, (case_id, each) in enumerate(zip(ids, drawn, strict=True), 1):
        await _keep_case(work, evaluation_id, case_id, serial, each)
    there, taken = (Counter(each.stratum for each in some) for some in (listed, drawn))
    await work.transaction.run(
        _DRAW,
        row_id=evaluation_id,
        state="drawn",
        seed=seed,
        drawn_at=work.now,
        drawn_by=actor.person_id,
        population=content,
        population_sha256=sha256(content),
        drawn=len(drawn),
        strata=[{"stratum": each, "files": there[each], "drawn": taken[each]} for each in STRATA],
    )
    await _moved(work, actor, evaluation_id, "drawn", population_sha256=sha256(content), drawn=str(len(drawn)))


async def _keep_case(work: Work, evaluation_id: UUID, case_id: UUID, serial: int, drawn: Listed) -> None:
    file = await queries.file_now(work.transaction, UUID(drawn.file_id))
    await work.transaction.run(
        _CASE,
        id=case_id,
        created_at=work.now,
        evaluation_id=evaluation_id,
        serial=serial,
        stratum=drawn.stratum,
        household_id=file["id"],
        person_id=file["person_id"],
        number=file["number"],
        content=work.keyring.seal_document(CONTENT, case_id, await _content(work, file)),
    )


async def _content(work: Work, file: Record) -> dict[str, Any]:
    """What is decided, and on what: codes, amounts, days and the words of rules; nobody's own words."""
    proposed, left = Proposed.of(work, file), await latest_exit(work.transaction, file["id"])
    decided = work.keyring.open_document(DECISION, left["id"], left["decision"]) if left and left["decision"] else None
    steps = [
        {
            **{name: step[name] for name in ("action", "from_state", "to_state")},
            "role": step["post_role"],
            "reason": REASONS.get(step["reason_code"]),
            "on": _day(step["created_at"]),
        }
        for step in await passages(work.transaction, file["id"])
    ]
    return {
        "state": file["state"],
        "category": file["category"],
        "archive_level": file["archive_level"],
        "cancelled_because": CANCEL_REASONS.get(file["cancel_code"]),
        **{f"{name}_on": _day(file[f"{name}_at"]) for name in ("submitted", "active", "relieved", "left")},
        "form": untold(work.keyring.open_document(FORM, file["id"], file["form"])),
        "proposed": {
            "category": proposed.category,
            "policy_version": proposed.version,
            "reasons": [reason._asdict() for reason in proposed.reasons],
        },
        "exit": {"kind": left["kind"], "reasons": decided["reasons"] if decided else []} if left else None,
        "steps": steps,
    }


def _day(at: datetime | None) -> str | None:
    return business_date(at).isoformat() if at else None


async def open_case(work: Work, actor: Actor, evaluation_id: UUID, case_id: UUID) -> tuple[Record, Record]:
    """The evaluation and one of its cases, for an evaluator at work who has nothing to do with the household.

    Raises EvaluationNotFound, OutsideEvaluationDays, EvaluationClosed, EvaluationCaseNotFound, NearTheHousehold.
    """
    row = await queries.evaluation(work.transaction, actor, work.today, evaluation_id)
    if row["state"] == "closed":
        raise EvaluationClosed
    found = await queries.case(work.transaction, actor, evaluation_id, case_id)
    apart = actor.apart.near | actor.apart.homes | actor.apart.away | {actor.person_id}
    if {found["person_id"], found["household_id"]} & apart:
        raise NearTheHousehold
    return row, found


async def look_at(work: Work, actor: Actor, evaluation_id: UUID, case_id: UUID) -> None:
    """That the actor looks at one is written down for the worker, before it is shown. Raises as `open_case`."""
    _, found = await open_case(work, actor, evaluation_id, case_id)
    (post, *_) = actor.posts_with(Permission.EVALUATE)
    await record_reading(
        work, actor, kind="evaluation_case", row=_placeless(found),
        subject_person_id=found["person_id"], purpose="supervision", waits=False,
        role=post.role.value, organisation=post.place.name,
    )  # fmt: skip


def _placeless(found: Record) -> Record:
    """Whoever looks is over no union: by which post they look is said beside it."""
    return dict(found) | dict.fromkeys(TIERS)


async def score(
    work: Work, actor: Actor, evaluation_id: UUID, case_id: UUID, expected: int, verdict: Verdict, reasons: str
) -> None:
    """How the actor scores a case, or scores it now. The version of a case is one more than their scores of it.

    Raises as `open_case`; StaleVersion, ScoresComplete.
    """
    row, found = await open_case(work, actor, evaluation_id, case_id)
    if row["complete"]:
        raise ScoresComplete
    if found["revisions"] + 1 != expected:
        raise StaleVersion(version=found["revisions"] + 1)
    score_id = new_id()
    try:
        await work.transaction.run(
            _SCORE,
            id=score_id,
            created_at=work.now,
            evaluation_id=evaluation_id,
            case_id=case_id,
            person_id=actor.person_id,
            revision=expected,
            verdict=verdict,
            reasons=work.keyring.seal_text(REASONING, score_id, reasons),
        )
    except asyncpg.CheckViolationError as overtaken:  # by another device, by the last score, or by the end
        if overtaken.constraint_name == "ck_evaluation_score_next":
            raise StaleVersion from overtaken
        if overtaken.constraint_name == "ck_evaluation_score_open":
            raise ScoresComplete from overtaken
        raise
    await record(
        work, person_id=actor.person_id, action="evaluation_case.scored", subject_kind="evaluation_case",
        subject_id=case_id, subject_person_id=found["person_id"], revision=str(expected),
    )  # fmt: skip


async def close(work: Work, actor: Actor, evaluation_id: UUID, expected: int) -> None:
    """End it and say what came of it. The scores are seen only from here on: it is closed before they are read.

    Raises EvaluationNotFound, EvaluationNotDrawn, EvaluationClosed, StaleVersion, EvaluationUnderway.
    """
    row = await queries.evaluation_held(work.transaction, actor, evaluation_id)
    if row["state"] == "announced":
        raise EvaluationNotDrawn
    if row["state"] == "closed":
        raise EvaluationClosed
    if row["version"] != expected:
        raise StaleVersion(version=row["version"])
    if row["drawn"] and not row["complete"] and work.today <= row["last_day"]:
        raise EvaluationUnderway
    closing = {"state": "closed", "closed_at": work.now, "closed_by": actor.person_id}
    await work.transaction.run(_CLOSE, row_id=evaluation_id, **closing)
    pairs = await queries.pairs_of(work.transaction, row)
    z = disclosure_on(work.today).z_ten_thousandths
    result = [
        {"stratum": stratum}
        | asdict(agreement_of(((a["verdict"], b["verdict"]) for a, b in pairs if a["stratum"] == stratum), z))
        for stratum in STRATA
    ]
    await work.transaction.run(_RESULT, row_id=evaluation_id, result=result)
    await _moved(work, actor, evaluation_id, "closed", scored=str(len(pairs)))


async def population_taken(work: Work, actor: Actor, row: Record) -> None:
    """Record that somebody took the list of an evaluation."""
    await _audit(work, actor, row["id"], "population_taken")


async def _moved(work: Work, actor: Actor, evaluation_id: UUID, to_state: str, **details: str) -> None:
    await _audit(work, actor, evaluation_id, to_state, **details)
    await emit(work, EvaluationMoved(evaluation_id, to_state))


async def _audit(work: Work, actor: Actor, evaluation_id: UUID, done: str, **details: str) -> None:
    await record(
        work, person_id=actor.person_id, action=f"evaluation.{done}", subject_kind="evaluation",
        subject_id=evaluation_id, subject_person_id=None, **details,
    )  # fmt: skip
