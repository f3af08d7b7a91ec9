"""The press: a process of its own that can be slow, wrong or dead without anybody else noticing."""

import asyncio
import io
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typst
from PIL import Image

from app.contact_cards.card import FORM as CARD
from app.contact_cards.card import Responsible, address, content, printed
from app.documents import fonts, press, printing
from app.documents.fonts import FontMissing
from app.documents.printing import NotPrinted, Press
from app.documents.qr import qr_svg
from app.households.printed.register_form import register_form
from app.http.routes.household_forms import PAPER
from tests.documents.reading import codes, pages
from tests.households.printed.samples import FILE, OPINIONS, WHEN, form

REGISTER = register_form(FILE, form(), OPINIONS, whole=True)
FORMS = sorted((Path(press.__file__).parents[1]).rglob("*.typ"))


@pytest.fixture
async def ours() -> AsyncIterator[Press]:
    one = Press()
    yield one
    await one.close()


async def pid_of(one: Press) -> int:
    assert one._quick._process is not None
    return one._quick._process.pid


def written(folder: Path, text: str) -> Path:
    file = folder / "form.typ"
    file.write_text(text, encoding="utf-8")
    return file


async def test_equal_data_gives_equal_bytes_from_one_press_and_from_the_next(ours: Press) -> None:
    first = await ours.pdf(PAPER, REGISTER, WHEN)
    again = await ours.pdf(PAPER, REGISTER, WHEN)
    await ours.close()
    assert first == again == await ours.pdf(PAPER, REGISTER, WHEN)
    assert b"D:20261125010000Z" in first
    assert first != await ours.pdf(PAPER, REGISTER | {"title": "另一张表"}, WHEN)


async def test_one_press_prints_many_documents(ours: Press) -> None:
    await ours.pdf(PAPER, REGISTER, WHEN)
    started = await pid_of(ours)
    for _ in range(5):
        await ours.pdf(PAPER, REGISTER, WHEN)
        await ours.xlsx(REGISTER, WHEN)
    assert await pid_of(ours) == started


async def test_documents_asked_for_at_once_are_not_mixed_up(ours: Press) -> None:
    titles = [f"第{n}张表" for n in range(printing.MOST_WAITING)]
    printed = await asyncio.gather(*(ours.pdf(PAPER, REGISTER | {"title": title}, WHEN) for title in titles))
    assert [pages(pdf)[0].splitlines()[0] for pdf in printed] == titles


async def test_more_than_a_few_at_once_are_told_to_come_again(ours: Press) -> None:
    asked = [ours.pdf(PAPER, REGISTER, WHEN) for _ in range(printing.MOST_WAITING + 4)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, NotPrinted) for answer in answers) == 4
    assert sum(isinstance(answer, bytes) for answer in answers) == printing.MOST_WAITING


async def test_a_press_that_dies_is_replaced(ours: Press) -> None:
    await ours.pdf(PAPER, REGISTER, WHEN)
    os.kill(await pid_of(ours), signal.SIGKILL)
    answers = []
    for _ in range(2):
        try:
            answers.append(await ours.pdf(PAPER, REGISTER, WHEN))
        except NotPrinted:
            continue
    assert answers
    assert answers[-1].startswith(b"%PDF")


