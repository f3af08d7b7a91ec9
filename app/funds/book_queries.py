"""Who is at a city's books: those who read in what a bank says hold them together, who counts them holds them alone.

A lock until the transaction ends. Whoever takes it takes it before any row that others want, so that nobody waits for
it with something in hand that its holder needs.
"""

from datetime import datetime
from uuid import UUID

from app.db.statements import Statement
from app.db.transaction import Transaction

_KEY = "(hashtextextended('books|' || $1::uuid, 0))"
# The clock is read once the lock is there.
_TOGETHER, _ALONE = (
    Statement(
        f"select clock_timestamp() from (select pg_advisory_xact_lock{how}{_KEY} offset 0) held",  # noqa: S608 - our own
        ("city_id",),
        {},
    )
    for how in ("_shared", "")
)


async def hold_books(transaction: Transaction, city_id: UUID) -> datetime:
    """Hold the books with others; nobody counts them meanwhile. Answers when, by the clock of the database."""
    at: datetime = await transaction.value(_TOGETHER, city_id=city_id)
    return at


async def hold_books_alone(transaction: Transaction, city_id: UUID) -> datetime:
    """Hold the books alone: what others read in is committed, or waits. Answers when, by the clock of the database."""
    at: datetime = await transaction.value(_ALONE, city_id=city_id)
    return at
