"""An article on how the work goes on, drafted from live figures: nothing of few people, and a picture."""

import io
import re
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from app.applications.path import Kind, State
from app.articles.content import Content
from app.articles.progress import FEW, Paid, Progress, chart, draft, households, percent, rows_of
from app.kernel.actor import Role
from tests.articles.making import Newsroom
from tests.make import TODAY

AS_OF = datetime(2026, 11, 30, 1, 30, tzinfo=UTC)
PICTURE = UUID("01980000-0000-7000-8000-000000000001")
PAID = (Paid("困难帮扶", 120, 36_000_000), Paid("金秋助学", 40, 12_000_000))


def figures(**given: object) -> Progress:
    values = {"in_file": 500, "opened": 60, "lifted": 345, "relieved": 12, "paid": PAID, "helped": 150, "target": 400}
    return Progress("汕头市总工会", 2026, AS_OF, **(values | given))  # type: ignore[arg-type]


def test_the_figures_carry_their_time_and_the_target_is_not_met_by_rounding() -> None:
    rows = dict(rows_of(figures()))
    assert rows["完成目标"] == "86.2%"
    assert (rows["帮扶人数"], rows["帮扶资金合计"]) == ("150人", "480,000.00元")
    assert percent(399_999, 400_000) == "99.9"
    content = draft(figures(), PICTURE)
    assert isinstance(content, Content)
    table = next(block for block in content.model_dump(mode="json")["blocks"] if block["type"] == "figures")
    assert table["as_of"].startswith("2026-11-30T")
    assert "数据截至 2026-11-30 09:30" in chart(figures())


@pytest.mark.parametrize("few", range(1, FEW))
def test_what_is_of_few_people_is_told_nowhere_and_cannot_be_worked_out(few: int) -> None:
    secret = Paid("住院二次医保", few, 7_654_321)
    progress = figures(paid=(*PAID, secret), lifted=few, helped=150 + few)
    said = "".join(f"{label}{value}" for label, value in rows_of(progress)) + chart(progress)
    said += draft(progress, PICTURE).model_dump_json()
    assert "住院二次医保" not in said
    assert "76,543.21" not in said
    assert "556,543.21" not in said, "the sum of all would tell what was left out"
    assert f"{150 + few}人" not in said
    assert households(few) == "不足5户"
    assert "完成目标" not in said


def test_the_chart_is_as_the_golden_file_has_it() -> None:
    assert chart(figures()) == Path(__file__).with_name("golden_chart.svg").read_text("utf-8").rstrip("\n")
    assert "暂不公布" in chart(figures(paid=(), lifted=0))
    assert "<b>" not in chart(Progress("<b>", 2026, AS_OF, 1, 1, 9, 1, PAID, 9, None))


async def test_it_is_drafted_from_live_figures_with_a_picture_and_is_only_a_draft(newsroom: Newsroom) -> None:
    world, owner = newsroom.world, newsroom.owner
    unit = await world.union("unit", newsroom.city)
    for n in range(6):
        worker = await world.person(home=unit)
        case = await world.application(worker, unit, kind=Kind.SECONDARY_MEDICAL, state=State.PAID)
        await owner.execute("update application set paid_at = now() where id = $1", case.id)
        file_id = await world.household(worker, unit, plan=None)
        if n < 5:
            await owner.execute(
                "update household set state = 'lifted', left_at = now(), active_at = $2 where id = $1",
                file_id, datetime.now(UTC) - timedelta(days=800),
            )  # fmt: skip
    answer = await newsroom.ask(newsroom.editor, "POST", "/progress", {"year": TODAY.year, "target": 10})
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["state"], shown["kind"], shown["mine"]) == ("draft", "progress", True)
    (table,) = [block for block in shown["content"]["blocks"] if block["type"] == "figures"]
    rows = {row["label"]: row["value"] for row in table["rows"]}
    assert (rows["今年脱困"], rows["全年脱困目标"], rows["完成目标"]) == ("5户", "10户", "50.0%")
    assert rows["住院二次医保"].startswith("6人")
    assert re.fullmatch(r"\d{4}-.*\+08:00", table["as_of"])
    picture = await newsroom.client.get(
        f"/files/{shown['content']['cover_file_id']}", headers=newsroom.approver.headers
    )
    assert picture.status_code == 200
    assert struct.unpack(">II", picture.content[16:24])[0] == 900
    drawn = Image.open(io.BytesIO(picture.content)).convert("RGB")
    colours = {colour: count for count, colour in drawn.getcolors(1_000_000) or []}
    assert colours[(0xB3, 0x26, 0x1E)] > 5_000, "the bars are there"
    assert len(colours) > 20, "and so are words"
    article_id = shown["id"]
    assert await newsroom.does(newsroom.editor, article_id, "submit") == "in_review"

    elsewhere = await world.staff(Role.PUBLICITY_EDITOR, await world.union("city", room_fen=0))
    empty = await newsroom.ask(elsewhere, "POST", "/progress", {"year": TODAY.year})
    (none,) = [block for block in empty.json()["content"]["blocks"] if block["type"] == "figures"]
    assert {row["value"] for row in none["rows"]} == {"0户"}
