"""Nothing lands in a month that is being closed: files of banks and runs wait for one another and for who closes."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.jobs import reconciliations
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.payments import result_commands
from app.reconciliations import closing_commands, run_commands, statement_commands
from tests.calling import post
from tests.http.refusals import refused
from tests.paused import Paused, waits
from tests.paying import SUCCESS, result_file, tell
from tests.reconciliations.making import PLACE, Books, Told, file_of, in_order, moved, send_statement
from tests.reconciliations.test_closing import DAYS, MIDDLE, close, told_of

Batch = dict[str, Any]


async def ready(client: httpx.AsyncClient, books: Books, jobs: Jobs) -> Batch:
    """A month that may be closed, and the batch that was paid in it."""
    (line,) = await books.plant([(50_000, "paid")], sent_on=MIDDLE)
    await books.told(client, told_of(line), DAYS)
    await books.reconciled(client, jobs, DAYS)
    sha256 = await books.owner.fetchval("select sha256 from payment_batch where id = $1", line.batch_id)
    return {"id": str(line.batch_id), "sha256": sha256, "line": line}


async def lands(client: httpx.AsyncClient, books: Books, jobs: Jobs, what: str, batch: Batch) -> Any:
    """One of the things that must not land in a month that is being closed."""
    if what == "statement":
        (told,) = in_order(batch["line"])
        twice = moved(told, day=MIDDLE + Told("in", 1).day.resolution)
        return await send_statement(client, books.maker, books.city, file_of([twice]), DAYS)
    if what == "result":
        return await tell(client, books.checker, batch, result_file([(new_id().hex.upper(), 1, SUCCESS)]))
    wanted = {"organisation_code": books.city.code, "first_day": DAYS[0].isoformat(), "last_day": DAYS[1].isoformat()}
    asked = await post(client, books.maker, PLACE, wanted)
    return await reconciliations.run(jobs, UUID(asked.json()["id"]))


WHERE = {
    "statement": (statement_commands, "_keep_lines"),
    "result": (result_commands, "_keep"),
    "run": (run_commands, "figures"),
}
"""In the middle of which."""


@pytest.mark.parametrize("what", list(WHERE))
async def test_whoever_closes_waits_for_what_is_being_read_in_and_weighs_it(
    client: httpx.AsyncClient, books: Books, background: Jobs, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    batch = await ready(client, books, background)
    paused = Paused(monkeypatch, *WHERE[what])
    first = asyncio.ensure_future(lands(client, books, background, what, batch))
    await paused.reached.wait()
    closing = await waits(books.owner, close(client, books))
    paused.go.set()
    await first
    if what == "statement":  # the bank told the payment twice
        assert "differs" in refused(await closing, 409, "not_in_agreement")["why"]
    else:
        assert (await closing).status_code == 201, (await closing).text


@pytest.mark.parametrize("what", list(WHERE))
async def test_what_comes_while_a_month_is_closed_waits_and_finds_it_closed(
    client: httpx.AsyncClient, books: Books, background: Jobs, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    batch = await ready(client, books, background)
    paused = Paused(monkeypatch, closing_commands, "_parity")
    closing = asyncio.ensure_future(close(client, books))
    await paused.reached.wait()
    landing = await waits(books.owner, lands(client, books, background, what, batch))
    paused.go.set()
    assert (await closing).status_code == 201, (await closing).text
    landed = await landing
    if what == "statement":
        refused(landed, 409, "statement_of_closed_month")
    elif what == "result":  # what it says is of the day on which it came
        assert landed.status_code == 201, landed.text
