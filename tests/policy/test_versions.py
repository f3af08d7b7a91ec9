from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.policy.versions import (
    CITY,
    InvalidPolicy,
    NoPolicyInForce,
    Version,
    in_force,
    in_order,
    load,
    parse,
    read_yaml,
)
from tests.kinds.books import BOOK


class Capped(Version):
    cap_fen: int


TWO = """
- {version: a, area: "440500", in_force_from: 2020-01-01, source: 甲文〔2020〕1号, cap_fen: 100_000}
- {version: b, area: "440500", in_force_from: 2025-07-01, source: 乙文〔2025〕2号, cap_fen: 200_000, note: 提高上限}
"""


def test_versions_are_read_with_dates_and_grouped_digits():
    versions = parse(Capped, TWO)

    assert [(each.version, each.in_force_from, each.cap_fen) for each in versions] == [
        ("a", date(2020, 1, 1), 100_000),
        ("b", date(2025, 7, 1), 200_000),
    ]


@pytest.mark.parametrize(
    ("on", "version"),
    [
        (date(2020, 1, 1), "a"),
        (date(2025, 6, 30), "a"),
        (date(2025, 7, 1), "b"),
        (date(2099, 1, 1), "b"),
    ],
)
def test_a_version_is_in_force_from_its_day_until_the_next_ones(on, version):
    assert in_force(parse(Capped, TWO), on).version == version


def test_a_kind_keeps_its_versions_in_a_file_of_its_own():
    assert load(GoldenAutumnPolicy, "app.kinds.golden_autumn") == BOOK.of("golden_autumn", GoldenAutumnPolicy)


def test_before_the_first_version_there_is_no_policy():
    with pytest.raises(NoPolicyInForce) as refusal:
        in_force(parse(Capped, TWO), date(2019, 12, 31))

    assert refusal.value.code == "no_policy_in_force"
    assert "没有生效" in refusal.value.detail


@given(st.lists(st.dates(date(2000, 1, 1), date(2100, 1, 1)), min_size=1, unique=True), st.dates(date(2000, 1, 1)))
def test_the_version_in_force_is_the_latest_that_has_begun(starts, on):
    versions = in_order(
        tuple(
            Capped(version=str(day), area=CITY, in_force_from=day, source="某文", cap_fen=1) for day in sorted(starts)
        )
    )
    begun = [day for day in starts if day <= on]

    if begun:
        assert in_force(versions, on).in_force_from == max(begun)
    else:
        with pytest.raises(NoPolicyInForce):
            in_force(versions, on)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "version: a",
        "",
        "- [1",
        TWO.replace("2025-07-01", "2020-01-01"),
        TWO.replace("2025-07-01", "2019-07-01"),
        TWO.replace("version: b", "version: a"),
        TWO.replace("cap_fen: 100_000", "cap_fen: 1, cap_fen: 2"),
        "- !!python/object:os.system {}",
        "- {? [a] : b}",
    ],
    ids=[
        "no version",
        "no list",
        "empty",
        "broken",
        "two on one day",
        "falling dates",
        "one name twice",
        "a key twice",
        "an object",
        "a list as key",
    ],
)
def test_a_file_that_is_not_an_ordered_list_of_versions_is_refused(text):
    with pytest.raises((InvalidPolicy, ValidationError)):
        parse(Capped, text)


@pytest.mark.parametrize(
    "row",
    [
        "cap_fen: 1.5",
        "cap_fen: '100'",
        "cap_fen: true",
        "cap_fen: null",
        "cap_fen: 010",
        "cap_fen: 1:30",
        "cap_fen: 1e3",
        "cap_fen: 1, extra: 1",
        "other: 1",
        "cap_fen: 1, note: 5",
    ],
)
def test_a_value_of_another_type_or_an_unknown_name_is_refused(row):
    text = f"- {{version: a, area: '440500', in_force_from: 2020-01-01, source: 某文, {row}}}"

    with pytest.raises(ValidationError):
        parse(Capped, text)


@pytest.mark.parametrize("day", ["2020-1-1", "2020-02-30", "1577836800", "2020-01-01T00:00:00", "yes"])
def test_a_date_in_any_other_spelling_is_refused(day):
    with pytest.raises(ValidationError):
        parse(Capped, f"- {{version: a, area: '440500', in_force_from: {day}, source: 某文, cap_fen: 1}}")


