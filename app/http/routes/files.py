"""Uploading pictures and PDFs, and reading them."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from app.applications.assisting.queries import application_of_filing
from app.applications.assisting.queries import filing as proxy_application
from app.applications.assisting.queries import waiting_for as proxy_applications_of
from app.applications.queries import case
from app.applications.supplements.queries import case_of_supplement
from app.articles.queries import article
from app.confined.running import MIB, Failed, Limits, run
from app.db.transaction import Record, Sight, Transaction
from app.discrepancies.queries import discrepancy
from app.files import commands
from app.files.commands import Kept
from app.files.inspection import MAX_BYTES, MESSAGES, inspect
from app.files.queries import FileNotFound, by_id, own, uses
from app.households.exits import household_of_exit
from app.households.queries import household
from app.http.door import PREFIX, WorkerDesk, answer, begin, service_of, signed_in
from app.http.idempotency import CONTENT
from app.http.inputs import PathId
from app.http.uploads import Attachment, Upload, UploadDoor, downloaded, multipart, receiving
from app.kernel.actor import Actor, Permission, nodes_of
from app.kernel.errors import Conflict, FieldError, Invalid, NotFound
from app.kernel.ids import new_id
from app.matching.queries import household_of_authorisation
from app.meetings.queries import case_of_meeting
from app.notices.objection_queries import evidence_of
from app.people.queries import is_near_number, person_of_number
from app.proxy_filings.queries import filing as proxy_filing
from app.proxy_filings.queries import household_of_filing
from app.proxy_filings.queries import waiting_for as proxy_filing_of
from app.visits.queries import shown_visit

router = APIRouter(prefix=PREFIX, tags=["材料"], route_class=UploadDoor)
Purpose = Literal["identity", "income", "medical", "schooling", "accident", "housing", "consent", "visit", "other"]
MEDIA_TYPES: Final = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}
_LIMITS = Limits(memory_bytes=1024 * MIB, cpu_seconds=15, seconds=30)


class FileNotClean(Conflict):
    """这份材料还没有通过安全检查，暂时不能查看。"""


class FileView(BaseModel):
    """一份已上传的材料。pending 的还在等待安全检查。"""

    id: str
    sha256: str
    media_type: Literal["image/jpeg", "image/png", "application/pdf"]
    size: int
    state: Literal["pending", "clean", "rejected"]
    purpose: Purpose


async def _uploaded(request: Request) -> Kept:
    """The clean copy of what is sent, already in the store: no transaction waits for either."""
    async with receiving(request, MAX_BYTES, ("purpose",)) as upload:
        return await _kept(request, upload)


async def _kept(request: Request, upload: Upload) -> Kept:
    purpose = upload.fields.get("purpose", "other")
    if purpose not in get_args(Purpose):
        raise Invalid(FieldError("/purpose", "literal_error", "请从给出的选项中选择。"))
    looked = await run(inspect, upload.content, limits=_LIMITS)
    code = "file_damaged" if isinstance(looked, Failed) else looked.values[0]
    if isinstance(looked, Failed) or isinstance(code, str):
        raise Invalid(FieldError("/file", str(code), MESSAGES[str(code)]))
    told, copy = looked.values
    file = Kept(new_id(), hashlib.sha256(copy).digest(), told["media_type"], len(copy), purpose)
    await service_of(request).files.put(file.id, copy)
    request.scope[CONTENT] = purpose.encode() + b"|" + hashlib.sha256(upload.content).digest()
    return file


@router.post(
    "/files",
    status_code=201,
    summary="上传材料",
    response_model=FileView,
    openapi_extra=multipart(purpose={"type": "string", "enum": list(get_args(Purpose)), "default": "other"}),
)
async def upload_file(file: Annotated[Kept, Depends(_uploaded)], desk: WorkerDesk) -> Response:
    """JPEG、PNG 或 PDF，不超过 10 MB。图片会去掉拍摄地点等信息；PDF 不能有密码、脚本或附件。"""
    scanned = desk.service.settings.files_scanner is not None
    state = await commands.keep(desk.work, desk.actor.person_id, file, scanned=scanned)
    return answer(
        {
            "id": str(file.id),
            "sha256": file.sha256.hex(),
            "media_type": file.media_type,
            "size": file.size,
            "state": state,
            "purpose": file.purpose,
        },
        201,
    )


@router.get(
    "/files/{file_id}",
    status_code=200,
    summary="下载材料",
    response_class=Attachment,
    responses=downloaded(*MEDIA_TYPES),
)
async def read_file(file_id: PathId, request: Request) -> Response:
    """本人上传的，或者您有权查看的档案、申请、走访和其他记录中的材料。每次下载都有记录。"""
    actor = await signed_in(request)
    sight, row, about = await _visible(request, actor, file_id)
    if row["state"] != "clean":
        raise FileNotClean
    content = await service_of(request).files.get(file_id)
    if content is None:
        raise FileNotFound
    work = await begin(request, sight)
    await commands.read(work, actor.person_id, file_id, about)
    name = f"{file_id}.{MEDIA_TYPES[row['media_type']]}"
    return Attachment(content, row["media_type"], name)


async def _visible(request: Request, actor: Actor, file_id: UUID) -> tuple[Sight, Record, UUID]:
    """The file as its owner or as staff may see it, and whom it is about. Raises FileNotFound."""
    database, sight = service_of(request).database, Sight("worker", actor.person_id)
    async with database.glance(sight) as transaction:
        row = await own(transaction, actor.person_id, file_id)
        row = row or await _filled_in(transaction, actor, file_id)
    if row is not None:
        return sight, row, actor.person_id
    if not actor.may(Permission.READ_CASES, Permission.FILL_ASSIGNED_VISIT, Permission.READ_ARTICLES):
        raise FileNotFound
    reach = nodes_of(post.place for post in actor.posts if post.reaches)
    sight = Sight("staff", actor.person_id, tuple(node.organisation_id for node in reach))
    async with database.glance(sight) as transaction:
        row = await by_id(transaction, file_id)
        for use in await uses(transaction, file_id) if row else ():
            found = await _named_by(transaction, actor, use)
            if found is not None and row is not None:
                return sight, row, found.get("person_id", row["person_id"])
    raise FileNotFound


async def _of_proxy_application(transaction: Transaction, actor: Actor, filing_id: UUID) -> Record | None:
    """A paper that stands for a signature is seen with the application that it became; what still waits to be
    confirmed, by those who may confirm it."""
    application_id = await application_of_filing(transaction, filing_id)
    if application_id is None:
        return await _waiting(transaction, await proxy_application(transaction, actor, filing_id))
    return {"person_id": (await case(transaction, actor, application_id))["applicant_id"]}


async def _of_proxy_filing(transaction: Transaction, actor: Actor, filing_id: UUID) -> Record | None:
    """The same of a household file."""
    household_id = await household_of_filing(transaction, filing_id)
    if household_id is None:
        return await _waiting(transaction, await proxy_filing(transaction, actor, filing_id))
    return await household(transaction, actor, household_id)


async def _waiting(transaction: Transaction, row: Record) -> Record | None:
    """Whom it is about, where they have an account by now; nothing to whoever is near to them."""
    if row["state"] != "open" or await is_near_number(transaction, row["id_number_index"]):
        return None
    person_id = await person_of_number(transaction, row["id_number_index"])
    return {"person_id": person_id} if person_id else {}


async def _filled_in(transaction: Transaction, actor: Actor, file_id: UUID) -> Record | None:
    """What staff uploaded for the actor, who has to confirm it."""
    row = await by_id(transaction, file_id)
    if row is None:
        return None
    filed = await proxy_filing_of(transaction, actor.person_id)
    filings = [*await proxy_applications_of(transaction, actor.person_id), *([filed] if filed else [])]
    waiting = {filing["id"] for filing in filings}
    named = {use["subject_id"] for use in await uses(transaction, file_id)}
    return None if named.isdisjoint(waiting) else row


_BY_THEMSELVES: Final[Mapping[str, Callable[[Transaction, Actor, UUID], Awaitable[Record | None]]]] = {
    "household": household,
    "application": case,
    "visit": shown_visit,
    "discrepancy": discrepancy,
    "notice_objection": evidence_of,
    "meeting": case_of_meeting,
    "supplement": case_of_supplement,
    "article": article,
    "proxy_application": _of_proxy_application,
    "proxy_filing": _of_proxy_filing,
}
"""What names files and has a reach of its own."""
_BY_HOUSEHOLD: Final[Mapping[str, Callable[[Transaction, UUID], Awaitable[UUID | None]]]] = {
    "household_exit": household_of_exit,
    "match_authorisation": household_of_authorisation,
}
"""What names files and is seen by whoever may see the household's file."""


async def _named_by(transaction: Transaction, actor: Actor, use: Record) -> Record | None:
    """The document that names a file, or its household, as the actor may see it."""
    kind, subject_id = use["subject_kind"], use["subject_id"]
    try:
        if kind in _BY_THEMSELVES:
            return await _BY_THEMSELVES[kind](transaction, actor, subject_id)
        household_id = await _BY_HOUSEHOLD[kind](transaction, subject_id)
    except NotFound:
        return None
    return None if household_id is None else await household(transaction, actor, household_id)
