"""An article becomes the HTML that the official account takes; what anybody wrote stays text."""

import re
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.articles.content import Content
from app.articles.html import rendered
from tests.articles.making import content

PICTURE = UUID("01980000-0000-7000-8000-000000000001")
ADDRESSES = {PICTURE: "https://mmbiz.qpic.cn/mmbiz/a?b=1&c=2"}
GOLDEN = Path(__file__).with_name("golden.html")
TAGS = {"p", "h2", "blockquote", "img", "table", "tbody", "tr", "td", "strong", "br"}
WHOLE = [
    {"type": "heading", "text": "今年以来"},
    {"type": "paragraph", "text": "第一行\n第二行 <script>alert(1)</script> & “引号”"},
    {"type": "quote", "text": "谢谢工会", "by": "一位职工"},
    {"type": "quote", "text": "没有署名"},
    {"type": "picture", "file_id": str(PICTURE), "caption": '"说明"', "nobody": True},
    {
        "type": "figures",
        "title": "主要数字",
        "as_of": "2026-11-30T00:05:00Z",
        "rows": [{"label": "今年脱困", "value": "345户"}, {"label": "帮扶资金", "value": "1,234,567.89元"}],
    },
]


def test_each_kind_of_block_is_rendered_as_the_golden_file_has_it() -> None:
    html = rendered(Content.model_validate(content(str(PICTURE), blocks=WHOLE)), ADDRESSES)
    assert html == GOLDEN.read_text("utf-8").rstrip("\n")
    assert "<script" not in html


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60), min_size=5, max_size=5)
)
def test_no_text_makes_a_tag_or_leaves_its_attribute(words: list[str]) -> None:
    blocks = [
        {"type": "paragraph", "text": words[0]},
        {"type": "quote", "text": words[1], "by": words[2]},
        {"type": "picture", "file_id": str(PICTURE), "caption": words[3], "nobody": True},
        {"type": "heading", "text": words[4]},
    ]
    try:
        read = Content.model_validate(content(str(PICTURE), blocks=blocks))
    except ValidationError:
        return  # nothing but spaces, or hidden direction
    html = rendered(read, ADDRESSES)
    assert {tag.strip("/") for tag in re.findall(r"<(/?[a-zA-Z0-9]+)", html)} <= TAGS
    assert not re.search(r"<[^>]*\son\w+=", html)
    assert re.findall(r'src="([^"]*)"', html) == ["https://mmbiz.qpic.cn/mmbiz/a?b=1&amp;c=2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "长" * 33},
        {"signed": "长" * 17},
        {"digest": "长" * 129},
        {"blocks": []},
        {"blocks": [{"type": "html", "text": "<b>"}]},
        {"blocks": [{"type": "paragraph", "text": "好", "style": "color:red"}]},
        {"blocks": [{"type": "picture", "file_id": "https://evil.invalid/x.png", "caption": "x", "nobody": True}]},
    ],
)
def test_what_has_no_place_in_an_article_is_not_taken(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Content.model_validate(content(str(PICTURE), **wrong))
