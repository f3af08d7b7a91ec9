"""Signing in, proving who one is, where one is paid, and what one consents to."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from app.audit.commands import record
from app.db.base import table_of
from app.db.statements import Statement, insertion, statement
from app.db.work import Work
from app.kernel.errors import Conflict, FieldError, Invalid, NotFound
from app.kernel.identifiers import InvalidIdentifier, resident_id
from app.kernel.ids import new_id
from app.kernel.masking import mask_name, mask_phone
from app.messaging.outbox import emit
from app.people.attempt_commands import NUMBERS, SIGN_INS, count, require_room
from app.people.consents import Purpose, consent_texts
from app.people.events import CardChanged, ConsentWithdrawn
from app.people.queries import CONSENT, PERSON, SESSION, person_locked, person_of_number, person_of_openid
from app.people.tables import RefreshToken
from app.people.tokens import TokenRefused, new_refresh_token, refresh_hash

SESSION_LIFE = timedelta(days=30)
OPENID, UNIONID, NAME, ID_NUMBER, PHONE = (f"person.{c}" for c in ("openid", "unionid", "name", "id_number", "phone"))
_REFRESH = table_of(RefreshToken)

_INSERT_PERSON = statement(
    insert(PERSON)
    .values(
        {
            c: bindparam(c, type_=PERSON.c[c].type)
            for c in ("id", "created_at", "openid_index", "openid", "unionid_index")
        }
    )
    .on_conflict_do_nothing()
)
_SET_UNIONID = statement(
    update(PERSON).where(PERSON.c.id == bindparam("row_id"), PERSON.c.unionid_index.is_(None))
    .values(unionid_index=bindparam("unionid_index", type_=PERSON.c.unionid_index.type))
)  # fmt: skip
_INSERT_SESSION = insertion(SESSION, "id", "created_at", "person_id", "expires_at")
_INSERT_REFRESH = insertion(_REFRESH, "id", "created_at", "session_id", "token_hash")
_REFRESH_ROW = statement(
    select(
        _REFRESH.c.id,
        _REFRESH.c.used_at,
        _REFRESH.c.session_id,
        SESSION.c.person_id,
        SESSION.c.ended_at,
        SESSION.c.expires_at,
    )
    .join(SESSION, SESSION.c.id == _REFRESH.c.session_id)
    .where(_REFRESH.c.token_hash == bindparam("token_hash"))
    .with_for_update()
)
_USE_REFRESH = statement(
    update(_REFRESH)
    .where(_REFRESH.c.id == bindparam("row_id"))
    .values(used_at=bindparam("now", type_=_REFRESH.c.used_at.type))
)
_END_SESSION = statement(
    update(SESSION)
    .where(SESSION.c.id == bindparam("row_id"), SESSION.c.ended_at.is_(None))
    .values(
        ended_at=bindparam("now", type_=SESSION.c.ended_at.type),
        end_reason=bindparam("reason", type_=SESSION.c.end_reason.type),
    )
)
_END_ALL_SESSIONS = statement(
    update(SESSION)
    .where(SESSION.c.person_id == bindparam("owner"), SESSION.c.ended_at.is_(None))
    .values(
        ended_at=bindparam("now", type_=SESSION.c.ended_at.type),
        end_reason=bindparam("reason", type_=SESSION.c.end_reason.type),
    )
)
_CLOSE = statement(
    update(PERSON)
    .where(PERSON.c.id == bindparam("row_id"))
    .values(closed_at=bindparam("now", type_=PERSON.c.closed_at.type), version=PERSON.c.version + literal_column("1"))
)
_INSERT_CONSENT = statement(
    insert(CONSENT)
    .values({c: bindparam(c, type_=CONSENT.c[c].type)
             for c in ("id", "created_at", "person_id", "purpose", "text_version", "text_sha256")})
    .on_conflict_do_nothing()
)  # fmt: skip
_WITHDRAW_CONSENT = statement(
    update(CONSENT)
    .where(
        CONSENT.c.id == bindparam("row_id"), CONSENT.c.person_id == bindparam("owner"), CONSENT.c.withdrawn_at.is_(None)
    )
    .values(withdrawn_at=bindparam("now", type_=CONSENT.c.withdrawn_at.type))
    .returning(CONSENT.c.purpose)
)


class IdentityTaken(Conflict):
    """这个证件号码已经绑定了其他账户。由工会代办、没有用过微信的，请办理“认领账户”；其他情况请联系所在工会处理。"""


class IdentityFixed(Conflict):
    """实名信息已核实，如需更正请联系所在工会办理变更。"""


class ConsentNotFound(NotFound):
    """没有找到这项同意记录。"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    person_id: UUID
    session_id: UUID
    refresh_token: str


