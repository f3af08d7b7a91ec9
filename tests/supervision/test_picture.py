"""The picture of a month: the same figures give the same bytes, and whoever cannot see it is told the same."""

import random
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import httpx
import pytest

from app.kernel.actor import Role
from app.kernel.money import yuan
from app.supervision.picture import COLOURS, WIDTH, Part, picture, ranked
from tests.make import TODAY, Town, World
from tests.said import hold
from tests.supervision.booking import cases, granted

SVG = "{http://www.w3.org/2000/svg}"
PARTS = [
    Part("资金来源", [("市县财政配套", 18_640_000), ("工会经费", 9_305_050), ("社会捐赠", 120_000)]),
    Part("帮扶种类", [("困难帮扶", 21_000_000), ("金秋助学", 6_565_050), ("住院二次医保", 500_000)]),
    Part(
        "区县（产业）",
        [("汕头市机关事业单位工会联合会", 10**12 + 13_065_050), ("龙湖区总工会", 15_000_000), ("南澳县总工会", 0)],
    ),
]


def test_a_picture_is_what_it_was() -> None:
    drawn = picture("2026年11月帮扶资金", "汕头市总工会", "支出 280,650.50元，57 户", PARTS)
    assert drawn == picture("2026年11月帮扶资金", "汕头市总工会", "支出 280,650.50元，57 户", PARTS)
    hold(drawn.decode(), __file__, "picture.svg")


def test_it_has_a_title_a_description_no_script_and_fits_a_phone() -> None:
    drawn = picture(
        "一月 <&>", "总工会", "没有", [Part("一", []), Part("二", [("甲\"'<b>", -5)]), Part("三", [("乙", 10**14)])]
    )
    root = ET.fromstring(drawn.decode())
    assert (root.get("role"), root.get("aria-labelledby"), root.get("width")) == ("img", "t d", str(WIDTH))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "一月 <&>"
    assert description is not None
    assert "一：没有支出；二：甲\"'<b> -0.05元；三：乙 1,000,000,000,000.00元" in str(description.text)
    assert {element.tag for element in root} == {f"{SVG}{tag}" for tag in ("title", "desc", "rect", "text")}
    for bar in root.iter(f"{SVG}rect"):
        assert 0 <= float(bar.get("x", "0")) + float(bar.get("width", "0")) <= WIDTH
        assert float(bar.get("width", "0")) >= 0
    assert min(float(words.get("font-size", "0")) for words in root.iter(f"{SVG}text")) >= 14


def contrast(colour: str) -> float:
    """Against white, by the formula of WCAG."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def test_every_colour_that_says_something_can_be_seen() -> None:
    drawn = picture("一", "二", "三", PARTS).decode()
    words = set(re.findall(r'<text [^>]*fill="(#[0-9a-f]{6})"', drawn))
    assert min(contrast(colour) for colour in words | set(COLOURS)) >= 4.5


def test_bars_of_one_name_stand_together_the_largest_first() -> None:
    assert ranked([("乙", 1), ("甲", 5), ("乙", 7), ("丙", 8)]) == [("丙", 8), ("乙", 8), ("甲", 5)]
    assert [name for name, _ in ranked([("a", 1), ("b", 5), ("a", 7)])] == ["a", "b"]


@pytest.mark.parametrize("month", ["this", "before"])
async def test_the_picture_of_a_month_tells_what_was_paid_in_it(
    client: httpx.AsyncClient, world: World, town: Town, month: str
) -> None:
    reader = await world.staff(Role.CITY_LEADER, town.city, consents=())
    fund = await world.fund(town.city, source="donation")
    (case, *_) = await cases(world, town, 1, random.Random(1))
    now = datetime.now(UTC)
    await granted(world, town.city, case, [(fund, "donation", 1234_56)], now)
    year, number = (TODAY.year, TODAY.month) if month == "this" else (TODAY.year - 1, TODAY.month)
    query = {"organisation_code": town.city.code, "month": f"{year}-{number:02d}"}
    first, again = [await client.get("/staff/fund_picture", params=query, headers=reader.headers) for _ in range(2)]
    assert first.headers["content-type"] == "image/svg+xml"
    assert first.content == again.content
    said = first.text
    if month == "this":
        assert said.count(yuan(1234_56)) >= 7, "told, three bars, and the description"
        assert "1 户" in said
    else:
        assert "没有支出" in said
