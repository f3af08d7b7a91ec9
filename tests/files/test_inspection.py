"""What is in an uploaded file decides whether it is kept, and only a clean copy of it is."""

import io
import time

import pikepdf
import pytest
from PIL import Image

from app.confined.running import MIB, Done, Limits, run
from app.files.inspection import MAX_BYTES, MESSAGES, inspect
from tests.files.samples import BAD, GOOD, PLACE, picture, swelling


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_copied(name: str) -> None:
    content, media_type = GOOD[name]
    told, copy = inspect(content)
    assert told == {"media_type": media_type}
    if media_type == "application/pdf":
        with pikepdf.open(io.BytesIO(copy)) as again:
            assert len(again.pages) >= 1
    else:
        with Image.open(io.BytesIO(copy)) as image:
            image.load()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_name(name: str) -> None:
    content, code = BAD[name]
    begun = time.process_time()
    assert list(inspect(content)) == [code]
    assert code in MESSAGES
    assert time.process_time() - begun < 2


def test_the_copy_of_a_photo_does_not_say_where_it_was_taken_and_stands_upright() -> None:
    content = picture()
    assert PLACE in content
    _, copy = inspect(content)
    assert PLACE not in copy
    with Image.open(io.BytesIO(copy)) as image:
        assert (dict(image.getexif()), image.size) == ({}, (40, 60))


def test_what_was_hidden_behind_a_photo_is_gone() -> None:
    _, copy = inspect(picture() + b"PK\x03\x04hidden-behind")
    assert b"hidden-behind" not in copy


def test_ten_megabytes_may_come_and_no_byte_more() -> None:
    assert next(iter(inspect(picture() + bytes(MAX_BYTES)))) == "file_too_large"


async def test_a_picture_of_forty_million_pixels_fits_into_the_child() -> None:
    content = picture("PNG", size=(8_000, 5_000))
    looked = await run(inspect, content, limits=Limits(memory_bytes=1024 * MIB, cpu_seconds=15, seconds=30))
    assert isinstance(looked, Done)
    assert looked.values[0] == {"media_type": "image/png"}


async def test_a_pdf_that_swells_is_refused_without_swelling() -> None:
    looked = await run(inspect, swelling(), limits=Limits(memory_bytes=256 * MIB))
    assert looked == Done(("pdf_inflates",))
