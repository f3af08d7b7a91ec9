"""Which message may be tried again. Pure."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

TRIED_FOR: Final = timedelta(hours=72)
NOT_SENT: Final = frozenset({"no_credit", "refused", "in_app"})
"""WeChat did nothing, for certain, and may do something now: the person has allowed messages since, or came back."""
TEXTED: Final = frozenset({"sending", "sent", "unknown"})


def may_retry(state: str, grant_id: UUID | None, text_state: str | None, said_at: datetime, now: datetime) -> bool:
    """Never what may have arrived: `unknown`, what timed out after it had been sent, what went as a text message."""
    if now - said_at >= TRIED_FOR or text_state in TEXTED:
        return False
    return state in NOT_SENT or (state == "timed_out" and grant_id is None)
