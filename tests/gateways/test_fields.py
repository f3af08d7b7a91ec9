"""What goes into a field of a subscribe message fits it: by our rules, and by the simulator's, written apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateways.wechat.fields import RULES, ValueDoesNotFit, fits, fitted
from app.simulator.fieldrules import refusal_of

TAKEN = [
    ("thing1", "申请已经通过"), ("thing1", "一" * 20), ("number1", "0.12"), ("letter1", "Abc"), ("symbol1", "+-"),
    ("character_string1", "BF-440507-2026"), ("time1", "15:01"), ("time2", "2019年10月1日 15:01"),
    ("time3", "2026-11-30 08:20~09:20"), ("date1", "2019年10月1日"), ("date2", "2019-12-25 09:42"),
    ("date3", "2018/01/01"), ("date4", "2018.01.01"), ("date5", "2018-01"), ("date6", "01-01"),
    ("amount1", "￥100"), ("amount2", "1000.50元"), ("phone_number1", "+86-0766-66888866"[:17]),
    ("car_number1", "粤D12345"), ("name1", "陈小明"), ("name2", "Chen Xiao-ming"), ("phrase1", "配送中"),
]  # fmt: skip
REFUSED = [
    ("thing1", ""), ("thing1", "一" * 21), ("thing1", " 有空格"), ("thing1", "两\n行"), ("number1", "12a"),
    ("letter1", "a1"), ("character_string1", "有汉字"), ("time1", "25点"), ("date1", "2019-12-25T09:42"),
    ("amount1", "一百元"), ("phone_number1", "电话"), ("name1", "陈" * 11), ("phrase1", "配送中1"),
    ("phrase1", "配送完成了啊"), ("thing1", "\x07"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), TAKEN)
def test_what_the_table_of_wechat_takes_is_taken(name: str, value: str) -> None:
    assert fits(name, value)
    assert refusal_of(name, value) is None
    assert fitted(name, value) == value


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_the_table_of_wechat_refuses_is_refused(name: str, value: str) -> None:
    assert not fits(name, value)
    assert refusal_of(name, value) is not None


def test_words_are_cut_and_emoji_taken_out_but_half_a_number_is_no_number() -> None:
    assert fitted("thing1", " 您的申请😀\n已经 通过 ") == "您的申请 已经 通过"
    assert fitted("thing1", "一" * 30) == "一" * 19 + "…"
    assert fitted("phrase1", "已通过（市级）审核") == "已通过市级"
    for name, value in (("number1", "1" * 33), ("date1", "明天"), ("amount1", "1" * 11), ("thing1", "😀")):
        with pytest.raises(ValueDoesNotFit, match=name):
            fitted(name, value)
    with pytest.raises(ValueDoesNotFit):
        fitted("unheard_of1", "x")


@given(st.sampled_from(sorted(RULES)), st.text(max_size=60))
def test_whatever_is_made_to_fit_is_taken(kind: str, value: str) -> None:
    try:
        made = fitted(f"{kind}7", value)
    except ValueDoesNotFit:
        return
    assert refusal_of(f"{kind}7", made) is None
