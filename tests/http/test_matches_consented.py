"""A member of a household allows matching from their own account, as a signature on paper would."""

from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.database import open_database
from app.db.transaction import Sight
from app.matching.queries import consents_of_members
from app.people.consents import Purpose
from tests.calling import post
from tests.http.refusals import refused
from tests.make import Someone, World
from tests.matching.making import Case, ask, case, listed, made, signed

ADULT, CHILD = "/members/0", "/members/1"


async def account(
    world: World, owner: asyncpg.Connection, number: str, *consents: Purpose, verified: bool = True
) -> Someone:
    """Somebody with this identity number who gave these consents themselves."""
    someone = await world.person(name="林阿妹", consents=consents, verified=verified)
    index = world.keyring.blind_index("person.id_number", number)
    if verified:
        await owner.execute("update person set id_number_index = $2 where id = $1", someone.id, index)
    return someone


async def left_out(client: httpx.AsyncClient, one: Case) -> set[str]:
    return {each["pointer"] for each in (await made(client, one))["left_out"]}


async def test_a_members_own_consent_counts_like_their_signature_until_it_is_withdrawn(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    assert await left_out(client, one) == {ADULT}
    spouse = await account(world, owner, one.spouse, Purpose.DATA_MATCHING)
    batch = await made(client, one)
    assert (batch["people"], batch["left_out"]) == (3, [])
    assert [row[2] for row in (await listed(client, one, batch))[1:]] == ["林晓东", "林阿妹", "林小雨"]
    own = (await client.get("/me/consents", headers=spouse.headers)).json()["items"][0]["id"]
    allowed = await owner.fetch(
        "select consent_id, authorisation_id from match_person where batch_id = $1 order by line", UUID(batch["id"])
    )
    assert tuple(allowed[1]) == (UUID(own), None)
    assert allowed[0]["consent_id"] not in (None, UUID(own))
    assert (await post(client, spouse, f"/me/consents/{own}/withdraw")).status_code == 200
    assert await left_out(client, one) == {ADULT}
    assert len(await listed(client, one, batch)) == 4


async def test_without_the_head_a_member_who_consents_is_listed_alone(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world, consents=())
    await account(world, owner, one.spouse, Purpose.DATA_MATCHING)
    batch = await made(client, one)
    assert [row[2] for row in (await listed(client, one, batch))[1:]] == ["林阿妹"]
    assert {each["pointer"] for each in batch["left_out"]} == {"/head", CHILD}


@pytest.mark.parametrize("given", [(Purpose.PRIVACY_POLICY, Purpose.SENSITIVE_FINANCE), ()])
async def test_another_consent_is_none_to_matching(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, given: tuple[Purpose, ...]
) -> None:
    one = await case(world)
    await account(world, owner, one.spouse, *given)
    assert await left_out(client, one) == {ADULT}


async def test_a_child_a_closed_account_and_a_text_no_longer_in_use_allow_nothing(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world, consents=())
    await account(world, owner, one.child, Purpose.DATA_MATCHING)
    refused(await ask(client, one), 409, "nobody_authorised")
    spouse = await account(world, owner, one.spouse, Purpose.DATA_MATCHING)
    assert await left_out(client, one) == {"/head", CHILD}
    await owner.execute("update consent set text_sha256 = $2 where person_id = $1", spouse.id, "0" * 64)
    refused(await ask(client, one), 409, "nobody_authorised")
    other = await case(world, consents=())
    closed = await account(world, owner, other.spouse, Purpose.DATA_MATCHING)
    await owner.execute("update person set closed_at = now() where id = $1", closed.id)
    refused(await ask(client, other), 409, "nobody_authorised")


async def test_who_signed_and_consented_stays_listed_after_taking_back_one_of_the_two(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one = await case(world)
    authorisation = await signed(client, one)
    spouse = await account(world, owner, one.spouse, Purpose.DATA_MATCHING)
    own = (await client.get("/me/consents", headers=spouse.headers)).json()["items"][0]["id"]
    assert await left_out(client, one) == set()
    await post(client, spouse, f"/me/consents/{own}/withdraw")
    assert await left_out(client, one) == set()
    await post(client, one.worker, f"/me/household/match_authorisations/{authorisation}/withdraw")
    assert await left_out(client, one) == {ADULT}


async def test_the_database_tells_of_members_within_the_reach_alone(
    world: World, owner: asyncpg.Connection, database_url: str
) -> None:
    one = await case(world)
    spouse = await account(world, owner, one.spouse, Purpose.DATA_MATCHING)
    index = world.keyring.blind_index("person.id_number", one.spouse)
    api = await open_database(database_url, "aid_api", size=1)
    counts = []
    sights = [Sight("staff", one.reviewer.id, (place.id,)) for place in (one.town.districts[0], one.town.units[1])]
    for sight in (*sights, Sight("staff", one.reviewer.id), Sight("worker", spouse.id)):
        async with api.begin(sight) as transaction:
            counts.append(len(await consents_of_members(transaction, [index])))
    await api.close()
    assert counts == [1, 0, 0, 0]
