"""What makes two people, numbers, names and addresses alike, and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.duplicates.names import likeness, sounds
from app.duplicates.rules import Elsewhere, Features, Someone, address, alike, compare, features_of, id_number, keys
from app.duplicates.weights import all_weights, weights_on
from app.kernel.identifiers import check_digit
from tests import make

WEIGHTS = all_weights()[-1]
ELDER, YOUNGER = "99050719650318427", "99050719650318429"


def number(first17: str) -> str:
    return first17 + check_digit(first17)


def form(name: str, number: str, **given: Any) -> dict[str, Any]:
    return {"head": {"name": name, "id_number": number}, "members": [], "address": "龙湖区金霞街道"} | given


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("陈晓明", "陈晓明", "same"),
        ("陈晓明", "陈 晓明", "same"),
        ("阿依古丽·买买提", "阿依古丽•买买提", "same"),
        ("陈晓明", "陈小鸣", "sounds_same"),
        ("张智珊", "章志山", "sounds_same"),
        ("林静", "林金", "sounds_same"),
        ("单文", "陕文", "sounds_same"),
        ("单文", "丹文", "sounds_same"),
        ("仇英", "邱英", "sounds_same"),
        ("曾玉", "岑玉", "sounds_same"),
        ("区敏", "欧敏", "sounds_same"),
        ("尉迟恭", "玉池恭", "different"),
        ("万俟咏", "莫其咏", "different"),
        ("尉迟恭", "尉迟公", "sounds_same"),
        ("欧阳靖远", "欧阳静远", "sounds_same"),
        ("阿依古丽·买买提", "阿依古丽·麦麦提", "sounds_same"),
        ("阿依古丽·买买提", "阿依古丽", "near"),
        ("陈晓明", "陈晓朋", "near"),
        ("陈晓明", "陈明晓", "near"),
        ("欧阳靖远", "欧靖远", "near"),
        ("陈明", "陈朋", "different"),
        ("陈晓明", "林晓敏", "different"),
        ("张伟", "张强", "different"),
    ],
)
def test_names_are_compared_by_sound_and_by_spelling(one: str, other: str, expected: str) -> None:
    assert likeness(one, other) == expected
    assert likeness(other, one) == expected


def test_a_surname_with_two_readings_has_a_key_for_each() -> None:
    assert sounds("仇英") == ("qiu|yin", "cou|yin")
    assert sounds("陈明") == ("cen|min",)


@pytest.mark.parametrize(
    "written",
    ["990507650318427", "９９０５０７１９６５０３１８４２７", "99050719650318427", " 990507 19650318 427 "],
)
def test_a_number_has_one_spelling(written: str) -> None:
    whole = number("99050719650318427")
    spelt = id_number(written)
    assert spelt in (whole, whole[:17])
    assert id_number(whole) == id_number(whole.lower()) == whole
    assert id_number("".join(chr(ord(char) + 0xFEE0) for char in whole)) == whole


def test_x_is_one_whatever_its_case_and_width() -> None:
    ends_in_x = next(n for n in (number(f"99050719650318{serial:03d}") for serial in range(100)) if n[17] == "X")
    assert {id_number(ends_in_x[:17] + x) for x in ("X", "x", "Ｘ", "ｘ")} == {ends_in_x}


@pytest.mark.parametrize(
    "written",
    [
        "龙湖区金霞街道长平路12号3栋502房",
        "汕头市龙湖区长平路12号3幢502室",
        "广东省汕头市龙湖区金霞街道长平路１２号３座502",
        "龙湖区 长平路 12号 3栋 502",
        "长平路12-3-502",
        "龙湖区长平路十二号三栋502",
    ],
)
def test_an_address_is_its_road_and_numbers(written: str) -> None:
    assert address(written) == "长平路|12-3-502"


@pytest.mark.parametrize("written", ["龙湖区金霞街道", "汕头市", "12号", "长平路", ""])
def test_a_street_or_a_number_alone_is_no_home(written: str) -> None:
    assert address(written) == ""


def test_twins_are_not_one_person_and_one_wrong_digit_is() -> None:
    elder, younger = Someone("/head", "林晓东", number(ELDER)), Someone("/head", "林晓西", number(YOUNGER))
    assert alike(elder, younger, WEIGHTS) is None
    wrong = Someone("/head", "林晓东", number("99050719650316427"))
    reason = alike(elder, wrong, WEIGHTS)
    assert reason is not None
    assert (reason.code, reason.points) == ("near_number_same_name", WEIGHTS.near_number_same_name)


def test_kin_under_one_roof_with_one_telephone_and_card_stay_below_the_threshold() -> None:
    shared = Elsewhere(frozenset({"13800000000"}), frozenset({"aa"}))
    home = {"address": "长平路12号3栋502房"}
    one = features_of(form("林晓东", number(ELDER), **home), shared)
    other = features_of(form("林晓西", number(YOUNGER), **home), shared)
    like = compare(one, other, WEIGHTS)
    assert {reason.code for reason in like.reasons} == {"phone", "card", "address"}
    assert like.score == WEIGHTS.without_a_person < WEIGHTS.threshold


def test_one_paper_claimed_by_two_households_is_enough() -> None:
    paper = Elsewhere(papers=frozenset({"sheet"}))
    one = features_of(form("林晓东", make.id_number()), paper)
    other = features_of(form("黄大海", number("99051319770101111")), paper)
    assert compare(one, other, WEIGHTS).score >= WEIGHTS.threshold


def test_a_spouse_who_files_again_is_found_by_both_persons() -> None:
    spouse = {"name": "林阿妹", "id_number": number("99050719700202112"), "relation": "spouse"}
    one = features_of(form("陈大海", number(ELDER), members=[spouse]))
    head = {"name": "陈大海", "id_number": number("99050719650318472"), "relation": "spouse"}
    other = features_of(form("林阿妹", number("99050719700202212"), members=[head]))
    like = compare(one, other, WEIGHTS)
    assert like.score == 100
    assert {(reason.a, reason.b) for reason in like.reasons} == {("/head", "/members/0"), ("/members/0", "/head")}


NAMES = st.sampled_from(("张伟", "张玮", "陈晓明", "陈小鸣", "欧阳静", "单文", "阿依古丽·买买提", "王芳"))
FIRST17 = st.builds(
    lambda region, day, serial: f"99{region:04d}{day}{serial:03d}",
    st.integers(501, 503),
    st.sampled_from(("19650318", "19800101", "19801201", "20100630")),
    st.integers(0, 30),
)
PEOPLE = st.lists(st.tuples(NAMES, FIRST17), min_size=1, max_size=4)
KNOWN = st.frozensets(st.sampled_from(("x", "y")), max_size=1)
FILES = st.builds(
    lambda people, phones, cards, papers: Features(
        tuple(Someone(f"/members/{n}", name, number(first17)) for n, (name, first17) in enumerate(people)),
        "",
        Elsewhere(phones, cards, papers),
    ),
    PEOPLE,
    KNOWN,
    KNOWN,
    KNOWN,
)


@given(FILES, FILES)
def test_likeness_has_no_direction_and_no_reason_is_given_for_nothing(one: Features, other: Features) -> None:
    like, turned = compare(one, other, WEIGHTS), compare(other, one, WEIGHTS)
    assert like.score == turned.score
    assert 0 <= like.score <= 100
    assert sorted(each.code for each in like.reasons) == sorted(each.code for each in turned.reasons)
    assert (like.score > 0) == bool(like.reasons)


@given(FILES, FILES)
def test_whatever_is_over_the_threshold_by_a_person_shares_a_key(one: Features, other: Features) -> None:
    if compare(one, other, WEIGHTS).score >= WEIGHTS.threshold:
        assert set(keys(one)) & set(keys(other))


def shares_a_key(first17: str, other17: str, name: str) -> bool:
    one, other = (Features((Someone("/head", name, number(each)),), "", Elsewhere()) for each in (first17, other17))
    return bool(set(keys(one)) & set(keys(other)))


@given(FIRST17, NAMES)
def test_a_wrong_digit_or_two_exchanged_ones_anywhere_leave_a_key_whole(first17: str, name: str) -> None:
    for at in range(17):
        for digit in "0123456789":
            assert shares_a_key(first17, first17[:at] + digit + first17[at + 1 :], name), (at, digit)
    for at in range(16):
        exchanged = first17[:at] + first17[at + 1] + first17[at] + first17[at + 2 :]
        assert shares_a_key(first17, exchanged, name), at


def test_the_weights_are_dated_and_the_first_holds_before_its_day() -> None:
    versions = all_weights()
    assert all(each.threshold > each.without_a_person for each in versions)
    assert weights_on(versions[0].in_force_from) == versions[0]
    assert weights_on(versions[0].in_force_from.replace(year=2000)) == versions[0]