async def test_a_form_that_does_not_end_is_given_up_and_the_next_is_printed(
    ours: Press, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ours.pdf(PAPER, REGISTER, WHEN)
    endless = written(
        tmp_path, "#let f(n) = { let m = 0; while m < 100000 { m += 1 }; n }\n#for i in range(9000) { [#f(i)] }"
    )
    monkeypatch.setattr(printing, "MOST_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(NotPrinted):
        await ours.pdf(endless, {}, WHEN)
    assert time.monotonic() - started < 3
    monkeypatch.undo()
    assert (await ours.pdf(PAPER, REGISTER, WHEN)).startswith(b"%PDF")


async def test_the_answer_to_somebody_who_left_is_not_given_to_the_next(ours: Press) -> None:
    await ours.pdf(PAPER, REGISTER, WHEN)
    leaving = asyncio.create_task(ours.pdf(PAPER, REGISTER | {"title": "走了的人"}, WHEN))
    await asyncio.sleep(0.005)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    printed = await ours.pdf(PAPER, REGISTER | {"title": "下一个人"}, WHEN)
    assert pages(printed)[0].startswith("下一个人")


async def test_a_form_with_a_mistake_is_refused_without_its_words(ours: Press, tmp_path: Path, capfd: Any) -> None:
    wrong = written(tmp_path, "#let said = json(bytes(sys.inputs.data))\n#panic(said.name)")
    with pytest.raises(NotPrinted):
        await ours.pdf(wrong, {"name": "欧阳小明"}, WHEN)
    said = capfd.readouterr()
    assert "欧阳" not in said.out + said.err
    assert (await ours.pdf(PAPER, REGISTER, WHEN)).startswith(b"%PDF")


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../../../etc/passwd", "/../secret.txt", "../secret.txt"])
def test_a_form_reads_nothing_outside_its_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("秘密")
    (tmp_path / "forms").mkdir()
    job = {"as": "pdf", "form": str(written(tmp_path / "forms", f'#read("{path}")')), "data": {}}
    with pytest.raises(typst.TypstError):
        press.draw(job | {"made_at": WHEN.isoformat()})


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_form_asks_for_no_package_and_says_in_chinese_how_to_change_it(form: Path) -> None:
    text = form.read_text("utf-8")
    assert "import" not in text
    assert text.startswith("// ")
    assert "工会可以自己改" in text


def test_what_was_typed_is_text_and_no_markup() -> None:
    typed = '#panic("x") *粗* _斜_ $x$ \\ [方] <a> @b `c` https://x.cn // 注 = 标题'
    printed = press.draw(
        {"as": "pdf", "form": str(PAPER), "data": REGISTER | {"foot": typed}, "made_at": WHEN.isoformat()}
    )
    assert isinstance(printed, bytes)
    shown = "".join(pages(printed)).replace("\n", "").replace(" ", "")
    for part in ("#panic(", "*粗*", "_斜_", "$x$", "<a>", "@b", "`c`", "//注"):
        assert part in shown, part


def test_without_the_font_it_is_said_which_package_is_missing() -> None:
    assert fonts.font_file().suffix == ".ttc"
    for package in ("no_such_package", "app.documents"):
        with pytest.raises(FontMissing, match=package):
            fonts.font_file(package)


def test_a_code_is_the_same_every_time_and_different_for_another_link() -> None:
    assert qr_svg("https://a.cn/1") == qr_svg("https://a.cn/1") != qr_svg("https://a.cn/2")
    assert qr_svg("https://a.cn/1").startswith("<svg")


def test_a_telephone_reads_the_code_in_the_picture_of_a_card() -> None:
    """As typst draws the page in pixels; what the PDF itself holds is read in test_contact_cards.py."""
    link = "https://mini.example.invalid/工会?a=1&b=" + "9" * 60
    said = content({"number": "DA-1", "head_masked": "陈*明"}, "某工会", Responsible("林", "某工会", "0754-1"), [])
    data = printed(said, "DA-990101-2026-000001-12", WHEN.date(), link)
    job = {"as": "png", "form": str(CARD), "data": data, "made_at": WHEN.isoformat(), "ppi": 150.0}
    drawn = press.draw(job)
    assert isinstance(drawn, bytes)
    assert codes(Image.open(io.BytesIO(drawn))) == [address(link, "DA-990101-2026-000001-12")]


def test_neither_the_font_nor_typst_is_in_the_process_that_asks() -> None:
    import subprocess
    import sys

    said = subprocess.run(
        [sys.executable, "-c", "import sys, app.documents.printing as p; p.Press(); print('typst' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"


async def test_a_card_does_not_wait_for_a_long_list(ours: Press) -> None:
    await ours.pdf(PAPER, REGISTER, WHEN)
    line = REGISTER["blocks"][0]["lines"][0]
    long = REGISTER | {"blocks": [{"title": "", "header": [], "lines": [line] * 3_000}]}
    order: list[str] = []

    async def note(name: str, data: dict[str, Any]) -> None:
        await ours.pdf(PAPER, data, WHEN)
        order.append(name)

    slow = asyncio.create_task(note("list", long))
    await asyncio.sleep(0.05)
    await note("card", REGISTER)
    await slow
    assert order == ["card", "list"]
    assert ours._slow._process is None
