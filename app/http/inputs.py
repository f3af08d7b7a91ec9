"""What every request body is made of: strict types, clean text, no unknown fields."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

_UUID_LENGTH = 36


class In(BaseModel):
    """The base of every request body."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def _hyphenated(value: object) -> object:
    # Only the written form: the library would also take braces, a urn, or no hyphens at all.
    if isinstance(value, str) and (len(value) != _UUID_LENGTH or not value.isascii()):
        raise PydanticCustomError("id_format", "编号格式不正确，请返回上一页重试")
    return value


PathId = Annotated[UUID, BeforeValidator(_hyphenated), WithJsonSchema({"type": "string", "format": "uuid"})]
Limit = Annotated[int, Field(ge=1, le=100)]
