"""Telephones that were kept before they had a blind index get theirs, whatever stops the job on its way."""

from uuid import UUID

import asyncpg
import pytest

from app.db.sealing import Keyring
from app.jobs import phones
from app.jobs.phones import fill_all_phone_indexes
from app.jobs.running import Jobs
from app.kernel.errors import Unavailable
from app.people import phone_commands
from tests.make import Someone, World

PHONE = "person.phone"


@pytest.fixture
async def kept_before(world: World, owner: asyncpg.Connection, keyring: Keyring) -> list[Someone]:
    """Five people whose telephones nobody could find."""
    people = [await world.person(consents=()) for _ in range(5)]
    for n, someone in enumerate(people):
        sealed = keyring.seal_text(PHONE, someone.id, f"1380000000{n}")
        await owner.execute("update person set phone = $1, phone_index = null where id = $2", sealed, someone.id)
    return people


async def found(owner: asyncpg.Connection, people: list[Someone]) -> dict[UUID, tuple[bytes | None, int]]:
    rows = await owner.fetch(
        "select id, phone_index, version from person where id = any($1)", [each.id for each in people]
    )
    return {row["id"]: (row["phone_index"], row["version"]) for row in rows}


async def test_everybody_can_be_found_by_their_telephone_afterwards_and_nobody_was_changed(
    background: Jobs, owner: asyncpg.Connection, keyring: Keyring, kept_before: list[Someone]
) -> None:
    before = await found(owner, kept_before)
    assert {index for index, _ in before.values()} == {None}
    assert await fill_all_phone_indexes(background) >= len(kept_before)
    after = await found(owner, kept_before)
    assert after == {
        someone.id: (keyring.blind_index(PHONE, f"1380000000{n}"), before[someone.id][1])
        for n, someone in enumerate(kept_before)
    }
    assert await fill_all_phone_indexes(background) == 0
    assert await found(owner, kept_before) == after


async def test_what_was_done_before_it_was_stopped_stays_done_and_the_rest_follows(
    background: Jobs, owner: asyncpg.Connection, kept_before: list[Someone], monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill_all_phone_indexes(background)
    await owner.execute("update person set phone_index = null where id = any($1)", [each.id for each in kept_before])
    monkeypatch.setattr(phone_commands, "BATCH", 2)
    batches = 0

    async def stopped(*given: object) -> object:
        nonlocal batches
        batches += 1
        if batches > 1:
            raise ConnectionError
        return await phone_commands.fill_phone_indexes(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(phones, "fill_phone_indexes", stopped)
    with pytest.raises(Unavailable):
        await fill_all_phone_indexes(background)
    missing = [index for index, _ in (await found(owner, kept_before)).values()].count(None)
    assert missing == 3
    monkeypatch.setattr(phones, "fill_phone_indexes", phone_commands.fill_phone_indexes)
    assert await fill_all_phone_indexes(background) == 3


async def test_a_telephone_that_does_not_open_holds_up_nobody(
    background: Jobs, owner: asyncpg.Connection, kept_before: list[Someone]
) -> None:
    broken = kept_before[2]
    await owner.execute("update person set phone = 'x' where id = $1", broken.id)
    try:
        await fill_all_phone_indexes(background)
        after = await found(owner, kept_before)
        assert [someone.id for someone in kept_before if after[someone.id][0] is None] == [broken.id]
    finally:
        await owner.execute("update person set phone = null where id = $1", broken.id)


async def test_finding_out_that_nobody_is_left_reads_an_empty_index(owner: asyncpg.Connection) -> None:
    async with owner.transaction():
        await owner.execute("set local enable_seqscan = off")
        asked = phone_commands._WITHOUT.sql.replace("$1", f"'{UUID(int=0)}'").replace("$2", "500")
        plan = await owner.fetch(f"explain {asked}")
    assert "ix_person_phone_unfound" in "\n".join(row[0] for row in plan)
