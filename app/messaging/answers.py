"""The answer to a request, as it is kept with the work that was done for it."""

from typing import NamedTuple
from uuid import UUID

from app.kernel.errors import Conflict


class IdempotencyInProgress(Conflict):
    """同一请求正在处理，请稍候再试。"""


class KeptAnswer(NamedTuple):
    """A row of `keyed_answer` but for its instant; `answer` is sealed."""

    person_id: UUID
    key: str
    row_id: UUID
    fingerprint: bytes
    status: int
    etag: str | None
    answer: bytes
