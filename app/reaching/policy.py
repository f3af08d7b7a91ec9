"""The dated rule of text messages (短信提醒): which messages, how long after, in which words. Pure."""

from typing import Annotated, Final

from pydantic import Field

from app.policy.fields import ShortText
from app.policy.versions import Version

KIND: Final = "text_messages"
MessageKind = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,19}$")]


class TextMessages(Version):
    """短信提醒：微信没有送达、小程序里也没有读的，哪些再发一条短信。"""

    kinds: Annotated[
        tuple[MessageKind, ...],
        Field(description="哪几种消息发短信；没有列出的不发。代码同“我的消息”里的 kind"),
    ]
    after_hours: Annotated[int, Field(ge=1, le=72, description="消息发出后过几个小时仍未读，才发短信")]
    text: Annotated[ShortText, Field(description="短信的内容，人人相同：不写姓名、事项和金额")]
