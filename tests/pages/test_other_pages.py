"""The pages that ask nothing of anybody: what they show, how they are kept, and what stands behind them."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.figures.rules import Cell
from app.files.store import FileStore
from app.http.pages import shell
from app.http.pages.policies import PAGES
from app.http.pages.progress import page as progress_page
from app.http.pages.routers import PAGES as ROUTERS
from app.http.pages.shelf import MOST, Shelf
from app.kernel.ids import new_id
from app.policy.book import PolicyBook
from app.programmes import shipped
from tests.make import NOW, Someone, Town, World
from tests.pages.showing import article
from tests.pages.turning import every_page

KEPT = ("/", "/policies", *(f"/policies/{kind}" for kind in PAGES), "/screening", "/progress", "/articles")
TODAY = date(2026, 11, 30)


def addresses(html: str) -> Iterator[str]:
    yield from (unescape(found) for found in re.findall(r'(?:href|src|action)="([^"]*)"', html))


@pytest.mark.parametrize("path", KEPT)
async def test_a_page_is_small_kept_and_asks_nothing_of_anybody(site: httpx.AsyncClient, path: str) -> None:
    page = await site.get(path)

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-encoding"] == "gzip"
    assert int(page.headers["content-length"]) < 14_000, "more than what the first packets of a connection hold"
    assert re.fullmatch(r"public, max-age=\d+", page.headers["cache-control"])
    for name, value in shell.SECURITY.items():
        assert page.headers[name] == value
    assert "set-cookie" not in page.headers
    assert page.text.startswith('<!doctype html>\n<html lang="zh-CN">')
    assert not re.search(r"<script|javascript:|\son\w+=|style=|<style|<iframe|@import", page.text, re.IGNORECASE)
    assert all(re.match(r"/|#", each) for each in addresses(page.text))

    again = await site.get(path, headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = await site.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.text == page.text
    assert "content-encoding" not in plain.headers


async def test_every_address_on_every_page_leads_somewhere(site: httpx.AsyncClient) -> None:
    seen: set[str] = set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = await site.get(path)
        assert answer.status_code == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            waiting += {
                each for each in addresses(answer.text) if each.startswith("/") and "/objections" not in each[1:]
            } - seen - set(waiting)  # fmt: skip
    assert seen >= set(KEPT)


async def test_what_pages_refer_to_is_kept_for_ever_under_the_address_of_its_content(site: httpx.AsyncClient) -> None:
    style = await site.get(shell.asset("style")[2])
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert (await site.get("/assets/000000000000/style.css")).status_code == 404


async def test_no_visitor_makes_the_database_do_the_work_again(
    site: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def counting(*_: Any) -> None:
        asked.append("database")

    monkeypatch.setattr("app.http.pages.progress.newest", counting)
    for _ in range(20):
        assert (await site.get("/progress")).status_code == 200
    assert asked == ["database"]


async def test_a_shelf_holds_so_many_pages_and_not_more() -> None:
    shelf = Shelf()
    for number in range(MOST + 10):
        shelf._keep(f"/{number}", 60, "page")
    assert len(shelf._kept) == MOST


# ---- policies ----


def amounts(html: str) -> set[str]:
    return set(re.findall(r"[0-9][0-9,]*(?:\.[0-9]{2})?元", unescape(html)))


def raised(book: PolicyBook) -> PolicyBook:
    """The same book with a minimum living standard that nobody could have copied."""
    versions = []
    for version in book.versions["minimum_living_standard"]:
        urban = version.urban.model_copy(update={"monthly_fen": 91_100, "edge_line_fen": None})  # type: ignore[attr-defined]
        versions.append(version.model_copy(update={"urban": urban}))
    return PolicyBook({**book.versions, "minimum_living_standard": tuple(versions)}, book.closed)


@pytest.mark.parametrize("kind", PAGES)
async def test_a_policy_is_told_with_its_source_its_day_and_its_documents(site: httpx.AsyncClient, kind: str) -> None:
    page = unescape((await site.get(f"/policies/{kind}")).text)
    version = shipped().in_force(kind, PAGES[kind].model, TODAY)  # type: ignore[arg-type, index]
    assert version.source in page
    assert f"{version.in_force_from.year}年{version.in_force_from.month}月{version.in_force_from.day}日起施行" in page
    for document in PAGES[kind].documents:  # type: ignore[index]
        assert document.name in page


@pytest.mark.parametrize("kind", ["hardship_aid", "golden_autumn", "household_criteria"])
async def test_amounts_are_worked_out_from_the_policy_and_not_copied(
    site: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    before = amounts((await site.get(f"/policies/{kind}")).text)
    book = raised(await app.state.service.policies.get())

    async def get() -> PolicyBook:
        return book

    monkeypatch.setattr(app.state.service.policies, "get", get)
    app.state.shelf.clear()
    after = amounts((await site.get(f"/policies/{kind}")).text)

    assert before != after
    assert {"hardship_aid": "10,932元", "golden_autumn": "9,110元", "household_criteria": "1,822元"}[kind] in after


async def test_a_policy_that_is_not_in_force_says_so(
    site: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get() -> PolicyBook:
        return PolicyBook({})

    monkeypatch.setattr(app.state.service.policies, "get", get)
    for path in ("/", "/policies", "/policies/hardship_aid", "/progress"):
        assert (await site.get(path)).status_code == 200
    assert "暂不受理" in (await site.get("/policies/hardship_aid")).text
    assert (await site.get("/policies/nothing")).status_code == 404


# ---- progress ----


def figures(cells: dict[str, Cell | None]) -> dict[str, Any]:
    told = {key: None if cell is None else list(cell) for key, cell in cells.items()}
    return {
        "day": TODAY,
        "created_at": NOW,
        "content": {"cells": told, "names": {"A": "<b>龙湖区总工会", "B": "濠江区总工会"}},
    }


def test_progress_sums_what_is_told_and_says_what_is_left_out() -> None:
    html = progress_page(
        figures(
            {
                "aid|2026|hardship_aid|A": Cell(10, 1_000_00),
                "aid|2026|golden_autumn|A": Cell(5, 500_00),
                "aid|2026|hardship_aid|B": None,
                "cohort": Cell(200, 0),
                "cohort_left|2018": Cell(90, 0),
                "cohort_left|2019": None,
                "left|2018|lifted": Cell(80, 0),
                "left|2018|relieved": Cell(10, 0),
                "file|deep": Cell(33, 0),
            }
        ),
        shipped(),
        TODAY,
    )
    assert "<strong>15</strong>" in html
    assert "<strong>1,500.00元</strong>" in html
    assert "另有 1 格" in html
    assert "&lt;b&gt;龙湖区总工会" in html
    assert "濠江区总工会" not in html, "nothing of it is told"
    assert "45%（目标40%）" in html
    assert "少于5" in html
    assert "2026年没有公布的年度目标" in html
    for chart in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert 'role="img"' in chart
        assert "数字见下表" in chart


def test_before_the_first_count_progress_says_so() -> None:
    assert "还没有统计" in progress_page(None, shipped(), TODAY)


# ---- articles ----


async def test_an_article_is_shown_with_its_blocks_and_its_pictures_alone(
    site: httpx.AsyncClient, world: World, town: Town, clerk: Someone, files: FileStore
) -> None:
    shown, other = new_id(), new_id()
    for each in (shown, other):
        await files.put(each, b"picture")
    article_id = await article(world, town, clerk, picture=shown)

    listed, page = await every_page(site, "/articles"), await site.get(f"/articles/{article_id}")
    picture = await site.get(f"/articles/{article_id}/pictures/{shown}")

    assert f'href="/articles/{article_id}"' in listed
    for said in (
        "怎样申请<助学>",
        "一、办法",
        "第二行 <script>alert(1)</script>",
        "工会帮了大忙",
        "一名职工",
        "帮扶情况",
        "合影",
    ):
        assert said in unescape(page.text)
    assert "<script" not in page.text
    assert f'src="/articles/{article_id}/pictures/{shown}"' in page.text
    assert (picture.status_code, picture.content, picture.headers["content-type"]) == (200, b"picture", "image/png")
    assert (await site.get(f"/articles/{article_id}/pictures/{other}")).status_code == 404


async def test_a_withdrawn_article_is_gone_with_its_pictures(
    site: httpx.AsyncClient, world: World, town: Town, clerk: Someone, files: FileStore
) -> None:
    shown = new_id()
    await files.put(shown, b"picture")
    article_id = await article(world, town, clerk, picture=shown, withdrawn_at=NOW + timedelta(hours=1))
    for path in (f"/articles/{article_id}", f"/articles/{article_id}/pictures/{shown}", f"/articles/{new_id()}"):
        assert (await site.get(path)).status_code == 404
    assert str(article_id) not in await every_page(site, "/articles")


# ---- every route ----


def test_every_page_is_public_and_outside_the_contract() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    assert len(routes) >= 15
    for route in routes:
        assert not route.dependant.dependencies, "a page asks nobody who they are"
        assert not route.include_in_schema
        assert not route.path.startswith(shell.API)
        assert route.methods in ({"GET"}, {"POST"})
        assert type(route).__name__ == "PageDoor"
