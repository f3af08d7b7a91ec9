"""What two do at the same moment who make batches, confirm them, send them, or stop what is in them; who may win."""

import httpx

from tests.applications.contests import Arena, Ended, Move
from tests.make import Case
from tests.paying import build, built, stepped, turn


async def batched(arena: Arena) -> None:
    """Whatever may be paid stands in a batch that its maker has frozen."""
    maker = arena.kept["maker"]
    batch = await built(arena.first, maker, arena.kept["town"].units[0])
    arena.kept["batch"] = await stepped(arena.first, maker, batch, "freeze")


def builds(by: str) -> Move:
    """A batch of whatever may be paid."""

    async def move(arena: Arena, client: httpx.AsyncClient, case: Case) -> httpx.Response:
        return await build(client, arena.kept[by], arena.kept["town"].units[0])

    return move


def batch_step(by: str, action: str) -> Move:
    async def move(arena: Arena, client: httpx.AsyncClient, case: Case) -> httpx.Response:
        return await turn(client, arena.kept[by], arena.kept["batch"], action)

    return move


def one_builds(ended: Ended) -> str:
    """Nothing stands in two batches."""
    winners = [n for n in (0, 1) if ended.won(n)]
    assert len(winners) == 1, [each and each.text for each in ended.answers]
    ended.lost(1 - winners[0], "nothing_to_pay")
    assert ended.done == []
    return ("first", "second")[winners[0]]


def sent_or_stopped(ended: Ended) -> str:
    assert ended.won(1), "a change may be asked for at any time"
    if ended.won(0):
        assert (ended.done, ended.after.row["state"]) == ([], "paying"), "a bank knows of it"
        return "sent"
    ended.lost(0, "batch_outdated")
    assert ended.done == ["stop_payment"]
    return "stopped"


def started_and_stopped_or_held(ended: Ended) -> str:
    assert ended.won(1), "a change may be asked for at any time"
    assert ended.after.row["state"] == "approved", "nothing is paid while a change is looked into"
    if ended.won(0):
        assert ended.done == ["check_payment", "start_payment", "stop_payment"]
        return "started and stopped"
    ended.lost(0, "batch_outdated")
    assert ended.done == []
    return "held"


def appealed_or_started(ended: Ended) -> str:
    if ended.won(0):
        ended.lost(1, "batch_outdated")
        assert ended.done == ["appeal"]
        return "appealed"
    ended.lost(0, "not_allowed_now", "stale_version")
    assert ended.won(1)
    assert ended.done == ["check_payment", "start_payment"]
    return "started"
