"""Signing in over the WeChat simulator, and who one is: identity, phone, card, union, consents."""

import httpx
import pytest

from app.applications.path import Kind
from app.kernel.actor import Role
from app.people.consents import Purpose
from tests import make
from tests.calling import bearer, every_item, sign_in
from tests.make import Someone, World


async def test_the_first_sign_in_makes_an_account_and_the_second_finds_it(client: httpx.AsyncClient) -> None:
    name = make.unique("new-")
    first, second = await sign_in(client, name), await sign_in(client, name)
    assert (first.status_code, second.status_code) == (201, 201), first.text
    assert first.json()["person"]["id"] == second.json()["person"]["id"]
    assert first.json()["expires_in"] == 1800
    assert first.json()["person"]["consents_missing"] == ["privacy_policy"]
    assert first.json()["person"]["verified"] is False


async def test_a_code_signs_in_once(client: httpx.AsyncClient) -> None:
    code = {"code": f"sim:someone#{make.unique()}"}
    assert (await client.post("/sessions", json=code)).status_code == 201
    again = await client.post("/sessions", json=code)
    assert (again.status_code, again.json()["code"]) == (401, "wechat_code_invalid")


async def test_a_code_that_wechat_does_not_know_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.post("/sessions", json={"code": "nonsense"})
    assert (refused.status_code, refused.json()["code"]) == (401, "wechat_code_invalid")


async def test_when_wechat_is_down_people_are_told_to_try_later(client: httpx.AsyncClient, simulator: str) -> None:
    async with httpx.AsyncClient(base_url=simulator, trust_env=False) as steering:
        await steering.post("/_sim/faults", json={"/sns/jscode2session": {"status": 502, "times": 1}})
        down = await sign_in(client, "someone")
        await steering.post("/_sim/faults", json={"/sns/jscode2session": None})
    assert (down.status_code, down.json()["code"]) == (503, "wechat_unavailable")
    assert down.headers["retry-after"]


async def test_one_identity_number_belongs_to_one_account(client: httpx.AsyncClient) -> None:
    first, other = await sign_in(client, make.unique("p-")), await sign_in(client, make.unique("p-"))
    number = make.id_number()
    bound = await client.put("/me/identity", json={"name": "欧阳𬸣", "id_number": number}, headers=bearer(first))
    assert (bound.status_code, bound.json()["verified"]) == (200, True), bound.text
    assert number not in bound.text
    assert bound.json()["name_masked"] == "欧**"
    twice = await client.put("/me/identity", json={"name": "欧阳𬸣", "id_number": number}, headers=bearer(first))
    assert twice.status_code == 200
    taken = await client.put("/me/identity", json={"name": "林一", "id_number": number}, headers=bearer(other))
    assert (taken.status_code, taken.json()["code"]) == (409, "identity_taken")
    changed = await client.put(
        "/me/identity", json={"name": "林一", "id_number": make.id_number()}, headers=bearer(first)
    )
    assert (changed.status_code, changed.json()["code"]) == (409, "identity_fixed")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("990101198001010010", "id_number_checksum"),
        ("99010119800101001", "id_number_length"),
        ("990101198013010012", "id_number_birth_date"),
    ],
)
async def test_a_wrong_identity_number_is_named_and_not_repeated(
    client: httpx.AsyncClient, number: str, code: str
) -> None:
    me = await sign_in(client, make.unique("p-"))
    wrong = await client.put("/me/identity", json={"name": "林一", "id_number": number}, headers=bearer(me))
    assert wrong.status_code == 422
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [("/id_number", code)]
    assert number not in wrong.text


async def test_the_phone_number_comes_from_wechat(client: httpx.AsyncClient) -> None:
    me = await sign_in(client, make.unique("p-"))
    code = f"simphone:13800138000#{make.unique()}"
    bound = await client.put("/me/phone", json={"code": code}, headers=bearer(me))
    assert bound.status_code == 200, bound.text
    assert bound.json()["phone_masked"] == "138****8000"
    again = await client.put("/me/phone", json={"code": code}, headers=bearer(me))
    assert (again.status_code, again.json()["code"]) == (401, "wechat_code_invalid")


async def test_the_first_card_counts_at_once_and_a_change_waits(client: httpx.AsyncClient, world: World) -> None:
    someone = await world.person(name="陈小明", home=(await world.town()).units[0])

    async def bind(number: str, holder: str = "陈小明") -> httpx.Response:
        card = {"holder": holder, "number": number, "bank_name": "中国银行", "branch": None}
        return await client.put("/me/bank_card", json=card, headers=someone.headers)

    first = await bind("6217 0000 0000 0000 004")
    assert [card["state"] for card in first.json()["bank_cards"]] == ["current"], first.text
    assert first.json()["bank_cards"][0]["number_masked"] == "6217 **** **** 0004"
    assert (await bind("6217000000000000004")).json()["bank_cards"] == first.json()["bank_cards"]
    change = await bind("6217000000000000012")
    assert [card["state"] for card in change.json()["bank_cards"]] == ["current", "pending"], change.text
    wrong = await bind("6217000000000000011")
    assert wrong.json()["errors"][0]["code"] == "bank_card_checksum"
    stranger = await bind("6217000000000000004", holder="林一")
    assert stranger.json()["errors"][0]["code"] == "holder_differs"


