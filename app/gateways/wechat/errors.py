"""Why WeChat did not do what it was asked, by what the caller should do about it.

Texts hold the call's path, the errcode, WeChat's request id and, where an operator needs it, the address WeChat saw:
never a code, a token, a secret, a phone number or an openid, and never WeChat's own message, which may quote them.
"""

import re
from collections.abc import Mapping
from typing import Final

_RID = re.compile(r"rid: ([0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8})\b")
_CALLER = re.compile(r"invalid ip ([0-9a-f.:]{3,45})\b")


class WeChatError(Exception):
    """`call` is the path; `errcode` is None where WeChat itself gave no answer; `reason` says more, in plain words."""

    def __init__(self, call: str, errcode: int | None = None, reason: str = "") -> None:
        known = (call, "" if errcode is None else f"errcode {errcode}", reason)
        super().__init__(" ".join(part for part in known if part))
        self.call: Final = call
        self.errcode: Final = errcode
        self.reason: Final = reason


class CodeRefused(WeChatError):
    """The code of wx.login or of the phone button is no good (any more), or its person is blocked: get a new one."""


class TokenRefused(WeChatError):
    """The access token is refused though it was renewed: its caller may try later."""


class Busy(WeChatError):
    """WeChat has done nothing and asks to come back later."""


class QuotaSpent(WeChatError):
    """The day's calls are used up; they come back at midnight in Shanghai."""


class OperatorMustAct(WeChatError):
    """Nothing helps but a person: settings, whitelist, permissions, a frozen account, or an errcode unknown to us."""


class Unreachable(WeChatError):
    """No usable answer: whether the call was carried out is not known."""


class Unconnected(Unreachable):
    """The server could not even be reached: nothing was asked, so nothing was done."""


class Resting(WeChatError):
    """WeChat has not answered lately: for some seconds nobody asks. Nothing was done."""


class PhoneNotMainland(WeChatError):
    """The phone number is not a mobile number of the mainland."""


class NotDeliverable(WeChatError):
    """This person gets no message: they declined, left, or have no subscription left. A normal outcome, not a fault."""


class ContentRefused(WeChatError):
    """What was sent is not as WeChat wants it, or not fit to be shown: sent again, it is refused again."""


class ComeBackLater(WeChatError):
    """WeChat has done nothing, and wants to be asked again after a minute at the earliest."""


class AskedBefore(WeChatError):
    """The same was asked for within 24 hours and is being done: `reference` is its id, if WeChat said it."""

    reference: str | None = None


# The error classes of the platform's pages; every code that is not here is an operator's.
_CLASSES: Final[Mapping[int, type[WeChatError]]] = {
    **dict.fromkeys((40029, 40163, 40226, 41008, 61010, 87007, 87009), CodeRefused),
    **dict.fromkeys((40001, 40014, 42001), TokenRefused),
    **dict.fromkeys((-1, 45011, 43108), Busy),
    **dict.fromkeys((45009, 45028), QuotaSpent),
    **dict.fromkeys((40003, 40256, 40257, 43004, 43019, 43101, 50001), NotDeliverable),
    **dict.fromkeys((40005, 40007, 40009, 40032, 40129, 40130, 40165, 40169, 40212), ContentRefused),
    **dict.fromkeys((45003, 45004, 45056, 45059, 45067, 45157, 45158, 45159, 45166, 45168), ContentRefused),
    **dict.fromkeys((47003, 53402, 53404, 87014, 87020), ContentRefused),
    45065: AskedBefore,
    45066: ComeBackLater,
}


def refusal(call: str, errcode: int, errmsg: object, *, with_token: bool) -> WeChatError:
    """The error for an `errcode` other than 0, with what of `errmsg` is safe to show.

    The codes of a refused token speak of the secret where none was sent: then they are an operator's.
    """
    kind = _CLASSES.get(errcode, OperatorMustAct)
    if kind is TokenRefused and not with_token:
        kind = OperatorMustAct
    text = errmsg if isinstance(errmsg, str) else ""
    caller, rid = _CALLER.search(text), _RID.search(text)
    shown = [f"caller {caller[1]}"] if caller else []
    shown += [f"rid {rid[1]}"] if rid else []
    return kind(call, errcode, ", ".join(shown))
