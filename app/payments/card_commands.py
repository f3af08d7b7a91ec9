"""Checking that a card is its holder's before anything is paid to it: one of finance enters it, another confirms it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import any_, bindparam, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.audit.commands import Entry, record_many
from app.db.statements import statement
from app.db.work import Work
from app.kernel.actor import Actor
from app.kernel.errors import Conflict, NotAllowed, NotFound
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.payments.commands import TIERS, known
from app.payments.events import CardChecked
from app.payments.queries import C, cards_to_check, checks_locked

_COLUMNS = (
    "id created_at card_id person_id city_id district_id street_id unit_id method outcome state entered_by".split()
)
_ENTER = statement(
    insert(C).values({c: bindparam(c, type_=C.c[c].type) for c in _COLUMNS}).on_conflict_do_nothing().returning(C.c.id)
)
_DECIDE = statement(
    update(C)
    .where(C.c.id == any_(bindparam("ids", type_=ARRAY(C.c.id.type))))
    .values({c: bindparam(c, type_=C.c[c].type) for c in ("state", "decided_at", "decided_by")})
)
DECISIONS: Final[Mapping[str, str]] = {"confirm": "confirmed", "refuse": "refused"}


class CardNotFound(NotFound):
    """没有找到这张待核验的银行卡；已经核验过的、更换了的不再列出。"""


class CheckEntered(Conflict):
    """这张银行卡已经登记了核验结果，正在等另一人确认。"""


class CheckNotFound(NotFound):
    """没有找到这项核验登记。"""


class CheckDecided(Conflict):
    """这项核验登记已经处理过。"""


class OwnCheck(NotAllowed):
    """核验结果由您登记，或与您有关，必须由另一个人确认。"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a bank says of a card."""

    card_id: UUID
    outcome: str


async def enter(work: Work, actor: Actor, method: str, results: Sequence[Result]) -> list[UUID]:
    """Enter what a bank says of these cards, all or none. Answers the ids, in their order.

    Raises IdentityRequired, CardNotFound, CheckEntered, OwnCheck.
    """
    await known(work, actor)
    ids = [each.card_id for each in results]
    found = {card["card_id"]: card for card in await cards_to_check(work.transaction, 10_000, ids=ids)}
    if missing := [each for each in ids if each not in found]:
        raise CardNotFound(card_id=str(missing[0]))
    entered = list[UUID]()
    for each in results:
        card, check_id = found[each.card_id], new_id()
        try:
            kept = await work.transaction.value(
                _ENTER, id=check_id, created_at=work.now, card_id=each.card_id, person_id=card["person_id"],
                method=method, outcome=each.outcome, state="entered", entered_by=actor.person_id,
                **{tier: card[tier] for tier in TIERS},
            )  # fmt: skip
        except asyncpg.CheckViolationError as refused:
            raise _own(refused) from refused
        if kept is None:
            raise CheckEntered(card_id=str(each.card_id))
        entered.append(check_id)
    said = ((found[each.card_id]["person_id"], each.outcome) for each in results)
    await record_many(
        work,
        [
            Entry(actor.person_id, "card_check.entered", "card_check", check_id, person_id, {"outcome": outcome})
            for check_id, (person_id, outcome) in zip(entered, said, strict=True)
        ],
    )
    return entered


async def decide(work: Work, actor: Actor, check_ids: Sequence[UUID], action: str) -> int:
    """A second person confirms, or refuses, what was entered: all of it or none. Answers how many.

    Raises IdentityRequired, CheckNotFound, CheckDecided, OwnCheck.
    """
    await known(work, actor)
    checks = await checks_locked(work.transaction, check_ids)
    if len(checks) < len(check_ids):
        raise CheckNotFound
    if any(check["state"] != "entered" for check in checks):
        raise CheckDecided
    if any(actor.person_id in (check["entered_by"], check["person_id"]) for check in checks):
        raise OwnCheck
    try:
        await work.transaction.run(
            _DECIDE, ids=list(check_ids), state=DECISIONS[action], decided_at=work.now, decided_by=actor.person_id
        )
    except asyncpg.CheckViolationError as refused:
        raise _own(refused) from refused
    by, done = actor.person_id, f"card_check.{DECISIONS[action]}"
    await record_many(work, [Entry(by, done, "card_check", each["id"], each["person_id"]) for each in checks])
    if action == "confirm":
        for each in checks:
            await emit(work, CardChecked(each["id"], each["person_id"], each["outcome"]))
    return len(checks)


def _own(refused: asyncpg.CheckViolationError) -> Exception:
    return OwnCheck() if refused.constraint_name in ("ck_passage_apart", "ck_card_check_two") else refused
