"""Writing the shared access token. Each statement is a transaction of its own, and its clock is the database's."""

from sqlalchemy import text

from app.db.statements import statement
from app.db.transaction import Record, Transaction
from app.kernel.ids import new_id

LEASE_S = 6
"""A process that fetches has so long; it gives up itself after 5 s (TOTAL_S)."""
_MAKE = statement(
    text(
        "insert into wechat_token (id, created_at, appid) "
        "values (:id, clock_timestamp(), :appid) on conflict do nothing"
    )
)
# The update waits for another that is just taking it, looks again, and finds it taken.
_TAKE = statement(
    text(
        f"""
        with taken as (
          update wechat_token set fetches = fetches + 1,
            fetching_until = clock_timestamp() + interval '{LEASE_S} seconds'
          where appid = :appid and coalesce(fetching_until, '-infinity') < clock_timestamp()
            and not (generation > :refused and coalesce(renew_at, '-infinity') > clock_timestamp())
            and (:waiting_since < 0 or failures = :waiting_since)
          returning fetches
        )
        select t.id, t.token, t.generation, t.failures, t.failure, t.failure_code, t.failure_reason,
          cast(extract(epoch from t.renew_at - clock_timestamp()) as float8) as serves_s,
          (select fetches from taken) as mine
        from wechat_token t where t.appid = :appid
        """  # noqa: S608 - our own constant
    )
)
_FETCHED = statement(
    text(
        """
        update wechat_token set token = :token, generation = generation + 1, fetching_until = null, failure = null,
          renew_at = clock_timestamp() + make_interval(secs => cast(:serves_s as float8))
        where appid = :appid and fetches = :mine and fetching_until is not null returning generation
        """
    )
)
_FAILED = statement(
    text(
        """
        update wechat_token set fetching_until = null, failures = failures + 1, failure = :failure,
          failure_code = :failure_code, failure_reason = :failure_reason
        where appid = :appid and fetches = :mine and fetching_until is not null
        """
    )
)


async def make(transaction: Transaction, appid: str) -> None:
    await transaction.run(_MAKE, id=new_id(), appid=appid)


async def take(transaction: Transaction, appid: str, refused: int, waiting_since: int) -> Record | None:
    """The token as it is, and in `mine` the number of the fetch if it is the caller's to make; `refused`: the
    generation that WeChat refused, or 0; `waiting_since`: how many fetches had failed when the caller began to wait for
    somebody else's (who waited fails with it instead of asking again), or -1."""
    return await transaction.row(_TAKE, appid=appid, refused=refused, waiting_since=waiting_since)


async def fetched(transaction: Transaction, appid: str, mine: int, token: bytes, serves_s: float) -> int | None:
    """The generation of the new token; None if the fetch took so long that it is another's by now."""
    generation: int | None = await transaction.value(_FETCHED, appid=appid, mine=mine, token=token, serves_s=serves_s)
    return generation


async def failed(transaction: Transaction, appid: str, mine: int, failure: str, code: int | None, reason: str) -> None:
    await transaction.run(
        _FAILED, appid=appid, mine=mine, failure=failure, failure_code=code, failure_reason=reason[:200]
    )
