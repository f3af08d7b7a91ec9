"""Taking over the account that was opened on paper (认领账户): with the phone on file, or in person at the union."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import living
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.problems import of_domain
from app.http.views.applications import instant
from app.kernel.actor import Permission
from app.kernel.errors import Conflict, DomainError
from app.organisations.queries import for_unattached, organisation
from app.people.claiming import commands
from app.people.claiming.queries import CODE, open_page, own
from app.policy.fields import PersonName

router = APIRouter(prefix=PREFIX, tags=["认领账户"], route_class=Door)
AssistDesk = Annotated[Desk, staff(Permission.ASSIST)]
State = Literal["open", "bound", "refused", "replaced"]
IdNumberGiven = Annotated[str, Field(min_length=15, max_length=40)]


class AccountInUse(Conflict):
    """这个微信账户已有家庭档案或工会岗位，不能再认领；请先撤回档案草稿，或联系所在工会。"""


class ClaimRequest(In):
    """工会代办时登记的姓名和证件号码。"""

    name: PersonName
    id_number: IdNumberGiven


class ClaimView(BaseModel):
    """我的认领申请。bound 之后请用 refresh_token 刷新登录，就是原来的账户。"""

    id: str
    state: State
    code: str | None = Field(description="到所在工会当面确认时出示；只在 open 时有")
    asked_at: str
    expires_at: str
    ended_at: str | None


class ClaimList(BaseModel):
    items: list[ClaimView]


class StaffClaimView(BaseModel):
    """一项等待当面确认的认领申请。"""

    id: str
    person_masked: str
    phone_masked: str | None = Field(description="提出认领的微信账户绑定的手机号")
    asked_at: str
    expires_at: str
    version: int


class StaffClaimPage(BaseModel):
    items: list[StaffClaimView]
    next_cursor: str | None


class ClaimDecision(In):
    """确认时要填写本人手机上显示的校验码，和证件原件上的号码。"""

    action: Literal["confirm", "refuse"]
    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None
    id_number: IdNumberGiven | None = None


class ClaimDecided(BaseModel):
    id: str
    state: State
    version: int


@router.post("/me/account_claims", status_code=201, summary="认领账户", response_model=ClaimView)
async def claim_account(body: ClaimRequest, desk: WorkerDesk) -> Response:
    """由工会代办、没有用过微信的职工认领自己的账户。已绑定登记的手机号的，立即生效；否则到所在工会当面确认。"""
    if desk.actor.posts or await living(desk.work.transaction, desk.actor.person_id) is not None:
        raise AccountInUse
    done = await commands.claim(desk.work, desk.actor.person_id, body.name, body.id_number, _union_of(desk.work))
    if isinstance(done, DomainError):
        return _told(desk, done)
    if done.bound:
        desk.service.forget(desk.actor.session_id)
    rows = await own(desk.work.transaction, desk.actor.person_id)
    return answer(_own_view(desk.work, next(row for row in rows if row["id"] == done.id)), 201)


@router.get("/me/account_claims", summary="我的认领申请", response_model=ClaimList)
async def list_own_claims(desk: WorkerDesk) -> Response:
    """最新的在前。"""
    rows = await own(desk.work.transaction, desk.actor.person_id)
    return answer({"items": [_own_view(desk.work, row) for row in rows]})


@router.get("/staff/account_claims", summary="等待当面确认的认领申请", response_model=StaffClaimPage)
async def list_claims(desk: AssistDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """管辖范围内的，先提出的在前。"""
    after = desk.service.cursors.read("account_claims", cursor)
    rows = await open_page(desk.work.transaction, desk.actor, desk.work.now, limit + 1, after)
    page, following = desk.service.cursors.cut("account_claims", rows, limit, "created_at")
    return answer({"items": [_staff_view(row) for row in page], "next_cursor": following})


@router.post("/staff/account_claims/{claim_id}/actions", summary="当面确认认领", response_model=ClaimDecided)
async def decide_claim(claim_id: PathId, body: ClaimDecision, desk: AssistDesk) -> Response:
    """核对本人和证件原件后确认，或驳回。代填、确认或代交过这名职工材料的人及其家人、亲属不能确认。需要 If-Match。"""
    work = desk.work
    row = await commands.claim_to_decide(work, desk.actor, claim_id, desk.expected_version())
    said = commands.Decision(body.action == "confirm", body.code, body.id_number)
    done = await commands.decide(work, desk.actor, row, said)
    if isinstance(done, DomainError):
        return _told(desk, done)
    return answer(dict(done) | {"id": str(done["id"])}, version=done["version"])


def _told(desk: Desk, refusal: DomainError) -> Response:
    """Answered, not raised: that it was counted has to stay."""
    return of_domain(refusal, desk.request.scope.get("request_id", ""))


def _union_of(work: Work) -> commands.Union:
    async def union(organisation_id: UUID | None) -> Record:
        if organisation_id is None:
            return await for_unattached(work.transaction)
        return await organisation(work.transaction, organisation_id)

    return union


def _own_view(work: Work, row: Record) -> dict[str, Any]:
    is_open = row["state"] == "open"
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "code": work.keyring.open_text(CODE, row["id"], row["code"]) if is_open else None,
        "asked_at": instant(row["created_at"]),
        "expires_at": instant(row["expires_at"]),
        "ended_at": instant(row["ended_at"]),
    }


def _staff_view(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        **{name: row[name] for name in ("person_masked", "phone_masked", "version")},
        "asked_at": instant(row["created_at"]),
        "expires_at": instant(row["expires_at"]),
    }
