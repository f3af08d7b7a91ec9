"""Paying through a batch, as two of finance do: built, frozen, confirmed, sent, and what the bank says read in."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app.db.statements import statement
from app.db.transaction import Sight
from app.kernel.ids import new_id
from app.kernel.masking import mask_card
from app.people.card_commands import CARD_NUMBER, HOLDER
from app.people.tables import BankCard
from tests import make
from tests.calling import post
from tests.make import Guild, Someone, World

BATCHES = "/staff/batches"
SUCCESS, WRONG_NUMBER, FROZEN_ACCOUNT, DIED = "0000", "E01", "E05", "E09"
_CHECKED = statement(text("update bank_card set checked = 'passed' where id = :row_id"))
_REPLACED = statement(text("update bank_card set state = 'replaced' where person_id = :owner and state = 'current'"))


def card_number() -> str:
    """A number of nobody that passes Luhn."""
    digits = f"62179{make.unique()}"
    digits = "".join(str(int(each, 16) % 10) for each in digits)[:18]
    doubled = sum(int(d) for d in digits[-2::-2]) + sum(int(d) * 2 - 9 * (d > "4") for d in digits[::-2])
    return f"{digits}{-doubled % 10}"


async def carded(world: World, someone: Someone, *, number: str | None = None, checked: bool = True) -> UUID:
    """Give somebody a card, or another one; checked by finance if nothing else is said. Answers its id."""
    card_id, digits = new_id(), number or card_number()
    async with world.jobs.begin(Sight("job")) as transaction:
        await transaction.run(_REPLACED, owner=someone.id)
    await world.insert(
        BankCard, id=card_id, created_at=make.NOW, person_id=someone.id,
        holder=world.keyring.seal_text(HOLDER, card_id, someone.name),
        number=world.keyring.seal_text(CARD_NUMBER, card_id, digits),
        number_index=world.keyring.blind_index(CARD_NUMBER, digits), number_masked=mask_card(digits),
        bank_name="中国工商银行", branch="汕头分行", state="current",
    )  # fmt: skip
    if checked:
        async with world.jobs.begin(Sight("job")) as transaction:
            await transaction.run(_CHECKED, row_id=card_id)
    return card_id


async def build(client: httpx.AsyncClient, maker: Someone, union: Guild, **wanted: Any) -> httpx.Response:
    return await post(client, maker, BATCHES, {"organisation_code": union.code, **wanted})


async def built(client: httpx.AsyncClient, maker: Someone, union: Guild, **wanted: Any) -> dict[str, Any]:
    answer = await build(client, maker, union, **wanted)
    assert answer.status_code == 201, answer.text
    batch: dict[str, Any] = answer.json()["batch"]
    return batch


async def turn(client: httpx.AsyncClient, by: Someone, batch: Mapping[str, Any], action: str) -> httpx.Response:
    return await post(client, by, f"{BATCHES}/{batch['id']}/actions", {"action": action}, batch["version"])


async def stepped(client: httpx.AsyncClient, by: Someone, batch: Mapping[str, Any], *actions: str) -> dict[str, Any]:
    """The batch after these steps."""
    for action in actions:
        answer = await turn(client, by, batch, action)
        assert answer.status_code == 200, answer.text
        batch = answer.json()
    return dict(batch)


async def confirmed(
    client: httpx.AsyncClient, maker: Someone, checker: Someone, union: Guild, **wanted: Any
) -> dict[str, Any]:
    batch = await stepped(client, maker, await built(client, maker, union, **wanted), "freeze")
    return await stepped(client, checker, batch, "confirm")


async def sent(
    client: httpx.AsyncClient, maker: Someone, checker: Someone, union: Guild, **wanted: Any
) -> dict[str, Any]:
    return await stepped(client, maker, await confirmed(client, maker, checker, union, **wanted), "export")


async def lines_of(client: httpx.AsyncClient, by: Someone, batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    answer = await client.get(f"{BATCHES}/{batch['id']}/lines", headers=by.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def result_file(rows: Iterable[tuple[str, int | str, str]], encoding: str = "gb18030") -> bytes:
    """What a bank says: (reference, fen, code)."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(["序号", "参考号", "金额（元）", "返回码", "说明"])
    for n, (reference, fen, code) in enumerate(rows, 1):
        amount = f"{fen // 100}.{fen % 100:02d}" if isinstance(fen, int) else fen
        writer.writerow([n, reference, amount, code, "银行回盘"])
    return written.getvalue().encode(encoding)


async def tell(
    client: httpx.AsyncClient, by: Someone, batch: Mapping[str, Any], content: bytes, sha256: str | None = None
) -> httpx.Response:
    """Read in what a bank says."""
    return await client.post(
        f"{BATCHES}/{batch['id']}/results",
        files={"file": ("result.csv", content)},
        data={"sha256": sha256 or batch["sha256"]},
        headers=by.headers | make.keyed(),
    )


async def answered(
    client: httpx.AsyncClient, by: Someone, batch: Mapping[str, Any], codes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The bank says of every line that it was paid, or by the number of its application what else."""
    lines = await lines_of(client, by, batch)
    rows = [(line["reference"], line["amount_fen"], (codes or {}).get(line["number"], SUCCESS)) for line in lines]
    answer = await tell(client, by, batch, result_file(rows))
    assert answer.status_code == 201, answer.text
    done: dict[str, Any] = answer.json()
    return done


async def paid(client: httpx.AsyncClient, maker: Someone, checker: Someone, union: Guild) -> dict[str, Any]:
    """Everything that may be paid under a union is paid; answers the batch."""
    batch = await sent(client, maker, checker, union)
    assert (await answered(client, checker, batch))["breaks"] == 0
    return batch


async def why_out(client: httpx.AsyncClient, maker: Someone, union: Guild) -> dict[str, str]:
    """Why each application that waits to be paid is left out, by its number; nothing of those that may be paid."""
    answer = await post(client, maker, f"{BATCHES}/preview", {"organisation_code": union.code})
    assert answer.status_code == 200, answer.text
    return {each["number"]: each["code"] for each in answer.json()["left_out"]}
