"""What others may want to know of evaluations."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class EvaluationMoved(Fact):
    """An evaluation was announced, drawn, or closed."""

    evaluation_id: UUID
    to_state: str
