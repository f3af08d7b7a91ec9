"""What stops a command before its work begins, in a line each: settings that are wrong, a database that is away."""

import socket

import asyncpg
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.db.embedded import EmbeddedPostgresError
from app.kernel.errors import Unavailable
from app.policy.drafts import MESSAGES

_NO_JSON = '设置有误。AID_MASTER_KEYS：应是一个 JSON 对象，例如 {"1": "…"}。'
_AWAY = "连不上数据库。请核对 AID_DATABASE_URL，并确认数据库正在运行。"
_REFUSED = "数据库拒绝了这个账户或库名。请核对 AID_DATABASE_URL。"
_EMPTY = "数据库的结构不是最新的。请先运行 aid migrate。"
_REFUSALS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


def told(failed: Exception) -> list[str] | None:
    """Lines for the person at the terminal; None for what is a defect, whose traceback is wanted."""
    if isinstance(failed, ValidationError):
        return _settings(failed) if failed.title == "Settings" else None
    if isinstance(failed, SettingsError):  # of the only setting that is written as JSON
        return [_NO_JSON]
    if isinstance(failed, EmbeddedPostgresError):
        return [str(failed)]
    if isinstance(failed, _REFUSALS):
        return [_REFUSED]
    if isinstance(failed, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError | asyncpg.UndefinedObjectError):
        return [_EMPTY]
    if isinstance(failed, Unavailable | ConnectionError | socket.gaierror):
        return [_AWAY]
    return None


def _settings(wrong: ValidationError) -> list[str]:
    """By the names of the variables; what was given is not repeated: it may be a secret."""
    lines = []
    for error in wrong.errors():
        if error["type"] == "value_error":
            lines.append(f"设置有误。{error['ctx']['error']}")
        else:
            name = "".join(f"AID_{str(part).upper()}：" for part in error["loc"][:1])
            lines.append(f"设置有误。{name}{MESSAGES.get(error['type'], '填写的内容不正确。')}")
    return lines
