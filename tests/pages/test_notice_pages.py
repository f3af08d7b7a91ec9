"""Public notices as pages: what is shown, how one objects without signing in, and what becomes of it."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from app.http.pages import shell
from app.http.routes import notices as routes
from app.kernel.errors import Unavailable
from tests.make import World
from tests.notices.making import line_of, lines_of, publish, published, waiting
from tests.pages.turning import every_page

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def key_in(page: httpx.Response) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def code_in(page: httpx.Response) -> str:
    found = re.search(r'class="code">([0-9A-Z-]+)<', page.text)
    assert found is not None, page.text
    return found[1]


async def test_a_line_is_listed_and_shown_as_the_api_shows_it(site: httpx.AsyncClient, world: World) -> None:
    case, line = await published(world, (await world.town()).units[0])

    listed, first = await every_page(site, "/notices"), await site.get("/notices")
    shown = await site.get(f"/notices/{line['id']}")
    told = (await site.get(f"/api/v1/public/notices/{line['id']}")).json()

    assert f'href="/notices/{line["id"]}"' in listed
    assert case.number in listed
    for said in (told["name_masked"], told["number"], told["organisation"], told["sha256"]):
        assert said in unescape(shown.text)
    for page in (first, shown):
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
        assert page.headers["x-robots-tag"] == "noindex, noarchive"


async def test_older_lines_stand_on_further_pages(
    site: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.pages.notices.A_PAGE", 1)
    home = (await world.town()).units[0]
    for _ in range(2):
        await published(world, home)

    first = await site.get("/notices")
    following = re.search(r'href="(/notices\?cursor=[^"]+)"', first.text)
    assert following is not None
    second = await site.get(unescape(following[1]))

    ids = [re.findall(r'href="/notices/([0-9a-f-]{36})"', page.text) for page in (first, second)]
    assert [len(each) for each in ids] == [1, 1]
    assert ids[0] != ids[1]


async def test_an_objection_stops_the_line_and_its_code_says_what_became_of_it(
    site: httpx.AsyncClient, world: World
) -> None:
    _, line = await published(world, (await world.town()).units[0])
    page = await site.get(f"/notices/{line['id']}")

    sent = await site.post(
        f"/notices/{line['id']}/objections",
        data={"key": key_in(page), "text": "这家有两套房", "contact": "", "website": ""},
    )
    code = code_in(sent)
    asked = await site.post("/objections", data={"receipt_code": code.lower().replace("-", " ")})

    assert sent.status_code == 201
    assert [row["state"] for row in await lines_of(world, line["application_id"])] == ["suspended"]
    assert (await site.get(f"/notices/{line['id']}")).status_code == 404
    assert "已受理" in asked.text
    assert code not in str(asked.url)
    assert code not in asked.text


async def test_a_form_that_is_sent_twice_is_one_objection(site: httpx.AsyncClient, world: World) -> None:
    _, line = await published(world, (await world.town()).units[0])
    key = key_in(await site.get(f"/notices/{line['id']}"))
    path, form = f"/notices/{line['id']}/objections", {"key": key, "text": "不符合条件"}

    first, second = await site.post(path, data=form), await site.post(path, data=form)
    other = await site.post(path, data=form | {"text": "另一件事"})

    assert code_in(first) == code_in(second)
    assert other.status_code == 409
    assert "已经提交过" in other.text
    (row,) = await lines_of(world, line["application_id"])
    assert row["objections"] == 1


async def test_what_is_missing_is_said_beside_its_field_and_what_was_written_stays(
    site: httpx.AsyncClient, world: World
) -> None:
    _, line = await published(world, (await world.town()).units[0])
    key = key_in(await site.get(f"/notices/{line['id']}"))

    answer = await site.post(
        f"/notices/{line['id']}/objections", data={"key": key, "text": " ", "contact": "<b>13800000000"}
    )

    assert answer.status_code == 422
    assert 'href="#text"' in answer.text
    assert "请填写这一项" in answer.text
    assert 'value="&lt;b&gt;13800000000"' in answer.text
    (row,) = await lines_of(world, line["application_id"])
    assert row["state"] == "open"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://aid.test"}, 201),
        ({"Origin": "http://aid.test"}, 201),
        ({}, 201),
    ],
)
async def test_a_form_on_another_site_objects_to_nothing(
    site: httpx.AsyncClient, world: World, headers: dict[str, str], status: int
) -> None:
    _, line = await published(world, (await world.town()).units[0])
    key = key_in(await site.get(f"/notices/{line['id']}"))

    answer = await site.post(
        f"/notices/{line['id']}/objections", data={"key": key, "text": "不符合条件"}, headers=headers
    )

    assert answer.status_code == status
    (row,) = await lines_of(world, line["application_id"])
    assert row["state"] == ("open" if status == 403 else "suspended")


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"text=a&text=b", FORM["Content-Type"], 422),
        (b"text=%ff%fe", FORM["Content-Type"], 422),
        (b"text=a&website=http://x", FORM["Content-Type"], 422),
        (b"&".join(b"a%d=1" % n for n in range(200)), FORM["Content-Type"], 422),
        (b"text=" + b"a" * 40_000, FORM["Content-Type"], 413),
        (b'{"text": "a"}', "application/json", 415),
        (b"text=a&key=", FORM["Content-Type"], 422),
        (b"text=a&key=k&file_ids=1", FORM["Content-Type"], 422),
        (b"text=a&key=k&objector_id=1", FORM["Content-Type"], 422),
    ],
)
async def test_a_body_that_no_browser_of_ours_sends_is_refused_as_a_page(
    site: httpx.AsyncClient, world: World, content: bytes, media_type: str, status: int
) -> None:
    _, line = await published(world, (await world.town()).units[0])

    answer = await site.post(f"/notices/{line['id']}/objections", content=content, headers={"Content-Type": media_type})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    (row,) = await lines_of(world, line["application_id"])
    assert row["state"] == "open"


async def test_so_many_objections_a_minute_are_taken_through_both_doors_together(
    site: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes._turnstile, "most", 1)
    home = (await world.town()).units[0]
    lines = [(await published(world, home))[1] for _ in range(2)]
    spoken = await site.post(
        f"/api/v1/public/notices/{lines[0]['id']}/objections",
        json={"text": "不符合条件"},
        headers={"Idempotency-Key": "one"},
    )
    key = key_in(await site.get(f"/notices/{lines[1]['id']}"))
    written = await site.post(f"/notices/{lines[1]['id']}/objections", data={"key": key, "text": "不符合条件"})

    assert spoken.status_code == 201
    assert written.status_code == 429
    assert written.headers["retry-after"]
    assert "过一会儿" in written.text


async def test_wrong_codes_are_told_so_and_are_few_a_minute(
    site: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes._wrong_codes, "most", 2)
    answers = [await site.post("/objections", data={"receipt_code": "AAAA-BBBB-CCCC-DDDD"}) for _ in range(3)]
    assert [each.status_code for each in answers] == [404, 404, 429]
    assert "没有找到" in answers[0].text
    assert "AAAA" not in answers[0].text


async def test_what_is_over_is_gone_with_its_batch(site: httpx.AsyncClient, world: World) -> None:
    case = await waiting(world, (await world.town()).units[0])
    await publish(world, case, seconds=-60)  # nobody has ended it
    line = await line_of(world, case.id)

    for path in (f"/notices/{line['id']}", f"/notices/batches/{line['batch_id']}"):
        assert (await site.get(path)).status_code == 404
    assert case.number not in await every_page(site, "/notices")


async def test_a_batch_shows_its_lines_with_its_hash(site: httpx.AsyncClient, world: World) -> None:
    case, line = await published(world, (await world.town()).units[0])
    batch = await site.get(f"/notices/batches/{line['batch_id']}")
    told = (await site.get(f"/api/v1/public/notice_batches/{line['batch_id']}")).json()
    assert case.number in batch.text
    assert told["sha256"] in batch.text


@pytest.mark.parametrize(
    ("failure", "status", "said"), [(Unavailable(), 503, "过一会儿"), (RuntimeError("secret"), 500, "系统出错")]
)
async def test_what_fails_is_said_on_a_page(
    site: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int, said: str
) -> None:
    async def failing(*_: Any) -> None:
        raise failure

    monkeypatch.setattr("app.http.pages.notices.notices", failing)
    page = await site.get("/notices")
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-store"
    assert ("retry-after" in page.headers) is (status == 503)
    assert said in page.text
    assert page.headers["x-request-id"] in page.text
    assert "secret" not in page.text


async def test_whoever_reads_html_is_refused_with_a_page_and_programs_as_ever(site: httpx.AsyncClient) -> None:
    page = await site.get("/nowhere")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == shell.SECURITY["Content-Security-Policy"]
    assert "没有找到" in page.text

    wrong_method = await site.request("DELETE", "/notices")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "GET")

    for path, accept in (("/api/v1/nowhere", "text/html"), ("/nowhere", "application/json"), ("/nowhere", "*/*")):
        spoken = await site.get(path, headers={"Accept": accept})
        assert (spoken.status_code, spoken.headers["content-type"]) == (404, "application/problem+json")
