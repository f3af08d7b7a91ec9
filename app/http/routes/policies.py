"""Policy versions, as staff propose, compare, publish and withdraw them."""

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.db.transaction import Record
from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.views import policies as views
from app.http.views.policies import PolicyAction, PolicyState
from app.kernel.actor import Permission, Tier
from app.organisations.queries import organisation
from app.policies import commands
from app.policies.commands import Officer
from app.policies.queries import followed, policies, policy
from app.policies.rules import differences
from app.policy.book import PolicyKind
from app.programmes import MODELS

router = APIRouter(prefix=f"{PREFIX}/staff/policies", tags=["政策版本"], route_class=Door)

Area = Annotated[str, Field(pattern=r"^[0-9]{6}$", description="适用地区的行政区划代码：地级市或省")]


class NewPolicy(In):
    kind: PolicyKind
    area: Area
    document: dict[str, Any] = Field(description="版本的全文；各类政策的格式见 aid policy schema 和 docs/policy.md")


@router.get("", summary="政策版本", response_model=views.PolicyPage)
async def list_policies(
    desk: Annotated[Desk, staff(Permission.READ_POLICIES)],
    kind: Annotated[PolicyKind | None, Query(description="只看一种政策")] = None,
    area: Annotated[str | None, Query(pattern=r"^[0-9]{6}$", description="只看一个地区")] = None,
    state: Annotated[PolicyState | None, Query(description="只看一种状态")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """随服务发布的和工作人员提出的，最新的在前。"""
    after = desk.service.cursors.read("policies", cursor)
    wanted = {name: value for name, value in (("kind", kind), ("area", area), ("state", state)) if value is not None}
    rows = await policies(desk.work.transaction, wanted, limit + 1, after)
    page, following = desk.service.cursors.cut("policies", rows, limit, "created_at")
    return answer({"items": [views.summary(row) for row in page], "next_cursor": following})


@router.get("/{policy_id}", summary="查看政策版本", response_model=views.PolicyView)
async def read_policy(policy_id: PathId, desk: Annotated[Desk, staff(Permission.READ_POLICIES)]) -> Response:
    """全文、谁在什么时候提出和发布、与前一版本逐处比较的结果。"""
    row = await policy(desk.work.transaction, policy_id)
    before = await followed(desk.work.transaction, row["kind"], row["area"], row["in_force_from"])
    diff = differences(before["document"], row["document"], _schema(row["kind"])) if before else []
    return answer(views.whole(row, before, diff, _open_actions(await _officer(desk), row)), version=row["version"])


@router.post("", status_code=201, summary="提出政策版本", response_model=views.PolicyMoved)
async def propose_policy(body: NewPolicy, desk: Annotated[Desk, staff(Permission.PROPOSE_POLICY)]) -> Response:
    """提出一个完整的新版本，由另一人核对后发布。生效日期必须晚于今天；写错的地方逐处指出。"""
    policy_id = await commands.propose(
        desk.work, await _officer(desk), body.kind, MODELS[body.kind], body.area, body.document
    )
    return answer({"id": str(policy_id), "state": "proposed", "version": 1}, 201, version=1)


@router.post("/{policy_id}/publish", summary="发布政策版本", response_model=views.PolicyMoved)
async def publish_policy(policy_id: PathId, desk: Annotated[Desk, staff(Permission.PUBLISH_POLICY)]) -> Response:
    """提出人以外的人核对后发布；发布后不能再改，从生效日期起适用，以前的决定不变。需要 If-Match。"""
    seen = desk.expected_version()
    version = await commands.publish(desk.work, await _officer(desk), policy_id, seen, MODELS)
    return answer({"id": str(policy_id), "state": "published", "version": version}, version=version)


@router.post("/{policy_id}/withdraw", summary="撤回政策版本", response_model=views.PolicyMoved)
async def withdraw_policy(
    policy_id: PathId, desk: Annotated[Desk, staff(Permission.PROPOSE_POLICY, Permission.PUBLISH_POLICY)]
) -> Response:
    """发布之前，提出人或有发布权限的人可以撤回。需要 If-Match。"""
    seen = desk.expected_version()
    version = await commands.withdraw(desk.work, await _officer(desk), policy_id, seen)
    return answer({"id": str(policy_id), "state": "withdrawn", "version": version}, version=version)


@cache
def _schema(kind: PolicyKind) -> dict[str, Any]:
    return MODELS[kind].model_json_schema()


async def _officer(desk: Desk) -> Officer:
    """The caller, with what their posts at a city's union allow."""
    proposes = await areas_of(desk, Permission.PROPOSE_POLICY)
    publishes = await areas_of(desk, Permission.PUBLISH_POLICY)
    return Officer(desk.actor.person_id, proposes, publishes)


async def areas_of(desk: Desk, permission: Permission) -> frozenset[str]:
    """The prefecture of each city's union where the caller has the permission; and its province, whose schemes (such
    as the mutual aid scheme) the prefecture enters."""
    places = {post.place.id for post in desk.actor.posts_with(permission) if post.place.tier is Tier.CITY}
    unions = [await organisation(desk.work.transaction, place) for place in places]
    codes = [union["division_code"] for union in unions]
    return frozenset(area for code in codes for area in (f"{code[:4]}00", f"{code[:2]}0000"))


def _open_actions(officer: Officer, row: Record) -> list[PolicyAction]:
    """What the caller may do with a version now."""
    allowed: dict[PolicyAction, bool] = {
        "publish": officer.may_publish(row),
        "withdraw": officer.may_withdraw(row),
    }
    return [action for action, may in allowed.items() if may and row["state"] == "proposed"]
