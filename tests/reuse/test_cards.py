"""One bank card, two households: raised while it is so, told to those who review and pay, gone when the cause goes."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.jobs.handlers import look_at_card, look_at_cards_of_file
from app.jobs.running import Jobs
from app.jobs.telling.guards import tell_card
from app.kernel.actor import Role
from app.messaging.outbox import spelt
from app.people.card_commands import CARD_NUMBER, HOLDER, settle_bank_card
from app.people.events import CardChanged
from app.people.tables import BankCard
from app.reuse.events import CardShared
from app.seed.invented import card_number
from tests import make
from tests.calling import every_item
from tests.make import Guild, Someone, Town, World


async def card(world: World, someone: Someone, number: str, state: str = "current") -> None:
    card_id = make.new_id()
    seal = world.keyring.seal_text
    await world.insert(
        BankCard, id=card_id, created_at=make.NOW, person_id=someone.id, holder=seal(HOLDER, card_id, someone.name),
        number=seal(CARD_NUMBER, card_id, number), number_index=world.keyring.blind_index(CARD_NUMBER, number),
        number_masked="****" + number[-4:], bank_name="演示银行", state=state,
    )  # fmt: skip


async def paid_to(world: World, jobs: Jobs, number: str, home: Guild) -> Someone:
    """Somebody with an application, who is paid to this card."""
    worker = await world.person(home=home)
    await world.application(worker, home)
    await card(world, worker, number)
    await looked(jobs, worker)
    return worker


async def looked(jobs: Jobs, someone: Someone) -> None:
    async with jobs.work() as work:
        await look_at_card(work, spelt(CardChanged(someone.id)))


async def alerts(client: httpx.AsyncClient, who: Someone) -> list[dict[str, Any]]:
    return await every_item(client, "/staff/card_alerts", by=who)


@pytest.fixture
def number() -> str:
    return make.id_number()[:17] + "77"


@pytest.fixture
async def town(world: World) -> Town:
    return await world.town()


async def test_two_households_on_one_card_are_told_of_in_both_districts_and_to_finance(
    client: httpx.AsyncClient, world: World, background: Jobs, town: Town, number: str
) -> None:
    one = await paid_to(world, background, number, town.units[0])
    other = await paid_to(world, background, number, town.units[2])
    staff = [
        await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]),
        await world.staff(Role.DISTRICT_REVIEWER, town.districts[1]),
        await world.staff(Role.FINANCE_MAKER, town.city),
    ]
    for who in staff:
        (shown,) = await alerts(client, who)
        assert {side["organisation"] for side in shown["sides"]} == {town.units[0].name, town.units[2].name}
        assert one.name not in str(shown)
    case = await world.application(other, town.units[2])
    seen = (await client.get(f"/staff/applications/{case.id}", headers=staff[1].headers)).json()
    assert [each["organisation"] for each in seen["card_alerts"]] == [town.units[0].name]
    async with background.work() as work:
        await tell_card(work, spelt(CardShared(UUID(shown["id"]))))
    for who in staff:
        told = (await client.get("/me/messages", headers=who.headers)).json()["items"]
        assert [each["kind"] for each in told] == ["card_alert"]


async def test_another_card_clears_it_and_the_same_again_raises_it(
    client: httpx.AsyncClient, world: World, background: Jobs, town: Town, number: str
) -> None:
    one = await paid_to(world, background, number, town.units[0])
    await paid_to(world, background, number, town.units[1])
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert len(await alerts(client, reviewer)) == 1
    answer = await client.put("/me/bank_card", json=new_card(one), headers=one.headers | make.keyed())
    assert [each["state"] for each in answer.json()["bank_cards"]] == ["current", "pending"], answer.text
    await looked(background, one)
    assert len(await alerts(client, reviewer)) == 1  # the old one is paid to until somebody has looked
    async with background.work() as work:
        await settle_bank_card(work, one.id, confirmed=True)
    await looked(background, one)
    assert await alerts(client, reviewer) == []


def new_card(someone: Someone) -> dict[str, Any]:
    """A card of one's own: the town of these tests is whole, and others' cards would count."""
    return {
        "holder": someone.name,
        "number": card_number(50_000 + int(someone.id_number[14:17])),
        "bank_name": "演示银行",
    }


async def test_a_couple_in_one_household_may_share_a_card_and_no_more_once_it_is_two(
    client: httpx.AsyncClient, world: World, background: Jobs, town: Town, number: str
) -> None:
    spouse = await world.person(home=town.units[0])
    head = await world.person(home=town.units[0])
    members = [make.member("spouse", number=spouse.id_number, name=spouse.name)]
    household_id = await world.household(head, town.units[0], members=members)
    for someone in (head, spouse):
        await card(world, someone, number)
        await looked(background, someone)
    reviewer = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    assert await alerts(client, reviewer) == []
    async with background.work() as work:
        await work.transaction.connection.execute(
            "update household_member set living = false where household_id = $1 and id_number_index = $2",
            household_id, world.keyring.blind_index("person.id_number", spouse.id_number),
        )  # fmt: skip
        await look_at_cards_of_file(work, {"household_id": str(household_id)})
    (shown,) = await alerts(client, reviewer)
    assert sorted(side["household_number"] is None for side in shown["sides"]) == [False, True]


async def test_an_account_that_is_closed_shares_nothing(
    client: httpx.AsyncClient, world: World, background: Jobs, town: Town, number: str
) -> None:
    one = await paid_to(world, background, number, town.units[0])
    await paid_to(world, background, number, town.units[1])
    async with background.work() as work:
        await work.transaction.connection.execute("update person set closed_at = now() where id = $1", one.id)
    await looked(background, one)
    assert await alerts(client, await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])) == []
