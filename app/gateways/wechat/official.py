"""The official account (公众号): followers and tags, pictures, drafts, publishing, and sending to many.

Publishing and sending are two steps each: that WeChat took the job says nothing of how it ends. A caller asks again
(`publication`, `mass_send_state`) or waits for the event, and has to see to it that a lost answer is not asked twice:
a draft may then be there twice, a publication is looked for by its draft, and a mass send by its `client_id`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from app.gateways.wechat.account import UPLOAD_S, Account, Answer, Call
from app.gateways.wechat.errors import ContentRefused

PUBLISH: Final = "/cgi-bin/freepublish/submit"
TAKE_DOWN: Final = "/cgi-bin/freepublish/delete"
DELETE_MASS: Final = "/cgi-bin/message/mass/delete"
MASS_SEND: Final = "/cgi-bin/message/mass/sendall"
LONGEST_CLIENT_ID: Final = 64
PICTURE_BYTES: Final = 1024 * 1024
_TAGGED_AT_ONCE: Final = 50
_LIST_BYTES: Final = 1024 * 1024

Reference = Annotated[
    str, BeforeValidator(lambda given: str(given) if type(given) is int else given), Field(max_length=128)
]
"""An id that WeChat types as a number on one page and as a text on another."""
LONGEST_URL: Final = 500
Url = Annotated[str, BeforeValidator(lambda given: given[:LONGEST_URL] if type(given) is str else given)]
"""Where an article is read: cut where it is longer than what we keep."""


class Published(IntEnum):
    """发布状态。"""

    DONE = 0
    UNDER_WAY = 1
    NOT_ORIGINAL = 2
    FAILED = 3
    REVIEW_REFUSED = 4
    DELETED_LATER = 5
    BANNED_LATER = 6


@dataclass(frozen=True, slots=True)
class Article:
    """What a draft holds; `content` is HTML whose pictures come from `upload_picture`."""

    title: str
    content: str
    thumb_media_id: str
    author: str = ""
    digest: str = ""
    content_source_url: str = ""
    article_type: Literal["news"] = "news"


class Followers(Answer):
    """A page of followers; the next one starts behind `next_openid`."""

    class _Data(Answer):
        openid: list[str] = Field(max_length=10_000)

    total: int
    count: int
    data: _Data | None = None
    next_openid: str = ""

    @property
    def openids(self) -> list[str]:
        return self.data.openid if self.data else []


class Follower(Answer):
    """`unionid` joins a follower to a person of the mini-program; there is no other way."""

    subscribe: int
    openid: str
    unionid: str | None = None


class _Users(Answer):
    user_info_list: list[Follower]


class Tag(Answer):
    id: int
    name: str
    count: int = 0


class _Tags(Answer):
    tags: list[Tag]


class _TagMade(Answer):
    tag: Tag


class _Picture(Answer):
    url: str = Field(max_length=2048)


class Material(Answer):
    media_id: str
    url: str = ""


class _Draft(Answer):
    media_id: str


class _Submitted(Answer):
    publish_id: Reference


class _Item(Answer):
    article_url: Url = ""


class _Detail(Answer):
    item: list[_Item] = Field(default_factory=list, max_length=8)


class Publication(Answer):
    publish_status: int = Field(ge=0, le=99)
    article_id: str = Field(default="", max_length=128)
    article_detail: _Detail | None = None

    @property
    def url(self) -> str:
        """Where everyone reads it."""
        return self.article_detail.item[0].article_url if self.article_detail and self.article_detail.item else ""


class _News(Answer):
    thumb_media_id: str = ""
    url: Url = ""


class _NewsList(Answer):
    news_item: list[_News] = Field(default_factory=list, max_length=8)


class PublishedItem(Answer):
    """One of the publications that stand on the account."""

    article_id: str = Field(max_length=128)
    content: _NewsList

    @property
    def thumbs(self) -> list[str]:
        return [each.thumb_media_id for each in self.content.news_item]

    @property
    def url(self) -> str:
        return self.content.news_item[0].url if self.content.news_item else ""


class _PublishedItems(Answer):
    item: list[PublishedItem] = Field(default_factory=list, max_length=20)


class _MassSent(Answer):
    msg_id: Reference


class _MassState(Answer):
    msg_status: str = Field(max_length=40)


class _Done(Answer):
    pass


_FOLLOWERS = Call("/cgi-bin/user/get", Followers, repeatable=True, method="GET", cap=_LIST_BYTES)
_USERS = Call("/cgi-bin/user/info/batchget", _Users, repeatable=True, cap=_LIST_BYTES)
_TAGS = Call("/cgi-bin/tags/get", _Tags, repeatable=True, method="GET")
_MAKE_TAG = Call("/cgi-bin/tags/create", _TagMade, repeatable=False)
_TAGGING = Call("/cgi-bin/tags/members/batchtagging", _Done, repeatable=True)
_UNTAGGING = Call("/cgi-bin/tags/members/batchuntagging", _Done, repeatable=True)
_PICTURE = Call("/cgi-bin/media/uploadimg", _Picture, repeatable=True, total_s=UPLOAD_S)
_MATERIAL = Call("/cgi-bin/material/add_material", Material, repeatable=False, total_s=UPLOAD_S)
_ADD_DRAFT = Call("/cgi-bin/draft/add", _Draft, repeatable=False)
_DRAFT = Call("/cgi-bin/draft/get", _Done, repeatable=True, cap=_LIST_BYTES)
_UPDATE_DRAFT = Call("/cgi-bin/draft/update", _Done, repeatable=True)
_DELETE_DRAFT = Call("/cgi-bin/draft/delete", _Done, repeatable=True)
_PUBLISH = Call(PUBLISH, _Submitted, repeatable=False)
_PUBLICATION = Call("/cgi-bin/freepublish/get", Publication, repeatable=True)
_TAKE_DOWN = Call(TAKE_DOWN, _Done, repeatable=True)
_PUBLICATIONS = Call("/cgi-bin/freepublish/batchget", _PublishedItems, repeatable=True, cap=_LIST_BYTES)
_DELETE_MASS = Call(DELETE_MASS, _Done, repeatable=True)
# With a clientmsgid the second of two is refused with the id of the first (45065).
_MASS_SEND = Call(MASS_SEND, _MassSent, repeatable=True)
_PREVIEW = Call("/cgi-bin/message/mass/preview", _Done, repeatable=True)
_MASS_STATE = Call("/cgi-bin/message/mass/get", _MassState, repeatable=True)


class OfficialAccount(Account):
    """One official account."""

    async def followers(self, after: str = "") -> Followers:
        return await self.ask(_FOLLOWERS, query={"next_openid": after} if after else None)

    async def users(self, openids: Sequence[str]) -> Sequence[Follower]:
        """At most 100 at once; who does not follow has `subscribe` 0."""
        wanted = [{"openid": openid, "lang": "zh_CN"} for openid in openids]
        return (await self.ask(_USERS, {"user_list": wanted})).user_info_list

    async def tags(self) -> Sequence[Tag]:
        return (await self.ask(_TAGS)).tags

    async def make_tag(self, name: str) -> Tag:
        return (await self.ask(_MAKE_TAG, {"tag": {"name": name}})).tag

    async def tag(self, tag_id: int, openids: Sequence[str], *, take_off: bool = False) -> None:
        """Put a tag on followers, or take it off, fifty at a time as WeChat wants."""
        call = _UNTAGGING if take_off else _TAGGING
        for at in range(0, len(openids), _TAGGED_AT_ONCE):
            await self.ask(call, {"openid_list": list(openids[at : at + _TAGGED_AT_ONCE]), "tagid": tag_id})

    async def upload_picture(self, name: str, content: bytes, kind: Literal["image/jpeg", "image/png"]) -> str:
        """A picture inside an article: its address at WeChat."""
        if len(content) > PICTURE_BYTES:
            raise ContentRefused(_PICTURE.path, reason="a picture of an article has at most 1 MB")
        return (await self.ask(_PICTURE, file=(name, content, kind))).url

    async def add_material(self, name: str, content: bytes, kind: Literal["image/jpeg", "image/png"]) -> Material:
        """A picture that stays, for the head of an article. A lost answer may leave one too many."""
        return await self.ask(_MATERIAL, query={"type": "image"}, file=(name, content, kind))

    async def add_draft(self, article: Article) -> str:
        """The media_id of a new draft. Raises ContentRefused for what WeChat would refuse."""
        _check(article)
        return (await self.ask(_ADD_DRAFT, {"articles": [_spelt(article)]})).media_id

    async def draft(self, media_id: str) -> None:
        """Whether it is (still) there: one that was published is not. Raises ContentRefused where it is gone."""
        await self.ask(_DRAFT, {"media_id": media_id})

    async def update_draft(self, media_id: str, article: Article) -> None:
        _check(article)
        await self.ask(_UPDATE_DRAFT, {"media_id": media_id, "index": 0, "articles": _spelt(article)})

    async def delete_draft(self, media_id: str) -> None:
        await self.ask(_DELETE_DRAFT, {"media_id": media_id})

    async def publish(self, media_id: str) -> str:
        """WeChat has taken the draft: the publish_id. Raises Unreachable when it is not known whether it has."""
        return (await self.ask(_PUBLISH, {"media_id": media_id})).publish_id

    async def publication(self, publish_id: str) -> Publication:
        return await self.ask(_PUBLICATION, {"publish_id": publish_id})

    async def take_down(self, article_id: str) -> None:
        """For good: it cannot be published again."""
        await self.ask(_TAKE_DOWN, {"article_id": article_id, "index": 0})

    async def publications(self, offset: int = 0) -> Sequence[PublishedItem]:
        """Twenty of the publications that stand on the account, the newest first."""
        return (await self.ask(_PUBLICATIONS, {"offset": offset, "count": 20, "no_content": 1})).item

    async def delete_mass_send(self, msg_id: str) -> None:
        """Its page is gone; what lies in people's messages leads nowhere from then on."""
        await self.ask(_DELETE_MASS, {"msg_id": int(msg_id) if msg_id.isdecimal() else msg_id, "article_idx": 0})

    async def send_to_all(self, media_id: str, client_id: str, *, tag_id: int | None = None) -> str:
        """A draft to all followers, or to those with a tag: the id of the job. The same `client_id` goes out once in 24
        hours: whoever asks again gets AskedBefore with the id of the first."""
        if not 0 < len(client_id.encode()) <= LONGEST_CLIENT_ID:
            raise ContentRefused(MASS_SEND, reason="a clientmsgid has 1 to 64 bytes")
        audience: dict[str, Any] = {"is_to_all": True} if tag_id is None else {"is_to_all": False, "tag_id": tag_id}
        body = {
            "filter": audience,
            "mpnews": {"media_id": media_id},
            "msgtype": "mpnews",
            "send_ignore_reprint": 0,
            "clientmsgid": client_id,
        }
        return (await self.ask(_MASS_SEND, body)).msg_id

    async def preview(self, media_id: str, openid: str) -> None:
        """Show a draft to one follower, before it goes to all."""
        await self.ask(_PREVIEW, {"touser": openid, "mpnews": {"media_id": media_id}, "msgtype": "mpnews"})

    async def mass_send_state(self, msg_id: str) -> str:
        """SEND_SUCCESS, SENDING, SEND_FAIL or DELETE."""
        return (await self.ask(_MASS_STATE, {"msg_id": msg_id})).msg_status


def _spelt(article: Article) -> dict[str, object]:
    return {name: value for name, value in asdict(article).items() if value != ""}


def _check(article: Article) -> None:
    """What a draft may hold (新增草稿); the stricter where WeChat's pages disagree."""
    wrong = [
        name
        for name, most in (("title", 32), ("author", 16), ("digest", 128), ("content", 19_999))
        if len(getattr(article, name)) > most
    ]
    wrong += [name for name in ("title", "content", "thumb_media_id") if not getattr(article, name)]
    if wrong or len(article.content.encode()) >= 1024 * 1024 or len(article.content_source_url.encode()) > 1024:
        raise ContentRefused(_ADD_DRAFT.path, reason=f"not as WeChat takes it: {', '.join(wrong) or 'length'}")
