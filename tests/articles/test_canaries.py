"""Personal data planted in a text is found, however it is spelt; ordinary texts are not."""

import pytest

from app.articles.canaries import Finding, findings, folded, health_words, suspects
from app.articles.content import Content, texts_of
from app.kernel.identifiers import check_digit
from tests.articles.making import HARMLESS, content

FIRST = "99000119850607002"
NUMBER = FIRST + check_digit(FIRST)
CARD = "6222020000000000000"
PLANTED = {
    "canary_id_number": [
        f"他的身份证号是{NUMBER}。",
        f"证件：{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}",
        f"{NUMBER[:6]}-{NUMBER[6:10]}-{NUMBER[10:14]}-{NUMBER[14:]}",
        "".join(chr(ord(char) + 0xFEE0) for char in NUMBER),
        NUMBER[:10] + "\u200b" + NUMBER[10:],
        "证号" + NUMBER[:17].translate(str.maketrans("0123456789", "〇一二三四五六七八九")) + NUMBER[17:],
        "编号 1" + NUMBER,
    ],
    "canary_phone": [
        "请打 13800138000 找他",
        "电话：138-0013-8000",
        "+86 138 0013 8000",
        "一三八〇〇一三八〇〇〇",
        "１３８００１３８０００",
    ],
    "canary_bank_card": [f"卡号{CARD}", f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:16]} {CARD[16:]}"],
    "canary_case_number": ["档案DA-2026-000123", "申请 bf-2026-1234-000001 已通过"],
    "canary_address": ["住在金平区大华路12号3栋502房", "某某花园8座 1203室"],
    "canary_health": [
        "陈某某患白血病多年。",
        "李某在汕头市中心医院治疗。",
        "王*因尿毒症每周透析三次。",
        "张师傅做了手术。",
    ],
}
ORDINARY = [
    HARMLESS,
    "2026年11月30日，汕头市总工会发放帮扶资金1,234,567.89元，惠及1234名职工。",
    "咨询电话：12351，固定电话 0754-88270000，工作日 8:30-17:30。",
    "住院二次医保：在职职工住院，个人自付超过 2000 元的部分，最高报销 50000 元。",
    "患大病的困难职工可以申请医疗救助，凭医院的结算单办理。",
    "根据粤工办〔2026〕15号文件，统一社会信用代码 81440500MC1234567X 的单位可以办理。",
    "工会和某医院合作，为职工免费体检。",
    "小陈说：“谢谢工会！”",
    "活动地点：汕头市金平区海滨路工人文化宫。",
    "全市 7 个区县、1200 个基层工会，脱困 345 户，完成目标 86.2%。",
]


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in PLANTED.items() for text in texts])
def test_what_is_planted_is_found(code: str, text: str) -> None:
    assert code in {each.code for each in findings([("/blocks/0/text", text)])}


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_are_not_flagged(text: str) -> None:
    assert findings([("/blocks/0/text", text)]) == []


def test_a_known_name_is_found_where_it_stands_and_cleared_where_it_is_another() -> None:
    texts = [("/title", "走访慰问"), ("/blocks/0/text", "工会干部看望了 陈 小 明 一家。")]
    assert "陈小明" in suspects(texts).names
    known = frozenset({"陈小明"})
    assert findings(texts, known_names=known) == [Finding("/blocks/0/text", "canary_name")]
    assert findings(texts, known_names=known, cleared=known) == []
    assert findings(texts, known_names=known, agreed=known) == []
    assert findings([("/blocks/0/text", "买买提・热合曼来了")], known_names=frozenset({"买买提·热合曼"})) != []
    assert "买买提·热合曼" in suspects([("", "看望买买提・热合曼")]).names


def test_whoever_agrees_is_named_and_their_illness_is_not() -> None:
    agreed = frozenset({"陈小明"})
    named = ("/blocks/0/text", "陈小明找到了新工作。")
    assert findings([named], agreed=agreed) == []
    ill = ("/blocks/0/text", "陈小明确诊后一直住院。")
    assert [each.code for each in findings([ill], agreed=agreed)] == ["canary_health"]
    elsewhere = ("/blocks/1/text", "确诊以后，他没有放弃。")
    assert findings([named, elsewhere], agreed=agreed) == []
    in_title = ("/title", "陈小明的故事")
    assert [each.at for each in findings([in_title, elsewhere], agreed=agreed)] == ["/blocks/1/text"]


def test_an_old_number_counts_where_the_service_knows_it() -> None:
    old = NUMBER[:6] + NUMBER[8:17]
    whole = f"证号{old}。"
    (asked,) = suspects([("", whole)]).numbers
    assert len(asked) == 18
    assert findings([("", whole)]) == []
    assert [each.code for each in findings([("", whole)], known_numbers=frozenset({asked}))] == ["canary_id_number"]


def test_every_text_of_an_article_is_looked_at() -> None:
    figures = {
        "type": "figures",
        "title": "t13800138000",
        "as_of": "2026-11-30T08:00:00+08:00",
        "rows": [{"label": "r", "value": "13800138000"}],
    }
    cover = "01980000-0000-7000-8000-000000000001"
    given = content(
        cover,
        title="打13800138000",
        signed="13800138000",
        digest="d 13800138000",
        blocks=[
            {"type": "heading", "text": "h 13800138000"},
            {"type": "paragraph", "text": "p 13800138000"},
            {"type": "quote", "text": "q", "by": "13800138000"},
            {"type": "picture", "file_id": cover, "caption": "13800138000", "nobody": True},
            figures,
        ],
    )
    found = findings(texts_of(Content.model_validate(given)))
    assert [each.at for each in found] == [
        "/title", "/signed", "/digest", "/blocks/0/text", "/blocks/1/text", "/blocks/2/text", "/blocks/3/caption",
        "/blocks/4/title", "/blocks/4/rows/0",
    ]  # fmt: skip


def test_folding_twice_is_folding_once_and_the_list_of_words_is_there() -> None:
    for text in ORDINARY + [each for texts in PLANTED.values() for each in texts]:
        assert folded(folded(text)) == folded(text)
    assert len(health_words()) > 30
