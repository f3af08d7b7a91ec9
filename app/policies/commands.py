"""Proposing, publishing and withdrawing policy versions, and loading those that come with the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, func, literal_column, select, update

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import insertion, statement
from app.db.transaction import Record, Transaction
from app.db.work import Work
from app.kernel.errors import Conflict, DomainError, FieldError, Invalid, NotAllowed, StaleVersion
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.policies.events import PolicyPublished
from app.policies.queries import Models, day_is_taken, named, policy
from app.policies.rules import digest, document_of, read
from app.policies.tables import PolicyVersion
from app.policy.book import PolicyBook, PolicyKind
from app.policy.versions import InvalidPolicy, Version

P = table_of(PolicyVersion)
DOCUMENT = "/document"
_INSERT = insertion(
    P,
    *"id created_at kind area name in_force_from source document sha256 state origin".split(),
    *"proposed_by published_at version".split(),
)
_TAKE = statement(
    update(P)
    .where(P.c.id == bindparam("row_id"), P.c.version == bindparam("seen"), P.c.state == literal_column("'proposed'"))
    .values(
        state=bindparam("to_state", type_=P.c.state.type),
        published_by=bindparam("by", type_=P.c.published_by.type),
        published_at=bindparam("at", type_=P.c.published_at.type),
        version=P.c.version + literal_column("1"),
    )
    .returning(P.c.version)
)
_ONE_LOADER = statement(select(func.pg_advisory_xact_lock(func.hashtext(literal_column("'aid.policies'")))))


class PolicyDatedInPast(Invalid):
    """新版本的生效日期必须晚于今天：已经开始的日子不能改用新的政策。"""


class PolicyNameTaken(Conflict):
    """这个地区的这种政策已经有同名的版本，请换一个版本名称。"""


class PolicyDateTaken(Conflict):
    """这个地区的这种政策在这一天已经有一个版本生效，请换一个生效日期。"""


class PolicySettled(Conflict):
    """这个版本已经发布或撤回，不能再变动。需要修改的，请另提一个新版本。"""


class SamePerson(NotAllowed):
    """提出的人不能自己发布，请由另一位有发布权限的同事核对后发布。"""


class PolicyAreaNotYours(NotAllowed):
    """政策只能由适用地区的市总工会提出和发布，您的岗位不在这个地区的市总工会。"""


@dataclass(frozen=True, slots=True)
class Officer:
    """Who acts, and the areas (GB/T 2260) whose policies their posts let them propose or publish."""

    person_id: UUID
    proposes: frozenset[str]
    publishes: frozenset[str]

    def may_publish(self, row: Record) -> bool:
        """Never what they proposed themselves."""
        return row["area"] in self.publishes and row["proposed_by"] != self.person_id

    def may_withdraw(self, row: Record) -> bool:
        """What they proposed, and whatever they could publish if it were another's."""
        own = row["proposed_by"] == self.person_id
        return row["area"] in self.publishes or (own and row["area"] in self.proposes)


async def propose(
    work: Work, officer: Officer, kind: PolicyKind, model: type[Version], area: str, document: Mapping[str, Any]
) -> UUID:
    """Put a whole version up for publication by another person.

    Raises Invalid with every place that is wrong, PolicyDatedInPast, PolicyAreaNotYours, PolicyNameTaken,
    PolicyDateTaken.
    """
    version = read(model, document, DOCUMENT)
    if version.area != area:
        wrong = FieldError(f"{DOCUMENT}/area", "policy_area_differs", "文档里的地区与所选地区不一致，请核对。")
        raise Invalid(wrong)
    if area not in officer.proposes:
        raise PolicyAreaNotYours
    _not_in_past(work, version)
    if await named(work.transaction, kind, area, version.version) is not None:
        raise PolicyNameTaken
    if await day_is_taken(work.transaction, kind, area, version.in_force_from):
        raise PolicyDateTaken
    policy_id = new_id()
    columns = _columns(policy_id, work.now, kind, version)
    try:
        await work.transaction.run(
            _INSERT, **columns, state="proposed", origin="staff", proposed_by=officer.person_id, published_at=None
        )
    except asyncpg.UniqueViolationError as taken:
        raise _taken(taken) from taken
    await _audit(work, officer, "policy.proposed", policy_id, columns)
    return policy_id


