"""What a test speaks of: numbers that nobody has, somebody, a union, a town, a case; and the day of the tests."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import count
from uuid import UUID

from app.applications.path import Kind, State
from app.kernel.business_time import business_date
from app.kernel.identifiers import check_digit

_random = random.Random()
_serials = count(_random.randrange(10**7))
NOW = datetime.now(UTC)
TODAY = business_date(NOW)
AMOUNT_FEN = 3_000_00


def unique(prefix: str = "") -> str:
    return f"{prefix}{_random.getrandbits(48):012x}"


def id_number(born: date = date(1980, 1, 1)) -> str:
    """A valid number of nobody (region 99 does not exist), and never the same twice."""
    serial = f"{next(_serials) % 10**7:07d}"
    first17 = f"99{serial[:4]}{born:%Y%m%d}{serial[4:]}"
    return first17 + check_digit(first17)


@dataclass(frozen=True)
class Guild:
    """A union of a test's town."""

    id: UUID
    code: str
    name: str
    tier: str
    ancestors: dict[str, UUID | None]


@dataclass(frozen=True)
class Town:
    """A city of its own for each test: two districts, a street and two units in each."""

    city: Guild
    districts: tuple[Guild, ...]
    streets: tuple[Guild, ...]
    units: tuple[Guild, ...]
    """Units 0 and 1 are in the first district, 2 and 3 in the second."""


@dataclass(frozen=True)
class Someone:
    id: UUID
    name: str
    id_number: str
    session_id: UUID
    token: str
    home: Guild | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Case:
    """An application as it was written."""

    id: UUID
    number: str
    kind: Kind
    state: State
    applicant: Someone
    home: Guild
    submitted_at: datetime | None


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": unique("k-")}
