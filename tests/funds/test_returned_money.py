"""Money that a bank sends back, twice and after more or less was granted: what is held, and what the books say."""

from typing import Any

import asyncpg
import httpx

from tests.funds.making import check_sums, held
from tests.make import Case, Someone
from tests.paying import FROZEN_ACCOUNT, answered, lines_of, result_file, sent, tell
from tests.payments.conftest import Till, till
from tests.payments.test_lines import state_of, turn_line

__all__ = ["till"]
GRANTED, MORE, LESS = 1_000_00, 1_500_00, 600_00


async def sent_back(client: httpx.AsyncClient, till: Till, batch: dict[str, Any]) -> dict[str, Any]:
    """The line that the bank sends back, with its batch."""
    (line,) = await lines_of(client, till.maker, batch)
    back = await tell(
        client, till.checker, batch, result_file([(line["reference"], line["amount_fen"], FROZEN_ACCOUNT)])
    )
    assert back.status_code == 201, back.text
    assert (back.json()["returned"], back.json()["breaks"]) == (1, 0)
    (line,) = await lines_of(client, till.maker, batch)
    return line | {"batch": batch}


async def paid(client: httpx.AsyncClient, till: Till) -> dict[str, Any]:
    batch = await sent(client, till.maker, till.checker, till.town.city)
    await answered(client, till.checker, batch)
    return batch


async def returned(client: httpx.AsyncClient, till: Till) -> Case:
    """A case that was paid, came back, and may be paid again."""
    case = await till.approved(amount_fen=GRANTED)
    line = await sent_back(client, till, await paid(client, till))
    assert (await turn_line(client, till.maker, line, "reissue", "账户已经解冻")).json()["state"] == "approved"
    return case


async def grant(owner: asyncpg.Connection, case: Case, fen: int) -> None:
    await owner.execute(
        "update application set amount_fen = $2, version = version + 1, updated_at = now() where id = $1", case.id, fen
    )


async def books(owner: asyncpg.Connection, case: Case) -> dict[str, int]:
    """What the ledger says of a case, by account."""
    rows = await owner.fetch(
        "select account, sum(e.amount_fen)::bigint as fen from ledger_entry e "
        "join ledger_transaction t on t.id = e.transaction_id where t.application_id = $1 group by 1",
        case.id,
    )
    return {row["account"]: row["fen"] for row in rows if row["fen"]}


async def test_what_came_back_and_was_raised_and_comes_back_again_is_read_in_and_held_whole(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    case = await returned(client, till)
    assert await books(owner, case) == {"allocated": -GRANTED, "returned": GRANTED}
    await grant(owner, case, MORE)
    for _ in range(2):
        batch = await paid(client, till)
        assert await books(owner, case) == {"allocated": -MORE, "granted": MORE}
        line = await sent_back(client, till, batch)
        assert await state_of(client, case) == "payment_failed"
        assert set((await held(owner, case, "reserved")).values()) == {MORE}
        assert await books(owner, case) == {"allocated": -MORE, "returned": MORE}
        await check_sums(owner, till.town)
        assert (await turn_line(client, till.maker, line, "reissue", "账户已经解冻")).status_code == 200
    rows = await owner.fetch("select amount_fen, state, returned from drawing where application_id = $1", case.id)
    assert [tuple(row) for row in rows] == [(MORE, "reserved", True)]
    line = await sent_back(client, till, await paid(client, till))
    done = await turn_line(client, till.checker, line, "write_off", "收款人要求不再发放")
    assert done.json()["state"] == "withdrawn", done.text
    assert await books(owner, case) == {}, "all of it is in hand again"
    await check_sums(owner, till.town)


async def test_returned_money_of_which_less_is_granted_is_written_off_and_drawn_anew(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    case = await returned(client, till)
    await grant(owner, case, LESS)
    assert await books(owner, case) == {}
    assert set((await held(owner, case, "reserved")).values()) == {LESS}
    kinds = await owner.fetch("select kind from ledger_transaction where application_id = $1 order by id", case.id)
    assert [row["kind"] for row in kinds] == ["payment", "return", "write_off"]
    await paid(client, till)
    assert await books(owner, case) == {"allocated": -LESS, "granted": LESS}
    await check_sums(owner, till.town)


async def test_the_place_on_the_list_is_told_to_who_sees_the_case(till: Till, owner: asyncpg.Connection) -> None:
    case = await till.approved(card=False)
    other = await till.world.union("city")

    async def told(door: str, person: Someone | None, union: Any = None) -> int | None:
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            for name, value in (
                ("app.door", door), ("app.person", str(person.id) if person else ""),
                ("app.organisations", f"{{{union.id if union else ''}}}"),
            ):  # fmt: skip
                await owner.execute("select set_config($1, $2, true)", name, value)
            place: int | None = await owner.fetchval("select waiting_place($1)", case.id)
            return place

    assert await told("staff", till.maker, till.town.city) == 1
    assert await told("staff", till.maker, till.town.units[0]) == 1
    assert await told("worker", case.applicant) == 1
    assert await told("job", None) == 1
    for door, person, union in (
        ("staff", till.maker, other), ("staff", till.maker, till.town.units[1]), ("staff", case.applicant, None),
        ("worker", till.maker, till.town.city), ("public", None, till.town.city), ("", None, None),
    ):  # fmt: skip
        assert await told(door, person, union) is None, (door, union)
