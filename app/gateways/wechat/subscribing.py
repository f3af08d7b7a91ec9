"""Subscribe messages (订阅消息): the templates of the mini-program, and sending one message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import Field

from app.gateways.wechat.account import Account, Answer, Call

SEND: Final = "/cgi-bin/message/subscribe/send"
TEMPLATES: Final = "/wxaapi/newtmpl/gettemplate"
ADD_TEMPLATE: Final = "/wxaapi/newtmpl/addtemplate"
DELETE_TEMPLATE: Final = "/wxaapi/newtmpl/deltemplate"
TEMPLATES_BYTES: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class SubscribeMessage:
    """`data` by the names of the fields (thing1, time3, …), already as WeChat takes them (`fields.fitted`)."""

    openid: str = field(repr=False)
    template_id: str
    page: str
    data: Mapping[str, str] = field(repr=False)


class Template(Answer):
    """A template that the account has chosen. `type`: 2 for one message, 3 for many."""

    id: str = Field(alias="priTmplId")
    title: str
    content: str
    type: int


class _Templates(Answer):
    data: list[Template]


class _Added(Answer):
    id: str = Field(alias="priTmplId")


class _Sent(Answer):
    msgid: int | str | None = None
    """Not in the documentation's table; live answers carry it."""


class _Done(Answer):
    pass


_SEND = Call(SEND, _Sent, repeatable=False)
_LIST = Call(TEMPLATES, _Templates, repeatable=True, method="GET", cap=TEMPLATES_BYTES)
_ADD = Call(ADD_TEMPLATE, _Added, repeatable=False)
_DELETE = Call(DELETE_TEMPLATE, _Done, repeatable=True)


class Subscribing(Account):
    """The calls about subscribe messages."""

    async def send(self, message: SubscribeMessage) -> str | None:
        """WeChat has taken the message: its id, if it said one. Never repeated after a lost answer: that would show it
        twice.

        Raises NotDeliverable (no subscription left), ContentRefused, Busy, QuotaSpent, OperatorMustAct, Resting, and
        Unreachable: it may have been sent.
        """
        data = {name: {"value": value} for name, value in message.data.items()}
        body = {
            "touser": message.openid,
            "template_id": message.template_id,
            "page": message.page,
            "miniprogram_state": "formal",
            "lang": "zh_CN",
            "data": data,
        }
        sent = await self.ask(_SEND, body)
        return None if sent.msgid is None else str(sent.msgid)

    async def templates(self) -> Sequence[Template]:
        return (await self.ask(_LIST)).data

    async def add_template(self, title_id: str, keyword_ids: Sequence[int], scene: str) -> str:
        """Choose a template of the public library: its id in this account."""
        body = {"tid": title_id, "kidList": list(keyword_ids), "sceneDesc": scene}
        return (await self.ask(_ADD, body)).id

    async def delete_template(self, template_id: str) -> None:
        await self.ask(_DELETE, {"priTmplId": template_id})