async def sign_in(work: Work, openid: str, unionid: str | None) -> SignedIn:
    """Open a session for a WeChat identity; the first time, its account. Raises TooManyAttempts."""
    await count(work, SIGN_INS, openid)
    index = work.keyring.blind_index(OPENID, openid)
    unionid_index = work.keyring.blind_index(UNIONID, unionid) if unionid else None
    found = await person_of_openid(work.transaction, index)
    if found is None:
        row_id = new_id()
        await work.transaction.run(
            _INSERT_PERSON,
            id=row_id,
            created_at=work.now,
            openid_index=index,
            openid=work.keyring.seal_text(OPENID, row_id, openid),
            unionid_index=unionid_index,
        )
        found = await person_of_openid(work.transaction, index)  # ours, or that of a sign-in a moment earlier
        assert found is not None
    elif unionid_index and found["unionid_index"] is None:
        await work.transaction.run(_SET_UNIONID, row_id=found["id"], unionid_index=unionid_index)
    return await _open_session(work, found["id"])


async def _open_session(work: Work, person_id: UUID) -> SignedIn:
    session_id = new_id()
    await work.transaction.run(
        _INSERT_SESSION, id=session_id, created_at=work.now, person_id=person_id, expires_at=work.now + SESSION_LIFE
    )
    token = await _new_refresh(work, session_id)
    return SignedIn(person_id, session_id, token)


async def _new_refresh(work: Work, session_id: UUID) -> str:
    token = new_refresh_token()
    await work.transaction.run(
        _INSERT_REFRESH, id=new_id(), created_at=work.now, session_id=session_id, token_hash=refresh_hash(token)
    )
    return token


async def refresh(work: Work, token: str) -> SignedIn | None:
    """Rotate a refresh token.

    Answers None when a used one comes again: its whole session has then been ended, which must be
    committed, so it is no exception. Raises TokenRefused for an unknown, ended or expired one.
    """
    row = await work.transaction.row(_REFRESH_ROW, token_hash=refresh_hash(token))
    if row is None or row["ended_at"] is not None or row["expires_at"] <= work.now:
        raise TokenRefused
    if row["used_at"] is not None:
        await end_session(work, row["session_id"], "refresh_token_reused")
        return None
    await work.transaction.run(_USE_REFRESH, row_id=row["id"], now=work.now)
    fresh = await _new_refresh(work, row["session_id"])
    return SignedIn(row["person_id"], row["session_id"], fresh)


async def end_session(work: Work, session_id: UUID, reason: str) -> None:
    await work.transaction.run(_END_SESSION, row_id=session_id, now=work.now, reason=reason)


async def close_account(work: Work, person_id: UUID) -> None:
    """End every session and release the WeChat identity and the identity number.

    What was decided and paid stays, as the law on archives asks (facts: 档案保存十年).
    """
    await person_locked(work.transaction, person_id)
    await work.transaction.run(_END_ALL_SESSIONS, owner=person_id, now=work.now, reason="account_closed")
    await work.transaction.run(_CLOSE, row_id=person_id, now=work.now)
    await _audit(work, person_id, "person.closed")
    await emit(work, CardChanged(person_id))


async def set_identity(work: Work, person_id: UUID, name: str, id_number: str) -> bool:
    """Bind a real name and identity number, once.

    Answers False where the number is somebody else's: that has been counted, which must be committed, so it is no
    exception. Raises Invalid, IdentityFixed, TooManyAttempts; IdentityTaken for a number bound at the same time.
    """
    row = await person_locked(work.transaction, person_id)
    number = valid_number(id_number, work.today)
    index = work.keyring.blind_index(ID_NUMBER, number)
    if row["id_number_index"] is not None:
        if row["id_number_index"] == index and work.keyring.open_text(NAME, person_id, row["name"]) == name:
            return True
        raise IdentityFixed
    await require_room(work, NUMBERS, str(person_id))
    if await has_number(work, index):
        await count(work, NUMBERS, str(person_id))
        return False
    values = identity_values(work, person_id, name, number) | {"verified_at": work.now}
    try:
        await work.transaction.run(_change(tuple(values)), row_id=person_id, **values)
    except asyncpg.UniqueViolationError as taken:
        raise IdentityTaken from taken
    await _audit(work, person_id, "person.identity_set")
    return True


async def has_number(work: Work, index: bytes) -> bool:
    """Whether a living account has this identity number."""
    return await person_of_number(work.transaction, index) is not None


async def correct_identity(work: Work, person_id: UUID, name: str, number: str, *, by: UUID) -> None:
    """Put another name and (valid) number to a person, once a second person has agreed.

    Raises PersonNotFound, IdentityTaken.
    """
    await person_locked(work.transaction, person_id)
    values = identity_values(work, person_id, name, number)
    try:
        await work.transaction.run(_change(tuple(values)), row_id=person_id, **values)
    except asyncpg.UniqueViolationError as taken:
        raise IdentityTaken from taken
    await record(
        work,
        person_id=by,
        action="person.identity_corrected",
        subject_kind="person",
        subject_id=person_id,
        subject_person_id=person_id,
    )


