"""What the file itself has to show before some steps (the names stand in the rows of the path)."""

from app.db.transaction import Record
from app.db.work import Work
from app.households.queries import FORM
from app.households.register import register_gaps
from app.kernel.errors import Conflict


class RegisterIncomplete(Conflict):
    """登记表还有必填项没有填写，请补齐后再上报。"""


class RetiredUnderSocialManagement(Conflict):
    """户主已实行社会化管理退休，原则上不纳入建档范围，不能继续办理；请按这一原因不予通过。"""


class NotClassified(Conflict):
    """还没有确定困难类别和档案级别，请先确定。"""


async def register_complete(work: Work, row: Record) -> None:
    """Every field that the statutory form stars is filled in. Raises RegisterIncomplete, naming each that is not."""
    gaps = register_gaps(work.keyring.open_document(FORM, row["id"], row["form"]))
    if gaps:
        raise RegisterIncomplete(*gaps)


async def not_excluded(work: Work, row: Record) -> None:
    """Nobody may pass over this one. Raises RetiredUnderSocialManagement."""
    form = work.keyring.open_document(FORM, row["id"], row["form"])
    if form.get("retired_under_social_management"):
        raise RetiredUnderSocialManagement


async def classified(work: Work, row: Record) -> None:
    """Raises NotClassified."""
    if row["category"] is None or row["archive_level"] is None:
        raise NotClassified
