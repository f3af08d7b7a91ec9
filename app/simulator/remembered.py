"""What the simulator remembers of each subject: plain values, which the calls read and write."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Template:
    """A template that the account has chosen: the names of its fields, and whether one consent is for ever."""

    title: str
    fields: tuple[str, ...]
    lasting: bool = False


_USUAL: Final = ("thing1", "time2", "thing3")
TEMPLATES: Final[Mapping[str, Template]] = {
    "sim-progress": Template("办理进度通知", _USUAL),
    "sim-to_do": Template("待办提醒", _USUAL),
    "sim-work": Template("工作提醒", _USUAL),
}
"""Those that are there from the beginning."""


def _microseconds() -> int:
    """Where ids go on from: WeChat gives none twice, though this simulator forgets them as it is started or reset."""
    return time.time_ns() // 1000


@dataclass(slots=True)
class Messages:
    """Subscribe messages: templates, and how many each person allowed."""

    templates: dict[str, Template] = field(default_factory=lambda: dict(TEMPLATES))
    credit: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By openid and template."""
    lasting: set[tuple[str, str]] = field(default_factory=set)
    refuse_all: bool = False
    banned: bool = False
    takes_s: float = 0
    """So long a send is under way; another to the same person meanwhile is refused (43108)."""
    under_way: set[str] = field(default_factory=set)
    last_id: int = field(default_factory=lambda: 3_200_000_000_000_000_000 + _microseconds())


@dataclass(slots=True)
class Job:
    """A publication or a mass send."""

    kind: Literal["publish", "mass"]
    id: int
    appid: str
    media_id: str
    due_at: float
    status: int | str
    """The publish_status, or the Status of a mass send that has ended; `""` as long as it has not."""
    client_id: str = ""
    begun_at: float = 0
    article_id: str = ""
    audience: int = 0
    """Of a mass send: how many it is for."""


@dataclass(slots=True)
class Official:
    """The official account: followers, tags, material, drafts, jobs."""

    names: dict[str, str] = field(default_factory=dict)
    """Of whoever follows or has followed: openid → name."""
    followers: dict[str, float] = field(default_factory=dict)
    """openid → since when."""
    tags: dict[int, str] = field(default_factory=lambda: {2: "星标组"})
    tagged: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    material: dict[str, int] = field(default_factory=dict)
    drafts: dict[str, dict[str, Any]] = field(default_factory=dict)
    articles: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    previews: list[dict[str, Any]] = field(default_factory=list)
    takes_s: float = 0.2
    """So long a job takes."""
    publish_ends: int = 0
    mass_ends: str = "send success"
    mass_filtered: int = 0
    """Of those whom a mass send is for, so many do not want it, or have had their four of the month."""
    mass_errors: int = 0
    """And so many of the others do not get it."""
    admin: Literal["none", "confirms", "refuses", "absent"] = "none"
    """Whether an administrator has to confirm a mass send, and does."""
    last_id: int = field(default_factory=lambda: 2_247_483_000 + _microseconds())
    watched: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass(slots=True)
class Checks:
    """Content security: words that are risky or to be reviewed, and how the next pictures are judged."""

    risky: tuple[str, ...] = ("赌博",)
    review: tuple[str, ...] = ("代办",)
    picture: Literal["pass", "review", "risky"] = "pass"
    picture_errcode: int = 0
    takes_s: float = 0.2


@dataclass(slots=True)
class Quota:
    """Calls of a day (Shanghai), by appid and path."""

    limits: dict[str, int] = field(default_factory=dict)
    """Other limits than the usual."""
    used: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    cleared: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Clearings of a month."""


class Callback(BaseModel):
    """Where the pushes of an account go, and how they are made up."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    appid: str
    url: str
    token: str
    aes_key: str = ""
    mode: Literal["plain", "compat", "safe"] = "safe"
    format: Literal["xml", "json"] = "json"
    timeout_s: float = Field(default=5.0, gt=0, le=30)


class PushFaults(BaseModel):
    """What goes wrong with pushes from now on."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    copies: int = Field(default=1, ge=1, le=20)
    """Each is sent so many times, though it was answered well."""
    hold: bool = False
    """Pushes are kept back until `/_sim/pushes/release`, which sends the newest first."""
    bad_signature: bool = False
    wrong_appid: bool = False
    skew_s: int = 0
    """The time in the query is so many seconds off."""


@dataclass(slots=True)
class Pushing:
    """Message push: where to, what is held back, and how each delivery went."""

    callbacks: dict[str, Callback] = field(default_factory=dict)
    faults: PushFaults = field(default_factory=PushFaults)
    held: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
