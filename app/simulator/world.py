"""Everything the simulator remembers, in memory and in one process."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.requests import Request

from app.simulator.answers import Refused
from app.simulator.codes import Codes
from app.simulator.faults import Fault
from app.simulator.remembered import Checks, Messages, Official, Pushing, Quota
from app.simulator.tokens import Tokens

Mode = Literal["live", "strict"]


@dataclass(slots=True)
class World:
    accounts: Mapping[str, str]
    """appid → secret."""
    clock: Callable[[], float]
    """Unix seconds."""
    unionid: bool
    """Whether the mini-programs are bound to an Open Platform account, so that sign-in tells the unionid."""

    ahead_s: float = 0
    codes: Codes = field(default_factory=Codes)
    tokens: Tokens = field(default_factory=Tokens)
    faults: dict[str, Fault] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    sent: list[dict[str, object]] = field(default_factory=list)
    """Messages accepted for delivery, oldest first."""
    texts: list[dict[str, object]] = field(default_factory=list)
    """Text messages, oldest first."""
    mode: Mode = "live"
    """`live`: as live servers answer, with fields that no page names. `strict`: what no page names is refused."""
    visits: dict[tuple[str, str], float] = field(default_factory=dict)
    """When each openid last signed in, by appid."""
    messages: Messages = field(default_factory=Messages)
    official: Official = field(default_factory=Official)
    checks: Checks = field(default_factory=Checks)
    quota: Quota = field(default_factory=Quota)
    pushing: Pushing = field(default_factory=Pushing)

    def now(self) -> float:
        return self.clock() + self.ahead_s

    def check_account(self, appid: object, secret: object) -> str:
        """The appid, if the secret is its own. Raises Refused: 41002, 40013, 41004 or 40125."""
        if not appid:
            raise Refused(41002)
        if not isinstance(appid, str) or appid not in self.accounts:
            raise Refused(40013)
        if not secret:
            raise Refused(41004)
        if secret != self.accounts[appid]:
            raise Refused(40125)
        return appid


def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world
