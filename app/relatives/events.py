"""What others may want to know of declared relatives."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class RelativeDeclared(Fact):
    """What was signed across the relation so far has to be found."""

    relative_id: UUID


@dataclass(frozen=True, slots=True)
class RelativeEnded(Fact):
    """The relation keeps nobody apart any more."""

    relative_id: UUID
