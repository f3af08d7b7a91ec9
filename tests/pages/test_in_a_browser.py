"""The pages in a real Chromium with a telephone's screen. Without one they are left out, unless they are required."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser

from app.db.database import Database
from app.figures.rules import Cell
from app.files.store import FileStore
from app.http.pages.policies import PAGES
from app.http.server import SERVER
from app.kernel.ids import new_id
from app.main import create_app
from app.settings import Settings
from tests.make import Someone, Town, World
from tests.notices.making import jobs_of, published
from tests.pages.browsing import CHROMIUM, FOCUSED, PHONE, REQUIRED, Visit, browsing
from tests.pages.showing import article, picture, tell
from tests.serving import serving

assert CHROMIUM.exists() or not REQUIRED, "the browser is required, and tools/setup_browser.sh has installed none"
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="没有浏览器；先 make browser")
PLAIN = ("/", "/notices", "/objections", "/policies", "/screening", "/progress", "/articles", "/nowhere")
POLICIES = tuple(f"/policies/{kind}" for kind in PAGES)


@pytest.fixture(scope="module")
def served(configured: Settings) -> Iterator[tuple[FastAPI, str]]:
    """The app as it is served, and where."""
    app = create_app(configured)
    with serving(app, **SERVER | {"lifespan": "on"}) as url:
        yield app, url


@pytest.fixture
def home(served: tuple[FastAPI, str]) -> str:
    """Where the pages stand; none of them is kept from before."""
    app, url = served
    shelf = getattr(app.state, "shelf", None)
    if shelf is not None:
        shelf.clear()
    return url


@pytest.fixture(scope="module")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
async def visit(chromium: Browser, home: str) -> AsyncIterator[Visit]:
    context = await chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
    visit = Visit(await context.new_page(), home)
    visit.watch()
    yield visit
    await context.close()


@pytest.mark.parametrize("path", [*PLAIN, *POLICIES])
async def test_a_page_is_easy_to_read_and_to_touch(visit: Visit, path: str) -> None:
    await visit.go(path)
    assert await visit.looked_at() == []


async def test_what_is_published_is_too(
    visit: Visit, world: World, town: Town, clerk: Someone, files: FileStore
) -> None:
    _, line = await published(world, town.units[0])
    shown = new_id()
    await files.put(shown, picture())
    article_id = await article(world, town, clerk, picture=shown)
    for path in (f"/notices/{line['id']}", f"/notices/batches/{line['batch_id']}", f"/articles/{article_id}"):
        await visit.go(path)
        assert await visit.looked_at() == [], path
    assert await visit.page.evaluate("() => document.images[0].naturalWidth") > 0


async def test_colours_can_be_told_apart_in_the_dark(chromium: Browser, home: str) -> None:
    context = await chromium.new_context(viewport=PHONE, color_scheme="dark")
    visit = Visit(await context.new_page(), home)
    for path in ("/", "/notices", "/policies/hardship_aid", "/screening", "/progress"):
        await visit.go(path)
        assert await visit.findings() == [], path
    await context.close()


async def test_somebody_objects_with_the_keyboard_alone_and_asks_what_became_of_it(
    visit: Visit, world: World, town: Town
) -> None:
    _, line = await published(world, town.units[0])
    await visit.go(f"/notices/{line['id']}")
    page = visit.page

    seen = []
    for _ in range(40):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate(FOCUSED))
        if seen[-1] == "提交异议":
            break
    assert seen[0] == "#main", "first of all the way past the menu"
    assert seen[-3:] == ["text", "contact", "提交异议"]
    assert "website" not in seen

    await page.keyboard.press("Enter")  # the browser itself asks for what is missing
    assert page.url.endswith(str(line["id"]))
    await page.focus("#text")
    await page.keyboard.type("这一家有两套住房")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".code")
    code = await page.inner_text(".code")
    assert await visit.looked_at() == []

    await visit.go("/objections")
    await page.fill("#receipt_code", code)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=已受理")
    assert page.url == f"{visit.home}/objections"
    assert await visit.looked_at() == []


async def test_what_is_wrong_with_a_form_is_said_where_it_is(visit: Visit) -> None:
    await visit.go("/screening")
    await visit.page.fill("#income", "三万")
    await visit.page.click("button")
    await visit.page.wait_for_selector("#income-wrong")
    assert await visit.looked_at() == []
    await visit.page.click('a[href="#income"]')
    assert await visit.page.evaluate(FOCUSED) == "income"


async def test_somebody_learns_what_they_can_get(visit: Visit) -> None:
    await visit.go("/screening")
    for name, value in {"members": "3", "income": "30000", "spending": "0", "homes": "1"}.items():
        await visit.page.fill(f"#{name}", value)
    await visit.page.select_option("#file_active", "yes")
    await visit.page.select_option("#stage", "undergraduate")
    await visit.page.click("button")
    await visit.page.wait_for_selector("text=可能得到")
    assert visit.page.url == f"{visit.home}/screening"
    assert await visit.looked_at() == []


async def test_the_charts_are_too(visit: Visit, jobs: Database, world: World) -> None:
    await tell(
        jobs_of(world),
        {
            "aid|2026|hardship_aid|A": Cell(1_234, 3_456_789_00),
            "aid|2026|golden_autumn|B": Cell(56, 400_000_00),
            "cohort": Cell(3_885, 0),
            "cohort_left|2018": Cell(1_700, 0),
            "left|2018|lifted": Cell(1_600, 0),
            "file|deep": Cell(300, 0),
        },
        {"A": "汕头市潮阳区总工会", "B": "南澳县总工会"},
    )
    await visit.go("/progress")
    assert await visit.page.locator("svg.chart").count() == 3
    assert await visit.looked_at() == []


async def test_a_page_prints_without_its_menu_and_its_forms(visit: Visit, world: World, town: Town) -> None:
    _, line = await published(world, town.units[0])
    await visit.go(f"/notices/{line['id']}")
    await visit.page.emulate_media(media="print")
    assert not await visit.page.is_visible("nav")
    assert not await visit.page.is_visible("form")
    assert await visit.page.is_visible("h1")
