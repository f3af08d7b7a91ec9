"""Posts that somebody else holds for some days (委托代办)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.db.transaction import Record
from app.delegations.commands import REASON, Wanted, delegate, end
from app.delegations.queries import delegates, delegation, delegations, own_post
from app.delegations.rules import DELEGABLE, Standing, standing
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views.applications import instant
from app.kernel.actor import Permission, Role
from app.policy.fields import Code, Id, IsoDate, LongText

router = APIRouter(prefix=f"{PREFIX}/staff", tags=["委托"], route_class=Door)
GivingDesk = Annotated[Desk, staff(Permission.READ_CASES)]
DelegationDesk = Annotated[Desk, staff(Permission.READ_CASES, Permission.END_DELEGATIONS)]
_PERMISSIONS = "、".join(DELEGABLE)


class DelegationRequest(In):
    role: Annotated[Role, Field(strict=False, description="委托自己的哪个岗位")]
    organisation_code: Annotated[Code, Field(description="这个岗位所在的工会")]
    to_person_id: Annotated[Id, Field(description="委托给谁，从 /staff/delegates 选")]
    starts_on: IsoDate
    ends_on: Annotated[IsoDate, Field(description="最后一天，包括当天；一次最多 30 天")]
    kinds: Annotated[
        list[Annotated[Kind, Field(strict=False)]], Field(min_length=1, max_length=len(Kind), description="哪几种帮扶")
    ]
    permissions: Annotated[
        list[Annotated[Permission, Field(strict=False)]],
        Field(
            max_length=len(DELEGABLE),
            description=f"委托哪几个环节；空的为这个岗位可以委托的全部。可以委托的有：{_PERMISSIONS}",
        ),
    ] = Field(default_factory=list)
    reason: LongText


class DelegationView(BaseModel):
    """一项委托：谁把哪个岗位的哪些环节、在哪些日子委托给谁。"""

    id: str
    role: Role
    organisation: str
    from_masked: str
    to_masked: str
    given: bool = Field(description="是不是我委托出去的")
    starts_on: str
    ends_on: str
    kinds: list[Kind]
    permissions: list[Permission]
    reason: str
    state: Standing = Field(description="planned 还没有开始 · running 委托中 · over 已到期 · ended 提前结束")
    created_at: str
    ended_at: str | None


class DelegationPage(BaseModel):
    items: list[DelegationView]
    next_cursor: str | None


class DelegateView(BaseModel):
    person_id: str
    name: str
    role: Role
    organisation: str


class DelegateList(BaseModel):
    items: list[DelegateView]


@router.get("/delegates", summary="可以委托给谁", response_model=DelegateList)
async def list_delegates(
    desk: GivingDesk,
    role: Annotated[Role, Query(description="自己的哪个岗位")],
    organisation_code: Annotated[Code, Query(description="这个岗位所在的工会")],
) -> Response:
    """本级和上级工会中办理申请的工作人员，本级的在前。"""
    work = desk.work
    post = await own_post(work.transaction, desk.actor, role, organisation_code, work.today)
    found = await delegates(work.transaction, work.keyring, post["id"], work.today)
    items = [
        {"person_id": str(each.person_id), "name": each.name, "role": each.role, "organisation": each.organisation_name}
        for each in found
    ]
    return answer({"items": items})


@router.get("/delegations", summary="委托", response_model=DelegationPage)
async def list_delegations(desk: DelegationDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """我委托的、委托给我的；管理员看到管辖范围内的。最新的在前。"""
    after = desk.service.cursors.read("delegations", cursor)
    rows = await delegations(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("delegations", rows, limit, "created_at")
    return answer({"items": [_shown(desk, row) for row in page], "next_cursor": following})


@router.post("/delegations", status_code=201, summary="委托岗位", response_model=DelegationView)
async def give(body: DelegationRequest, desk: GivingDesk) -> Response:
    """只委托申请的办理环节。受托人不能办理自己和委托人应当回避的申请，两人在同一轮里只算一个人。"""
    wanted = Wanted(
        body.role, body.organisation_code, body.to_person_id, body.starts_on, body.ends_on,
        [kind.value for kind in body.kinds], body.permissions, body.reason,
    )  # fmt: skip
    delegation_id = await delegate(desk.work, desk.actor, wanted)
    return answer(_shown(desk, await delegation(desk.work.transaction, desk.actor, delegation_id)), 201)


@router.post("/delegations/{delegation_id}/end", summary="提前结束委托", response_model=DelegationView)
async def end_early(delegation_id: PathId, desk: DelegationDesk) -> Response:
    """委托人、受托人或管理员都可以结束；五秒之内不能再以委托的岗位办理。"""
    return answer(_shown(desk, await end(desk.work, desk.actor, delegation_id)))


def _shown(desk: Desk, row: Record) -> dict[str, Any]:
    told = ("role", "from_masked", "to_masked", "kinds", "permissions")
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in told},
        "organisation": row["organisation_name"],
        "given": row["from_person_id"] == desk.actor.person_id,
        "starts_on": row["starts_on"].isoformat(),
        "ends_on": row["ends_on"].isoformat(),
        "reason": desk.work.keyring.open_text(REASON, row["id"], row["reason"]),
        "state": standing(row["starts_on"], row["ends_on"], row["ended_at"], desk.work.today),
        "created_at": instant(row["created_at"]),
        "ended_at": instant(row["ended_at"]),
    }
