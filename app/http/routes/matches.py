"""Matching with departments: run by city and districts, seen by whose file it is."""

import base64
import binascii
import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.audit.commands import record
from app.db.transaction import Record
from app.files.commands import attach
from app.households.queries import HouseholdNotFound, file, living
from app.http import problems
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import matches as views
from app.kernel.actor import Permission
from app.kernel.errors import FieldError, Invalid
from app.matching import commands, exchange
from app.matching.commands import KEY, MAX_HOUSEHOLDS, OUTGOING, PERSON, Asked, Basis, MatchPurposeMissing
from app.matching.departments import Department, MatchPurpose, Mode
from app.matching.exchange import Person
from app.matching.queries import (
    authorisations_of,
    batch,
    batches,
    outcomes,
    people,
    results_of_batch,
    results_of_file,
    returns,
)
from app.matching.receiving.commands import receive
from app.policy.fields import Id, IsoDate, LongText, ShortText

router = APIRouter(prefix=PREFIX, tags=["部门比对"], route_class=Door)
MAX_CONTENT = 240 * 1024
CSV, XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_Runners = Annotated[Desk, staff(Permission.RUN_MATCH)]


class MatchBasis(In):
    code: ShortText = Field(description="文件名称、文号和条款")
    text: LongText = Field(description="条款内容；本人可以看到")


class NewMatch(In):
    department: Department
    purpose: MatchPurpose | None = Field(default=None, description="必填；没有目的的请求会被拒绝并记录")
    basis: MatchBasis | None = Field(default=None, description="必填；没有法律依据的请求会被拒绝并记录")
    mode: Mode = Field(default="plain", description="plain 明文名单；hashed 只交换摘要")
    household_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_HOUSEHOLDS)]


class MatchAnswer(In):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="部门提供的文件校验值")]
    content: Annotated[str, Field(min_length=4, max_length=MAX_CONTENT, description="CSV 文件，base64")]


class NewAuthorisation(In):
    member: Annotated[int, Field(ge=-1, le=19, description="第几位家庭成员，从 0 起；-1 为户主")]
    file_id: Id = Field(description="签字授权书的扫描件")
    signed_on: IsoDate


# ---- the worker ----


