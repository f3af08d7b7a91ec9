"""Drafts: the same form with every field optional, so that a phone may save what it has so far.

`read_draft` refuses what could never be right (a wrong type, an unknown field) and keeps the rest; what is
still missing comes back as warnings. `read_whole` is what submission asks for.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, create_model

from app.kernel.errors import FieldError, Invalid

Form = TypeVar("Form", bound=BaseModel)

MESSAGES = {
    "missing": "请填写这一项。",
    "extra_forbidden": "没有这一项，请删除。",
    "string_too_long": "内容太长。",
    "string_too_short": "内容太短。",
    "string_pattern_mismatch": "格式不正确。",
    "string_type": "请填写文字。",
    "int_type": "请填写整数。",
    "int_parsing": "请填写整数。",
    "int_from_float": "请填写整数。",
    "int_parsing_size": "数值太大。",
    "greater_than": "数值太小。",
    "less_than": "数值太大。",
    "greater_than_equal": "数值太小。",
    "less_than_equal": "数值太大。",
    "bool_type": "请选择是或否。",
    "literal_error": "请从给出的选项中选择。",
    "enum": "请从给出的选项中选择。",
    "union_tag_invalid": "请从给出的选项中选择。",
    "union_tag_not_found": "请填写种类。",
    "too_long": "数量太多。",
    "too_short": "数量太少。",
    "dict_type": "请按表格逐项填写。",
    "model_type": "请按表格逐项填写。",
    "model_attributes_type": "请按表格逐项填写。",
    "list_type": "请按列表逐项填写。",
    "tuple_type": "请按列表逐项填写。",
    "json_invalid": "提交的内容不是有效的 JSON。",
    "json_too_deep": "提交的内容嵌套太深。",
    "json_duplicate_key": "提交的内容里有重复的项目。",
    "json_not_a_number": "提交的内容里有无效的数字。",
}
_DEFAULT_MESSAGE = "填写的内容不正确。"
_POINTER_LIMIT = 200


@cache
def draft_of(model: type[BaseModel]) -> type[BaseModel]:
    """The model with every field optional, down to the last nested one; as strict and closed as the original."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        annotation: Any = _optional_inside(field.annotation)
        for constraint in field.metadata:
            annotation = Annotated[annotation, constraint]
        fields[name] = (annotation | None, Field(default=None, description=field.description))
    config = {**model.model_config, "title": None}
    draft: type[BaseModel] = create_model(f"{model.__name__}Draft", __config__=config, __doc__=model.__doc__, **fields)  # type: ignore[call-overload]
    return draft


def _optional_inside(annotation: Any) -> Any:
    """The annotation with every model in it replaced by its draft."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return draft_of(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return reduce(or_, (a if a is NoneType else _optional_inside(a) for a in arguments))
    if origin in (list, tuple) and arguments:
        inside = tuple(a if a is Ellipsis else _optional_inside(a) for a in arguments)
        return origin[inside if len(inside) > 1 else inside[0]]
    return annotation


def read_draft(model: type[BaseModel], given: Mapping[str, Any], at: str = "/form") -> dict[str, Any]:
    """What may be kept of a partial form, as plain JSON values. Raises Invalid."""
    try:
        draft = draft_of(model).model_validate(given)
    except ValidationError as wrong:
        raise Invalid(*field_errors(wrong.errors(), at)) from None
    return draft.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def warnings_of(model: type[BaseModel], kept: Mapping[str, Any], at: str = "/form") -> list[FieldError]:
    """What submission would still refuse."""
    try:
        model.model_validate(kept)
    except ValidationError as wrong:
        return field_errors(wrong.errors(), at)
    return []


def read_whole(model: type[Form], kept: Mapping[str, Any], at: str = "/form") -> Form:
    """The whole form. Raises Invalid with everything that is missing or wrong."""
    try:
        return model.model_validate(kept)
    except ValidationError as wrong:
        raise Invalid(*field_errors(wrong.errors(), at)) from None


def field_errors(errors: Sequence[Any], at: str = "") -> list[FieldError]:
    """Pydantic's errors as pointers, stable codes and plain Chinese; never the value."""
    return [_field_error(error, at) for error in errors]


def place_in(document: Any, location: Sequence[Any], code: str) -> tuple[Any, ...]:
    """Where in the document an error is: pydantic also names the form that it tried at a place of several forms."""
    here, place, last = document, [], len(location) - 1
    for n, part in enumerate(location):
        known = part in here if isinstance(here, dict) else isinstance(here, list) and part in range(len(here))
        if known:
            here = here[part]
        elif n < last or code != "missing":
            continue
        place.append(part)
    return tuple(place)


def pointer_to(location: Iterable[object]) -> str:
    """The JSON pointer (RFC 6901) of a place given step by step."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _field_error(error: Any, at: str) -> FieldError:
    code, location = error["type"], list(error["loc"])
    if code == "json_invalid":
        code, location = error.get("ctx", {}).get("error", code), []
    if location and location[0] in ("body", "query", "path", "header"):
        location = location[1:]
    pointer = at + pointer_to(location)
    if code == "extra_forbidden" or not pointer.isascii() or len(pointer) > _POINTER_LIMIT:
        # The name of an unknown field is the sender's own text: its parent is named instead.
        pointer = at + pointer_to(location[:-1])
        pointer = pointer if pointer.isascii() and len(pointer) <= _POINTER_LIMIT else at
    # Our own validators speak Chinese; what the library says in English is replaced.
    said = error["msg"] if not error["msg"].isascii() else _DEFAULT_MESSAGE
    return FieldError(pointer, code, MESSAGES.get(code, said))
