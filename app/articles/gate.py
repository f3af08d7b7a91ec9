"""What has to be right before an article may be reviewed, and once more before it goes out: nothing personal in it, the
consent of everybody whom it names or shows, and pictures that were scanned."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from app.articles.canaries import MESSAGES as CANARIES
from app.articles.canaries import findings, plain_name, suspects
from app.articles.content import Content, pictures_of, texts_of
from app.articles.html import LONGEST, rendered
from app.articles.queries import known_to_service, pictures
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.errors import FieldError

NAME, KNOWN = "article_person.name", "known_name.name"
ID_NUMBER: Final = "person.id_number"
MESSAGES: Final[dict[str, str]] = {
    **CANARIES,
    "cover_missing": "请选择封面图片。",
    "picture_people": "请写明图片上是谁；没有可以认出的人的，请确认。",
    "picture_person_unknown": "图片上的人不在这篇文章的人物中，请先添加。",
    "person_without_consent": "这个人没有同意公开宣传，或者已经撤回同意，请从文章和图片中去掉。",
    "picture_not_clean": "这张图片还没有通过安全检查，请稍后再试。",
    "picture_rejected": "这张图片没有通过安全检查，请换一张。",
    "picture_type": "文章里只能用 JPEG 或 PNG 图片。",
    "article_too_long": "文章太长，公众号放不下，请删减。",
}
_ADDRESS_LENGTH: Final = 200
"""As long as WeChat's addresses of pictures come."""


async def faults(work: Work, content: Content, people: Sequence[Record], agreed: frozenset[UUID]) -> list[FieldError]:
    """All that is wrong. `people`: rows of `people_of`; `agreed`: those of them who consent now."""
    found = [FieldError(at, code, MESSAGES[code]) for at, code in _of_people(content, people, agreed)]
    found += await _of_pictures(work, content)
    names = {row["person_id"]: plain_name(work.keyring.open_text(NAME, row["id"], row["name"])) for row in people}
    consenting = frozenset(name for person_id, name in names.items() if person_id in agreed)
    found += await _of_texts(work, content, consenting)
    addresses = {file_id: "x" * _ADDRESS_LENGTH for _, file_id, _, _ in pictures_of(content)}
    if len(rendered(content, addresses)) > LONGEST:
        found.append(FieldError("/blocks", "article_too_long", MESSAGES["article_too_long"]))
    return found


def _of_people(content: Content, people: Sequence[Record], agreed: frozenset[UUID]) -> Iterable[tuple[str, str]]:
    by_id = {row["id"]: row["person_id"] for row in people}
    if content.cover_file_id is None:
        yield "/cover_file_id", "cover_missing"
    for at, _, shown, nobody in pictures_of(content):
        if bool(shown) == nobody:
            yield at, "picture_people"
        if any(each not in by_id for each in shown):
            yield at, "picture_person_unknown"
        if any(by_id.get(each, each) not in agreed for each in shown if each in by_id):
            yield at, "person_without_consent"
    if any(row["person_id"] not in agreed for row in people):
        yield "/people", "person_without_consent"


async def _of_pictures(work: Work, content: Content) -> list[FieldError]:
    shown = [(at, file_id) for at, file_id, _, _ in pictures_of(content)]
    rows = await pictures(work.transaction, [file_id for _, file_id in shown])
    found = []
    for at, file_id in shown:
        row = rows.get(file_id)
        if row is None or row["state"] == "rejected":
            code = "picture_rejected"
        elif row["state"] != "clean":
            code = "picture_not_clean"
        elif row["media_type"] not in ("image/jpeg", "image/png"):
            code = "picture_type"
        else:
            continue
        found.append(FieldError(at, code, MESSAGES[code]))
    return found


async def _of_texts(work: Work, content: Content, agreed: frozenset[str]) -> list[FieldError]:
    texts = list(texts_of(content))
    asked = suspects(texts)
    names = {work.keyring.blind_index(KNOWN, name): name for name in asked.names}
    numbers = {work.keyring.blind_index(ID_NUMBER, number): number for number in asked.numbers}
    known = await known_to_service(work.transaction, list(names), list(numbers))
    each = findings(
        texts,
        known_names=frozenset(names[index] for index in known & names.keys()),
        known_numbers=frozenset(numbers[index] for index in known & numbers.keys()),
        agreed=agreed,
        cleared=frozenset(plain_name(one.name) for one in content.cleared),
    )
    return [FieldError(one.at, one.code, MESSAGES[one.code]) for one in each]
