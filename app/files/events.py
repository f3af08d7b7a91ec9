"""What is said of files."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class FileKept(Fact):
    """A file waits for the scanner."""

    file_id: UUID