async def publish(work: Work, officer: Officer, policy_id: UUID, seen: int, models: Models) -> int:
    """Give a proposal the force of law from its day on; answers the row's new version.

    Raises PolicyNotFound, PolicyAreaNotYours, PolicySettled, StaleVersion, SamePerson, PolicyDatedInPast,
    PolicyDateTaken; Invalid if the document has ceased to be one that the service can read.
    """
    row = await _proposal(work, policy_id, seen)
    if row["area"] not in officer.publishes:
        raise PolicyAreaNotYours
    if not officer.may_publish(row):
        raise SamePerson
    version = read(models[row["kind"]], row["document"], DOCUMENT)
    _not_in_past(work, version)
    try:
        current = await _take(work, row, "published", by=officer.person_id, at=work.now)
    except asyncpg.UniqueViolationError as taken:
        raise _taken(taken) from taken
    await _audit(work, officer, "policy.published", policy_id, row)
    await emit(work, PolicyPublished(policy_id, row["kind"], row["area"], row["in_force_from"]))
    return current


async def withdraw(work: Work, officer: Officer, policy_id: UUID, seen: int) -> int:
    """Take a proposal back: one's own, or as somebody who publishes. Answers the row's new version.

    Raises PolicyNotFound, PolicySettled, StaleVersion, NotAllowed.
    """
    row = await _proposal(work, policy_id, seen)
    if not officer.may_withdraw(row):
        raise NotAllowed
    current = await _take(work, row, "withdrawn", by=None, at=None)
    await _audit(work, officer, "policy.withdrawn", policy_id, row)
    return current


async def load_shipped(transaction: Transaction, book: PolicyBook, now: datetime) -> int:
    """Add the versions that come with the service and are not there yet; answers how many were added.

    Raises InvalidPolicy, naming the version, if one is there under its name and says something else: what decisions
    were made by is not edited in a file, it is followed by another version.
    """
    await transaction.value(_ONE_LOADER)
    added = 0
    for kind, versions in book.versions.items():
        for version in versions:
            added += await _load(transaction, kind, version, now)
    return added


async def _load(transaction: Transaction, kind: PolicyKind, version: Version, now: datetime) -> int:
    columns = _columns(new_id(), now, kind, version)
    where = f"{kind} {version.area} {version.version}"
    there = await named(transaction, kind, version.area, version.version)
    if there is not None:
        if there["sha256"] != columns["sha256"]:
            raise InvalidPolicy(
                f"{where}：随服务发布的版本与数据库中的同名版本不一致；已生效的版本不得修改，请另立新版本"
            )
        return 0
    if await day_is_taken(transaction, kind, version.area, version.in_force_from):
        raise InvalidPolicy(f"{where}：{version.in_force_from} 已有另一个版本生效，请核对后另立新版本")
    return await transaction.run(
        _INSERT, **columns, state="published", origin="shipped", proposed_by=None, published_at=now
    )


async def _proposal(work: Work, policy_id: UUID, seen: int) -> Record:
    row = await policy(work.transaction, policy_id)
    if row["state"] != "proposed":
        raise PolicySettled(state=row["state"])
    if row["version"] != seen:
        raise StaleVersion(version=row["version"])
    return row


async def _take(work: Work, row: Record, to_state: str, *, by: UUID | None, at: datetime | None) -> int:
    """From proposed to another state, if it still is as it was seen. Raises StaleVersion."""
    version: int | None = await work.transaction.value(
        _TAKE, row_id=row["id"], seen=row["version"], to_state=to_state, by=by, at=at
    )
    if version is None:
        raise StaleVersion
    return version


def _columns(policy_id: UUID, now: datetime, kind: PolicyKind, version: Version) -> dict[str, Any]:
    document = document_of(version)
    return {
        "id": policy_id,
        "created_at": now,
        "kind": kind,
        "area": version.area,
        "name": version.version,
        "in_force_from": version.in_force_from,
        "source": version.source,
        "document": document,
        "sha256": digest(document),
        "version": 1,
    }


def _not_in_past(work: Work, version: Version) -> None:
    if version.in_force_from <= work.today:
        at = f"{DOCUMENT}/in_force_from"
        raise PolicyDatedInPast(FieldError(at, PolicyDatedInPast.code, "生效日期必须晚于今天。"))


def _taken(violation: asyncpg.UniqueViolationError) -> DomainError:
    return PolicyNameTaken() if violation.constraint_name == "uq_policy_version_name" else PolicyDateTaken()


async def _audit(work: Work, officer: Officer, action: str, policy_id: UUID, columns: Record) -> None:
    await record(
        work,
        person_id=officer.person_id,
        action=action,
        subject_kind="policy",
        subject_id=policy_id,
        subject_person_id=None,
        **{name: str(columns[name]) for name in ("kind", "area", "in_force_from", "sha256")},
    )
