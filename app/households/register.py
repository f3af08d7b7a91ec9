"""The statutory register (困难职工登记表): which of its mandatory fields a file still misses. Pure.

The phone may submit without them; the district gets the file only when they are filled in, by the worker or by the
clerk of the unit.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.kernel.errors import FieldError

HEAD: Final[Mapping[str, str]] = {
    "ethnicity": "民族",
    "sex": "性别",
    "political_status": "政治面貌",
    "birth_date": "出生日期",
    "model_worker": "劳模类型",
    "marital_status": "婚姻状况",
    "hukou_kind": "户口类型",
    "hukou_division_code": "户口所在地",
    "mobile": "手机号码",
    "other_contact": "其他联系方式",
    "medical_insurance": "医保状况",
    "work_status": "工作状态",
    "work_began_on": "参加工作时间",
    "worker_identity": "人员身份",
    "monthly_income_fen": "本人月平均收入",
}
"""Fields of the head that the form stars (facts: 建档内容), beside those that nobody can submit without."""
HOUSEHOLD: Final[Mapping[str, str]] = {"non_wage_income_fen_yearly": "家庭其他非薪资年收入"}


def register_gaps(form: Mapping[str, Any]) -> list[FieldError]:
    """The mandatory fields that are not filled in, in the order of the form; none: the register is complete."""
    return list(_gaps(form))


def _gaps(form: Mapping[str, Any]) -> Iterator[FieldError]:
    head = form.get("head") or {}
    for name, said in HEAD.items():
        if head.get(name) is None:
            yield _gap(f"/head/{name}", said)
    if head.get("health") in ("chronic_illness", "serious_illness") and head.get("illness") is None:
        yield _gap("/head/illness", "疾病类别")
    if head.get("health") == "disabled":
        for name, said in (("disability", "残疾类别"), ("disability_grade", "残疾等级")):
            if head.get(name) is None:
                yield _gap(f"/head/{name}", said)
    for name, said in HOUSEHOLD.items():
        if form.get(name) is None:
            yield _gap(f"/{name}", said)


def _gap(pointer: str, said: str) -> FieldError:
    return FieldError(pointer, "register_missing", f"登记表必填：{said}。")
