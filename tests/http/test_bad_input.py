"""What has broken systems like this one is refused, in Chinese, without repeating what was sent."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.http.strict_json import MAXIMUM_BYTES
from app.kernel.actor import Role
from tests import make
from tests.http.refusals import echoed, refused
from tests.make import Someone, World

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
async def worker(world: World) -> Someone:
    return await world.worker((await world.town()).units[0])


async def send(client: httpx.AsyncClient, worker: Someone, body: str | bytes) -> httpx.Response:
    """A body exactly as it stands to a door that takes a form."""
    content = body.encode() if isinstance(body, str) else body
    return await client.post("/applications", content=content, headers=worker.headers | make.keyed() | JSON)


def application(**form: Any) -> str:
    return json.dumps({"kind": "hardship_aid", "form": form}, allow_nan=True)


# ---- too large ----


async def test_a_declared_body_that_is_too_large_is_refused(client: httpx.AsyncClient, worker: Someone) -> None:
    refused(await send(client, worker, b"x" * (MAXIMUM_BYTES + 1)), 413, "body_too_large")


async def test_a_body_that_does_not_say_how_long_it_is_is_refused_when_it_becomes_too_large(
    client: httpx.AsyncClient, worker: Someone
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 65_536
            yield b" " * 65_536

    headers = worker.headers | make.keyed() | JSON
    refused(await client.post("/applications", content=endless(), headers=headers), 413, "body_too_large")
    assert sent < 2 * MAXIMUM_BYTES


async def test_the_largest_body_is_read(client: httpx.AsyncClient, worker: Someone) -> None:
    padding = " " * (MAXIMUM_BYTES - len(application()))
    assert (await send(client, worker, application() + padding)).status_code == 201


# ---- what is not JSON, or too much of it ----


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "missing"),
        ("{", "json_invalid"),
        ("{'kind': 1}", "json_invalid"),
        (b"\xff\xfe{}", "json_invalid"),
        (b'{"kind": "\xed\xa0\x80"}', "json_invalid"),
        ('{"kind": "hardship_aid"} {}', "json_invalid"),
        ("[" * 100_000, "json_too_deep"),
        ("[" * 100_000 + "]" * 100_000, "json_too_deep"),
        ('{"form":' + '{"a":' * 30_000 + "1" + "}" * 30_000 + "}", "json_too_deep"),
        ("[" * 33 + "]" * 33, "json_too_deep"),
        ('{"kind": NaN}', "json_not_a_number"),
        ('{"kind": "hardship_aid", "form": {"requested_fen": Infinity}}', "json_not_a_number"),
        ('{"kind": "hardship_aid", "form": {"requested_fen": -Infinity}}', "json_not_a_number"),
        ('{"kind": "hardship_aid", "kind": "hardship_aid"}', "json_duplicate_key"),
        ('{"kind": "hardship_aid", "form": {"requested_fen": 1, "requested_fen": 2}}', "json_duplicate_key"),
        ('{"kind": "hardship_aid", "form": {"requested_fen": ' + "1" * 5_000 + "}}", "json_invalid"),
    ],
)
async def test_what_is_not_plain_json_is_refused(
    client: httpx.AsyncClient, worker: Someone, body: str | bytes, code: str
) -> None:
    problem = refused(await send(client, worker, body), 422, "invalid")
    assert [error["code"] for error in problem["errors"]] == [code]


async def test_brackets_inside_text_are_not_nesting(client: httpx.AsyncClient, worker: Someone) -> None:
    answer = await send(client, worker, application(reason='[{"' * 200 + '\\"['))
    assert answer.status_code in (201, 409), answer.text


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 4_000, "1.0", "1e3", "true", '"1"', "-1", "1000000000001"])
async def test_a_number_that_is_no_amount_is_refused(client: httpx.AsyncClient, worker: Someone, number: str) -> None:
    body = '{"kind": "hardship_aid", "form": {"requested_fen": ' + number + "}}"
    problem = refused(await send(client, worker, body), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/form/requested_fen"]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", "application/xml",
     "json", "", "application/json, text/html", "text/json", "application/octet-stream"],
)  # fmt: skip
async def test_a_body_that_does_not_say_it_is_json_is_refused(
    client: httpx.AsyncClient, worker: Someone, content_type: str
) -> None:
    headers = worker.headers | make.keyed() | {"Content-Type": content_type}
    answer = await client.post("/applications", content=application().encode(), headers=headers)
    refused(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/ld+json"])
async def test_json_by_any_of_its_names_is_read(client: httpx.AsyncClient, worker: Someone, content_type: str) -> None:
    headers = worker.headers | make.keyed() | {"Content-Type": content_type}
    answer = await client.post("/applications", content=application(item="moon").encode(), headers=headers)
    refused(answer, 422, "invalid")


# ---- text ----


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("张\x00三", "text_nul"),
        ("张\ud83d", "string_unicode"),
        ("\x1b[31m红", "text_control"),
        ("张三\u202efdp.exe", "text_bidi"),
        ("\u2066张三\u2069", "text_bidi"),
        ("\u200b \u200b", "text_empty"),
    ],
)
async def test_text_that_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, worker: Someone, text: str, code: str
) -> None:
    problem = refused(await send(client, worker, application(reason=text)), 422, "invalid")
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] == [("/form/reason", code)]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Zo\u0308e\u200b 住院", "Zöe 住院"),
        ("  家里失火\r\n没有收入 ", "家里失火\n没有收入"),
        ("张𬸣👨\u200d👩\u200d👧", "张𬸣👨\u200d👩\u200d👧"),
        ("\U00031350\U000323b0", "\U00031350\U000323b0"),
        ("'; DROP TABLE person; --<script>", "'; DROP TABLE person; --<script>"),
    ],
)
async def test_text_is_kept_in_nfc_with_emoji_and_rare_characters(
    client: httpx.AsyncClient, world: World, text: str, kept: str
) -> None:
    worker = await world.worker((await world.town()).units[0])
    answer = await send(client, worker, application(reason=text))
    assert (answer.status_code, answer.json()["form"]) == (201, {"reason": kept})


@pytest.mark.parametrize("name", ["张𬸣", "\U00031350\U000323b0", "迪丽热巴·买买提", "欧阳\u3007", "Zoë Müller"])
async def test_rare_names_are_accepted(client: httpx.AsyncClient, world: World, name: str) -> None:
    someone = await world.person(verified=False)
    body = {"name": name, "id_number": make.id_number()}
    answer = await client.put("/me/identity", json=body, headers=someone.headers)
    assert (answer.status_code, answer.json()["verified"]) == (200, True)


# ---- dates ----


@pytest.mark.parametrize(
    "day",
    ["9999-12-31", "0001-01-01", "1899-12-31", "2101-01-01", "2026-02-30", "2026-13-01", "2026-1-1", "20260101",
     "2026-01-01T00:00:00", "2026-01-01\n", "2026-W01-1", "+2026-01-01", "２０２６-01-01", 1767225600, 20260101, True,
     []],
)  # fmt: skip
async def test_a_day_that_is_none_is_refused(client: httpx.AsyncClient, worker: Someone, day: Any) -> None:
    body = json.dumps({"kind": "golden_autumn", "form": {"admitted_on": day}})
    problem = refused(await send(client, worker, body), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/form/admitted_on"]


@pytest.mark.parametrize(
    "instant",
    ["2026-01-01T00:00:00", "2026-01-01", "9999-12-31T12:00:00-12:00", "1767225600", 1767225600, 1767225600.5,
     "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01 00:00:00+08:00", "2026-01-01T00:00:00+24:00"],
)  # fmt: skip
async def test_an_instant_that_is_none_is_refused(client: httpx.AsyncClient, worker: Someone, instant: Any) -> None:
    body = json.dumps({"kind": "secondary_medical", "form": {"settlement": {"settled_at": instant}}})
    problem = refused(await send(client, worker, body), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/form/settlement/settled_at"]


async def test_what_is_wrong_with_one_of_several_forms_is_pointed_to_where_it_was_sent(
    client: httpx.AsyncClient, world: World
) -> None:
    editor = await world.staff(Role.PUBLICITY_EDITOR, (await world.town()).city)
    blocks = [{"type": "paragraph"}, {"type": "heading", "text": 1}, {"type": "figures", "rows": [{"label": "户"}]}]
    body = {"kind": "policy", "content": {"title": "好", "blocks": blocks}}
    answer = await client.post("/staff/articles", json=body, headers=editor.headers | make.keyed())
    pointers = {error["pointer"] for error in refused(answer, 422, "invalid")["errors"]}
    within = {pointer for pointer in pointers if pointer.startswith("/content/blocks/")}
    assert within == {f"/content/blocks/{at}" for at in ("0/text", "1/text", "2/title", "2/as_of", "2/rows/0/value")}


# ---- queries and cursors ----


async def test_the_signs_of_like_match_themselves(client: httpx.AsyncClient, world: World) -> None:
    town, mark = await world.town(), make.unique()
    names = {sign: (await world.union("unit", town.streets[0], name=f"{mark}{sign}工会")).name for sign in "%_\\'"}
    for sign, name in names.items():
        found = await client.get("/organisations", params={"q": f"{mark}{sign}"})
        assert [item["name"] for item in found.json()["items"]] == [name]
    everything = await client.get("/organisations", params={"q": f"{mark}%工"})
    assert [item["name"] for item in everything.json()["items"]] == [names["%"]]
    nothing = await client.get("/organisations", params={"q": f"{mark}%%"})
    assert nothing.json()["items"] == []


LIMITS = ["0", "-1", "101", "1_0", " 1", "1 ", "1.0", "1e1", "+5", "0x10", "１", "", "null", "true", "[]", str(2**31),
          str(2**63), str(2**64), "9" * 4_000, "1;drop table person"]  # fmt: skip


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_limit_that_is_none_is_refused(client: httpx.AsyncClient, worker: Someone, limit: str) -> None:
    for address in ("/applications", "/me/access_log", "/organisations", "/public/notices"):
        answer = await client.get(address, params={"limit": limit}, headers=worker.headers)
        problem = refused(answer, 422, "invalid")
        assert [error["pointer"] for error in problem["errors"]] == ["/limit"]


@pytest.mark.parametrize("value", ["1", "yes", "on", "True", "2", "", "null"])
async def test_a_flag_is_true_or_false_and_nothing_else(client: httpx.AsyncClient, world: World, value: str) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, (await world.town()).units[0])
    for address in ("/staff/tasks", "/staff/tasks/count"):
        refused(await client.get(address, params={"overdue": value}, headers=clerk.headers), 422, "invalid")
        assert (await client.get(address, params={"overdue": "false"}, headers=clerk.headers)).status_code == 200


@pytest.mark.parametrize("wanted", [{"kind": "moon"}, {"state": "moon"}, {"q": "BF%"}, {"q": "x' or 1=1"}, {"q": ""}])
async def test_a_filter_that_does_not_exist_is_refused(
    client: httpx.AsyncClient, world: World, wanted: dict[str, str]
) -> None:
    clerk = await world.staff(Role.UNIT_CLERK, (await world.town()).units[0])
    refused(await client.get("/staff/tasks", params=wanted, headers=clerk.headers), 422, "invalid")


async def test_an_unknown_parameter_changes_nothing(client: httpx.AsyncClient, worker: Someone) -> None:
    plain = await client.get("/applications", headers=worker.headers)
    for unknown in ({"sort": "amount_fen; drop table person"}, {"order": "desc"}, {"offset": str(2**63)}):
        assert (await client.get("/applications", params=unknown, headers=worker.headers)).json() == plain.json()


async def test_nobody_can_make_a_cursor_or_use_it_on_another_list(client: httpx.AsyncClient, world: World) -> None:
    worker = await world.worker((await world.town()).units[0])
    for kind in ("hardship_aid", "golden_autumn"):
        await client.post("/applications", json={"kind": kind, "form": {}}, headers=worker.headers | make.keyed())
    page = await client.get("/applications", params={"limit": 1}, headers=worker.headers)
    ours = page.json()["next_cursor"]
    rest = await client.get("/applications", params={"limit": 1, "cursor": ours}, headers=worker.headers)
    assert (len(rest.json()["items"]), rest.json()["next_cursor"]) == (1, None)
    whole = base64.urlsafe_b64decode(ours + "==")
    bent = [bytes([whole[0] ^ 1]) + whole[1:], whole[:-1] + bytes([whole[-1] ^ 1]), whole[:24], whole + b"\0", b""]
    forged = [base64.urlsafe_b64encode(each).decode() for each in bent]
    for cursor in [*forged, "x", "%00", "张三", "=" * 10, str(2**63), "null", "A" * 200, "A" * 201, ours + ours]:
        for address in ("/applications", "/me/access_log", "/public/notices"):
            answer = await client.get(address, params={"cursor": cursor}, headers=worker.headers)
            refused(answer, 422, "invalid")
            assert not echoed(answer, cursor)
    foreign = await client.get("/me/access_log", params={"cursor": ours}, headers=worker.headers)
    assert refused(foreign, 422)["errors"][0]["code"] == "cursor_invalid"


@pytest.mark.parametrize("cursor", ["'", "U-1' or 1=1", "%", "\x00", "张", "A" * 61, "-\n"])
async def test_a_cursor_of_the_unions_is_one_of_their_codes(client: httpx.AsyncClient, cursor: str) -> None:
    problem = refused(await client.get("/organisations", params={"cursor": cursor}), 422, "invalid")
    assert [error["pointer"] for error in problem["errors"]] == ["/cursor"]


async def test_a_search_with_a_nul_is_refused(client: httpx.AsyncClient) -> None:
    refused(await client.get("/organisations", params={"q": "工\x00会"}), 422, "invalid")


# ---- addresses ----


@pytest.mark.parametrize("address", ["/nowhere", "/applications/", "/me/../../metrics", "/applications/1/2/3", "/%00"])
async def test_an_unknown_address_is_a_problem_too(client: httpx.AsyncClient, address: str) -> None:
    refused(await client.get(address), 404, "not_found")


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_an_unknown_method_is_a_problem_that_names_the_known_ones(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/applications")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"


IDS = ["1", "0", "null", "張三", "{01a2087f-0000-7000-8000-000000000000}", "urn:uuid:01a2087f-0000-7000-8000-00000000",
       "01a2087f00007000800000000000000000", "01a2087f-0000-7000-8000-00000000000g", "' or '1'='1' --", "%00",
       "a" * 4_000]  # fmt: skip


@pytest.mark.parametrize("unknown", IDS)
async def test_an_id_that_is_none_is_refused_and_not_repeated(
    client: httpx.AsyncClient, worker: Someone, unknown: str
) -> None:
    answer = await client.get(f"/applications/{unknown}", headers=worker.headers)
    assert refused(answer, 422, "invalid")["errors"][0]["pointer"] == "/application_id"
    assert not echoed(answer, unknown)


async def test_what_belongs_to_others_looks_like_what_does_not_exist(client: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    owner, stranger = await world.worker(town.units[0]), await world.worker(town.units[0])
    clerk_elsewhere = await world.staff(Role.UNIT_CLERK, town.units[1])
    drafted = await client.post(
        "/applications", json={"kind": "hardship_aid", "form": make.living_aid()}, headers=owner.headers | make.keyed()
    )
    submitted = await client.post(
        f"/applications/{drafted.json()['id']}/submit", headers=owner.headers | make.keyed() | {"If-Match": '"1"'}
    )
    assert submitted.status_code == 200
    foreign, absent = drafted.json()["id"], "01a2087f-0000-7000-8000-000000000000"
    calls: list[tuple[Someone, str, str, Any]] = [
        (stranger, "GET", "/applications/{id}", None),
        (stranger, "PUT", "/applications/{id}", {"form": {}}),
        (stranger, "POST", "/applications/{id}/preview", None),
        (stranger, "POST", "/applications/{id}/submit", None),
        (stranger, "POST", "/applications/{id}/withdraw", None),
        (clerk_elsewhere, "GET", "/staff/applications/{id}", None),
        (clerk_elsewhere, "POST", "/staff/applications/{id}/actions", {"action": "accept"}),
    ]
    for who, method, address, body in calls:
        answers = []
        for application_id in (foreign, absent):
            headers = who.headers | {"If-Match": '"2"'} | (make.keyed() if method == "POST" else {})
            answer = await client.request(method, address.format(id=application_id), json=body, headers=headers)
            answers.append(refused(answer, 404, "application_not_found") | {"request_id": None})
        assert answers[0] == answers[1]


# ---- caches ----


async def test_nothing_personal_may_be_stored_and_what_is_public_may(
    client: httpx.AsyncClient, worker: Someone
) -> None:
    for address in ("/me", "/me/consents", "/me/access_log", "/me/export", "/applications", "/me/household"):
        answer = await client.get(address, headers=worker.headers)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), address
        refused(await client.get(address), 401)
    # Of people, and to be taken down at an instant.
    notices = await client.get("/public/notices")
    assert (notices.status_code, notices.headers["cache-control"]) == (200, "no-store")
    for address in ("/consents", "/programmes", "/organisations"):
        answer = await client.get(address, headers=worker.headers)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=300")
        same = await client.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")


async def test_a_hundred_refusals_at_once_are_a_hundred_refusals(client: httpx.AsyncClient, worker: Someone) -> None:
    answers = await asyncio.gather(*(send(client, worker, application(requested_fen=-n - 1)) for n in range(100)))
    for answer in answers:
        refused(answer, 422, "invalid")
