"""A household file that was returned to somebody without WeChat is filled in anew by staff."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import make
from tests.forms import filing
from tests.make import Someone, Town, World

NOBODY = "00000000-0000-7000-8000-000000000000"


async def post(client: httpx.AsyncClient, by: Someone, path: str, body: Any = None, version: int = 1) -> httpx.Response:
    headers = by.headers | make.keyed() | {"If-Match": f'"{version}"'}
    return await client.post(path, json=body, headers=headers)


async def act(client: httpx.AsyncClient, by: Someone, file: dict[str, Any], **action: Any) -> httpx.Response:
    return await post(client, by, f"/staff/households/{file['id']}/actions", action, file["version"])


@dataclass(frozen=True)
class OnPaper:
    """A file of somebody without WeChat: what fills it in, and who has dealt with it."""

    body: dict[str, Any]
    file: dict[str, Any]
    author: Someone
    second: Someone
    clerk: Someone


async def on_paper(client: httpx.AsyncClient, world: World, by: Someone, filed: dict[str, Any]) -> httpx.Response:
    paper = {"signature_file_id": str(await world.file(by))}
    return await post(client, by, f"/staff/proxy_households/{filed['id']}/confirm_on_paper", paper)


@pytest.fixture
async def paper(client: httpx.AsyncClient, world: World, town: Town) -> OnPaper:
    author, second, clerk = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(3)]
    number = make.id_number()
    form = make.household_form(author) | {"demands": ["living_aid"]}
    body = filing(None, town.units[0], name="林阿伯", id_number=number, household=form)
    filed = (await post(client, author, "/staff/proxy_households", body)).json()
    done = await on_paper(client, world, second, filed)
    assert done.status_code == 200, done.text
    return OnPaper(body, done.json(), author, second, clerk)


async def test_a_file_that_was_returned_to_somebody_without_wechat_is_filled_in_anew(
    client: httpx.AsyncClient, world: World, paper: OnPaper, town: Town
) -> None:
    back = await act(client, paper.clerk, paper.file, action="return", note="请补充收入证明")
    assert back.status_code == 200, back.text
    changed = paper.body | {"household": paper.body["household"] | {"demands": ["employment"]}}
    for round_ in (2, 3):
        # Whoever returned it fills it in this time, and reviews it no more.
        filed = (await post(client, paper.clerk, "/staff/proxy_households", changed)).json()
        done = await on_paper(client, world, paper.second, filed)
        assert (done.status_code, done.json()["state"]) == (200, "submitted"), done.text
        assert done.json()["id"] == paper.file["id"]
        for assistant in (paper.author, paper.second, paper.clerk):
            refused = await act(client, assistant, done.json(), action="accept")
            assert (refused.status_code, refused.json()["code"]) == (403, "file_already_signed"), round_
        other = await world.staff(Role.UNIT_CLERK, town.units[0])
        assert (await act(client, other, done.json(), action="return", note="仍缺")).status_code == 200
    history = await client.get(f"/staff/households/{paper.file['id']}/changes", headers=paper.author.headers)
    (first, *_) = history.json()["items"]
    assert (first["reason"], first["by"]["who"]) == ("退回后代为补正", "staff")


async def test_a_file_that_stands_is_not_filled_in_again(
    client: httpx.AsyncClient, world: World, paper: OnPaper, town: Town
) -> None:
    filed = (await post(client, paper.author, "/staff/proxy_households", paper.body)).json()
    refused = await on_paper(client, world, paper.second, filed)
    assert (refused.status_code, refused.json()["code"]) == (409, "file_known")
    back = await act(client, paper.clerk, paper.file, action="return", note="请补充收入证明")
    assert back.status_code == 200, back.text
    # What was filled in before says nothing of what is asked for now.
    refused = await on_paper(client, world, paper.second, filed)
    assert (refused.status_code, refused.json()["code"]) == (409, "file_known")
    assert (await post(client, paper.author, f"/staff/proxy_households/{filed['id']}/withdraw")).status_code == 200
    filed = (await post(client, paper.author, "/staff/proxy_households", paper.body)).json()
    done = await on_paper(client, world, paper.second, filed)
    assert done.status_code == 200, done.text
    # Another union fills in nothing of a file that is not with it.
    other = await world.staff(Role.UNIT_CLERK, town.units[0])
    assert (await act(client, other, done.json(), action="return", note="仍缺")).status_code == 200
    there = [await world.staff(Role.UNIT_CLERK, town.units[1]) for _ in range(2)]
    elsewhere = paper.body | {"organisation_code": town.units[1].code}
    filed = (await post(client, there[0], "/staff/proxy_households", elsewhere)).json()
    refused = await on_paper(client, world, there[1], filed)
    assert (refused.status_code, refused.json()["code"]) == (409, "file_known")


async def test_a_number_on_paper_stands_for_one_name(client: httpx.AsyncClient, world: World, paper: OnPaper) -> None:
    filed = (await post(client, paper.author, "/staff/proxy_households", paper.body | {"name": "林阿婆"})).json()
    refused = await on_paper(client, world, paper.second, filed)
    assert (refused.status_code, refused.json()["code"]) == (409, "name_on_file_differs")


async def test_whoever_signed_an_application_on_paper_may_sign_a_file_too(
    client: httpx.AsyncClient, world: World, town: Town, owner: asyncpg.Connection
) -> None:
    author, second, _ = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(3)]
    who = {"name": "林阿伯", "id_number": make.id_number()}
    aid = make.living_aid(item="temporary", requested_fen=1_000_00)
    common = {"phone": "13800138000", "organisation_code": town.units[0].code}
    application = await post(
        client, author, "/staff/proxy_applications", who | common | {"kind": "hardship_aid", "form": aid}
    )
    paper = {"signature_file_id": str(await world.file(second)), "consents": [purpose.value for purpose in Purpose]}
    path = f"/staff/proxy_applications/{application.json()['id']}/confirm_on_paper"
    assert (await post(client, second, path, paper)).status_code == 200
    body = filing(None, town.units[0], household=make.household_form(author), **who)
    filed = (await post(client, author, "/staff/proxy_households", body)).json()
    done = await on_paper(client, world, second, filed)
    assert (done.status_code, done.json()["state"]) == (200, "submitted"), done.text
    people = await owner.fetchval(
        "select count(distinct person_id) from (select person_id from household where id = $1 union all select "
        "applicant_id from application where id = (select application_id from proxy_application where id = $2)) found",
        UUID(done.json()["id"]), UUID(application.json()["id"]),
    )  # fmt: skip
    assert people == 1


async def test_a_file_that_nobody_has_confirmed_is_taken_back_and_filled_in_again(
    client: httpx.AsyncClient, world: World, town: Town
) -> None:
    author, second, _ = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(3)]
    body = filing(None, town.units[0], name="林阿伯", id_number=make.id_number(), household={})
    half = (await post(client, author, "/staff/proxy_households", body)).json()
    assert (await on_paper(client, world, second, half)).status_code == 422
    path = f"/staff/proxy_households/{half['id']}/withdraw"
    stranger = await world.staff(Role.UNIT_CLERK, town.units[1])
    assert (await post(client, stranger, path)).status_code == 404
    assert (await post(client, second, path, version=7)).status_code == 412
    done = await post(client, second, path)
    assert (done.status_code, done.json()["state"]) == (200, "withdrawn"), done.text
    again = await post(client, second, path, version=2)
    assert (again.status_code, again.json()["code"]) == (404, "proxy_filing_not_found")
    whole = body | {"household": make.household_form(author)}
    filed = (await post(client, author, "/staff/proxy_households", whole)).json()
    assert (await on_paper(client, world, second, filed)).status_code == 200


async def test_whoever_helped_decides_nothing_in_whichever_way_a_round_begins(
    client: httpx.AsyncClient, world: World, paper: OnPaper, town: Town, owner: asyncpg.Connection
) -> None:
    """As after an objection: it opens a round of its own."""
    await owner.execute("update household set round = 2 where id = $1", UUID(paper.file["id"]))
    for assistant in (paper.author, paper.second):
        refused = await act(client, assistant, paper.file, action="accept")
        assert (refused.status_code, refused.json()["code"]) == (403, "file_already_signed")
    back = await act(client, paper.clerk, paper.file, action="return", note="请核实")
    assert back.status_code == 200, back.text
    author, second = [await world.staff(Role.UNIT_CLERK, town.units[0]) for _ in range(2)]
    filed = (await post(client, author, "/staff/proxy_households", paper.body)).json()
    done = await on_paper(client, world, second, filed)
    assert done.status_code == 200, done.text
    for assistant in (paper.author, paper.second, author, second):
        refused = await act(client, assistant, done.json(), action="accept")
        assert (refused.status_code, refused.json()["code"]) == (403, "file_already_signed")
