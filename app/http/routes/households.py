"""The household file as its worker fills it in."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import WithJsonSchema

from app.applications.commands import ConsentsMissing
from app.db.transaction import Record
from app.files import commands as files
from app.files.queries import check_named
from app.households import commands
from app.households.changes import own_as_of
from app.households.commands import Scope
from app.households.dictionaries import unknown_codes
from app.households.forms import HouseholdForm
from app.households.path import PATH
from app.households.queries import FORM, HouseholdNotFound, living
from app.households.register import register_gaps
from app.http.door import PREFIX, Desk, Door, WorkerDesk, answer
from app.http.views import households as views
from app.kernel.actor import Permission
from app.kernel.errors import FieldError, IdentityRequired, Invalid
from app.organisations.queries import for_unattached, organisation, organisation_of_code
from app.people.commands import set_organisation
from app.people.consents import Purpose
from app.people.queries import consented, person
from app.policy.drafts import warnings_of
from app.policy.fields import IsoDate
from app.proxy_filings.queries import waiting_for

router = APIRouter(prefix=PREFIX, tags=["家庭档案"], route_class=Door)
CONSENTS = (Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_FINANCE)
HouseholdDraft = Annotated[dict[str, Any], Body(), WithJsonSchema({"$ref": "#/components/schemas/HouseholdFormDraft"})]

AsOf = Annotated[IsoDate | None, Query(description="只看历史：这一天（北京时间）结束时的档案")]


@router.get("/me/household", summary="我的家庭档案", response_model=views.HouseholdView)
async def read_household(desk: WorkerDesk, as_of: AsOf = None) -> Response:
    """还没有填写过的，返回 404；工会代填、等待本人确认的，open_actions 为 confirm_proxy。

    给出 as_of 的，返回那一天结束时的档案；当时还没有提交的，返回 404。
    """
    if as_of is not None:
        then = await own_as_of(desk.work.transaction, desk.work.keyring, desk.actor.person_id, past(as_of, desk))
        if then is None:
            raise HouseholdNotFound
        return answer(views.own_then(then))
    row = await living(desk.work.transaction, desk.actor.person_id)
    if row is None:
        filing = await waiting_for(desk.work.transaction, desk.actor.person_id)
        if filing is not None:
            return answer(views.proxy(filing, desk.work.keyring), version=filing["version"])
    return shown_file(desk, row)


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
    return shown_file(desk, row)


@router.post("/me/household/submit", summary="提交家庭档案", response_model=views.HouseholdMoved)
async def submit_household(desk: WorkerDesk) -> Response:
    """提交后由所在工会审核、区县工会建档。需要 If-Match。"""
    expected = desk.expected_version()
    applicant = await person(desk.work.transaction, desk.actor.person_id)
    if applicant["id_number_index"] is None:
        raise IdentityRequired
    await require_consents(desk)
    moved = await commands.submit(desk.work, desk.actor, applicant["id_number_index"], expected)
    return _moved(moved)


@router.post("/me/household/withdraw", summary="撤回家庭档案", response_model=views.HouseholdMoved)
async def withdraw_household(desk: WorkerDesk) -> Response:
    """审核之前可以撤回。需要 If-Match。"""
    return _moved(await commands.withdraw(desk.work, desk.actor, desk.expected_version()))


async def require_consents(desk: Desk) -> None:
    """Raises ConsentsMissing, naming the purposes."""
    missing = set(CONSENTS) - await consented(desk.work.transaction, desk.actor.person_id)
    if missing:
        raise ConsentsMissing(purposes=",".join(sorted(missing)))


def shown_file(desk: Desk, row: Record | None) -> Response:
    if row is None:
        raise HouseholdNotFound
    kept = desk.work.keyring.open_document(FORM, row["id"], row["form"])
    warnings = [*warnings_of(HouseholdForm, kept, at=""), *unknown_codes(kept, desk.work.today)]
    actions = PATH.open_to(row["state"], [Permission.OWN])
    shown = views.own(row, desk.work.keyring, warnings, register_gaps(kept), actions)
    return answer(shown, version=row["version"])


def past(day: date, desk: Desk) -> date:
    if day > desk.work.today:
        raise Invalid(FieldError("/as_of", "date_future", "日期不能晚于今天。"))
    return day


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
