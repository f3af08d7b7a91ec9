"""The figures are counted once a day by the jobs, and written down as everyone may read them."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.applications.path import Kind, State
from app.db.transaction import Sight
from app.figures.queries import cells_of, counted, newest
from app.figures.rules import Cell
from app.jobs.figures import tell_figures
from app.jobs.running import Jobs
from tests.make import AMOUNT_FEN, NOW, Town, World

SINCE = NOW - timedelta(days=400)


async def paid(world: World, town: Town, number: int, *, kind: Kind = Kind.SECONDARY_MEDICAL, **given: Any) -> None:
    for _ in range(number):
        await world.application(
            await world.person(home=town.units[0]), town.units[0], kind=kind, state=State.PAID, **given
        )


async def cells(world: World) -> dict[str, Cell]:
    async with world.jobs.begin(Sight("job", snapshot=True)) as transaction:
        return (await counted(transaction, SINCE))[0]


async def test_what_was_paid_is_counted_by_kind_and_district(world: World, town: Town) -> None:
    await paid(world, town, 3)
    twice = await world.person(home=town.units[0])
    for _ in range(2):
        await world.application(twice, town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.PAID)
    await world.application(await world.person(), town.units[0], kind=Kind.SECONDARY_MEDICAL, state=State.APPROVED)
    await world.application(
        await world.person(),
        town.units[0],
        kind=Kind.SECONDARY_MEDICAL,
        state=State.PAID,
        paid_at=SINCE - timedelta(days=1),
    )

    found = await cells(world)

    code = town.districts[0].code
    assert {key: cell for key, cell in found.items() if key.endswith(f"|{code}")} == {
        f"aid|{NOW.year}|secondary_medical|{code}": Cell(4, 5 * AMOUNT_FEN)
    }


async def test_who_left_is_counted_by_year_and_way_and_of_the_cohort(world: World, town: Town) -> None:
    before = await cells(world)
    home = town.units[0]
    cohort = {"cohort_2016": True, "cohort_fixed_on": NOW.date()}
    for state, columns in (
        ("lifted", {"left_at": NOW} | cohort),
        ("lifted", {"left_at": NOW}),
        ("relieved", {"relieved_at": NOW} | cohort),
        ("active", cohort),
    ):
        await world.household(await world.person(home=home), home, state=state, columns=columns)

    after = await cells(world)

    def grown(key: str) -> int:
        return after[key].number - before.get(key, Cell(0, 0)).number

    assert grown(f"left|{NOW.year}|lifted") == 2
    assert grown(f"left|{NOW.year}|relieved") == 1
    assert grown(f"cohort_left|{NOW.year}") == 2
    assert grown("cohort") == 3
    assert grown("file|deep") == 2  # the relieved one stays in the file


async def test_figures_are_told_once_a_day_and_never_changed(
    background: Jobs, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    await paid(world, town, 6)
    await tell_figures(background)
    async with world.jobs.begin(Sight("job")) as transaction:
        first = await newest(transaction)
    assert first is not None

    await paid(world, town, 6)
    assert await tell_figures(background) is False

    async with world.jobs.begin(Sight("job")) as transaction:
        assert await newest(transaction) == first
    with pytest.raises(asyncpg.PostgresError, match="append"):
        await owner.execute("update public_figures set content = '{}'")


async def test_the_api_reads_what_is_told_and_writes_none_of_it(background: Jobs, owner: asyncpg.Connection) -> None:
    await tell_figures(background)
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        await owner.execute("select set_config('app.door', 'public', true)")
        (content,) = [row["content"] for row in await owner.fetch("select content from public_figures limit 1")]
    assert content
    for privilege in ("insert", "update", "delete", "truncate"):
        assert not await owner.fetchval("select has_table_privilege('aid_api', 'public_figures', $1)", privilege)


async def test_what_is_told_holds_numbers_and_names_of_unions_alone(background: Jobs, world: World) -> None:
    await tell_figures(background)
    async with world.jobs.begin(Sight("job")) as transaction:
        row = await newest(transaction)
    assert row is not None
    assert set(row["content"]) == {"cells", "names"}
    assert all(cell is None or cell.number >= 5 for cell in cells_of(row["content"]).values())
