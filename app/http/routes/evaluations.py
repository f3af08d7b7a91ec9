"""Third-party evaluations (第三方评估): announced and drawn by auditors, scored blind by two evaluators, closed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.http.door import PREFIX, Desk, Door, answer, staff
from app.http.inputs import Cursor, In, Limit, PathId
from app.http.uploads import Attachment, downloaded
from app.http.views import evaluations as views
from app.kernel.actor import Permission
from app.policy.fields import Code, Id, IsoDate, LongText, ShortText
from app.supervision.evaluations import commands, queries
from app.supervision.evaluations.rules import MOST_CASES, MOST_DAYS, Verdict

router = APIRouter(prefix=f"{PREFIX}/staff/evaluations", tags=["第三方评估"], route_class=Door)
Reader = Annotated[Desk, staff(Permission.SUPERVISE, Permission.EVALUATE)]
RecordedReader = Annotated[Desk, staff(Permission.SUPERVISE, Permission.EVALUATE, recorded=True)]
Auditor = Annotated[Desk, staff(Permission.SUPERVISE)]
Evaluator = Annotated[Desk, staff(Permission.EVALUATE)]
RecordedEvaluator = Annotated[Desk, staff(Permission.EVALUATE, recorded=True)]
Size = Annotated[int, Field(ge=0, le=MOST_CASES)]
WHEN_DUE: dict[int | str, dict[str, Any]] = {status: said for status, said in downloaded().items() if status == 409}
"""What is shown at its time alone."""


class EvaluationSizes(In):
    """每层抽多少份；不足的全取。"""

    never_archived: Size
    not_lifted: Size
    lifted: Size
    cancelled: Size


class EvaluationRequest(In):
    organisation_code: Annotated[Code, Field(description="评估哪个工会及其下级的档案")]
    title: ShortText
    basis: Annotated[LongText, Field(description="依据：文件或委托合同")]
    first_day: IsoDate
    last_day: Annotated[IsoDate, Field(description=f"含首尾最多 {MOST_DAYS} 天")]
    sizes: EvaluationSizes
    first_evaluator_id: Annotated[Id, Field(description="从 /staff/evaluations/evaluators 中选")]
    second_evaluator_id: Annotated[Id, Field(description="与前一位不是同一个人")]


class ScoreRequest(In):
    verdict: Annotated[Verdict, Field(description=views.VERDICT)]
    reasons: Annotated[LongText, Field(description="理由；封存")]


@router.get("", summary="第三方评估", response_model=views.EvaluationPage)
async def list_evaluations(desk: Reader, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """审计员看到本工会和下级工会的；评估人只看到自己参加的，在评估期间或结束之后。新的在前。"""
    after, work = desk.service.cursors.read("evaluations", cursor), desk.work
    rows = await queries.evaluations(work.transaction, desk.actor, work.today, limit + 1, after)
    page, following = desk.service.cursors.cut("evaluations", rows, limit, "created_at")
    return answer({"items": [views.evaluation(row) for row in page], "next_cursor": following})


@router.post("", status_code=201, summary="登记评估", response_model=views.EvaluationDetail)
async def announce_evaluation(body: EvaluationRequest, desk: Auditor) -> Response:
    """系统这时产生种子并封存，只公布它的校验码；一个工会一段期间只登记一次，登记了不能删除。"""
    wanted = commands.Wanted(**body.model_dump())
    return await _detail(desk, await commands.announce(desk.work, desk.actor, wanted), 201)


@router.get("/evaluators", summary="可选的评估人", response_model=views.EvaluatorList)
async def list_evaluators(
    desk: Auditor, organisation_code: Annotated[Code, Query(description="评估哪个工会")]
) -> Response:
    """在市总工会担任第三方评估人、没有其他岗位、已实名认证的人。"""
    union = await commands.audited(desk.work, desk.actor, organisation_code)
    found = await queries.evaluators_of(desk.work.transaction, union["id"], desk.work.today)
    return answer({"items": [{"id": str(who), "name_masked": name} for who, name in found.items()]})


@router.get("/{evaluation_id}", summary="查看评估", response_model=views.EvaluationDetail)
async def read_evaluation(evaluation_id: PathId, desk: Reader) -> Response:
    """种子、名单校验码、抽法、各层；审计员看到评了多少，结束之后都看到结果。"""
    return await _detail(desk, evaluation_id)


@router.post("/{evaluation_id}/draw", summary="抽取评估档案", response_model=views.EvaluationDetail)
async def draw_evaluation(evaluation_id: PathId, desk: Auditor) -> Response:
    """冻结名单，公布种子，按公布的抽法抽取，通知两位评估人。此后档案再有变化，名单和个案都不变。需要 If-Match。"""
    await commands.draw_cases(desk.work, desk.actor, evaluation_id, desk.expected_version())
    return await _detail(desk, evaluation_id)


@router.post("/{evaluation_id}/close", summary="结束评估", response_model=views.EvaluationDetail)
async def close_evaluation(evaluation_id: PathId, desk: Auditor) -> Response:
    """两位评估人都评完，或者评估期间过后。结果随即算出，不能再变。需要 If-Match。"""
    await commands.close(desk.work, desk.actor, evaluation_id, desk.expected_version())
    return await _detail(desk, evaluation_id)


async def _detail(desk: Desk, evaluation_id: PathId, status: int = 200) -> Response:
    work = desk.work
    row = await queries.evaluation(work.transaction, desk.actor, work.today, evaluation_id)
    audits = desk.actor.may(Permission.SUPERVISE)
    progress = await queries.progress_of(work.transaction, row["id"]) if audits else None
    return answer(views.detail(row, progress), status, version=row["version"])


@router.get(
    "/{evaluation_id}/population",
    status_code=200,
    summary="下载评估的名单",
    response_class=Attachment,
    responses=downloaded("text/csv"),
)
async def read_evaluation_population(evaluation_id: PathId, desk: RecordedReader) -> Response:
    """CSV，没有个人信息。用 tools/redraw_evaluation.py 可以离线重抽，结果与系统一致；每次下载都有记录。"""
    work = desk.work
    row = await queries.evaluation(work.transaction, desk.actor, work.today, evaluation_id)
    content = await queries.population_of(work.transaction, row["id"])
    if content is None:
        raise commands.EvaluationNotDrawn
    await commands.population_taken(work, desk.actor, row)
    return Attachment(content, "text/csv", f"evaluation-{row['id']}.csv")


@router.get("/{evaluation_id}/cases", summary="评估个案", response_model=views.EvaluationCasePage, responses=WHEN_DUE)
async def list_evaluation_cases(
    evaluation_id: PathId, desk: Reader, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """按抽取的先后。结束之后，评估人不再看到个案。"""
    after, work = desk.service.cursors.read("evaluation_cases", cursor), desk.work
    row = await queries.evaluation(work.transaction, desk.actor, work.today, evaluation_id)
    scores = desk.actor.may(Permission.EVALUATE)
    if scores and row["state"] == "closed":
        raise commands.EvaluationClosed
    rows = await queries.cases(work.transaction, desk.actor, row["id"], limit + 1, after)
    page, following = desk.service.cursors.cut("evaluation_cases", rows, limit, "created_at")
    return answer({"items": [views.case(each, scores=scores) for each in page], "next_cursor": following})


@router.get(
    "/{evaluation_id}/cases/{case_id}",
    summary="查看评估个案",
    response_model=views.EvaluationCaseDetail,
    responses=WHEN_DUE,
)
async def read_evaluation_case(evaluation_id: PathId, case_id: PathId, desk: RecordedEvaluator) -> Response:
    """抽取时的档案，不说是谁。每次查看都有记录，本人可以看到。"""
    await commands.look_at(desk.work, desk.actor, evaluation_id, case_id)
    return await _case(desk, evaluation_id, case_id)


@router.post("/{evaluation_id}/cases/{case_id}/scores", summary="评分", response_model=views.EvaluationCaseDetail)
async def score_case(evaluation_id: PathId, case_id: PathId, body: ScoreRequest, desk: Evaluator) -> Response:
    """识别对不对，为什么。两人各自评分，都评完之前互相看不到；在那之前可以改，以前的保留。需要 If-Match。"""
    expected = desk.expected_version()
    await commands.score(desk.work, desk.actor, evaluation_id, case_id, expected, body.verdict, body.reasons)
    return await _case(desk, evaluation_id, case_id)


async def _case(desk: Desk, evaluation_id: PathId, case_id: PathId) -> Response:
    transaction, actor = desk.work.transaction, desk.actor
    row = await queries.case(transaction, actor, evaluation_id, case_id)
    said = await queries.scores_of(transaction, case_id)
    return answer(views.case_detail(row, said, actor.person_id, desk.work.keyring), version=row["revisions"] + 1)


@router.get(
    "/{evaluation_id}/disagreements",
    summary="结论不同的个案",
    response_model=views.DisagreementList,
    responses=WHEN_DUE,
)
async def list_disagreements(evaluation_id: PathId, desk: Auditor) -> Response:
    """结束之后：两位评估人都评了、结论不同的，按档案编号核查。"""
    work = desk.work
    row = await queries.evaluation(work.transaction, desk.actor, work.today, evaluation_id)
    if row["state"] != "closed":
        raise commands.EvaluationUnderway
    pairs = await queries.pairs_of(work.transaction, row)
    apart = [pair for pair in pairs if pair[0]["verdict"] != pair[1]["verdict"]]
    return answer({"items": [views.disagreement(*pair, work.keyring) for pair in apart]})
