"""Articles for the official account: written, reviewed by another person, sent out, withdrawn."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

import app.articles as articles
from app.articles import commands, progress
from app.articles.commands import Act, content_of
from app.articles.content import Content, Kind, pictures_of
from app.articles.gate import faults
from app.articles.html import rendered
from app.articles.path import PATH, ArticleAction, ArticleState
from app.articles.queries import article, consenting, people_of, previews_of, progress_figures, revision_of, steps_of
from app.articles.queries import articles as listed
from app.db.scope import permissions_over
from app.db.transaction import Record, Sight
from app.files.commands import Kept, keep
from app.http.door import PREFIX, Desk, Door, Entrance, answer, entrance, service_of, staff
from app.http.inputs import Cursor, Flag, In, Limit, PathId
from app.http.service import clock
from app.http.views import articles as views
from app.kernel.actor import Permission
from app.kernel.business_time import SHANGHAI
from app.kernel.ids import new_id
from app.people.consents import Purpose, consent_texts
from app.policy.fields import Code, IdNumber, Instant, LongText
from app.programmes import KINDS

router = APIRouter(prefix=f"{PREFIX}/staff/articles", tags=["宣传文章"], route_class=Door)
CHART: Final = Path(articles.__file__).with_name("chart.typ")
ReadingDesk = Annotated[Desk, staff(Permission.READ_ARTICLES)]
WritingDesk = Annotated[Desk, staff(Permission.WRITE_ARTICLES)]
ActingDesk = Annotated[Desk, staff(Permission.WRITE_ARTICLES, Permission.REVIEW_ARTICLES, Permission.WITHDRAW_ARTICLES)]
KindOf = Annotated[Kind, Field(description=views.KINDS_TOLD)]


class NewArticle(In):
    kind: KindOf
    content: Content


class ProgressRequest(In):
    year: Annotated[int, Field(ge=2016, le=2100)]
    target: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="全年脱困目标（户），按当年的工作计划填写；没有的不填"
    )


class ArticleEdit(In):
    content: Content


class NewPerson(In):
    id_number: IdNumber = Field(description="本人的证件号码；本人须已在小程序中同意公开宣传")


class PreviewRequest(In):
    openid: Annotated[Code, Field(description="这位关注者在公众号的 openid")]


class ArticleAct(In):
    action: Annotated[
        Literal["submit", "take_back", "approve", "return", "schedule", "unschedule", "revise", "withdraw"],
        Field(
            description="submit 提交审核 · take_back 收回 · approve 通过 · return 退回 · schedule 安排发布 · "
            "unschedule 取消安排 · revise 重新修改 · withdraw 撤回已发布的文章"
        ),
    ]
    note: LongText | None = Field(default=None, description="退回和撤回必填")
    way: views.Way | None = Field(default=None, description="安排发布时必填")
    tag_id: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = Field(
        default=None, description="群发给公众号的哪个标签；不填的发给全部关注者"
    )
    publish_at: Instant | None = Field(default=None, description="什么时候发布；不填的马上发布")


@router.get("", summary="宣传文章", response_model=views.ArticlePage)
async def list_articles(
    desk: ReadingDesk,
    kind: Annotated[Kind | None, Query(description=views.KINDS_TOLD)] = None,
    state: Annotated[ArticleState | None, Query(description="只看一种状态")] = None,
    to_withdraw: Annotated[Flag, Query(description="只看已被要求撤回的")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """本工会的宣传文章，新的在前。"""
    after = desk.service.cursors.read("articles", cursor)
    wanted = {name: str(value) for name, value in (("kind", kind), ("state", state)) if value is not None}
    rows = await listed(desk.work.transaction, desk.actor, wanted, limit + 1, after, to_withdraw=to_withdraw)
    page, following = desk.service.cursors.cut("articles", rows, limit, "created_at")
    return answer({"items": [views.summary(row, desk.work.keyring) for row in page], "next_cursor": following})


@router.post("", status_code=201, summary="起草文章", response_model=views.ArticleView)
async def create_article(body: NewArticle, desk: WritingDesk) -> Response:
    """图片先用上传材料接口上传。写到的人、图片上的人，起草后再逐个添加。"""
    row = await commands.create(desk.work, desk.actor, body.kind, body.content)
    return await _whole(desk, row, 201)


@router.post("/progress", status_code=201, summary="按实时数据起草进展文章", response_model=views.ArticleView)
async def draft_progress(
    body: ProgressRequest, came: Annotated[Entrance, entrance(Permission.WRITE_ARTICLES)]
) -> Response:
    """脱困户数和目标、帮扶人数、各类帮扶资金，连同一张图。人数很少的不写。只是草稿，修改后照常审核。"""
    service, now = service_of(came.request), clock()
    post = came.actor.posts_with(Permission.WRITE_ARTICLES)[0]
    begins, ends = (datetime(year, 1, 1, tzinfo=SHANGHAI) for year in (body.year, body.year + 1))
    async with service.database.glance(came.sight) as transaction:
        rows = await progress_figures(transaction, post.place.id, begins, min(ends, now))
    names = {kind.value: KINDS[kind].name for kind in KINDS}
    found = progress.of_rows(rows, names, post.place.name, body.year, now, body.target)
    # Drawn and kept before the transaction, which waits for neither.
    picture = await service.press.png(CHART, {"svg": progress.chart(found)}, now)
    file = Kept(new_id(), hashlib.sha256(picture).digest(), "image/png", len(picture), "other")
    await service.files.put(file.id, picture)
    desk = await came.desk()
    async with desk.work.transaction.seen_by(Sight("worker", desk.actor.person_id)):  # as what one uploads oneself
        await keep(desk.work, desk.actor.person_id, file, scanned=False)
    row = await commands.create(desk.work, desk.actor, "progress", progress.draft(found, file.id))
    return await _whole(desk, row, 201)


@router.get("/{article_id}", summary="查看文章", response_model=views.ArticleView)
async def read_article(article_id: PathId, desk: ReadingDesk) -> Response:
    """内容、人物、平台检查、发布情况和全部办理记录。"""
    return await _whole(desk, await article(desk.work.transaction, desk.actor, article_id))


@router.put("/{article_id}", summary="修改文章", response_model=views.ArticleView)
async def write_article(article_id: PathId, body: ArticleEdit, desk: WritingDesk) -> Response:
    """整篇保存为新的一版，以前的各版保留。只有草稿和退回的可以修改。需要 If-Match。"""
    row = await commands.write(desk.work, desk.actor, article_id, desk.expected_version(), body.content)
    return await _whole(desk, row)


@router.get("/{article_id}/preview", summary="预览文章", response_model=views.ArticlePreview)
async def preview_article(article_id: PathId, desk: ReadingDesk) -> Response:
    """排版后的样子，以及提交审核前还要改的地方（个人信息、本人同意、图片）。"""
    row = await article(desk.work.transaction, desk.actor, article_id)
    content = content_of(desk.work, await revision_of(desk.work.transaction, row))
    people = await _people(desk, row)
    agreed = frozenset(each["person_id"] for each, consents in people if consents)
    wrong = await faults(desk.work, content, [each for each, _ in people], agreed)
    addresses = {file_id: f"{PREFIX}/files/{file_id}" for _, file_id, _, _ in pictures_of(content)}
    shown = {name: getattr(content, name) for name in ("title", "signed", "digest")}
    return answer(shown | {"html": rendered(content, addresses), "found": wrong})


@router.post("/{article_id}/previews", status_code=201, summary="发送预览", response_model=views.ArticleView)
async def ask_preview(article_id: PathId, body: PreviewRequest, desk: WritingDesk) -> Response:
    """在群发之前发给公众号的一位关注者看。先要没有个人信息等问题；由系统发送，结果见 previews。平台每天最多一百次。"""
    await commands.ask_preview(desk.work, desk.actor, article_id, body.openid)
    return await _whole(desk, await article(desk.work.transaction, desk.actor, article_id), 201)


@router.post("/{article_id}/people", status_code=201, summary="添加文章人物", response_model=views.ArticleView)
async def add_person(article_id: PathId, body: NewPerson, desk: WritingDesk) -> Response:
    """写到名字、图片上认得出的人都要添加，并且本人现在同意公开宣传。需要 If-Match。"""
    row = await commands.add_person(desk.work, desk.actor, article_id, desk.expected_version(), body.id_number)
    return await _whole(desk, row, 201)


@router.delete("/{article_id}/people/{shown_id}", summary="去掉文章人物", response_model=views.ArticleView)
async def remove_person(article_id: PathId, shown_id: PathId, desk: WritingDesk) -> Response:
    """文字和图片里也要去掉这个人。需要 If-Match。"""
    row = await commands.remove_person(desk.work, desk.actor, article_id, desk.expected_version(), shown_id)
    return await _whole(desk, row)


@router.post("/{article_id}/actions", summary="办理文章", response_model=views.ArticleMoved)
async def act_on_article(article_id: PathId, body: ArticleAct, desk: ActingDesk) -> Response:
    """提交、审核、安排发布、撤回。审核的人不能写过这篇文章。撤回后公开页面马上不再显示，公众平台上的由系统删除。

    需要 If-Match。
    """
    wish = Act(**body.model_dump())
    if wish.action == ArticleAction.SCHEDULE and desk.service.wechat_accounts.official is None:
        raise commands.NoOfficialAccount
    row = await commands.act(desk.work, desk.actor, article_id, desk.expected_version(), wish)
    return answer(views.moved(row), version=row["version"])


async def _whole(desk: Desk, row: Record, status: int = 200) -> Response:
    work = desk.work
    content = content_of(work, await revision_of(work.transaction, row))
    shown = views.whole(
        row,
        work.keyring,
        content,
        await _people(desk, row),
        await steps_of(work.transaction, row["id"]),
        await previews_of(work.transaction, row["id"]),
        mine=row["author_id"] == desk.actor.person_id,
        open_actions=PATH.open_to(row["state"], permissions_over(desk.actor, row)),
    )
    return answer(shown, status, version=row["version"])


async def _people(desk: Desk, row: Record) -> list[tuple[Record, bool]]:
    """Whom it shows, and whether each consents now."""
    people = await people_of(desk.work.transaction, row["id"])
    sha256 = consent_texts()[Purpose.PUBLICITY].sha256
    found = await consenting(desk.work.transaction, [each["number_index"] for each in people], sha256)
    return [(each, each["number_index"] in found) for each in people]
