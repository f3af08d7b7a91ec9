"""Why an application is refused or returned (理由目录), as dated data: the code, what the worker reads, and what they
can do about it. Pure."""

import re
from datetime import date
from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from app.applications.path import Action
from app.kernel.errors import FieldError, Invalid
from app.policy.book import PolicyBook
from app.policy.fields import Frozen
from app.policy.versions import NoPolicyInForce, Version

POLICY: Final = "application_reasons"
BY_RULE: Final = "ineligible_by_policy"
"""Why the rules refuse: what failed stands in the decision."""
_INTERNAL = re.compile(r"[a-z]+_[a-z_]+")
Use = Literal["reject", "return"]


def names_no_code(text: str) -> str:
    if _INTERNAL.search(text):
        raise PydanticCustomError("text_has_code", "这是给职工看的话，不能有内部代码。")
    return text


Plain = Annotated[str, Field(min_length=4, max_length=200, pattern=r"^[^\n\r]+$"), AfterValidator(names_no_code)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,39}$")]


class Cures(Frozen):
    """有的帮扶另有说法的，写在这里；没有写的用一般的说法。"""

    hardship_aid: Annotated[Plain | None, Field(description="困难帮扶")] = None
    golden_autumn: Annotated[Plain | None, Field(description="金秋助学")] = None
    secondary_medical: Annotated[Plain | None, Field(description="住院二次医保")] = None


class Reason(Frozen):
    """一种理由。"""

    code: Annotated[Code, Field(description="代码；用过的不再改作他用")]
    used_for: Annotated[tuple[Use, ...], Field(min_length=1, description="用在哪里：reject 不予通过，return 退回补正")]
    kinds: Annotated[
        tuple[Literal["hardship_aid", "golden_autumn", "secondary_medical"], ...] | None,
        Field(description="只用于哪几种帮扶；不写的都可以用"),
    ] = None
    text: Annotated[Plain, Field(description="给职工看的理由")]
    cure: Annotated[Plain, Field(description="职工可以怎么做：补什么材料、什么时候再来；没有办法的，写明可以找谁")]
    cures: Annotated[Cures | None, Field(description="个别帮扶的不同说法")] = None

    def cure_for(self, kind: str) -> str:
        own: str | None = getattr(self.cures, kind) if self.cures else None
        return own or self.cure

    def may_be_given(self, kind: str, use: Use) -> bool:
        return use in self.used_for and (self.kinds is None or kind in self.kinds)


class ReasonCatalogue(Version):
    """不予通过和退回的理由。"""

    reasons: Annotated[tuple[Reason, ...], Field(min_length=1, description="全部理由")]

    @model_validator(mode="after")
    def each_code_once(self) -> Self:
        codes = [reason.code for reason in self.reasons]
        if len(set(codes)) < len(codes):
            raise PydanticCustomError("reason_repeated", "同一个代码只能写一次。")
        if not any(reason.code == BY_RULE and "reject" in reason.used_for for reason in self.reasons):
            raise PydanticCustomError("reason_missing", "必须有“按现行政策测算不符合条件”这一项。")
        return self


class _Found(NamedTuple):
    """What was found in a book by day: each look at a case asks, and a book changes now and then."""

    book: PolicyBook | None
    by_day: dict[date, dict[str, Reason]]


_found = _Found(None, {})


def reasons_on(policies: PolicyBook, day: date) -> dict[str, Reason]:
    """Every reason in force on a day, by its code. Empty where there is no catalogue: nothing can be refused then."""
    global _found
    found = _found
    if found.book is not policies:
        _found = found = _Found(policies, {})
    if day not in found.by_day:
        found.by_day[day] = _in_force(policies, day)
    return found.by_day[day]


def _in_force(policies: PolicyBook, day: date) -> dict[str, Reason]:
    try:
        return {reason.code: reason for reason in policies.in_force(POLICY, ReasonCatalogue, day).reasons}
    except NoPolicyInForce:
        return {}


def reasons_for(policies: PolicyBook, day: date, kind: str, action: str) -> dict[str, Reason]:
    """The reasons that may be given for an action on a kind; BY_RULE is the rules' own."""
    use: Use = "return" if action == Action.RETURN else "reject"
    found = reasons_on(policies, day)
    return {code: each for code, each in found.items() if each.may_be_given(kind, use) and code != BY_RULE}


def check_note(note: str | None) -> None:
    """Raises Invalid where a note for the worker names an internal code."""
    if note is not None and _INTERNAL.search(note):
        raise Invalid(FieldError("/note", "note_has_code", "请用申请人看得懂的话写，不要写内部代码。"))


def by_rule(policies: PolicyBook, day: date) -> str:
    """What the worker reads where the rules refuse. Raises NoPolicyInForce without a catalogue."""
    found = reasons_on(policies, day).get(BY_RULE)
    if found is None:
        raise NoPolicyInForce
    return found.text
