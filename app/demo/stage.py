"""Calling the API as a person on a phone would, and telling what it answered."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from rich.console import Console
from rich.markup import escape

_CODES = itertools.count(1)


class StoryFailed(Exception):
    """A step of the story did not come out as it should."""


@dataclass
class Person:
    """Somebody with a phone."""

    name: str
    title: str
    token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Stage:
    """The API, the audience, and what has been shown so far."""

    http: httpx.Client
    console: Console
    world: dict[str, Any]
    command: Callable[..., tuple[int, str]]
    """Runs an `aid` command against the same database."""
    simulator: str
    """Where WeChat's simulator listens."""
    steps: int = 0

    def scene(self, title: str) -> None:
        self.console.rule(f"[bold]{title}[/]", align="left")

    def say(self, text: str) -> None:
        self.console.print(f"     [dim]{escape(text)}[/]")

    def enter(self, sim_name: str) -> Person:
        """Sign in over WeChat."""
        persona = next(p for p in self.world["personas"] if p["sim_code"] == f"sim:{sim_name}")
        code = f"{persona['sim_code']}#demo-{next(_CODES)}"
        answer = self.http.post("/sessions", json={"code": code})
        if answer.status_code != httpx.codes.CREATED:
            raise StoryFailed(f"{sim_name} could not sign in: {answer.text}")
        roles = "、".join(role["role"] for role in persona["roles"]) or "职工"
        return Person(persona["person"], roles, answer.json()["access_token"])

    def call(
        self,
        who: Person,
        method: str,
        path: str,
        does: str,
        *,
        expect: int = 200,
        json: Any = None,
        version: int | None = None,
        key: str | None = None,
        show: str = "",
    ) -> httpx.Response:
        """One step: who does what, and the real answer. Raises StoryFailed when it is not the one expected."""
        headers = dict(who.headers)
        if method == "POST":
            headers["Idempotency-Key"] = key or str(uuid4())
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        answer = self.http.request(method, path, json=json, headers=headers)
        self.tell(who, does, answer, expect, show)
        return answer

    def tell(self, who: Person, does: str, answer: httpx.Response, expect: int, show: str = "") -> None:
        self.steps += 1
        good = answer.status_code == expect
        mark = "[green]✓[/]" if good else "[red]✗[/]"
        shown = shown_of(answer, show)
        self.console.print(f"{mark} {self.steps:>3} [cyan]{escape(who.name)}[/]（{escape(who.title)}）{escape(does)}")
        method, path = answer.request.method, answer.request.url.path
        self.console.print(f"       [dim]{method} {path} → {answer.status_code}[/] {escape(shown)}")
        if not good:
            raise StoryFailed(f"step {self.steps}: expected {expect}, got {answer.status_code}: {answer.text}")

    def run(self, does: str, *words: str, expect: int = 0) -> str:
        """One step on the command line of whoever runs the service: the last line that it printed."""
        self.steps += 1
        code, last = self.command(*words)
        mark = "[green]✓[/]" if code == expect else "[red]✗[/]"
        self.console.print(f"{mark} {self.steps:>3} [cyan]运维人员[/]{escape(does)}")
        self.console.print(f"       [dim]aid {' '.join(words)} → 退出码 {code}[/] {escape(last)}")
        if code != expect:
            raise StoryFailed(f"step {self.steps}: expected exit code {expect}, got {code}: {last}")
        return last

    def check(self, what: str, holds: bool) -> None:
        """Something that must be true of the answers so far."""
        self.console.print(f"{'[green]✓[/]' if holds else '[red]✗[/]'}     {escape(what)}")
        if not holds:
            raise StoryFailed(what)


def shown_of(answer: httpx.Response, fields: str) -> str:
    """The named fields of a real answer; of a refusal, its code and text."""
    if not answer.content or "json" not in answer.headers.get("content-type", ""):
        return ""
    body = answer.json()
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        return f"{body['code']}：{body['detail']}"
    return "  ".join(f"{name}={body[name]}" for name in fields.split() if name in body)
