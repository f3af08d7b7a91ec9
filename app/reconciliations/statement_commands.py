"""Reading in what a bank says of our own account: each file once, all of it or nothing, no movement twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import text

from app.audit.commands import record
from app.db.scope import post_over
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.organisations.queries import OrganisationNotFound, organisation_of_code
from app.payments.commands import known, policy_of
from app.reconciliations.events import StatementImported
from app.reconciliations.layouts import MOST_ERRORS, Movement
from app.reconciliations.queries import S, bank_statement

TIERS: Final = ("city_id", "district_id", "street_id", "unit_id")
CHUNK: Final = 5_000
_INSERT = insertion(
    S,
    *"id created_at organisation_id organisation_name".split(), *TIERS,
    *"bank first_day last_day sha256 imported_by role policy_version rows new_rows out_fen in_fen".split(),
)  # fmt: skip
_COLUMNS: Final = {
    "id": "uuid", "row_number": "int", "day": "date", "direction": "text", "amount_fen": "bigint",
    "bank_reference": "text", "account_masked": "text", "line_reference": "uuid",
}  # fmt: skip
_ROWS: Final = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in _COLUMNS.items())
_INSERT_LINES = statement(
    text(
        f"""
        insert into bank_statement_line (statement_id, created_at, organisation_id, bank, {", ".join(_COLUMNS)})
        select :statement_id, :now, :organisation_id, :bank, told.* from unnest({_ROWS}) as told ({", ".join(_COLUMNS)})
        on conflict (organisation_id, bank, day, bank_reference) do nothing
        """  # noqa: S608 - names of our own; every value is a parameter
    )
)
# What an earlier statement told otherwise.
_CONTRADICTED = statement(
    text(
        f"""
        select told.row_number from unnest({_ROWS}) as told ({", ".join(_COLUMNS)})
        join bank_statement_line m on m.organisation_id = :organisation_id and m.bank = :bank and m.day = told.day
          and m.bank_reference = told.bank_reference
        where (m.direction, m.amount_fen, m.line_reference)
          is distinct from (told.direction, told.amount_fen, told.line_reference)
        order by 1 limit {MOST_ERRORS}
        """  # noqa: S608 - as above
    )
)
_TALLY = statement(
    text(
        """
        update bank_statement set new_rows = its.count, out_fen = its.went, in_fen = its.came
        from (
          select count(*) as count, coalesce(sum(amount_fen) filter (where direction = 'out'), 0) as went,
            coalesce(sum(amount_fen) filter (where direction = 'in'), 0) as came
          from bank_statement_line where statement_id = :row_id
        ) as its where id = :row_id
        """
    )
)


class StatementAlreadyImported(Conflict):
    """这个流水文件已经导入过，不能再导入一次。"""


class StatementOfClosedMonth(Conflict):
    """流水的日期里有已经关账的月份，不能再导入。"""


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement as it came: whose account at which bank, of which days, its hash and its movements."""

    organisation_code: str
    bank: str
    days: tuple[date, date]
    sha256: str
    movements: Sequence[Movement]


async def import_statement(work: Work, actor: Actor, stated: Stated) -> Record:
    """Keep it; answers its row.

    Raises OrganisationNotFound, IdentityRequired, Invalid, StatementAlreadyImported, StatementOfClosedMonth.
    """
    union = await organisation_of_code(work.transaction, stated.organisation_code)
    post = post_over(actor, Permission.RECONCILE, union)
    if post is None:
        raise OrganisationNotFound
    await known(work, actor)
    policy = policy_of(work)
    if policy.bank(stated.bank) is None:
        raise Invalid(FieldError("/bank", "bank_unknown", "没有这家代发银行。"))
    if stated.days[1] > work.today:
        raise Invalid(FieldError("/last_day", "day_ahead", "流水的截止日期不能晚于今天。"))
    statement_id = new_id()
    row = {
        "id": statement_id, "created_at": work.now, "organisation_id": union["id"],
        "organisation_name": union["name"], **{tier: union[tier] for tier in TIERS}, "bank": stated.bank,
        "first_day": stated.days[0], "last_day": stated.days[1], "sha256": stated.sha256,
        "imported_by": actor.person_id, "role": post.role.value, "policy_version": policy.version,
        "rows": len(stated.movements), "new_rows": 0, "out_fen": 0, "in_fen": 0,
    }  # fmt: skip
    try:
        async with work.transaction.attempt():
            await work.transaction.run(_INSERT, **row)
    except asyncpg.UniqueViolationError as again:
        raise StatementAlreadyImported from again
    except asyncpg.CheckViolationError as refused:
        if refused.constraint_name != "month_closed":
            raise
        raise StatementOfClosedMonth from refused
    await _keep_lines(work, statement_id, union["id"], stated)
    await record(
        work, person_id=actor.person_id, action="bank_statement.imported", subject_kind="bank_statement",
        subject_id=statement_id, subject_person_id=None, sha256=stated.sha256, rows=str(len(stated.movements)),
    )  # fmt: skip
    await emit(work, StatementImported(statement_id))
    return await bank_statement(work.transaction, actor, statement_id)


async def _keep_lines(work: Work, statement_id: UUID, organisation_id: UUID, stated: Stated) -> None:
    """Raises Invalid. In the order of their keys: two who import the same days wait for one another, and do not lock
    each other out."""
    ordered = sorted(stated.movements, key=lambda each: (each.day, each.bank_reference))
    place = {"organisation_id": organisation_id, "bank": stated.bank}
    wrong = list[int]()
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        columns = {name: [getattr(each, name) for each in chunk] for name in _COLUMNS if name != "id"}
        columns["id"] = [new_id() for _ in chunk]
        await work.transaction.run(_INSERT_LINES, statement_id=statement_id, now=work.now, **place, **columns)
        rows = await work.transaction.rows(_CONTRADICTED, **place, **columns)
        wrong += [row["row_number"] for row in rows]
    if wrong:
        raise Invalid(
            *(
                FieldError(
                    f"/file/{number}/流水号", "contradicts_statement",
                    f"第 {number} 行“流水号”在以前导入的流水里已有，但金额、方向或摘要不同。",
                )
                for number in sorted(wrong)[:MOST_ERRORS]
            )
        )  # fmt: skip
    await work.transaction.run(_TALLY, row_id=statement_id)
