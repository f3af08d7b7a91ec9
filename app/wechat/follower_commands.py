"""Who follows the official account. Of whoever left nothing stays but the keyed hash and the time, so that an older
event that comes late does not bring them back."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.db.statements import statement
from app.db.work import Work
from app.kernel.ids import new_id

OPENID: Final = "wechat_follower.openid"
_FOLLOW = statement(
    text(
        """
        insert into wechat_follower (id, created_at, openid_index, openid, follows, changed_at)
        values (:id, :now, :openid_index, :openid, :follows, :said_at)
        on conflict (openid_index) do update
        set id = excluded.id, openid = excluded.openid, follows = excluded.follows, changed_at = excluded.changed_at,
          asked_at = null, unionid_index = null, tagged = '{}', retag = false
        where wechat_follower.changed_at < excluded.changed_at
        """
    )
)


async def note_follower(work: Work, openid: str, said_at: datetime, *, follows: bool) -> bool:
    """Whether that was news."""
    row_id = new_id()
    sealed = work.keyring.seal_text(OPENID, row_id, openid) if follows else None
    changed = await work.transaction.run(
        _FOLLOW,
        id=row_id,
        now=work.now,
        openid_index=work.keyring.blind_index(OPENID, openid),
        openid=sealed,
        follows=follows,
        said_at=said_at,
    )
    return bool(changed)
