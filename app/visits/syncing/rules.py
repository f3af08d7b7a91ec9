"""Merging what several devices filled in, field by field, so that no value is lost unseen. Pure.

Every edit carries the version of the visit that its device had seen. It is applied unless another device has changed
the field since; then both values are kept until somebody chooses. What a device itself wrote before, it may replace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

Status = Literal["applied", "conflict", "superseded", "chosen", "discarded"]
_TIMED: Final = 7


class Change(NamedTuple):
    """The last change of a field: at which version of the visit, by which device, with which operation."""

    version: int
    device: UUID
    operation_id: UUID


class Operation(NamedTuple):
    """One edit as its device sent it."""

    operation_id: UUID
    field: str
    value: Any
    base_version: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is filled in, when each field was changed, and which operations of a device wait for a choice."""

    version: int
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
    pending: Mapping[tuple[str, UUID], UUID] = field(default_factory=dict)


class Outcome(NamedTuple):
    """What became of an operation. `supersedes`: an earlier one of the same device that no longer waits."""

    status: Status
    version: int
    supersedes: UUID | None = None


def merge(sheet: Sheet, operation: Operation, device: UUID) -> tuple[Sheet, Outcome]:
    """The sheet after an operation that is not known yet."""
    waiting = sheet.pending.get((operation.field, device))
    if waiting is not None and _is_older(operation.operation_id, waiting):
        return sheet, Outcome("superseded", sheet.version)
    last = sheet.changes.get(operation.field)
    seen = operation.base_version if operation.base_version <= sheet.version else 0
    if last is None or last.version <= seen or last.device == device:
        if last is not None and last.device == device and _is_older(operation.operation_id, last.operation_id):
            return sheet, Outcome("superseded", last.version)
        return _applied(sheet, operation, device, waiting)
    if sheet.values.get(operation.field) == operation.value:
        return _settled(sheet, operation.field, device), Outcome("applied", last.version, waiting)
    pending = {**sheet.pending, (operation.field, device): operation.operation_id}
    return replace(sheet, pending=pending), Outcome("conflict", last.version, waiting)


def choose_mine(sheet: Sheet, operation: Operation, device: UUID, told_at: int) -> tuple[Sheet, Outcome]:
    """The sheet after somebody chose the waiting operation, having been told what stood there at `told_at`.

    Another change since is told first: nobody overwrites what they have not seen.
    """
    last = sheet.changes.get(operation.field)
    unseen = last is not None and last.version > told_at and last.device != device
    if last is not None and unseen and sheet.values.get(operation.field) != operation.value:
        return sheet, Outcome("conflict", last.version)
    after, outcome = _applied(sheet, operation, device, None)
    return after, outcome._replace(status="chosen")


def choose_theirs(sheet: Sheet, operation: Operation, device: UUID) -> tuple[Sheet, Outcome]:
    """The sheet as it is, with one conflict less."""
    return _settled(sheet, operation.field, device), Outcome("discarded", sheet.version)


def _applied(sheet: Sheet, operation: Operation, device: UUID, waiting: UUID | None) -> tuple[Sheet, Outcome]:
    version = sheet.version + 1
    values = {**sheet.values, operation.field: operation.value}
    if operation.value is None:
        del values[operation.field]
    change = Change(version, device, operation.operation_id)
    after = replace(
        _settled(sheet, operation.field, device),
        version=version,
        values=values,
        changes={**sheet.changes, operation.field: change},
    )
    return after, Outcome("applied", version, waiting)


def _settled(sheet: Sheet, field_: str, device: UUID) -> Sheet:
    pending = {key: waiting for key, waiting in sheet.pending.items() if key != (field_, device)}
    return replace(sheet, pending=pending)


def _is_older(one: UUID, other: UUID) -> bool:
    """Whether one was made before the other, where both tell their time; else what comes later is newer."""
    return one.version == other.version == _TIMED and one < other
