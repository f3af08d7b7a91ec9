"""Somebody who was filed on paper takes over their account: with two independent proofs, never the number alone."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.database import open_database
from app.db.sealing import Keyring
from app.db.statements import Statement
from app.db.transaction import Sight
from app.kernel.actor import Role
from app.people.attempt_commands import CLAIM_CODES, NUMBERS
from app.people.consents import consent_texts
from tests import calling, make
from tests.calling import sign_in
from tests.files.samples import picture
from tests.http import paperwork
from tests.http.claiming import NAME, Paper, a_phone, bound_to, decide, paper, phone_of_nobody, post
from tests.http.paperwork import filed, moved, on_paper
from tests.http.refusals import refused
from tests.make import World
from tests.relatives.making import declared

BIND = Statement("select bind_account($1, now())", ("claim_id",), {})


@pytest.fixture
async def one(client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, keyring: Keyring) -> Paper:
    return await paper(client, world, owner, keyring)


# ---- the two ways ----


async def test_the_phone_on_file_binds_the_account_and_all_of_the_claimants_follows(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, one: Paper
) -> None:
    phone = await phone_of_nobody(client, one.phone)
    was = phone.session["person"]["id"]
    text = next(each for each in consent_texts().values() if each.purpose == "privacy_policy")
    body = {"purpose": text.purpose, "sha256": text.sha256}
    await client.post("/me/consents", json=body, headers=phone.headers | make.keyed())
    file = await client.post("/files", files={"file": ("x.jpg", picture())}, headers=phone.headers | make.keyed())
    taken = await phone.claim(one.number)
    assert (taken.status_code, taken.json()["state"], taken.json()["code"]) == (201, "bound", None), taken.text
    assert (await client.get("/me", headers=phone.headers)).status_code == 401
    person = await phone.refreshed()
    assert (person["id"], person["verified"], person["name_masked"]) == (str(one.id), True, "林*伯")
    own = (await client.get("/me/household", headers=phone.headers)).json()
    assert (own["id"], own["form"]["head"]["id_number"]) == (one.household_id, one.number)
    given = (await client.get("/me/consents", headers=phone.headers)).json()["items"]
    assert [each["purpose"] for each in given] == ["privacy_policy"]
    assert (await client.get(f"/files/{file.json()['id']}", headers=phone.headers)).status_code == 200
    again = await sign_in(client, phone.name)
    assert again.json()["person"]["id"] == str(one.id)
    rows = await owner.fetch(
        "select person_id::text, action, details->>'proof' from audit_entry where subject_person_id = $1 "
        "and subject_kind = 'account_claim' order by id", one.id,
    )  # fmt: skip
    assert [tuple(row) for row in rows] == [
        (was, "account_claim.claimed", "phone"), (was, "account_claim.bound", "phone"),
    ]  # fmt: skip
    told = await owner.fetchval(
        "select count(*) from out_message where name = 'AccountClaimed' and body->>'person_id' = $1 "
        "and body->>'proof' = 'phone'", str(one.id),
    )  # fmt: skip
    assert told == 1
    assert await owner.fetchval("select closed_at is not null from person where id = $1", UUID(was))


async def test_without_that_phone_staff_of_the_union_see_them_first(
    client: httpx.AsyncClient, owner: asyncpg.Connection, one: Paper
) -> None:
    phone = await phone_of_nobody(client, a_phone())
    asked = await phone.claim(one.number)
    claim = asked.json()
    assert (asked.status_code, claim["state"], len(claim["code"])) == (201, "open", 6)
    assert not await bound_to(owner, one)
    (waiting,) = (await client.get("/staff/account_claims", headers=one.clerk.headers)).json()["items"]
    assert (waiting["id"], waiting["person_masked"]) == (claim["id"], "林*伯")
    assert claim["code"] not in str(waiting)
    done = await decide(client, one.clerk, claim, code=claim["code"], id_number=one.number)
    assert (done.status_code, done.json()["state"]) == (200, "bound"), done.text
    assert (await client.get("/me/account_claims", headers=phone.headers)).status_code in (200, 401)
    assert (await phone.refreshed())["id"] == str(one.id)
    assert (await client.get("/staff/account_claims", headers=one.clerk.headers)).json()["items"] == []
    row = await owner.fetchrow("select proof, decided_by from account_claim where id = $1", UUID(claim["id"]))
    assert tuple(row) == ("staff", one.clerk.id)
    refused(await decide(client, one.second, claim, code=claim["code"], id_number=one.number), 412, "stale_version")


async def test_a_claim_is_refused_or_replaced_or_expires(
    client: httpx.AsyncClient, owner: asyncpg.Connection, one: Paper
) -> None:
    phone = await phone_of_nobody(client)
    first = (await phone.claim(one.number)).json()
    second = (await phone.claim(one.number)).json()
    said = {"id_number": one.number}
    refused(await decide(client, one.clerk, first, code=first["code"], **said), 409, "claim_ended")
    assert (await decide(client, one.clerk, second, "refuse")).json()["state"] == "refused"
    third = (await phone.claim(one.number)).json()
    await owner.execute("update account_claim set expires_at = now() where id = $1", UUID(third["id"]))
    refused(await decide(client, one.clerk, third, code=third["code"], **said), 409, "claim_ended")
    states = [each["state"] for each in (await client.get("/me/account_claims", headers=phone.headers)).json()["items"]]
    assert states == ["open", "refused", "replaced"]
    assert not await bound_to(owner, one)


# ---- somebody else tries ----


async def test_the_number_alone_or_with_half_of_the_rest_binds_nothing(
    client: httpx.AsyncClient, owner: asyncpg.Connection, one: Paper
) -> None:
    for claimant, name in (
        (await phone_of_nobody(client), "陈小明"),
        (await phone_of_nobody(client, one.phone), "林阿婆"),
    ):
        refused(await claimant.claim(one.number, name), 404, "paper_file_not_found")
    stranger = await phone_of_nobody(client, a_phone())
    refused(await stranger.claim(make.id_number()), 404, "paper_file_not_found")
    assert (await stranger.claim(one.number)).json()["state"] == "open"
    plain = {"name": NAME, "id_number": one.number}
    refused(await client.put("/me/identity", json=plain, headers=stranger.headers), 409, "identity_taken")
    assert not await bound_to(owner, one)
    assert (await client.get("/me", headers=stranger.headers)).json()["verified"] is False


async def test_a_phone_that_another_account_has_too_is_no_proof(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    """A clerk who writes down their own number, and claims with a second WeChat."""
    own = a_phone()
    one = await paper(client, world, owner, keyring, phone=own)
    code = {"code": f"simphone:{own}#{make.unique()}"}
    assert (await client.put("/me/phone", json=code, headers=one.author.headers)).status_code == 200
    second_phone = await phone_of_nobody(client, own)
    claim = (await second_phone.claim(one.number)).json()
    assert claim["state"] == "open"
    said = {"code": claim["code"], "id_number": one.number}
    refused(await decide(client, one.author, claim, **said), 403, "own_paperwork")
    assert not await bound_to(owner, one)


async def test_only_other_staff_of_the_union_confirm_and_only_with_code_and_card(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, one: Paper
) -> None:
    phone = await phone_of_nobody(client)
    claim = (await phone.claim(one.number)).json()
    said = {"code": claim["code"], "id_number": one.number}
    elsewhere = await world.staff(Role.UNIT_CLERK, one.town.units[1])
    refused(await decide(client, elsewhere, claim, **said), 404, "account_claim_not_found")
    chair = await world.staff(Role.UNIT_CHAIR, one.town.units[0])
    assert (await decide(client, chair, claim, **said)).status_code == 403
    wrong = f"{(int(claim['code']) + 1) % 10**6:06d}"
    for _ in range(CLAIM_CODES.most - 1):
        refused(await decide(client, one.clerk, claim, code=wrong, id_number=one.number), 409, "claim_proof_wrong")
    refused(await decide(client, one.clerk, claim, code=claim["code"], id_number=make.id_number()), 409)
    told = await decide(client, one.other, claim, **said)
    refused(told, 429, "too_many_attempts")
    assert int(told.headers["retry-after"]) > 80_000
    assert not await bound_to(owner, one)
    again = (await phone.claim(one.number)).json()
    said = {"code": again["code"], "id_number": one.number}
    assert (await decide(client, one.clerk, again, **said)).status_code == 200


async def test_whoever_had_a_hand_in_their_papers_confirms_no_claim_nor_does_anybody_near_to_them(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, one: Paper
) -> None:
    unit = one.town.units[0]
    drafter, signer, helper, relative = [await world.staff(Role.UNIT_CLERK, unit) for _ in range(4)]
    chair = await world.staff(Role.UNIT_CHAIR, unit)
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    body = paperwork.filing(None, unit, name=NAME, id_number=one.number, form=aid)
    case = (await on_paper(client, world, signer, await filed(client, drafter, body))).json()
    path = f"/staff/applications/{case['id']}"
    case = await moved(client, one.clerk, case, "accept")
    case = (await calling.post(client, chair, f"{path}/supplements", {"text": "请补充病历"}, case["version"])).json()
    brought: dict[str, Any] = {
        "answers": [{"item": "question", "text": "病历已带来", "file_ids": [str(await world.file(helper))]}],
        "signature_file_id": str(await world.file(helper)),
    }
    handed = await calling.post(client, helper, f"{path}/supplement_on_paper", brought, case["version"])
    assert handed.status_code == 200, handed.text
    await declared(world, relative, one.second)
    claim = (await (await phone_of_nobody(client)).claim(one.number)).json()
    said = {"code": claim["code"], "id_number": one.number}
    for by in (one.author, one.second, drafter, signer, helper, relative):
        refused(await decide(client, by, claim, **said), 403, "own_paperwork")
    assert not await bound_to(owner, one)
    # Whoever only decided of it may; and a claim that is wrong is refused by whoever sees it.
    assert (await decide(client, one.clerk, claim, **said)).json()["state"] == "bound"


@pytest.mark.parametrize("action", ["confirm", "refuse"])
async def test_nobody_decides_on_the_claim_of_somebody_near(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, one: Paper, action: str
) -> None:
    await declared(world, one.other, replace(one.other, id=one.id, id_number=one.number))
    claim = (await (await phone_of_nobody(client)).claim(one.number)).json()
    said = {"code": claim["code"], "id_number": one.number}
    refused(await decide(client, one.other, claim, action, **said), 403, "recused")
    assert not await bound_to(owner, one)


async def test_what_was_filed_or_taken_back_where_one_sees_no_more_counts_too(
    client: httpx.AsyncClient, world: World, one: Paper
) -> None:
    here, there = one.town.units[:2]
    drafter = await world.person(posts=((Role.UNIT_CLERK, here), (Role.UNIT_CLERK, there)))
    body = paperwork.filing(None, there, name=NAME, id_number=one.number, form={})
    taken = await filed(client, drafter, body)
    path = f"/staff/proxy_applications/{taken['id']}/withdraw"
    assert (await post(client, drafter, path, None)).status_code == 200
    claim = (await (await phone_of_nobody(client)).claim(one.number)).json()
    said = {"code": claim["code"], "id_number": one.number}
    refused(await decide(client, drafter, claim, **said), 403, "own_paperwork")
    assert (await decide(client, drafter, claim, "refuse")).json()["state"] == "refused"


async def test_guessing_whose_papers_there_are_is_counted(client: httpx.AsyncClient, one: Paper) -> None:
    guesser = await phone_of_nobody(client)
    for _ in range(NUMBERS.most):
        refused(await guesser.claim(one.number, "王小明"), 404, "paper_file_not_found")
    refused(await guesser.claim(one.number), 429, "too_many_attempts")
    other = await phone_of_nobody(client, one.phone)
    assert (await other.claim(one.number)).json()["state"] == "bound"


async def test_an_account_that_is_somebody_already_takes_over_nobody(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, one: Paper
) -> None:
    first = await phone_of_nobody(client, one.phone)
    assert (await first.claim(one.number)).status_code == 201
    late = await phone_of_nobody(client)
    refused(await late.claim(one.number), 409, "identity_taken")
    body = {"name": NAME, "id_number": one.number}
    verified = await world.person()
    answer = await client.post("/me/account_claims", json=body, headers=verified.headers | make.keyed())
    refused(answer, 409, "identity_fixed")
    member = await world.staff(Role.AUDITOR, one.town.city, verified=False)
    answer = await client.post("/me/account_claims", json=body, headers=member.headers | make.keyed())
    refused(answer, 409, "account_in_use")


async def test_the_database_binds_for_nobody_but_the_claimant_with_proof_or_staff_in_reach(
    client: httpx.AsyncClient, owner: asyncpg.Connection, database_url: str, one: Paper
) -> None:
    phone = await phone_of_nobody(client)
    claim_id = UUID((await phone.claim(one.number)).json()["id"])
    claimant = UUID(phone.session["person"]["id"])
    units = one.town.units
    sights = [
        Sight("worker", claimant), Sight("worker", one.author.id), Sight("staff", one.clerk.id, (units[1].id,)),
        Sight("staff", claimant, (units[0].id,)), Sight("staff", one.id, (units[0].id,)), Sight("sign_in"),
        *(Sight("staff", helper.id, (units[0].id,)) for helper in (one.author, one.second)),
    ]  # fmt: skip
    api = await open_database(database_url, "aid_api", size=1)
    for sight in sights:
        async with api.begin(sight) as transaction:
            assert await transaction.value(BIND, claim_id=claim_id) is False, sight
    await api.close()
    assert not await bound_to(owner, one)
    for column in ("claimant_id", "person_id"):
        with pytest.raises(asyncpg.CheckViolationError, match="second_person"):
            await owner.execute(
                f"update account_claim set state = 'bound', proof = 'staff', ended_at = now(), decided_by = {column} "
                "where id = $1", claim_id,
            )  # fmt: skip


# ---- at once ----


async def test_of_two_claims_at_once_one_wins_and_the_other_is_told(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection, keyring: Keyring
) -> None:
    """One with the phone on file and one before a clerk; or two before two clerks; in every order."""
    won = Counter[str]()
    for turn in range(12):
        one = await paper(client, world, owner, keyring)
        seen = await phone_of_nobody(client)
        claim = (await seen.claim(one.number)).json()
        said = {"code": claim["code"], "id_number": one.number}
        other = await phone_of_nobody(client, one.phone if turn % 2 else a_phone())
        second: Any
        if turn % 2:
            second = other.claim(one.number)
        else:
            theirs = (await other.claim(one.number)).json()
            second = decide(client, one.other, theirs, code=theirs["code"], id_number=one.number)
        calls = [decide(client, one.clerk, claim, **said), second]
        first, other_answer = await asyncio.gather(*calls)
        statuses = sorted((first.status_code, other_answer.status_code))
        assert statuses in ([200, 409], [201, 409]), (first.text, other_answer.text)
        lost = first if first.status_code == 409 else other_answer
        refused(lost, 409, "identity_taken")
        winner, loser = (seen, other) if first.status_code == 200 else (other, seen)
        won["clerk" if winner is seen else "other"] += 1
        assert (await winner.refreshed())["id"] == str(one.id)
        assert (await loser.refreshed())["verified"] is False
        bound = await owner.fetchval(
            "select count(*) from account_claim where person_id = $1 and state = 'bound'", one.id
        )
        assert bound == 1
    assert sum(won.values()) == 12