@pytest.mark.parametrize(
    ("division_code", "version"),
    [("440507", "own"), ("440507103", "own"), ("440100", "province"), ("440000", "province")],
)
def test_a_prefectures_own_version_comes_before_its_provinces(division_code, version):
    own, province = (
        Capped(version=name, area=area, in_force_from=date(2020, 1, 1), source="某文", cap_fen=1)
        for name, area in (("own", "440500"), ("province", "440000"))
    )

    assert in_force((province, own), date(2026, 1, 1), division_code).version == version


def test_until_a_prefecture_has_a_version_of_its_own_its_provinces_is_in_force():
    own = Capped(version="own", area="440500", in_force_from=date(2026, 1, 1), source="某文", cap_fen=1)
    province = Capped(version="province", area="440000", in_force_from=date(2020, 1, 1), source="某文", cap_fen=1)

    assert in_force((province, own), date(2025, 12, 31)).version == "province"
    assert in_force((province, own), date(2026, 1, 1)).version == "own"


def test_another_province_has_no_policy_here():
    version = Capped(version="own", area="440500", in_force_from=date(2020, 1, 1), source="某文", cap_fen=1)

    with pytest.raises(NoPolicyInForce):
        in_force((version,), date(2026, 1, 1), "430100")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "没有任何版本"),
        ("version: a", "政策文件应是一列版本，每个版本以“- version:”开头"),
        ("- [1", "不是有效的 YAML（第1行第5列）"),
        ("- \x01", "不是有效的 YAML"),
        ("- {a: 1, a: 2}", "同一项写了两次（第1行第3列）"),
        (TWO.replace("version: b", "version: a"), "同一地区有两个版本同名"),
        (
            TWO.replace("2025-07-01", "2019-07-01"),
            "同一地区的版本应按生效日期从早到晚排列，一天只能有一个",
        ),
        ("- " + "1" * 5_000, "数字太长或层次太深"),
        ("- !!bool maybe", "不是有效的 YAML"),
        ("- &a [*a]", "内容太多，或者用引用（*）重复得太多"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_chinese(text, said):
    with pytest.raises(InvalidPolicy) as refused:
        parse(Capped, text)

    assert str(refused.value) == said


def test_a_version_without_source_is_refused():
    with pytest.raises(ValidationError):
        parse(Capped, "- {version: a, area: '440500', in_force_from: 2020-01-01, cap_fen: 1}")


def test_words_that_yaml_takes_for_truth_stay_words():
    assert read_yaml("on: yes\nno: off\nday: 2020-01-01\ncode: 0440") == {
        "on": "yes",
        "no": "off",
        "day": "2020-01-01",
        "code": "0440",
    }


def test_true_false_null_and_numbers_are_read():
    assert read_yaml("[true, false, null, ~, 0, 12, -3, 1_000]") == [True, False, None, None, 0, 12, -3, 1000]


@pytest.mark.parametrize(
    "text",
    [
        "a: b\0c",
        "a: !!binary aGVsbG8=",
        "a: !!set {x, y}",
        "a: !!timestamp 2026-01-01",
        "a: !!float 1.5",
        "a: !!bool maybe",
        "a: !!int ''",
        "a: !!python/name:os.system",
        "a: &a [*a]",
        "a: &a [x, x]\n" + "\n".join(f"{n}: &n{n} [{', '.join([f'*n{n - 1}' if n else '*a'] * 9)}]" for n in range(9)),
    ],
)
def test_what_json_has_no_word_for_or_no_room_for_is_refused(text):
    with pytest.raises(InvalidPolicy, match=r"YAML|引用"):
        read_yaml(text)


def test_a_document_may_have_a_hundred_thousand_values_and_none_more():
    thousand = "&a [" + "x, " * 998 + "x]"  # a list counts for one, as does each of its values

    def document(more):
        return "[" + ", ".join([thousand, *["*a"] * 98, *["x"] * more]) + "]"

    assert len(read_yaml(document(999))) == 1_098
    with pytest.raises(InvalidPolicy):
        read_yaml(document(1_000))


def test_a_list_inside_a_map_inside_a_list_is_read_whole_however_often_it_is_named():
    assert read_yaml("[&a {b: &c [1, {d: [2]}]}, *a, *c]") == [
        {"b": [1, {"d": [2]}]}, {"b": [1, {"d": [2]}]}, [1, {"d": [2]}],
    ]  # fmt: skip


def test_a_version_cannot_be_changed():
    version = parse(Capped, TWO)[0]

    with pytest.raises(ValidationError):
        version.cap_fen = 1


def test_the_day_before_a_version_belongs_to_the_one_before():
    first, second = parse(Capped, TWO)

    assert in_force((first, second), second.in_force_from - timedelta(days=1)) is first
