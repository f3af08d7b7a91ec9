"""What an answer may be, what a visit needs before it can end, and where it contradicts the file. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from app.kernel.errors import FieldError
from app.kernel.money import MAX_FEN
from app.visits.path import Purpose
from app.visits.policy import Question, VisitPolicy

FINDINGS: Final = "/findings"
MAX_TEXT: Final = 2_000
MAX_NUMBER: Final = 1_000
_ANSWER: Final = re.compile(r"\A/answers/([a-z][a-z0-9_]{0,39})\Z")
_PHOTO: Final = re.compile(r"\A/photos/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\Z")
_SHA256: Final = re.compile(r"\A[0-9a-f]{64}\Z")
Content = Mapping[str, Any]
"""What was filled in: `/answers/<code>`, `/photos/<file id>`, `/findings`."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A field of the file that is otherwise than a visitor was told or saw."""

    field: str
    in_file: Any
    found: Any


def answer_field(code: str) -> str:
    return f"/answers/{code}"


def wrong_with(policy: VisitPolicy, field: str, value: Any, at: str) -> FieldError | None:
    """What is wrong with filling this in; None where nothing is. Null takes an entry back."""
    answered = _ANSWER.match(field)
    question = policy.question(answered[1]) if answered else None
    if question is None and field != FINDINGS and not _PHOTO.match(field):
        return FieldError(f"{at}/field", "visit_field_unknown", "问卷里没有这一项，请更新问卷后再试。")
    if value is None or _fits(question, field, value):
        return None
    return FieldError(f"{at}/value", "visit_value_wrong", "填写的内容与这一项的要求不符，请重新填写。")


def _fits(question: Question | None, field: str, value: Any) -> bool:
    if question is None:
        if not isinstance(value, str):
            return False
        return 0 < len(value) <= MAX_TEXT if field == FINDINGS else _SHA256.match(value) is not None
    match question.kind:
        case "yes_no":
            return isinstance(value, bool)
        case "choice":
            return value in [choice.value for choice in question.choices]
        case "text":
            return isinstance(value, str) and 0 < len(value) <= MAX_TEXT
        case "number" | "money":
            return type(value) is int and 0 <= value <= (MAX_FEN if question.kind == "money" else MAX_NUMBER)


def photo_of(field: str) -> UUID | None:
    """The file that an entry is about, if it is a photo."""
    named = _PHOTO.match(field)
    return UUID(named[1]) if named else None


def photos_of(content: Content) -> list[dict[str, str]]:
    """The files that show the visit, with their hashes."""
    found = ((_PHOTO.match(field), value) for field, value in sorted(content.items()))
    return [{"file_id": named[1], "sha256": value} for named, value in found if named and value is not None]


def missing(policy: VisitPolicy, purpose: Purpose, content: Content) -> list[FieldError]:
    """What has to be filled in before the visit can end."""
    found = [
        FieldError(answer_field(question.code), "answer_required", f"请先填写：{question.text}。")
        for question in policy.questions
        if question.required and content.get(answer_field(question.code)) is None
    ]
    needed = policy.purposes.of(purpose).photos
    if len(photos_of(content)) < needed:
        found.append(FieldError("/photos", "photos_required", f"请至少拍 {needed} 张照片。"))
    return found


def contradictions(policy: VisitPolicy, content: Content, form: Mapping[str, Any]) -> list[Contradiction]:
    """Where the answers are otherwise than the file says, in the order of the questionnaire.

    What the file leaves open is contradicted by something, not by nothing: "no car" is no news to a file without one.
    """
    return list(_contradictions(policy, content, form))


def _contradictions(policy: VisitPolicy, content: Content, form: Mapping[str, Any]) -> Iterator[Contradiction]:
    for question in policy.questions:
        answer = content.get(answer_field(question.code))
        if question.field is None or answer is None:
            continue
        known = at(form, question.field)
        if question.measure == "count":
            known = len(known) if isinstance(known, list) else None
        if not agrees(policy, question, known, answer):
            shown = (lambda value: {"count": value}) if question.measure == "count" else (lambda value: value)
            yield Contradiction(question.field, shown(known), shown(answer))


def agrees(policy: VisitPolicy, question: Question, known: Any, answer: Any) -> bool:
    """Whether an answer and the file say the same; amounts may differ by what the policy takes for the same."""
    if known is None:
        return not answer
    if question.kind == "money":
        difference: int = abs(answer - known)
        allowed: int = max(policy.money_tolerance_fen * 10_000, known * policy.money_tolerance_bp)
        return difference * 10_000 <= allowed
    return bool(known == answer)


def at(form: Mapping[str, Any], pointer: str) -> Any:
    """What stands in a form under a JSON pointer of plain names; None where nothing does."""
    found: Any = form
    for name in pointer.removeprefix("/").split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
