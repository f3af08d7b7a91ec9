"""Taking the queues of devices: each edit once, whatever comes twice or in another order, and no value unseen."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed
from app.kernel.ids import new_id
from app.visits.commands import CONTENT, content_of, policy_of
from app.visits.photos import check_photos, name_photos
from app.visits.queries import V, visit
from app.visits.rules import photo_of, wrong_with
from app.visits.syncing.queries import O, conflicts, known, operation
from app.visits.syncing.rules import Change, Operation, Outcome, Sheet, Status, choose_mine, choose_theirs, merge
from app.visits.tables import VisitOperation

VALUE = "visit_operation.value"
_INSERT = insertion(
    table_of(VisitOperation),
    *"id created_at visit_id operation_id device_id person_id field value base_version status version".split(),
)
_SETTLE = statement(
    update(O)
    .where(O.c.visit_id == bindparam("of_visit"), O.c.operation_id == bindparam("of_operation"))
    .values(
        {
            "status": bindparam("new_status", type_=O.c.status.type),
            "version": bindparam("new_version", type_=O.c.version.type),
        }
    )
)
_KEEP = statement(
    update(V)
    .where(V.c.id == bindparam("row_id"))
    .values({column: bindparam(column, type_=V.c[column].type) for column in ("content", "changed", "version")})
)


class VisitNotStarted(Conflict):
    """走访还没有开始或已经结束，不能再填写。没有提交的内容还在您的手机上。"""


class ConflictSettled(Conflict):
    """这一处已经选定，不能再改选；如要更改，请重新填写。"""


class Taken(NamedTuple):
    """What became of one edit. `mine` and `theirs` only where two values wait for a choice."""

    operation_id: UUID
    field: str
    status: Status
    version: int
    mine: Any = None
    theirs: Any = None
    theirs_version: int | None = None


class Synced(NamedTuple):
    """The visit after a queue, and what became of each edit in it."""

    version: int
    results: list[Taken]


async def take(work: Work, actor: Actor, visit_id: UUID, operations: Sequence[Operation]) -> Synced:
    """Merge a queue; edits that were taken before are answered with what has become of them, and change nothing.

    Raises VisitNotFound, NotAllowed, VisitNotStarted, Invalid.
    """
    row = await _held(work, actor, visit_id)
    _check(work, row, operations)
    before = await known(work.transaction, visit_id, [each.operation_id for each in operations])
    _check_same(work, before, operations)
    fresh = list({each.operation_id: each for each in reversed(operations)}.values())[::-1]
    fresh = [each for each in fresh if each.operation_id not in before]
    if fresh and row["state"] != "started":
        raise VisitNotStarted(state=row["state"])
    places = {each.operation_id: f"/operations/{n}" for n, each in reversed(list(enumerate(operations)))}
    photographed = [(places[each.operation_id], each.field, each.value) for each in fresh]
    await check_photos(work.transaction, actor.person_id, photographed)
    sheet = await _sheet(work, row)
    taken: list[tuple[Operation, Outcome]] = []
    for each in fresh:
        sheet, outcome = merge(sheet, each, actor.session_id)
        taken.append((each, outcome))
    if fresh:
        await _write(work, actor, row, taken)
        await _keep(work, row, sheet)
        await _told(work, actor, row, count=len(fresh))
    return await _answered(work, row, sheet, operations)


async def choose(
    work: Work,
    actor: Actor,
    visit_id: UUID,
    operation_id: UUID,
    which: Literal["mine", "theirs"],
    seen: int | None = None,
) -> Synced:
    """Settle one conflict; `seen`: the version of the other value that was shown, by default the one first told.

    A change that came since is told first, as the conflict that it now is.

    Raises VisitNotFound, NotAllowed, OperationNotFound, VisitNotStarted, ConflictSettled.
    """
    row = await _held(work, actor, visit_id)
    kept = await operation(work.transaction, visit_id, operation_id)
    if kept["status"] != "conflict" and kept["status"] != {"mine": "chosen", "theirs": "discarded"}[which]:
        raise ConflictSettled(settled_as=kept["status"])
    sheet, edit = await _sheet(work, row), _operation(work, kept)
    if kept["status"] == "conflict":
        if row["state"] != "started":
            raise VisitNotStarted(state=row["state"])
        device = kept["device_id"]
        if which == "mine":
            sheet, outcome = choose_mine(sheet, edit, device, max(kept["version"], min(seen or 0, sheet.version)))
        else:
            sheet, outcome = choose_theirs(sheet, edit, device)
        await _settle(work, row, operation_id, outcome)
        await _keep(work, row, sheet)
        await _told(work, actor, row, chose=which)
    return await _answered(work, row, sheet, [edit])


async def _held(work: Work, actor: Actor, visit_id: UUID) -> Record:
    """The visit, locked: of two devices that sync at once one waits. Raises VisitNotFound, NotAllowed."""
    row = await visit(work.transaction, actor, visit_id, locked=True)
    if not (row["assigned"] and actor.may(Permission.FILL_ASSIGNED_VISIT)):
        raise NotAllowed
    return row


def _check(work: Work, row: Record, operations: Iterable[Operation]) -> None:
    policy = policy_of(work, row)
    found = (wrong_with(policy, each.field, each.value, f"/operations/{n}") for n, each in enumerate(operations))
    wrong = [each for each in found if each is not None]
    if wrong:
        raise Invalid(*wrong)


def _check_same(work: Work, before: dict[UUID, Record], operations: Sequence[Operation]) -> None:
    """Raises Invalid where an id stands for two different edits."""
    first: dict[UUID, tuple[str, Any]] = {
        row["operation_id"]: (row["field"], _operation(work, row).value) for row in before.values()
    }
    said = "这个操作编号已用于另一次填写，请换一个新的。"
    wrong = []
    for n, each in enumerate(operations):
        there = first.setdefault(each.operation_id, (each.field, each.value))
        if there != (each.field, each.value) or type(there[1]) is not type(each.value):
            wrong.append(FieldError(f"/operations/{n}/operation_id", "operation_reused", said))
    if wrong:
        raise Invalid(*wrong)


def _operation(work: Work, row: Record) -> Operation:
    value = work.keyring.open_document(VALUE, row["id"], row["value"])
    return Operation(row["operation_id"], row["field"], value, row["base_version"])


async def _sheet(work: Work, row: Record) -> Sheet:
    changes = {
        field: Change(version, UUID(device), UUID(operation_id))
        for field, (version, device, operation_id) in row["changed"].items()
    }
    waiting = await conflicts(work.transaction, row["id"])
    pending = {(each["field"], each["device_id"]): each["operation_id"] for each in waiting}
    return Sheet(row["version"], content_of(work, row), changes, pending)


async def _write(work: Work, actor: Actor, row: Record, taken: Iterable[tuple[Operation, Outcome]]) -> None:
    superseded: list[tuple[UUID, Outcome]] = []
    rows = []
    for each, outcome in taken:
        row_id = new_id()
        rows.append(
            {
                "id": row_id,
                "created_at": work.now,
                "visit_id": row["id"],
                "operation_id": each.operation_id,
                "device_id": actor.session_id,
                "person_id": actor.person_id,
                "field": each.field,
                "value": work.keyring.seal_document(VALUE, row_id, each.value),
                "base_version": each.base_version,
                "status": outcome.status,
                "version": outcome.version,
            }
        )
        if outcome.supersedes is not None:
            superseded.append((outcome.supersedes, Outcome("superseded", outcome.version)))
    await work.transaction.many(_INSERT, rows)
    for operation_id, outcome in superseded:
        await _settle(work, row, operation_id, outcome)


async def _settle(work: Work, row: Record, operation_id: UUID, outcome: Outcome) -> None:
    await work.transaction.run(
        _SETTLE,
        of_visit=row["id"],
        of_operation=operation_id,
        new_status=outcome.status,
        new_version=outcome.version,
    )


async def _keep(work: Work, row: Record, sheet: Sheet) -> None:
    changed = {
        field: [change.version, str(change.device), str(change.operation_id)] for field, change in sheet.changes.items()
    }
    content = work.keyring.seal_document(CONTENT, row["id"], dict(sheet.values))
    await work.transaction.run(_KEEP, row_id=row["id"], content=content, changed=changed, version=sheet.version)
    if any(photo_of(field) for field in sheet.changes):
        await name_photos(work, row["id"], sheet.values)


async def _answered(work: Work, row: Record, sheet: Sheet, operations: Sequence[Operation]) -> Synced:
    ids = list(dict.fromkeys(each.operation_id for each in operations))
    kept = await known(work.transaction, row["id"], ids)
    results = []
    for operation_id in ids:
        found = kept[operation_id]
        result = Taken(operation_id, found["field"], found["status"], found["version"])
        if found["status"] == "conflict":
            result = result._replace(
                mine=_operation(work, found).value,
                theirs=sheet.values.get(found["field"]),
                theirs_version=sheet.changes[found["field"]].version,
            )
        results.append(result)
    return Synced(sheet.version, results)


async def _told(work: Work, actor: Actor, row: Record, **details: Any) -> None:
    await record(
        work,
        person_id=actor.person_id,
        action="visit.filled_in",
        subject_kind="visit",
        subject_id=row["id"],
        subject_person_id=row["person_id"],
        **{name: str(value) for name, value in details.items()},
    )