def identity_values(work: Work, person_id: UUID, name: str, number: str) -> dict[str, Any]:
    """The columns of a real name and a valid number, sealed."""
    return {
        "name": work.keyring.seal_text(NAME, person_id, name),
        "name_masked": mask_name(name),
        "id_number": work.keyring.seal_text(ID_NUMBER, person_id, number),
        "id_number_index": work.keyring.blind_index(ID_NUMBER, number),
    }


def phone_values(work: Work, person_id: UUID, number: str) -> dict[str, Any]:
    """The columns of a phone number, sealed."""
    return {
        "phone": work.keyring.seal_text(PHONE, person_id, number),
        "phone_index": work.keyring.blind_index(PHONE, number),
        "phone_masked": mask_phone(number),
    }


def valid_number(id_number: str, today: date) -> str:
    """An identity number as it is kept. Raises Invalid."""
    try:
        return resident_id(id_number, today).number
    except InvalidIdentifier as wrong:
        raise Invalid(FieldError("/id_number", wrong.code, wrong.message)) from None


def _change(columns: tuple[str, ...]) -> Statement:
    if columns not in _CHANGES:
        values: dict[str, Any] = {c: bindparam(c, type_=PERSON.c[c].type) for c in columns}
        change = update(PERSON).where(PERSON.c.id == bindparam("row_id"))
        _CHANGES[columns] = statement(change.values(values | {"version": PERSON.c.version + literal_column("1")}))
    return _CHANGES[columns]


_CHANGES: dict[tuple[str, ...], Statement] = {}


async def set_phone(work: Work, person_id: UUID, number: str) -> None:
    """Bind the phone number that WeChat confirmed."""
    values = phone_values(work, person_id, number)
    await work.transaction.run(_change(tuple(values)), row_id=person_id, **values)
    await _audit(work, person_id, "person.phone_set")


async def forget_phone(work: Work, person_id: UUID) -> None:
    """The person took back that we may have it: WeChat told us so."""
    values: dict[str, Any] = {"phone": None, "phone_index": None, "phone_masked": None}
    await work.transaction.run(_change(tuple(values)), row_id=person_id, **values)
    await _audit(work, person_id, "person.phone_withdrawn")


async def sign_out_everywhere(work: Work, person_id: UUID) -> None:
    """The person took back, in WeChat, all that they had allowed: whoever comes back signs in anew."""
    await work.transaction.run(_END_ALL_SESSIONS, owner=person_id, now=work.now, reason="authorisation_cancelled")
    await _audit(work, person_id, "person.authorisation_cancelled")


async def set_organisation(work: Work, person_id: UUID, organisation_id: UUID) -> None:
    """Join a union: new applications go to it."""
    await work.transaction.run(_change(("organisation_id",)), row_id=person_id, organisation_id=organisation_id)
    await _audit(work, person_id, "person.organisation_set")


async def give_consent(work: Work, person_id: UUID, purpose: Purpose, sha256: str) -> UUID:
    """Record a consent to the text in use; giving it again changes nothing. Raises Invalid for another text."""
    text = consent_texts()[purpose]
    if sha256 != text.sha256:
        raise Invalid(FieldError("/sha256", "consent_text_changed", "授权书内容已更新，请重新阅读后再同意。"))
    consent_id = new_id()
    await work.transaction.run(
        _INSERT_CONSENT,
        id=consent_id,
        created_at=work.now,
        person_id=person_id,
        purpose=purpose,
        text_version=text.version,
        text_sha256=text.sha256,
    )
    found: UUID = await work.transaction.value(
        _CONSENT_IN_FORCE, person_id=person_id, purpose=purpose, text_version=text.version
    )
    if found == consent_id:
        await _audit(work, person_id, "consent.given", purpose=purpose)
    return found


_CONSENT_IN_FORCE = statement(
    select(CONSENT.c.id).where(
        CONSENT.c.person_id == bindparam("person_id"),
        CONSENT.c.purpose == bindparam("purpose"),
        CONSENT.c.text_version == bindparam("text_version"),
        CONSENT.c.withdrawn_at.is_(None),
    )
)


async def withdraw_consent(work: Work, person_id: UUID, consent_id: UUID) -> None:
    """As easy as giving it. Raises ConsentNotFound."""
    purpose = await work.transaction.value(_WITHDRAW_CONSENT, row_id=consent_id, owner=person_id, now=work.now)
    if purpose is None:
        raise ConsentNotFound
    await _audit(work, person_id, "consent.withdrawn", purpose=purpose)
    await emit(work, ConsentWithdrawn(person_id, purpose))


async def _audit(work: Work, person_id: UUID, action: str, **details: str) -> None:
    await record(
        work,
        person_id=person_id,
        action=action,
        subject_kind="person",
        subject_id=person_id,
        subject_person_id=person_id,
        **details,
    )
