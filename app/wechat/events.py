"""What the pushes of WeChat set off."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class PushCame(Fact):
    """WeChat told us something that is kept, and waits to be handled."""

    push_id: UUID
