"""Taking what a department answers: compared with the file, shown to the worker, and where it differs asked about."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import insertion
from app.db.transaction import Record
from app.db.work import Work
from app.discrepancies.commands import Found, open_discrepancy
from app.households.queries import kept_form
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.matching import exchange
from app.matching.commands import KEY, PERSON
from app.matching.departments import NAMES, fields_of, in_form, people_of
from app.matching.events import MatchAlert, MatchReceived
from app.matching.exchange import Row, normalised
from app.matching.queries import files_of, people
from app.matching.rules import outcome
from app.matching.tables import MatchResult, MatchReturn
from app.messaging.outbox import emit

FOUND, IN_FILE = "match_result.found", "match_result.in_file"
NO_DIGEST_MATCHES = "no_digest_matches"
_RETURN = insertion(
    table_of(MatchReturn), *"id created_at batch_id sha256 received_by rows matched unknown gone alert".split()
)
_RESULT = insertion(
    table_of(MatchResult),
    *"id created_at batch_id batch_number return_id household_id match_person_id name_masked department".split(),
    *"basis_text field pointer outcome found in_file found_on discrepancy_id".split(),
)


class MatchFileTaken(Conflict):
    """这个结果文件已经收过，不能重复提交。"""


@dataclass(frozen=True, slots=True)
class Received:
    id: UUID
    rows: int
    matched: int
    unknown: int
    gone: int
    outcomes: Mapping[str, int]
    alert: str | None


@dataclass(frozen=True, slots=True)
class _Matched:
    """A line of the answer with the person it is about, and where that person stands in the file now."""

    row: Row
    person_id: UUID
    name: str
    file: Record
    form: Mapping[str, Any]
    pointer: str


async def receive(work: Work, actor: Actor, batch: Record, content: bytes, sha256: str) -> Received:
    """Take a file, whole or not at all. Raises Invalid with every bad place, MatchFileTaken."""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Invalid(FieldError("/sha256", "hash_differs", "文件与校验值不一致，请重新取得文件。"))
    rows = exchange.read(content, batch["mode"], batch["number"], fields_of(batch["department"]), work.today)
    known = await _known(work, batch)
    if batch["mode"] == "plain":
        exchange.unknown(rows, known)
    ours = [row for row in rows if row.who in known]
    matched, gone = await _placed(work, ours, known)
    alert = NO_DIGEST_MATCHES if rows and not ours else None
    return_id = new_id()
    try:
        await work.transaction.run(
            _RETURN,
            id=return_id,
            created_at=work.now,
            batch_id=batch["id"],
            sha256=sha256,
            received_by=actor.person_id,
            rows=len(rows),
            matched=len(matched),
            unknown=len(rows) - len(ours),
            gone=gone,
            alert=alert,
        )
    except asyncpg.UniqueViolationError as taken:
        raise MatchFileTaken from taken
    results = [await _result(work, batch, return_id, each) for each in matched]
    await work.transaction.many(_RESULT, results)
    await _told(work, actor, batch, return_id, matched, alert)
    counts = {name: sum(each["outcome"] == name for each in results) for name in ("agree", "disagree", "no_record")}
    return Received(return_id, len(rows), len(matched), len(rows) - len(ours), gone, counts, alert)


async def _known(work: Work, batch: Record) -> dict[str, tuple[Record, dict[str, str]]]:
    """The people of the batch as the answer names them: by their line, or by their hash."""
    key = work.keyring.open(KEY, batch["id"], batch["key"]) if batch["key"] else None
    known: dict[str, tuple[Record, dict[str, str]]] = {}
    for row in await people(work.transaction, batch["id"]):
        person = work.keyring.open_document(PERSON, row["id"], row["person"])
        known[exchange.digest(key, person["id_number"]) if key else str(row["line"])] = (row, person)
    return known


async def _placed(
    work: Work, rows: Sequence[Row], known: Mapping[str, tuple[Record, dict[str, str]]]
) -> tuple[list[_Matched], int]:
    """The lines whose person still stands in a file that is with the union; and how many no longer do."""
    files = await files_of(work.transaction, list({known[row.who][0]["household_id"] for row in rows}))
    forms = {file_id: kept_form(work.keyring, file) for file_id, file in files.items()}
    matched: list[_Matched] = []
    for row in rows:
        person_row, person = known[row.who]
        file_id = person_row["household_id"]
        form = forms.get(file_id)
        pointer = _pointer(form, person["id_number"]) if form is not None else None
        if form is not None and pointer is not None:
            _check_place(row, pointer)
            matched.append(_Matched(row, person_row["id"], person["name"], files[file_id], form, pointer))
    return matched, len(rows) - len(matched)


def _pointer(form: Mapping[str, Any], id_number: str) -> str | None:
    number = normalised(id_number)
    return next((at for at, each in people_of(form).items() if normalised(each["id_number"]) == number), None)


def _check_place(row: Row, pointer: str) -> None:
    if row.field is not None and not row.field.fits(pointer):
        whom = "户主" if row.field.of == "head" else "家庭成员"
        message = f"第 {row.at} 行“项目”：这一项只适用于{whom}。"
        raise Invalid(FieldError(f"/content/{row.at}/项目", "field_misplaced", message))


async def _result(work: Work, batch: Record, return_id: UUID, matched: _Matched) -> dict[str, Any]:
    """What is kept of a line. A difference is asked about in the same transaction; it is no more than that."""
    row, row_id, keyring = matched.row, new_id(), work.keyring
    kept: dict[str, Any] = {
        "id": row_id,
        "created_at": work.now,
        "batch_id": batch["id"],
        "batch_number": batch["number"],
        "return_id": return_id,
        "household_id": matched.file["id"],
        "match_person_id": matched.person_id,
        "name_masked": mask_name(matched.name),
        "department": batch["department"],
        "basis_text": batch["basis_text"],
        "found_on": row.found_on,
    }
    if row.field is None:
        return (
            kept | dict.fromkeys(("field", "pointer", "found", "in_file", "discrepancy_id")) | {"outcome": "no_record"}
        )
    pointer = row.field.pointer(matched.pointer)
    in_file = in_form(matched.form, pointer)
    judged, asked = outcome(row.field, in_file, row.value), None
    if judged == "disagree":
        said_by = f"{NAMES[batch['department']]}（{batch['number']}）"
        found = Found("match", batch["id"], pointer, in_file, row.value, row.found_on, said_by)
        asked = await open_discrepancy(work, matched.file, found)
    return kept | {
        "field": row.field.code,
        "pointer": pointer,
        "outcome": judged,
        "found": keyring.seal_document(FOUND, row_id, row.value),
        "in_file": keyring.seal_document(IN_FILE, row_id, in_file),
        "discrepancy_id": asked,
    }


async def _told(
    work: Work, actor: Actor, batch: Record, return_id: UUID, matched: Sequence[_Matched], alert: str | None
) -> None:
    for file in {each.file["id"]: each.file for each in matched}.values():
        await record(
            work,
            person_id=actor.person_id,
            action="match.received",
            subject_kind="household",
            subject_id=file["id"],
            subject_person_id=file["person_id"],
            department=batch["department"],
            batch=batch["number"],
        )
    if alert is None:
        await emit(work, MatchReceived(batch["id"], return_id))
        return
    await record(
        work,
        person_id=actor.person_id,
        action="match.alert",
        subject_kind="match",
        subject_id=batch["id"],
        subject_person_id=None,
        why=alert,
    )
    await emit(work, MatchAlert(batch["id"], return_id))