async def test_consents_are_given_to_an_exact_text_and_can_be_withdrawn(
    client: httpx.AsyncClient, world: World
) -> None:
    someone = await world.person(consents=())
    texts = (await client.get("/consents")).json()["items"]
    text = next(item for item in texts if item["purpose"] == "privacy_policy")
    body = {"purpose": "privacy_policy", "sha256": text["sha256"]}
    given = await client.post("/me/consents", json=body, headers=someone.headers | make.keyed())
    again = await client.post("/me/consents", json=body, headers=someone.headers | make.keyed())
    assert given.status_code == 201
    assert given.json()["id"] == again.json()["id"]
    other = await client.post("/me/consents", json=body | {"sha256": "0" * 64}, headers=someone.headers | make.keyed())
    assert other.json()["errors"][0]["code"] == "consent_text_changed"
    withdrawn = await client.post(f"/me/consents/{given.json()['id']}/withdraw", headers=someone.headers | make.keyed())
    assert withdrawn.json()["withdrawn_at"]
    gone = await client.post(f"/me/consents/{given.json()['id']}/withdraw", headers=someone.headers | make.keyed())
    assert gone.status_code == 404


async def test_submitting_without_the_consents_it_needs_is_refused_by_name(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    someone = await world.worker(town.units[0], consents=())
    drafted = await client.post(
        "/applications",
        json={"kind": "hardship_aid", "form": make.living_aid()},
        headers=someone.headers | make.keyed(),
    )
    refused = await client.post(
        f"/applications/{drafted.json()['id']}/submit",
        headers=someone.headers | make.keyed() | {"If-Match": drafted.headers["etag"]},
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "consents_missing")
    assert refused.json()["purposes"] == "privacy_policy,public_notice,sensitive_finance"


async def test_a_person_sees_who_opened_their_case(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    someone = await world.worker(town.units[0])
    clerk = await world.staff(Role.UNIT_CLERK, town.units[0])
    drafted = await client.post(
        "/applications",
        json={"kind": "hardship_aid", "form": make.living_aid()},
        headers=someone.headers | make.keyed(),
    )
    await client.post(
        f"/applications/{drafted.json()['id']}/submit",
        headers=someone.headers | make.keyed() | {"If-Match": drafted.headers["etag"]},
    )
    await client.get(f"/staff/applications/{drafted.json()['id']}", headers=clerk.headers)
    looks = (await client.get("/me/access_log", headers=someone.headers)).json()["items"]
    assert [(look["action"], look["by_me"]) for look in looks[:2]] == [
        ("application.opened", False),
        ("application.submit", True),
    ]


async def test_signing_out_ends_the_session_here_at_once(client: httpx.AsyncClient, world: World) -> None:
    someone: Someone = await world.person()
    assert (await client.get("/me", headers=someone.headers)).status_code == 200
    assert (await client.delete("/sessions/current", headers=someone.headers)).status_code == 204
    assert (await client.get("/me", headers=someone.headers)).status_code == 401


async def test_a_person_gets_a_copy_of_all_their_data(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    someone = await world.worker(town.units[0], name="陈小明")
    drafted = await client.post(
        "/applications",
        json={"kind": "hardship_aid", "form": make.living_aid()},
        headers=someone.headers | make.keyed(),
    )
    copy = (await client.get("/me/export", headers=someone.headers)).json()
    assert (copy["person"]["name"], copy["person"]["id_number"]) == ("陈小明", someone.id_number)
    assert [each["number"] for each in copy["applications"]] == [drafted.json()["number"]]
    assert copy["household"]["form"]["head"]["id_number"] == someone.id_number
    assert len(copy["consents"]) == len(Purpose)


async def test_an_account_closes_once_nothing_is_under_way(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    someone = await world.worker(town.units[0])
    drafted = await client.post(
        "/applications",
        json={"kind": "hardship_aid", "form": make.living_aid()},
        headers=someone.headers | make.keyed(),
    )
    path = f"/applications/{drafted.json()['id']}"
    submitted = await client.post(
        f"{path}/submit", headers=someone.headers | make.keyed() | {"If-Match": drafted.headers["etag"]}
    )
    refused = await client.delete("/me", headers=someone.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "applications_open")
    await client.post(
        f"{path}/withdraw", headers=someone.headers | make.keyed() | {"If-Match": submitted.headers["etag"]}
    )
    assert (await client.delete("/me", headers=someone.headers)).status_code == 204
    assert (await client.get("/me", headers=someone.headers)).status_code == 401


async def test_a_draft_goes_to_the_union_that_its_worker_names_and_what_was_submitted_stays(
    client: httpx.AsyncClient, world: World
) -> None:
    here, there = (await world.town()).units[:2]
    worker, clerk = await world.worker(here), await world.staff(Role.UNIT_CLERK, there)
    body = {"kind": "hardship_aid", "form": make.living_aid()}
    draft = (await client.post("/applications", json=body, headers=worker.headers | make.keyed())).json()
    sent = await world.application(worker, here, kind=Kind.SECONDARY_MEDICAL)
    assert draft["organisation"] == here.name
    named = await client.put("/me/organisation", json={"organisation_code": there.code}, headers=worker.headers)
    assert named.status_code == 200, named.text
    now = (await client.get(f"/applications/{draft['id']}", headers=worker.headers)).json()
    assert (now["organisation"], now["version"]) == (there.name, draft["version"])
    headers = worker.headers | make.keyed() | {"If-Match": f'"{draft["version"]}"'}
    submitted = await client.post(f"/applications/{draft['id']}/submit", headers=headers)
    assert submitted.json()["state"] == "submitted", submitted.text
    waiting = [task["application_id"] for task in await every_item(client, "/staff/tasks", by=clerk)]
    assert waiting == [draft["id"]], str(sent.id)
