"""What an article is made of: a few kinds of block, nothing that could run, no address of anything outside. Pure."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field

from app.kernel.business_time import answered
from app.policy.fields import Frozen, Id, Instant, LongText, PersonName, ShortText, _line

Kind = Literal["policy", "progress", "story"]
MOST_BLOCKS: Final = 100
TITLE, SIGNED, DIGEST = 32, 16, 128
"""So many characters has room for at most (新增草稿)."""

Title: TypeAlias = Annotated[str, Field(max_length=TITLE), AfterValidator(_line)]
Signed: TypeAlias = Annotated[str, Field(max_length=SIGNED), AfterValidator(_line)]
Digest: TypeAlias = Annotated[str, Field(max_length=DIGEST), AfterValidator(_line)]


class Paragraph(Frozen):
    type: Literal["paragraph"]
    text: LongText


class Heading(Frozen):
    type: Literal["heading"]
    text: ShortText


class Quote(Frozen):
    type: Literal["quote"]
    text: LongText
    by: ShortText | None = None


class Picture(Frozen):
    type: Literal["picture"]
    file_id: Id
    caption: ShortText
    people: Annotated[list[Id], Field(max_length=20)] = Field(
        default_factory=list, description="图片上可以认出的人（文章人物的 id）；须有本人的同意"
    )
    nobody: bool = Field(default=False, description="确认图片上没有可以认出的人；people 为空时必须为 true")


class FigureRow(Frozen):
    label: ShortText
    value: ShortText


class Figures(Frozen):
    type: Literal["figures"]
    title: ShortText
    as_of: Instant = Field(description="这些数字是什么时候的")
    rows: Annotated[list[FigureRow], Field(min_length=1, max_length=50)]


class Cleared(Frozen):
    """A name in the text that is nobody's whom we look after: an official, a public figure, a namesake."""

    name: PersonName
    reason: ShortText


Block: TypeAlias = Annotated[Paragraph | Heading | Quote | Picture | Figures, Field(discriminator="type")]


class Content(Frozen):
    """A whole article."""

    title: Title
    signed: Signed = Field(description="署名")
    digest: Digest = Field(description="摘要")
    cover_file_id: Id | None = Field(default=None, description="封面图片；提交审核前必填")
    cover_nobody: bool = Field(default=False, description="确认封面上没有可以认出的人；有人的，写在 cover_people")
    cover_people: Annotated[list[Id], Field(max_length=20)] = Field(default_factory=list)
    blocks: Annotated[list[Block], Field(min_length=1, max_length=MOST_BLOCKS)]
    cleared: Annotated[list[Cleared], Field(max_length=20)] = Field(
        default_factory=list, description="与系统中的人同名、但确实不是本人的姓名，逐个说明"
    )


def texts_of(content: Content) -> Iterator[tuple[str, str]]:
    """Every text that somebody will read, with its JSON pointer."""
    yield "/title", content.title
    yield "/signed", content.signed
    yield "/digest", content.digest
    for n, block in enumerate(content.blocks):
        at = f"/blocks/{n}"
        match block:
            case Paragraph() | Heading():
                yield f"{at}/text", block.text
            case Quote():
                yield f"{at}/text", block.text if block.by is None else f"{block.text}\n{block.by}"
            case Picture():
                yield f"{at}/caption", block.caption
            case Figures():
                yield f"{at}/title", block.title
                yield from ((f"{at}/rows/{m}", f"{row.label} {row.value}") for m, row in enumerate(block.rows))


def pictures_of(content: Content) -> Iterator[tuple[str, UUID, tuple[UUID, ...], bool]]:
    """Every picture: its pointer, its file, whom it shows, and whether it is said to show nobody."""
    if content.cover_file_id is not None:
        yield "/cover_file_id", content.cover_file_id, tuple(content.cover_people), content.cover_nobody
    for n, block in enumerate(content.blocks):
        if isinstance(block, Picture):
            yield f"/blocks/{n}", block.file_id, tuple(block.people), block.nobody


def spelt(content: Content) -> dict[str, Any]:
    """As plain JSON; instants in Shantou's time."""
    said = content.model_dump(mode="json")
    for block, shown in zip(content.blocks, said["blocks"], strict=True):
        if isinstance(block, Figures):
            shown["as_of"] = answered(block.as_of).isoformat()
    return said
