"""The code lists of the household file as dated dictionaries, with the codes of the national standards. Pure.

A list whose wording changes gains an edition with its first day; a code is valid by the edition in force on the day on
which it is filled in, and what was kept under an older one stays as it was.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from app.kernel.errors import FieldError
from app.policy.fields import Frozen, IsoDate

_CodeOfList = Annotated[str, Field(pattern=r"^[0-9a-z_]{1,40}$")]


class Item(Frozen):
    """一个代码。"""

    code: _CodeOfList
    text: Annotated[str, Field(min_length=1, max_length=60)]
    gb: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,4}$")] | None = Field(default=None, description="国家标准中的代码")


class Edition(Frozen):
    """一张代码表自某日起的一版。"""

    version: str
    in_force_from: IsoDate
    source: str
    items: Annotated[list[Item], Field(min_length=1)]

    @model_validator(mode="after")
    def each_code_stands_once(self) -> Self:
        if len(self.codes) != len(self.items):
            raise PydanticCustomError("code_twice", "同一版里有重复的代码。")
        return self

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(item.code for item in self.items)


class Dictionary(Frozen):
    """一张代码表。"""

    name: _CodeOfList
    title: str
    standard: str | None = Field(description="对应的国家标准；没有则为 null")
    editions: Annotated[list[Edition], Field(min_length=1)]

    @model_validator(mode="after")
    def editions_follow_each_other(self) -> Self:
        days = [edition.in_force_from for edition in self.editions]
        if days != sorted(set(days)):
            raise PydanticCustomError("editions_order", "各版应按生效日期先后排列，日期不能相同。")
        return self

    def on(self, day: date) -> Edition | None:
        """The edition in force on a day; None before the first."""
        return next((each for each in reversed(self.editions) if each.in_force_from <= day), None)


_OF_A_PERSON: Final[dict[str, str]] = {
    "ethnicity": "ethnicity",
    "sex": "sex",
    "political_status": "political_status",
    "marital_status": "marital_status",
    "illness": "illness",
    "disability": "disability",
    "disability_grade": "disability_grade",
    "hukou_kind": "hukou_kind",
    "medical_insurance": "medical_insurance",
    "worker_identity": "worker_identity",
}
_OF_THE_HEAD: Final[Mapping[str, str]] = _OF_A_PERSON | {
    "model_worker": "model_worker",
    "work_status": "work_status",
    "employer_kind": "employer_kind",
    "employer_condition": "employer_condition",
    "industry": "industry",
    "contract_term": "contract_term",
}
_OF_THE_HOUSEHOLD: Final[Mapping[str, str]] = {
    "floor_area": "floor_area",
    "key_group": "key_group",
    "measure_batch": "measure_batch",
}


@cache
def dictionaries() -> Mapping[str, Dictionary]:
    """Every list by its name, as they are shipped."""
    # The parser in C, where there is one: the template of imports needs the lists as it is imported.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    told = yaml.load(files("app.households").joinpath("dictionaries.yaml").read_text("utf-8"), Loader=loader)  # noqa: S506 - both are safe
    found = TypeAdapter(list[Dictionary]).validate_python(told)
    return {each.name: each for each in found}


def unknown_codes(form: Mapping[str, Any], on: date) -> list[FieldError]:
    """The codes of a form, whole or partial, that their list doesn't have on a day."""
    return [
        FieldError(pointer, "code_unknown", "没有这个选项，请重新选择。")
        for pointer, name, code in _coded(form)
        if (edition := dictionaries()[name].on(on)) is None or code not in edition.codes
    ]


def _coded(form: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield from _codes_at("/head", form.get("head") or {}, _OF_THE_HEAD)
    for n, member in enumerate(form.get("members") or ()):
        yield from _codes_at(f"/members/{n}", member, _OF_A_PERSON)
    yield from _codes_at("", form, _OF_THE_HOUSEHOLD)
    for n, attachment in enumerate(form.get("attachments") or ()):
        yield from _codes_at(f"/attachments/{n}", attachment, {"kind": "attachment"})


def _codes_at(at: str, told: Mapping[str, Any], lists: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, of in lists.items():
        if (code := told.get(name)) is not None:
            yield f"{at}/{name}", of, code
