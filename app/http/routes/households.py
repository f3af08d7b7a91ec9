"""The household file: the worker fills it in, staff open it."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import WithJsonSchema

from app.applications.commands import ConsentsMissing
from app.audit.commands import record
from app.db.scope import permissions_over
from app.db.transaction import Record
from app.files import commands as files
from app.files.queries import check_named
from app.households import commands
from app.households.commands import Scope
from app.households.forms import HouseholdForm
from app.households.path import PATH
from app.households.queries import FORM, HouseholdNotFound, file, form_of, living, waiting
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer, staff
from app.http.inputs import In, Limit, PathId
from app.http.views import households as views
from app.kernel.actor import Permission
from app.kernel.errors import FieldError, Invalid
from app.organisations.queries import for_unattached, organisation, organisation_of_code
from app.people.commands import IdentityRequired, set_organisation
from app.people.consents import Purpose
from app.people.queries import consented, person
from app.policy.drafts import warnings_of
from app.policy.fields import LongText

router = APIRouter(prefix=PREFIX, tags=["家庭档案"], route_class=Door)
CONSENTS = (Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_FINANCE)
HouseholdDraft = Annotated[dict[str, Any], Body(), WithJsonSchema({"$ref": "#/components/schemas/HouseholdFormDraft"})]


class HouseholdAction(In):
    action: Annotated[str, WithJsonSchema({"type": "string", "enum": list(PATH.actions)})]
    note: LongText | None = None
    reason_code: str | None = None


@router.get("/me/household", summary="我的家庭档案", response_model=views.HouseholdView)
async def read_household(desk: WorkerDesk) -> Response:
    """还没有填写过的，返回 404。"""
    row = await living(desk.work.transaction, desk.actor.person_id)
    return _shown(desk, row)


@router.put("/me/household", summary="保存家庭档案草稿", response_model=views.HouseholdView)
async def save_household(body: HouseholdDraft, desk: WorkerDesk) -> Response:
    """可以只填一部分；还缺什么在 warnings 里说明。已有草稿时需要 If-Match。"""
    scope = await _scope(desk, body)
    given = desk.request.headers.get("if-match")
    expected = desk.expected_version() if given is not None else None
    saved = await commands.save_draft(desk.work, desk.actor, body, scope, expected)
    row = await living(desk.work.transaction, desk.actor.person_id)
    assert row is not None
    kept = desk.work.keyring.open_document(FORM, row["id"], row["form"])
    named = await check_named(desk.work.transaction, desk.actor.person_id, kept)
    await files.name(desk.work, "household", saved.id, named)
    return _shown(desk, row)


@router.post("/me/household/submit", summary="提交家庭档案", response_model=views.HouseholdMoved)
async def submit_household(desk: WorkerDesk) -> Response:
    """提交后由所在工会审核、区县工会建档。需要 If-Match。"""
    expected = desk.expected_version()
    applicant = await person(desk.work.transaction, desk.actor.person_id)
    if applicant["id_number_index"] is None:
        raise IdentityRequired
    missing = set(CONSENTS) - await consented(desk.work.transaction, desk.actor.person_id)
    if missing:
        raise ConsentsMissing(purposes=",".join(sorted(missing)))
    moved = await commands.submit(desk.work, desk.actor, applicant["id_number_index"], expected)
    return _moved(moved)


@router.post("/me/household/withdraw", summary="撤回家庭档案", response_model=views.HouseholdMoved)
async def withdraw_household(desk: WorkerDesk) -> Response:
    """审核之前可以撤回。需要 If-Match。"""
    return _moved(await commands.withdraw(desk.work, desk.actor, desk.expected_version()))


def _shown(desk: Desk, row: Record | None) -> Response:
    if row is None:
        raise HouseholdNotFound
    kept = desk.work.keyring.open_document(FORM, row["id"], row["form"])
    warnings = warnings_of(HouseholdForm, kept, at="")
    actions = PATH.open_to(row["state"], [Permission.OWN])
    return answer(views.own(row, desk.work.keyring, warnings, actions), version=row["version"])


def _moved(row: Record) -> Response:
    return answer({"id": str(row["id"]), "state": row["state"], "version": row["version"]}, version=row["version"])


async def _scope(desk: Desk, form: dict[str, Any]) -> Scope:
    """The union that takes the file: the one named, else the person's own, else the service centre."""
    transaction = desk.work.transaction
    head = form.get("head")
    code = head.get("organisation_code") if isinstance(head, dict) else None
    me = await person(transaction, desk.actor.person_id)
    if isinstance(code, str) and code and code.isprintable():
        union = await organisation_of_code(transaction, code[:40])
        if union["level"] not in ("unit", "street"):
            raise Invalid(FieldError("/head/organisation_code", "organisation_not_basic", "请选择基层工会或镇街工会。"))
        if me["organisation_id"] != union["id"]:
            await set_organisation(desk.work, desk.actor.person_id, union["id"])
    elif me["organisation_id"] is not None:
        union = await organisation(transaction, me["organisation_id"])
    else:
        union = await for_unattached(transaction)
    return Scope(union["division_code"], *(union[f"{tier}_id"] for tier in ("city", "district", "street", "unit")))


# ---- staff ----


@router.get("/staff/households/tasks", summary="待办的家庭档案", response_model=views.HouseholdTaskPage)
async def list_household_tasks(
    desk: Annotated[Desk, staff(Permission.REVIEW_AT_UNIT, Permission.REVIEW_AT_DISTRICT)],
    limit: Limit = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """先提交的在前。"""
    after = desk.service.cursors.read("household_tasks", cursor)
    rows = await waiting(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("household_tasks", rows, limit, "submitted_at")
    return answer({"items": [views.task(row) for row in page], "next_cursor": following})


@router.get("/staff/households/{household_id}", summary="查看家庭档案", response_model=views.HouseholdCase)
async def read_household_case(
    household_id: PathId, desk: Annotated[Desk, staff(Permission.READ_CASES, recorded=True)]
) -> Response:
    """姓名和证件号码已脱敏；每次查看都有记录，本人可以看到。"""
    row = await file(desk.work.transaction, desk.actor, household_id)
    form = form_of(desk.work.keyring, row)
    if form is None:
        raise HouseholdNotFound
    await record(
        desk.work,
        person_id=desk.actor.person_id,
        action="household.opened",
        subject_kind="household",
        subject_id=household_id,
        subject_person_id=row["person_id"],
    )
    actions = PATH.open_to(row["state"], permissions_over(desk.actor, row))
    shown = views.summary(row, form) | {"open_actions": actions}
    return answer(shown, version=row["version"])


@router.post("/staff/households/{household_id}/actions", summary="办理家庭档案", response_model=views.HouseholdMoved)
async def act_on_household(
    household_id: PathId, body: HouseholdAction, desk: Annotated[Desk, staff(Permission.READ_CASES)]
) -> Response:
    """通过、退回补正或不予建档。需要 If-Match。"""
    moved = await commands.act(
        desk.work,
        desk.actor,
        household_id,
        desk.expected_version(),
        body.action,
        note=body.note,
        reason_code=body.reason_code,
    )
    return _moved(moved)
