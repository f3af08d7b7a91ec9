"""What is asked of the jobs."""

from dataclasses import dataclass
from uuid import UUID

from app.messaging.outbox import Fact


@dataclass(frozen=True, slots=True)
class ImportAsked(Fact):
    """A workbook waits for its dry run."""

    import_id: UUID


@dataclass(frozen=True, slots=True)
class ImportConfirmed(Fact):
    """A dry run is to be committed: everything of it, all or nothing."""

    import_id: UUID


@dataclass(frozen=True, slots=True)
class ExportAsked(Fact):
    """Somebody waits for a list."""

    export_id: UUID
