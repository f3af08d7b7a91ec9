"""Applications of every kind, as the worker takes them from draft to decision."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, WithJsonSchema

from app.appeals.rules import may_appeal
from app.applications import commands
from app.applications.commands import FORM, Applicant, ConsentsMissing
from app.applications.path import Action, Kind, State, path_of
from app.applications.programme import Filing, Programme
from app.applications.queries import own, own_locked, own_page
from app.applications.steps import KeyedStep, Moved
from app.applications.submission_queries import TO_SUBMIT, ToSubmit, own_to_submit, to_submit, to_submit_asked
from app.applications.supplements.queries import supplements_of
from app.db.transaction import Record
from app.db.work import Work
from app.files import commands as files
from app.files.queries import check_named
from app.households.queries import ACTIVE_STATES, living
from app.http.door import PREFIX, BriefDesk, Desk, Door, WorkerBrief, WorkerDesk, answer, asked_again
from app.http.idempotency import beside_session
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.problems import FieldProblem
from app.http.views import applications as views
from app.http.views.decisions import DecisionView
from app.http.views.supplements import supplement
from app.kernel.actor import Permission
from app.kernel.business_time import SHANGHAI
from app.kernel.errors import IdentityRequired
from app.organisations.queries import for_unattached, organisation
from app.people.queries import person_locked
from app.policy.accountability import KIND as ACCOUNTABILITY
from app.policy.accountability import AccountabilityPolicy
from app.policy.drafts import read_draft, read_whole, warnings_of
from app.programmes import KINDS, draft_name

_TO_SUBMIT = beside_session(TO_SUBMIT)
router = APIRouter(prefix=PREFIX, tags=["申请"], route_class=Door)
FormDraft = Annotated[
    dict[str, Any], WithJsonSchema({"anyOf": [{"$ref": f"#/components/schemas/{draft_name(kind)}"} for kind in KINDS]})
]


class NewApplication(In):
    kind: Annotated[Kind, Field(strict=False)]
    form: FormDraft = Field(default_factory=dict, description="可以只填一部分，字段按 kind 不同")


class FormChange(In):
    form: FormDraft


class DraftView(views.ApplicationView):
    """草稿，以及提交前还要补正的地方。"""

    warnings: list[FieldProblem]


class ApplicationPage(BaseModel):
    items: list[views.ApplicationSummary]
    next_cursor: str | None


class SubmittedView(views.MovedView):
    """提交的结果：进入审核，或按政策测算不符合条件。"""

    decision: DecisionView


@router.post("/applications", status_code=201, summary="新建申请", response_model=DraftView)
async def create_application(body: NewApplication, desk: WorkerDesk) -> Response:
    """新建一份草稿。同类申请已有草稿的，返回 409 和那一份的 application_id。"""
    programme = KINDS[body.kind]
    kept = read_draft(programme.form, body.form)
    named = await check_named(desk.work.transaction, desk.actor.person_id, kept, "/form")
    applicant = await _applicant(desk)
    application_id = await commands.open_application(
        desk.work, applicant, body.kind, programme.period(kept, desk.work.today), orjson.dumps(kept)
    )
    if named:
        await files.name(desk.work, "application", application_id, named)
    return await _draft(desk, application_id, programme, kept, 201)


@router.put("/applications/{application_id}", summary="修改草稿", response_model=DraftView)
async def replace_form(application_id: PathId, body: FormChange, desk: WorkerDesk) -> Response:
    """用新的表单替换草稿里的；还缺什么在 warnings 里说明。需要 If-Match。"""
    expected = desk.expected_version()
    row = await own_locked(desk.work.transaction, desk.actor, application_id)
    commands.expect_version(row, expected)
    programme = KINDS[Kind(row["kind"])]
    kept = read_draft(programme.form, body.form)
    named = await check_named(desk.work.transaction, desk.actor.person_id, kept, "/form")
    period = programme.period(kept, desk.work.today)
    if period != row["period"]:
        await person_locked(desk.work.transaction, desk.actor.person_id)
    await commands.replace_form(desk.work, row, period, orjson.dumps(kept))
    await files.name(desk.work, "application", application_id, named)
    return await _draft(desk, application_id, programme, kept, 200)


@router.post("/applications/{application_id}/preview", summary="预览测算结果", response_model=DecisionView)
async def preview(application_id: PathId, desk: WorkerDesk) -> Response:
    """按现行政策测算，不提交；每一条理由和计算步骤都列出来。"""
    held = await own_to_submit(desk.work.transaction, desk.actor, application_id, year_of(desk.work))
    assessed = await judged(desk.work, held, KINDS[Kind(held.row["kind"])])
    return Response(assessed.decision, media_type="application/json")


@router.post("/applications/{application_id}/submit", summary="提交申请", response_model=SubmittedView)
async def submit(application_id: PathId, desk: WorkerBrief) -> Response:
    """提交审核。按政策测算不符合条件的，记为 rejected 并列出每一条理由。需要 If-Match。"""
    return await asked_again(partial(_submit, desk, application_id))


async def _submit(desk: BriefDesk, application_id: UUID) -> Response:
    expected = desk.expected_version()
    asked = to_submit_asked(desk.actor, application_id, year_of(desk.work))
    held = to_submit(await desk.ask(_TO_SUBMIT, **asked))
    commands.expect_version(held.row, expected)
    programme = KINDS[Kind(held.row["kind"])]
    path_of(held.row).step(held.row["state"], Action.SUBMIT)
    missing = set(programme.consents) - held.consented
    if missing:
        raise ConsentsMissing(purposes=",".join(sorted(missing)))
    assessed = await judged(desk.work, held, programme)
    keeping = desk.keeping(
        lambda moved: answer(
            moved_view(moved) | {"decision": orjson.Fragment(assessed.decision)}, version=moved.version
        )
    )
    await commands.submit(desk.work, held.row, assessed, held.submission_no, KeyedStep(keeping, desk.lock))
    return keeping.response


@router.post("/applications/{application_id}/withdraw", summary="撤回申请", response_model=views.MovedView)
async def withdraw(application_id: PathId, desk: WorkerDesk) -> Response:
    """审批结束前可以撤回。需要 If-Match。"""
    moved = await commands.withdraw(desk.work, desk.actor, application_id, desk.expected_version())
    return answer(moved_view(moved), version=moved.version)


@router.get("/applications", summary="我的申请", response_model=ApplicationPage)
async def list_applications(desk: WorkerDesk, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """最新的在前。"""
    after = desk.service.cursors.read("applications", cursor)
    rows = await own_page(desk.work.transaction, desk.actor, limit + 1, after)
    page, following = desk.service.cursors.cut("applications", rows, limit, "created_at")
    return answer({"items": [views.summary(row) for row in page], "next_cursor": following})


@router.get("/applications/{application_id}", summary="查看申请", response_model=views.ApplicationView)
async def read_application(application_id: PathId, desk: WorkerDesk) -> Response:
    """表单、决定和理由、办理过程，以及现在可以做什么。"""
    row = await own(desk.work.transaction, desk.actor, application_id)
    shown = views.detail(row, desk.work, (Permission.OWN,))
    asked = await supplements_of(desk.work.transaction, row)
    shown["supplements"] = [supplement(each, desk.work.keyring) for each in asked]
    if Action.APPEAL in shown["open_actions"] and not _may_appeal(desk.work, row):
        shown["open_actions"].remove(Action.APPEAL)
    return answer(shown, version=row["version"])


async def _draft(desk: Desk, application_id: UUID, programme: Programme, kept: dict[str, Any], status: int) -> Response:
    row = await own(desk.work.transaction, desk.actor, application_id)
    shown = views.detail(row, desk.work, (Permission.OWN,))
    shown["warnings"] = warnings_of(programme.form, kept)
    return answer(shown, status, version=row["version"])


async def _applicant(desk: Desk) -> Applicant:
    """Who applies, and the union that takes it: the household's, else the person's own, else the service centre."""
    transaction = desk.work.transaction
    # Held until the end: of two drafts that are opened at once, the second has to find the first.
    me = await person_locked(transaction, desk.actor.person_id)
    if me["id_number_index"] is None:
        raise IdentityRequired
    household = await living(transaction, desk.actor.person_id)
    if me["organisation_id"] is not None:
        union = await organisation(transaction, me["organisation_id"])
    elif household is not None and household["unit_id"] is not None:
        union = await organisation(transaction, household["unit_id"])
    else:
        union = await for_unattached(transaction)
    return Applicant(
        person_id=me["id"],
        name_masked=me["name_masked"],
        household_id=household["id"] if household and household["state"] in ACTIVE_STATES else None,
        organisation_name=union["name"],
        division_code=union["division_code"],
        city_id=union["city_id"],
        district_id=union["district_id"],
        street_id=union["street_id"],
        unit_id=union["unit_id"],
    )


def _may_appeal(work: Work, row: Record) -> bool:
    steps = [
        (each["action"], each["from_state"], datetime.fromisoformat(each["created_at"])) for each in row["timeline"]
    ]
    days = work.policies.in_force(ACCOUNTABILITY, AccountabilityPolicy, work.today).appeal_window_working_days
    return may_appeal(steps, work.calendar, days, work.today)


def year_of(work: Work) -> datetime:
    """Since when grants count: the year's first instant."""
    return datetime(work.today.year, 1, 1, tzinfo=SHANGHAI)


async def judged(work: Work, held: ToSubmit, programme: Programme) -> commands.Assessed:
    """What the rules say of a whole form. Raises Invalid, NoPolicyInForce."""
    row = held.row
    form = read_whole(programme.form, work.keyring.open_document(FORM, row["id"], row["form"]))
    return await programme.assess(work, Filing(held.applicant, row["id"], form, held.household, held.granted))


def moved_view(moved: Moved) -> dict[str, Any]:
    """The application after a step, as it is answered."""
    return {"id": str(moved.id), "state": State(moved.state), "version": moved.version}
