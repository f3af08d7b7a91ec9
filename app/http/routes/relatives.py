"""The relatives that staff declare (申报亲属), and what was signed across a relation before it was declared."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.applications.path import Action, Kind, State
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission, Role
from app.policy.fields import LongText, PersonName
from app.relatives.commands import END_NOTE, NAME, declare, end
from app.relatives.queries import crossings, own_relative, own_relatives
from app.relatives.rules import RELATIONS, Across, Relation

router = APIRouter(prefix=PREFIX, tags=["回避"], route_class=Door)
_SAID = " · ".join(f"{code} {said}" for code, said in RELATIONS.items())
RelationField = Annotated[Relation, Field(description=_SAID)]


class RelativeRequest(In):
    name: PersonName
    id_number: Annotated[str, Field(min_length=15, max_length=40)]
    relation: RelationField


class RelativeEnd(In):
    note: Annotated[LongText, Field(description="为什么不再需要回避，例如婚姻关系解除")]


class RelativeView(BaseModel):
    """一项申报。证件号码只用于比对，不再显示。"""

    id: str
    name: str
    relation: RelationField
    declared_at: str
    ended_at: str | None
    end_note: str | None


class RelativePage(BaseModel):
    items: list[RelativeView]
    next_cursor: str | None


class ConflictView(BaseModel):
    """一个办理环节：办理人后来申报了与申请人、同户的人或同一轮另一名办理人的亲属关系。"""

    id: str
    application_id: str
    number: str
    kind: Kind
    state: State
    applicant_masked: str
    organisation: str
    across: Across = Field(description="亲属是谁：applicant 申请人 · household 同户的人 · signer 同一轮的另一名办理人")
    relation: RelationField
    action: Action
    signed_at: str
    signed_by: str | None = Field(description="办理人姓名，已脱敏")
    signed_role: Role | None
    signed_at_organisation: str | None
    declared_at: str


class ConflictPage(BaseModel):
    items: list[ConflictView]
    next_cursor: str | None


@router.get("/me/relatives", summary="我申报的亲属", response_model=RelativePage)
async def list_relatives(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """工作人员申报的亲属，包括已经终止的，最新的在前。"""
    after = desk.service.cursors.read("relatives", cursor)
    rows = await own_relatives(desk.work.transaction, desk.actor.person_id, limit + 1, after)
    page, following = desk.service.cursors.cut("relatives", rows, limit, "created_at")
    return answer({"items": [_shown(desk.work.keyring, row) for row in page], "next_cursor": following})


@router.post("/me/relatives", status_code=201, summary="申报亲属", response_model=RelativeView)
async def declare_relative(body: RelativeRequest, desk: WorkerDesk) -> Response:
    """申报之后，双方互不办理对方的申请，也不在同一份申请里先后办理；以前办理过的由审计核对。"""
    relative_id = await declare(desk.work, desk.actor, body.name, body.id_number, body.relation)
    return await _told(desk, relative_id, 201)


@router.post("/me/relatives/{relative_id}/end", summary="终止亲属申报", response_model=RelativeView)
async def end_relative(relative_id: PathId, body: RelativeEnd, desk: WorkerDesk) -> Response:
    """写明原因；申报和终止都保留，审计可以查看。"""
    await end(desk.work, desk.actor, relative_id, body.note)
    return await _told(desk, relative_id, 200)


@router.get("/staff/conflicts", summary="跨亲属关系办理过的申请", response_model=ConflictPage)
async def list_conflicts(
    desk: Annotated[Desk, staff(Permission.READ_CROSSINGS)], limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """亲属关系申报以前已经办理的环节，供审计和市总工会负责人核对，最近查出的在前。"""
    after = desk.service.cursors.read("conflicts", cursor)
    rows = await crossings(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("conflicts", rows, limit, "created_at")
    return answer({"items": [_conflict(row) for row in page], "next_cursor": following})


async def _told(desk: Desk, relative_id: Any, status: int) -> Response:
    # This process knew whom they are kept apart from; the others ask anew within seconds.
    desk.service.forget(desk.actor.session_id)
    row = await own_relative(desk.work.transaction, desk.actor.person_id, relative_id)
    return answer(_shown(desk.work.keyring, row), status)


def _shown(keyring: Keyring, row: Record) -> dict[str, Any]:
    note = row["end_note"]
    return {
        "id": str(row["id"]),
        "name": keyring.open_text(NAME, row["id"], row["name"]),
        "relation": row["relation"],
        "declared_at": instant(row["created_at"]),
        "ended_at": instant(row["ended_at"]),
        "end_note": keyring.open_text(END_NOTE, row["id"], note) if note else None,
    }


def _conflict(row: Record) -> dict[str, Any]:
    told = ("number", "kind", "state", "applicant_masked", "across", "relation", "action")
    return {
        "id": str(row["id"]),
        "application_id": str(row["application_id"]),
        **{name: row[name] for name in told},
        "organisation": row["organisation_name"],
        "signed_at": instant(row["signed_at"]),
        "signed_by": row["signer_masked"],
        "signed_role": row["post_role"],
        "signed_at_organisation": row["signed_at_union"],
        "declared_at": instant(row["declared_at"]),
    }
