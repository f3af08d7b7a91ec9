"""Who is told of an article: its reviewers, its writer, and whoever may have to withdraw it. Never whom it shows."""

from typing import Final
from uuid import UUID

from app.articles.path import OUT, ArticleAction
from app.articles.queries import by_id, steps_of
from app.db.transaction import Record
from app.db.work import Work
from app.jobs.telling.queries import holders
from app.jobs.telling.wording import Said
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.kernel.business_time import business_date
from app.messaging.commands import Told, tell

_TO_REVIEW: Final = Said("有文章等您审核", "一篇公众号文章已经提交，请核对内容、图片和本人同意后审核。")
_STOPPED: Final = Said(
    "文章停止发布", "微信的内容检查认为文章中的图片有风险。文章没有发布，回到审核，安排的发布时间作废；请退回修改。"
)
_FOUND_RISKY: Final = Said(
    "文章图片有风险", "微信的内容检查认为文章中的图片有风险，文章却正在发布或者已经发布。请马上查看，决定是否撤回。"
)
_TO_WITHDRAW: Final = Said("文章需要撤回", "文章中的人撤回了公开宣传的同意，请尽快撤回这篇文章。")
_OF_WRITER: Final = {
    ("return", "returned"): Said("文章被退回", "您的公众号文章被退回，原因见文章的办理记录；修改后请重新提交。"),
    ("approve", "approved"): Said("文章审核通过", "您的公众号文章已经审核通过，可以安排发布。"),
    ("finish", "published"): Said("文章已经发布", "您的公众号文章已经发布。"),
    ("fail", "failed"): Said("文章没有发布成功", "您的公众号文章没有发布成功，原因见文章页；可以重新安排。"),
    ("lose", "unknown"): Said("文章是否发布尚不清楚", "微信没有答复，系统正在查询；查清之前不会重复发布。"),
}


async def tell_of_article(work: Work, fact: dict[str, str]) -> None:
    """The reviewers hear of what waits for them, the writer of how it went, and who approved it when it is stopped."""
    row = await by_id(work.transaction, UUID(fact["article_id"]))
    if row is None:
        return
    people, said = [row["author_id"]], _OF_WRITER.get((fact["action"], fact["to_state"]))
    if fact["to_state"] == "in_review":
        reviewers = await _holders(work, row, Permission.REVIEW_ARTICLES)
        if fact["action"] == ArticleAction.STOP:
            people, said = [row["author_id"], *await _approved_by(work, row), *reviewers], _STOPPED
        else:
            people, said = [each for each in reviewers if each != row["author_id"]], _TO_REVIEW
    if said is not None:
        once = f"article:{row['id']}:{fact['action']}:{fact['version']}"
        told = [Told(each, once, "article", *said, "article", row["id"]) for each in dict.fromkeys(people)]
        await tell(work, told)


async def tell_found_risky(work: Work, fact: dict[str, str]) -> None:
    """Everybody who may withdraw it, at once; nobody where it was withdrawn or stopped meanwhile."""
    row = await by_id(work.transaction, UUID(fact["article_id"]))
    if row is None or row["state"] not in OUT:
        return
    once = f"article:{row['id']}:risky:{fact['file_id']}:{fact['revision']}"
    people = await _holders(work, row, Permission.WITHDRAW_ARTICLES)
    await tell(work, [Told(each, once, "article", *_FOUND_RISKY, "article", row["id"]) for each in people])


async def tell_to_withdraw(work: Work, fact: dict[str, str]) -> None:
    """Everybody who may withdraw it, at once."""
    row = await by_id(work.transaction, UUID(fact["article_id"]))
    if row is None or row["state"] != "published":
        return
    once = f"article:{row['id']}:to_withdraw:{business_date(work.now)}"
    people = await _holders(work, row, Permission.WITHDRAW_ARTICLES)
    await tell(work, [Told(each, once, "article", *_TO_WITHDRAW, "article", row["id"]) for each in people])


async def _approved_by(work: Work, row: Record) -> list[UUID]:
    """Whoever approved it last."""
    steps = await steps_of(work.transaction, row["id"])
    return [each["person_id"] for each in steps if each["action"] == ArticleAction.APPROVE][-1:]


async def _holders(work: Work, row: Record, permission: Permission) -> list[UUID]:
    roles: list[Role] = [role for role, held in PERMISSIONS.items() if permission in held]
    unions = [row[name] for name in ("city_id", "district_id", "street_id", "unit_id") if row[name] is not None]
    found = [await holders(work.transaction, union, roles, work.today) for union in unions]
    return list(dict.fromkeys(each for some in found for each in some))
