"""The ways to say no. A subclass's docstring is what the person reads; its name is the stable `code`."""

import re
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: JSON pointer, stable code, plain-Chinese message (never the value)."""

    pointer: str
    code: str
    message: str


class DomainError(Exception):
    """请求没有成功。"""

    code: ClassVar[str] = "domain_error"

    def __init__(self, *errors: FieldError, **extra: str | int) -> None:
        super().__init__(self.code)
        self.errors = errors
        self.extra = extra
        """Further members of the problem document, such as the id of what is in the way."""

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def detail(self) -> str:
        return (self.__doc__ or DomainError.__doc__ or "").strip()


class Unauthenticated(DomainError):
    """请先登录。"""


class NotAllowed(DomainError):
    """您没有办理这一步的权限。"""


class Recused(NotAllowed):
    """您或委托人与申请人是家人、亲属，或在同一单位工会任职，应当回避，请由其他人或上一级工会办理。"""


class KeptApart(NotAllowed):
    """这一轮已由您的另一个账户、家人、申报的亲属或委托您办理的人办过一个环节，或申请人是他们之一，请由其他人办理。"""


class NotFound(DomainError):
    """没有找到您要的内容。"""


class Conflict(DomainError):
    """当前状态下不能这样办理。"""


class NobodyToAccept(Conflict):
    """这个工会没有其他经办人可以受理，办不下去：请由上一级工会的工作人员代填、确认，留一名经办人受理，或者先任命经办人。"""


class Overtaken(Conflict):
    """有另一项操作同时进行，这次没有提交，请再试一次。"""


class IdentityRequired(Conflict):
    """请先完成实名认证。"""


class StaleVersion(DomainError):
    """内容已被他人更新，请刷新后再试。"""


class VersionMissing(DomainError):
    """请带上当前版本号（If-Match）再提交。"""


class Invalid(DomainError):
    """填写的内容有误，请按提示修改。"""


class TooMany(DomainError):
    """操作太频繁，请稍后再试。"""


class Unavailable(DomainError):
    """系统繁忙，请稍后再试。"""