@router.get("/me/household/matches", summary="部门对我家档案的核对结果", response_model=views.MatchResultPage)
async def list_own_matches(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """每一项都注明来源、日期和依据。不一致的会请您说明，不会自动作出不利决定。"""
    after = desk.service.cursors.read("own_matches", cursor)
    row = await _own(desk)
    rows = await results_of_file(desk.work.transaction, row["id"], limit + 1, after)
    page, following = desk.service.cursors.cut("own_matches", rows, limit, "created_at")
    return answer({"items": [views.result(each, desk.work.keyring) for each in page], "next_cursor": following})


@router.get("/me/household/match_authorisations", summary="我家的比对授权", response_model=views.AuthorisationList)
async def list_own_authorisations(desk: WorkerDesk) -> Response:
    """成年家庭成员签字的授权，包括已撤回的。户主本人的在“同意”里。"""
    rows = await authorisations_of(desk.work.transaction, (await _own(desk))["id"])
    return answer({"items": [views.authorisation(row) for row in rows]})


@router.post(
    "/me/household/match_authorisations", status_code=201, summary="上传比对授权", response_model=views.Authorised
)
async def authorise_own(body: NewAuthorisation, desk: WorkerDesk) -> Response:
    """成年家庭成员各签一份；没有签的，比对时不列入名单。"""
    return await _authorise(desk, await _own(desk), body)


@router.post(
    "/me/household/match_authorisations/{authorisation_id}/withdraw",
    summary="撤回比对授权",
    response_model=views.AuthorisationList,
)
async def withdraw_own(authorisation_id: PathId, desk: WorkerDesk) -> Response:
    """从下一批比对起不再列入；以前的结果仍然保存。"""
    row = await _own(desk)
    await commands.withdraw(desk.work, desk.actor, row, authorisation_id)
    rows = await authorisations_of(desk.work.transaction, row["id"])
    return answer({"items": [views.authorisation(each) for each in rows]})


async def _own(desk: Desk) -> Record:
    row = await living(desk.work.transaction, desk.actor.person_id)
    if row is None:
        raise HouseholdNotFound
    return row


async def _authorise(desk: Desk, row: Record, body: NewAuthorisation) -> Response:
    pointer = "/head" if body.member < 0 else f"/members/{body.member}"
    authorisation_id, masked = await commands.authorise(
        desk.work, desk.actor, row, pointer, body.file_id, body.signed_on
    )
    paper = body.model_dump(mode="json")
    await attach(desk.work, desk.actor.person_id, "match_authorisation", authorisation_id, paper)
    return answer({"id": str(authorisation_id), "name_masked": masked}, 201)


# ---- staff ----


@router.post(
    "/staff/households/{household_id}/match_authorisations",
    status_code=201,
    summary="登记比对授权",
    response_model=views.Authorised,
)
async def authorise_for(
    household_id: PathId, body: NewAuthorisation, desk: Annotated[Desk, staff(Permission.ACCEPT_CASE)]
) -> Response:
    """经办人代为登记成员签字的授权书。"""
    return await _authorise(desk, await file(desk.work.transaction, desk.actor, household_id), body)


@router.post("/staff/matches", status_code=201, summary="生成比对名单", response_model=views.MatchMade)
async def make_match(body: NewMatch, desk: _Runners) -> Response:
    """只列入签过授权的人，没有列入的逐一说明。没有写明目的和法律依据的，拒绝并记录。名单生成后不能更改。"""
    if body.purpose is None or body.basis is None:
        # Answered, not raised: the trace of it has to stay.
        await commands.refused_without_purpose(desk.work, desk.actor, body.department)
        return problems.of_domain(MatchPurposeMissing(), desk.request.scope.get("request_id", ""))
    basis = Basis(body.basis.code, body.basis.text)
    asked = Asked(body.department, body.purpose, basis, body.mode, body.household_ids)
    return answer(views.made(await commands.make_batch(desk.work, desk.actor, asked)), 201)


@router.get("/staff/matches", summary="比对批次", response_model=views.MatchPage)
async def list_matches(desk: _Runners, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """最新的在前。"""
    after = desk.service.cursors.read("matches", cursor)
    rows = await batches(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("matches", rows, limit, "created_at")
    return answer({"items": [views.summary(row) for row in page], "next_cursor": following})


@router.get("/staff/matches/{match_id}", summary="查看比对批次", response_model=views.MatchView)
async def read_match(match_id: PathId, desk: _Runners) -> Response:
    """目的、依据、名单校验值、收到的文件和各类结果的条数。"""
    row = await batch(desk.work.transaction, desk.actor, match_id)
    returned = await returns(desk.work.transaction, match_id)
    return answer(views.whole(row, returned, await outcomes(desk.work.transaction, match_id)))


@router.get("/staff/matches/{match_id}/file", summary="取出比对名单", response_model=views.MatchFile)
async def read_match_file(
    match_id: PathId,
    desk: Annotated[Desk, staff(Permission.RUN_MATCH, recorded=True)],
    format: Annotated[Literal["csv", "xlsx"], Query(description="csv 为存档的原件")] = "csv",
) -> Response:
    """交给部门的名单；每次取出都有记录。"""
    row = await batch(desk.work.transaction, desk.actor, match_id)
    content = desk.work.keyring.open(OUTGOING, row["id"], row["outgoing"])
    if format == "xlsx":
        content = exchange.xlsx_of(await _rows(desk, row))
    await _noted(desk, row, "match.list_taken")
    shown = {
        "name": f"{row['number']}.{format}",
        "media_type": CSV if format == "csv" else XLSX,
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode(),
    }
    return answer(shown)


@router.post("/staff/matches/{match_id}/key", summary="取出摘要密钥", response_model=views.MatchKey)
async def read_match_key(match_id: PathId, desk: _Runners) -> Response:
    """只用于摘要方式。密钥只用于这一批，与名单分开交给部门；每次取出都有记录。"""
    row = await batch(desk.work.transaction, desk.actor, match_id)
    if row["key"] is None:
        raise Invalid(FieldError("/match_id", "match_not_hashed", "这一批是明文名单，没有密钥。"))
    await _noted(desk, row, "match.key_taken")
    key = desk.work.keyring.open(KEY, row["id"], row["key"])
    return answer({"key": key.hex(), "algorithm": "HMAC-SHA256"})


@router.post(
    "/staff/matches/{match_id}/results", status_code=201, summary="提交部门结果", response_model=views.MatchReceived
)
async def receive_match(match_id: PathId, body: MatchAnswer, desk: _Runners) -> Response:
    """整个文件收下或整个拒绝，有误的逐处指出。不一致的会请本人说明，不会改变档案的办理状态。"""
    row = await batch(desk.work.transaction, desk.actor, match_id)
    try:
        content = base64.b64decode(body.content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(FieldError("/content", "not_base64", "文件内容的编码不正确，请重新上传。")) from None
    return answer(views.received(await receive(desk.work, desk.actor, row, content, body.sha256)), 201)


@router.get("/staff/matches/{match_id}/results", summary="比对结果", response_model=views.MatchResultPage)
async def list_match_results(
    match_id: PathId,
    desk: Annotated[Desk, staff(Permission.RUN_MATCH, recorded=True)],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """最新的在前；姓名已脱敏。"""
    after = desk.service.cursors.read("match_results", cursor)
    row = await batch(desk.work.transaction, desk.actor, match_id)
    rows = await results_of_batch(desk.work.transaction, match_id, limit + 1, after)
    page, following = desk.service.cursors.cut("match_results", rows, limit, "created_at")
    await _noted(desk, row, "match.results_seen")
    return answer({"items": [views.result(each, desk.work.keyring) for each in page], "next_cursor": following})


async def _rows(desk: Desk, row: Record) -> list[list[str]]:
    """The list anew, from the people of the batch: the same as the one that is kept."""
    keyring, listed = desk.work.keyring, []
    for each in await people(desk.work.transaction, row["id"]):
        person = keyring.open_document(PERSON, each["id"], each["person"])
        listed.append(Person(each["line"], person["name"], person["id_number"]))
    key = keyring.open(KEY, row["id"], row["key"]) if row["key"] else None
    return exchange.rows_for(row["mode"], row["number"], listed, key)


async def _noted(desk: Desk, row: Record, action: str) -> None:
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action=action,
        subject_kind="match",
        subject_id=row["id"],
        subject_person_id=None,
        batch=row["number"],
    )
