"""Supplements: a reviewer asks for what is missing, the worker brings it, and the case goes on where it stands."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from app.applications.assisting.supplement_commands import hand_in, to_hand_in
from app.applications.commands import expect_version
from app.applications.path import Kind
from app.applications.queries import case
from app.applications.supplements import commands
from app.applications.supplements.commands import Answered
from app.applications.supplements.rules import MAX_ITEMS, asked_for, unknown
from app.files.queries import check_named, check_signature
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import In, PathId
from app.http.views import applications as views
from app.kernel.actor import Permission
from app.kernel.errors import FieldError, Invalid
from app.policy.fields import FileIds, Id, LongText, ShortText
from app.programmes import KINDS

router = APIRouter(prefix=PREFIX, tags=["补充材料"], route_class=Door)
ItemCode = Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9_]*$")]


class SupplementRequest(In):
    """要申请人补充什么：材料清单里的、清单以外的，或要说明的问题，至少一项。"""

    documents: Annotated[list[ItemCode], Field(max_length=MAX_ITEMS)] = Field(
        default_factory=list, description="材料清单里的代码，见 /programmes"
    )
    others: Annotated[list[ShortText], Field(max_length=MAX_ITEMS)] = Field(
        default_factory=list, description="清单以外的材料，写名称"
    )
    text: LongText | None = Field(default=None, description="要说明的问题，或怎样准备")


class ItemAnswer(In):
    item: ItemCode = Field(description="补充的是哪一项")
    text: LongText | None = None
    file_ids: FileIds = Field(default_factory=list)


class SupplementGiven(In):
    """补充的材料和说明，至少有一样。"""

    file_ids: FileIds = Field(default_factory=list, description="没有分项的材料")
    answers: Annotated[list[ItemAnswer], Field(max_length=2 * MAX_ITEMS + 1)] = Field(
        default_factory=list, description="逐项补充：材料、说明，或为什么没有"
    )
    note: LongText | None = Field(default=None, description="其他说明")


class SupplementOnPaper(SupplementGiven):
    """没有微信的职工交来的，由工会代交。"""

    signature_file_id: Annotated[Id, Field(description="本人签名照片的文件编号")]


@router.post(
    "/staff/applications/{application_id}/supplements",
    status_code=201,
    summary="要求补充材料",
    response_model=views.MovedView,
)
async def ask_supplement(
    application_id: PathId, body: SupplementRequest, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """缺材料的，请申请人补充，不是退回，也不是不予通过：案件留在原环节，排队位置和已有的审核意见不变，期间暂停计时。

    需要 If-Match（申请的版本）。
    """
    row = await case(desk.work.transaction, desk.actor, application_id)
    expect_version(row, desk.expected_version())
    names = {document.code: document.name for document in KINDS[Kind(row["kind"])].documents}
    if wrong := unknown(body.documents, names):
        raise Invalid(*wrong)
    items = asked_for(body.documents, names, body.others, body.text)
    if not items:
        raise Invalid(FieldError("/documents", "supplement_empty", "请至少选择一项材料，或写明要说明的问题。"))
    moved = await commands.ask(desk.work, desk.actor, row, items, body.text)
    return answer(_moved(moved), 201, version=moved.version)


@router.post(
    "/staff/applications/{application_id}/supplement_on_paper",
    summary="代交补充材料",
    response_model=views.MovedView,
)
async def supplement_on_paper(
    application_id: PathId, body: SupplementOnPaper, desk: Annotated[Desk, staff(Permission.ASSIST)]
) -> Response:
    """没有微信的职工把材料交到工会、在纸上签名的，由工作人员代交；代交的人不能再审核这份申请。需要 If-Match。"""
    waiting = await to_hand_in(desk.work, desk.actor, application_id, desk.expected_version())
    given = await _given(desk, body)
    paper = await check_signature(desk.work.transaction, desk.actor.person_id, body.signature_file_id, *given.file_ids)
    moved = await hand_in(desk.work, desk.actor, waiting, given, paper)
    return answer(_moved(moved), version=moved.version)


@router.post("/applications/{application_id}/supplement", summary="补充材料", response_model=views.MovedView)
async def supplement(application_id: PathId, body: SupplementGiven, desk: WorkerDesk) -> Response:
    """工会要求补充的，在这里交材料或说明，排队位置不变。办不到的，写明原因也可以。需要 If-Match。"""
    expected, given = desk.expected_version(), await _given(desk, body)
    moved = await commands.answer(desk.work, desk.actor, application_id, expected, given)
    return answer(_moved(moved), version=moved.version)


async def _given(desk: Desk, body: SupplementGiven) -> Answered:
    """What is brought, with files of whoever sends it. Raises Invalid."""
    if not (body.file_ids or body.note or any(each.text or each.file_ids for each in body.answers)):
        raise Invalid(FieldError("/answers", "supplement_empty", "请上传材料，或写明情况。"))
    empty = [n for n, each in enumerate(body.answers) if not (each.text or each.file_ids)]
    if empty:
        message = "请上传这一项的材料，或写明为什么没有。"
        raise Invalid(*(FieldError(f"/answers/{n}", "answer_empty", message) for n in empty))
    said = body.model_dump(mode="json")
    brought = {key: value for key, value in said.items() if key != "signature_file_id"}
    named = await check_named(desk.work.transaction, desk.actor.person_id, brought)
    return Answered(said, [each.item for each in body.answers], frozenset(named))


def _moved(moved: Any) -> dict[str, Any]:
    return {"id": str(moved.id), "state": moved.state, "version": moved.version}
