"""Who sees a batch, its lines and its file: whoever makes or confirms payments over it, and nobody else."""

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from tests.calling import post
from tests.http.refusals import refused
from tests.make import Someone
from tests.paying import BATCHES, lines_of, sent
from tests.payments.conftest import Till

BY_ID = ("", "/lines", "/breaks", "/file")


async def test_no_batch_is_there_for_whoever_pays_elsewhere_and_none_at_all_for_others(
    client: httpx.AsyncClient, till: Till
) -> None:
    await till.approved()
    batch = await sent(client, till.maker, till.checker, till.town.districts[0])
    (line,) = await lines_of(client, till.maker, batch)
    acts = [
        (f"{BATCHES}/{batch['id']}/actions", {"action": "cancel"}),
        (f"{BATCHES}/{batch['id']}/lines/{line['id']}/actions", {"action": "reissue"}),
    ]
    beside: Someone = await till.world.person(
        posts=tuple((role, till.town.districts[1]) for role in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER)), consents=()
    )
    for path in BY_ID:
        answer = await client.get(f"{BATCHES}/{batch['id']}{path}", headers=beside.headers)
        refused(answer, 404, "payment_batch_not_found")
    for path, body in acts:
        refused(await post(client, beside, path, body, 1), 404, "payment_batch_not_found")
    for role in set(Role) - {Role.FINANCE_MAKER, Role.FINANCE_CHECKER}:
        somebody = await till.world.staff(role, till.town.city, consents=())
        for path in ("", f"/{batch['id']}", *(f"/{batch['id']}{each}" for each in BY_ID[1:])):
            refused(await client.get(f"{BATCHES}{path}", headers=somebody.headers), 403, "not_allowed")
        for path, body in acts:
            refused(await post(client, somebody, path, body, 1), 403, "not_allowed")
    above = await till.world.staff(Role.FINANCE_CHECKER, till.town.city, consents=())
    assert (await client.get(f"{BATCHES}/{batch['id']}", headers=above.headers)).status_code == 200
    refused(await client.get(f"{BATCHES}/{batch['id']}/file", headers=above.headers), 403, "not_your_batch")


@pytest.mark.parametrize("table", ["payment_batch", "payment_line", "payment_result", "payment_break", "card_check"])
async def test_the_second_wall_stands_where_the_first_would_be_forgotten(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection, table: str
) -> None:
    case = await till.approved()
    await sent(client, till.maker, till.checker, till.town.city)
    other = await till.world.person()

    async def seen(door: str, who: Someone, organisations: str = "{}") -> int:
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            told = {"app.door": door, "app.person": str(who.id), "app.organisations": organisations}
            for name, value in told.items():
                await owner.execute("select set_config($1, $2, true)", name, value)
            where = "where application_id = $1" if table == "payment_line" else "where $1::uuid is not null"
            count: int = await owner.fetchval(f"select count(*) from {table} {where}", case.id)
            return count

    own = f"{{{till.town.city.id}}}"
    assert await seen("worker", other) == 0
    assert await seen("public", other) == 0
    assert await seen("staff", till.maker, f"{{{till.town.districts[1].id}}}") == 0
    if table in ("payment_batch", "payment_line"):
        assert await seen("staff", till.maker, own) >= 1
    assert await seen("worker", case.applicant) == (1 if table == "payment_line" else 0)
