"""Leaving the file: proposed with evidence, judged by the rules, decided by the district, published, ended."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

import orjson
from sqlalchemy import bindparam, literal_column, select, update

from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.households.leaving import Recheck, lifted, relieved
from app.households.path import CANCEL_REASONS, EXIT_ENDS
from app.households.queries import FORM, facts_of
from app.households.steps import Gates, Signature, allowed, take, take_as_system
from app.households.tables import HouseholdExit
from app.households.upkeep import upkeep_policy
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.ids import new_id
from app.kernel.money import Fen
from app.policy.book import PolicyBook

ExitKind = Literal["lifted", "relieved", "cancelled"]
EVIDENCE, DECISION = "household_exit.evidence", "household_exit.decision"
X = table_of(HouseholdExit)
_INSERT = insertion(X, *"id created_at household_id kind code evidence decision proposed_by state".split())
_OPEN = statement(select(X).where(X.c.household_id == bindparam("id"), X.c.state == literal_column("'open'")))
_LATEST = statement(
    select(X)
    .where(X.c.household_id == bindparam("id"))
    .order_by(X.c.created_at.desc(), X.c.id.desc())
    .limit(literal_column("1"))
)
_BY_ID = statement(select(X.c.household_id).where(X.c.id == bindparam("id")))
_CLOSE = statement(
    update(X)
    .where(X.c.household_id == bindparam("row_id"), X.c.state == literal_column("'open'"))
    .values(state=literal_column("'ended'"), ended_at=bindparam("now", type_=X.c.ended_at.type))
)


class ExitNotSupported(Conflict):
    """按现在的收入和支出重新测算，还不符合这种退出条件。"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Why a household is to leave, and what shows it. Amounts in fen a year; `months_above`: in a row, after aid."""

    kind: ExitKind
    code: str | None
    file_ids: tuple[UUID, ...]
    income_fen_yearly: Fen | None
    rigid_spending_fen: Fen | None
    months_above: int | None
    floor_aid_fen_yearly: Fen
    standing_aid_fen_yearly: Fen


async def propose(
    work: Work,
    actor: Actor,
    household_id: UUID,
    expected: int,
    proposal: Proposal | None,
    said: Signature,
    gates: Gates,
) -> Record:
    """The unit proposes that a household leaves the file.

    Raises as `steps.allowed`; Invalid for what is missing, and ExitNotSupported with every rule that is not met;
    NoPolicyInForce.
    """
    row, step, signed = await allowed(work, actor, household_id, expected, "propose_exit", said, gates)
    if proposal is None:
        raise Invalid(FieldError("/exit", "missing", "请填写退出的种类、证明材料和现在的收支。"))
    _check(proposal, row)
    form = work.keyring.open_document(FORM, row["id"], row["form"])
    decision = judge(form, row, proposal, work.today, work.policies)
    exit_id = new_id()
    evidence = {**asdict(proposal), "file_ids": [str(each) for each in proposal.file_ids]}
    await work.transaction.run(
        _INSERT,
        id=exit_id,
        created_at=work.now,
        household_id=row["id"],
        kind=proposal.kind,
        code=proposal.code,
        evidence=work.keyring.seal_document(EVIDENCE, exit_id, evidence),
        decision=work.keyring.seal(DECISION, exit_id, orjson.dumps(decision)) if decision else None,
        proposed_by=actor.person_id,
        state="open",
    )
    return await take(work, row, step, signed)


def _check(proposal: Proposal, row: Record) -> None:
    """What must be said of each kind of exit. Raises Invalid with all that is missing."""
    cancelled = proposal.kind == "cancelled"
    needed: list[tuple[str, bool, str, str]] = [
        ("code", not cancelled or proposal.code in CANCEL_REASONS, "cancel_code_unknown", "请选择注销原因。"),
        ("code", cancelled or proposal.code is None, "cancel_code_unwanted", "只有注销才填写注销原因。"),
        ("code", proposal.code != "duplicate", "merge_instead", "重复的档案请用“并入另一份档案”办理。"),
        ("file_ids", bool(proposal.file_ids), "evidence_required", "请附上证明材料。"),
        ("kind", not (proposal.kind == row["state"] == "relieved"), "already_relieved", "这份档案已经是解困（兜底）。"),
    ]
    if not cancelled:
        for name, said in (("income_fen_yearly", "家庭全年收入"), ("rigid_spending_fen", "全年刚性支出")):
            needed.append((name, getattr(proposal, name) is not None, "missing", f"请填写现在的{said}。"))
    if proposal.kind == "lifted":
        needed.append(
            ("months_above", proposal.months_above is not None, "missing", "请填写帮扶后连续高于低保的月数。")
        )
    wrong = [FieldError(f"/exit/{name}", code, said) for name, holds, code, said in needed if not holds]
    if wrong:
        raise Invalid(*wrong)


def judge(
    form: Mapping[str, Any], row: Record, proposal: Proposal, on: date, policies: PolicyBook
) -> dict[str, Any] | None:
    """What the rules of a day say of it, as it is kept; None where nothing has to be computed. Raises ExitNotSupported,
    NoPolicyInForce."""
    if proposal.kind == "cancelled":
        return None
    facts = facts_of(form, row, on, policies)
    recheck = Recheck(
        income_fen_yearly=proposal.income_fen_yearly or 0,
        rigid_spending_fen=proposal.rigid_spending_fen or 0,
        members=facts.members or 0,
        circumstances=tuple(sorted({*facts.circumstances, facts.primary_cause or "other"})),
        months_above=proposal.months_above or 0,
        floor_aid_fen_yearly=proposal.floor_aid_fen_yearly,
        standing_aid_fen_yearly=proposal.standing_aid_fen_yearly,
        minimum_living_standard_fen=facts.minimum_living_standard_fen,
        standard_source=facts.minimum_living_standard_source,
    )
    policy = upkeep_policy(policies, on, form["division_code"])
    reasons = lifted(recheck, policy.lifting) if proposal.kind == "lifted" else relieved(recheck, policy.relief)
    unmet = [reason for reason in reasons if reason.met is not True]
    if unmet:
        raise ExitNotSupported(
            *(FieldError("/exit", each.rule, f"{each.text}：需要{each.needed}，现在{each.given}。") for each in unmet)
        )
    return {
        "kind": proposal.kind,
        "facts": asdict(recheck),
        "reasons": [reason._asdict() for reason in reasons],
        "rests_on": facts.minimum_living_standard_version,
        "upkeep_version": policy.version,
        "decided_on": str(on),
    }


async def open_exit(transaction: Transaction, household_id: UUID) -> Record | None:
    """The exit that is proposed now."""
    return await transaction.row(_OPEN, id=household_id)


async def household_of_exit(transaction: Transaction, exit_id: UUID) -> UUID | None:
    """Whose exit it is."""
    found: UUID | None = await transaction.value(_BY_ID, id=exit_id)
    return found


async def latest_exit(transaction: Transaction, household_id: UUID) -> Record | None:
    """The exit that was proposed last, however it ended."""
    return await transaction.row(_LATEST, id=household_id)


async def end(work: Work, row: Record) -> Record | None:
    """The notice of an exit is over: the file is lifted, relieved or cancelled, as was proposed."""
    proposed = await open_exit(work.transaction, row["id"])
    if proposed is None:
        return None
    moved = await take_as_system(work, row, EXIT_ENDS[proposed["kind"]], cancel_code=proposed["code"])
    await work.transaction.run(_CLOSE, row_id=row["id"], now=work.now)
    return moved
