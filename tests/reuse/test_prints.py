"""Prints and papers: one paper is one paper from any side, two bills of one form are two, and a look-up among many
stored prints stays short. `AID_PRINTS=200000` stores so many; the suite a few thousand."""

import io
import os
import time
from datetime import date
from random import Random

import asyncpg
import pikepdf
import pytest
from PIL import Image

from app.confined.running import Done, Failed, Limits, run
from app.jobs.reuse.queries import Page, near
from app.jobs.reuse.search import LIMITS
from app.jobs.running import Jobs
from app.kernel.ids import new_id
from app.reuse import pictures
from app.reuse.commands import bands_of
from app.reuse.pictures import Laid
from app.seed.bills import bill, drawn, photographed, scanned

STORED = int(os.environ.get("AID_PRINTS", "3000"))
FORMS = 20
"""Prints lie in crowds: of each form a twentieth, all within a few bits of one another."""
SECONDS = 2.0
DAY = date(2026, 11, 1)


@pytest.mark.parametrize("turns", [1, 2])
def test_one_paper_is_one_paper_from_any_side(turns: int) -> None:
    random = Random(turns)
    first, other = (bill(random, DAY, "汕头市中心医院") for _ in range(2))
    before = scanned(drawn(first), random)
    again = photographed(drawn(first), random, turns=turns)
    another = photographed(drawn(other), random, turns=turns)
    jpeg = "image/jpeg"
    one, two = [Laid(*each) for each in pictures.lay_upon(before, jpeg, again, jpeg, another, jpeg)]
    assert one.same, one
    assert not two.same, two


async def test_pages_of_a_pdf_are_looked_at_like_photographs() -> None:
    random = Random(7)
    paper = drawn(bill(random, DAY))
    with pikepdf.new() as made:
        printed = io.BytesIO()
        paper.save(printed, "PDF", resolution=120)
        printed.seek(0)
        with pikepdf.open(printed) as source:
            made.pages.extend(source.pages)
        written = io.BytesIO()
        made.save(written)
    document = written.getvalue()
    answer = await run(
        pictures.lay_upon, document, "application/pdf", photographed(paper, random), "image/jpeg", limits=LIMITS
    )
    assert isinstance(answer, Done)
    assert Laid(*answer.values[0]).same
    seen = await run(pictures.prints, document, "application/pdf", limits=LIMITS)
    assert isinstance(seen, Done)
    assert [len(turn) for turn in seen.values[0]["turns"]] == [256] * 4


async def test_what_is_no_picture_has_no_print_and_too_little_memory_is_told() -> None:
    assert await run(pictures.prints, b"no picture", "image/jpeg", limits=LIMITS) == Done(())
    blank = Image.new("L", (400, 300), 255)
    written = io.BytesIO()
    blank.save(written, "PNG")
    seen = await run(pictures.prints, written.getvalue(), "image/png", limits=LIMITS)
    assert isinstance(seen, Done)
    assert not Laid(
        *next(iter(pictures.lay_upon(written.getvalue(), "image/png", written.getvalue(), "image/png")))
    ).same
    starved = await run(pictures.prints, written.getvalue(), "image/png", limits=Limits(memory_bytes=40 * 1024 * 1024))
    assert isinstance(starved, Failed)


def crowded(random: Random, form: int) -> str:
    """A print of a form: a few of its bits differ from the form's."""
    bits = list(f"{Random(form).getrandbits(256):0256b}")
    for at in random.sample(range(256), random.randrange(4, 40)):
        bits[at] = "0" if bits[at] == "1" else "1"
    return "".join(bits)


async def test_a_look_among_many_prints_is_short_and_finds_the_nearest(
    owner: asyncpg.Connection, background: Jobs
) -> None:
    random, person_id, other_id = Random(20261130), new_id(), new_id()
    await owner.execute("set session_replication_role = replica")  # the files themselves are not wanted
    rows = [(new_id(), 0, other_id, crowded(random, n % FORMS)) for n in range(STORED)]
    await owner.execute("create temp table stored (file_id uuid, page int, person_id uuid, bits text, bands int[])")
    await owner.copy_records_to_table("stored", records=[(*row, bands_of(row[3])) for row in rows])
    await owner.execute(
        "insert into picture_print (file_id, page, person_id, bits, turned, bands, codes) "
        "select file_id, page, person_id, bits::bit(256), repeat('0', 768)::bit(768), bands, '{}' from stored"
    )
    await owner.execute("analyze picture_print")
    slowest = 0.0
    try:
        for n in range(20):
            file_id, _, _, bits = rows[n * 97 % STORED]
            seen = list(bits)
            for at in random.sample(range(256), 12):
                seen[at] = "0" if seen[at] == "1" else "1"
            turned = ["".join(seen), *(f"{random.getrandbits(256):0256b}" for _ in range(3))]
            page = Page((turned[1], turned[0], turned[2], turned[3]))  # it lies on its side
            bands = [band for turn in page.turns for band in bands_of(turn)]
            async with background.work() as work:
                began = time.perf_counter()
                found = await near(work.transaction, page, person_id, bands)
                slowest = max(slowest, time.perf_counter() - began)
                assert file_id in found
                assert await near(work.transaction, page, other_id, bands) == []
    finally:
        await owner.execute("delete from picture_print where person_id = $1", other_id)
        await owner.execute("drop table stored")
        await owner.execute("set session_replication_role = default")
    print(f"slowest of 20 among {STORED}: {slowest * 1000:.0f} ms")  # noqa: T201 - a measurement
    assert slowest < SECONDS
