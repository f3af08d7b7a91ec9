"""What becomes of a payment that the bank refused or sent back: paid again once it is put right, or written off."""

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, literal_column, update

from app.applications.commands import HouseholdChangePending
from app.applications.path import LINE, Action, path_of
from app.applications.steps import Moved, take
from app.change_requests.queries import is_held, lock_payments
from app.db.statements import statement
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, Recused, StaleVersion
from app.payments.commands import away_from, known, payee_of, post_at
from app.payments.queries import L, applications, batch, line_locked, standing
from app.payments.rules import AppealOpen, CardMissing, InAnotherBatch, why_out
from app.workflow.path import NotAllowedNow, check_words

ACTIONS: Final = (Action.REISSUE, Action.WRITE_OFF)
_WRITTEN_OFF = statement(
    update(L)
    .where(L.c.id == bindparam("row_id"))
    .values(state="written_off", version=L.c.version + literal_column("1"))
)


class CardNotCorrected(Conflict):
    """银行卡还没有更正，或更正后的银行卡还没有核验，不能重新发放。"""


class NotReissued(Conflict):
    """按退回码的规定这笔款项不再发放，只能核销。"""


async def act(
    work: Work, actor: Actor, batch_id: UUID, line_id: UUID, expected: int, action: str, note: str | None
) -> Moved:
    """Let it be paid again, in another batch that names this line; or end it.

    Raises PaymentBatchNotFound, LineNotFound, StaleVersion, NotAllowedNow, NotAllowed, Recused, IdentityRequired,
    Invalid, HouseholdChangePending, CardMissing, AppealOpen, InAnotherBatch, CardNotCorrected, NotReissued.
    """
    held = await batch(work.transaction, actor, batch_id)
    line = await line_locked(work.transaction, batch_id, line_id)
    if line["version"] != expected:
        raise StaleVersion(version=line["version"])
    found = await applications(work.transaction, [line["application_id"]])
    row = found.get(line["application_id"])
    if row is None or line["state"] not in ("failed", "returned"):
        raise NotAllowedNow(state=line["state"])
    await lock_payments(work.transaction, *payee_of(row))
    row = (await applications(work.transaction, [row["id"]], locked=True))[row["id"]]
    stands = (await standing(work.transaction, [row["id"]]))[row["id"]]
    step = path_of(row).step(row["state"], action)
    if step.carries != LINE or row["round"] != line["round"] or stands["reissue_of"] != line_id:
        raise NotAllowedNow(state=row["state"])
    post = post_at(actor, step.by, held, [row["kind"]])
    await known(work, actor)
    if not away_from(actor, post).isdisjoint(payee_of(row)):
        raise Recused
    check_words(step, note, None, ())
    if action == Action.REISSUE:
        await _put_right(work, line["remedy"], line["card_id"], stands, payee_of(row))
    else:
        await work.transaction.run(_WRITTEN_OFF, row_id=line_id)
    return await take(
        work, row, step, person_id=actor.person_id, post_role=post.role.value, organisation_name=post.place.name,
        note=note, on_behalf_of=post.lent.by if post.lent else None, said_of=post.lent.said if post.lent else None,
        details={"batch": str(batch_id), "line": str(line_id)},
    )  # fmt: skip


async def _put_right(work: Work, remedy: str, card_id: UUID, stands: object, payee: tuple[UUID, UUID | None]) -> None:
    """What the return code asked for has been done."""
    if remedy == "write_off":
        raise NotReissued
    if await is_held(work.transaction, *payee):
        raise HouseholdChangePending
    why = why_out(stands)  # type: ignore[arg-type]
    if isinstance(why, CardMissing | AppealOpen | InAnotherBatch):
        raise why
    if why is not None or (remedy == "fix_card" and stands["card_id"] == card_id):  # type: ignore[index]
        raise CardNotCorrected
