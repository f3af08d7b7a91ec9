"""The card that aid is paid to: the first counts at once, another one waits for a second person."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record
from app.db.statements import statement
from app.db.work import Work
from app.kernel.errors import Conflict, FieldError, IdentityRequired, Invalid
from app.kernel.identifiers import InvalidIdentifier, bank_card
from app.kernel.ids import new_id
from app.kernel.masking import mask_card
from app.messaging.outbox import emit
from app.people.commands import NAME
from app.people.events import CardChanged
from app.people.queries import CARD, bank_cards, person_locked

HOLDER, CARD_NUMBER = "bank_card.holder", "bank_card.number"
_CARD_COLUMNS = "id created_at person_id holder number number_index number_masked bank_name branch state".split()
_INSERT_CARD = statement(
    insert(CARD)
    .values({c: bindparam(c, type_=CARD.c[c].type) for c in _CARD_COLUMNS})
    .on_conflict_do_nothing()
    .returning(CARD.c.id)
)
_TURN_CARD = statement(
    update(CARD)
    .where(CARD.c.person_id == bindparam("owner"), CARD.c.state == bindparam("before", type_=CARD.c.state.type))
    .values(state=bindparam("after", type_=CARD.c.state.type))
)
_PENDING_CARD = statement(
    select(CARD.c.number_masked).where(CARD.c.person_id == bindparam("person_id"), CARD.c.state == "pending")
)
_CURRENT_CARD = statement(
    select(CARD.c.id, CARD.c.number_index).where(CARD.c.person_id == bindparam("person_id"), CARD.c.state == "current")
)


class ChangePending(Conflict):
    """您已有一项银行卡变更正在等待工会核对。"""


class BankCardGone(Conflict):
    """等待核对的银行卡已不存在，请让本人重新提交。"""


async def set_bank_card(
    work: Work,
    person_id: UUID,
    holder: str,
    number: str,
    bank_name: str,
    branch: str | None,
    *,
    by: UUID | None = None,
) -> str:
    """Record the card that aid is paid to; answers its state. `by`: whoever does so for them.

    The first is current at once; a change waits for a second person (`pending`), since whoever holds the
    phone could otherwise redirect the money. Raises Invalid, IdentityRequired, ChangePending.
    """
    row = await person_locked(work.transaction, person_id)
    if row["name"] is None:
        raise IdentityRequired
    digits = _valid_card(number)
    if holder != work.keyring.open_text(NAME, person_id, row["name"]):
        raise Invalid(FieldError("/holder", "holder_differs", "持卡人必须是您本人，与实名信息一致。"))
    index = work.keyring.blind_index(CARD_NUMBER, digits)
    current = await work.transaction.row(_CURRENT_CARD, person_id=person_id)
    if current is not None and current["number_index"] == index:
        return "current"
    state = "current" if current is None else "pending"
    await _keep_card(work, person_id, holder, digits, bank_name, branch, state)
    await record(
        work,
        person_id=by or person_id,
        action=f"person.bank_card_{state}",
        subject_kind="person",
        subject_id=person_id,
        subject_person_id=person_id,
    )
    return state


async def set_first_card(work: Work, person_id: UUID, card: Mapping[str, Any], by: UUID) -> None:
    """The card that somebody wrote down for a person, if they have none: a change goes another way. With a `holder`, it
    has to be theirs."""
    me = await person_locked(work.transaction, person_id)
    if await bank_cards(work.transaction, person_id):
        return
    name = work.keyring.open_text(NAME, person_id, me["name"])
    if card.get("holder", name) == name:
        await set_bank_card(work, person_id, name, card["number"], card["bank_name"], card.get("branch"), by=by)


async def propose_bank_card(
    work: Work, person_id: UUID, holder: str, number: str, bank_name: str, branch: str | None
) -> None:
    """Staff record another card for somebody, to wait for a second person. Raises Invalid, ChangePending."""
    await _keep_card(work, person_id, holder, _valid_card(number), bank_name, branch, "pending")


async def _keep_card(
    work: Work, person_id: UUID, holder: str, digits: str, bank_name: str, branch: str | None, state: str
) -> None:
    card_id = new_id()
    kept = await work.transaction.value(
        _INSERT_CARD,
        id=card_id,
        created_at=work.now,
        person_id=person_id,
        holder=work.keyring.seal_text(HOLDER, card_id, holder),
        number=work.keyring.seal_text(CARD_NUMBER, card_id, digits),
        number_index=work.keyring.blind_index(CARD_NUMBER, digits),
        number_masked=mask_card(digits),
        bank_name=bank_name,
        branch=branch,
        state=state,
    )
    if kept is None:
        waiting = await work.transaction.value(_PENDING_CARD, person_id=person_id)
        raise ChangePending(field="/bank_card", in_the_way=str(waiting or ""), yours=mask_card(digits))
    await emit(work, CardChanged(person_id))


async def settle_bank_card(work: Work, person_id: UUID, *, confirmed: bool) -> None:
    """A second person has looked at the card that waits: it becomes the current one, or is refused.

    Raises BankCardGone.
    """
    if confirmed:
        await work.transaction.run(_TURN_CARD, owner=person_id, before="current", after="replaced")
    turned = await work.transaction.run(
        _TURN_CARD, owner=person_id, before="pending", after="current" if confirmed else "refused"
    )
    if confirmed and not turned:
        raise BankCardGone
    await emit(work, CardChanged(person_id))


async def withdraw_bank_card(work: Work, person_id: UUID) -> None:
    """The card that waits is wanted no more."""
    await work.transaction.run(_TURN_CARD, owner=person_id, before="pending", after="withdrawn")
    await emit(work, CardChanged(person_id))


def _valid_card(number: str) -> str:
    return valid_card(number, "/number")


def valid_card(number: str, at: str) -> str:
    """A card's number as it is kept. Raises Invalid, at the pointer."""
    try:
        return bank_card(number)
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError(at, wrong.code, wrong.message)) from None
