"""What can go wrong between WeChat and its caller, set per path and played back on the answers of that path.

`errcode`, `status` and `garbage` answer instead of the call, which is then not carried out. `delay_s`, `drip` and
`reset` spoil the answer of a call that *was* carried out: a code is used up though nobody heard so.
"""

import asyncio
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.simulator.answers import refusal

PAGE: Final = "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


class Fault(BaseModel):
    """One fault of one path; several fields may be combined."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    errcode: int | None = None
    """Refuse with this errcode."""
    status: int | None = Field(default=None, ge=200, le=599)
    """Answer with this HTTP status, and a page of HTML unless another field says what."""
    garbage: Literal[True] | str | None = None
    """Answer with this text; true stands for a page of HTML."""
    delay_s: float = Field(default=0, ge=0, le=600)
    """Wait so many seconds before answering."""
    drip: float | None = Field(default=None, ge=0, le=600)
    """Send the answer byte by byte, so many seconds apart."""
    reset: bool = False
    """Cut the connection half-way through the answer."""
    times: int | None = Field(default=None, ge=1)
    """So many calls are spoiled; none given, all until the fault is taken away."""


def take(faults: dict[str, Fault], path: str) -> Fault | None:
    """The fault for this call of `path`, counted down; the last one is removed."""
    fault = faults.get(path)
    if fault is None or fault.times is None:
        return fault
    if fault.times == 1:
        del faults[path]
    else:
        faults[path] = fault.model_copy(update={"times": fault.times - 1})
    return fault


async def play(fault: Fault, app: ASGIApp, now: float, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as the fault says, or carries the call out and spoils the answer."""
    start, body = await _answer(_instead(fault, scope["path"], now) or app, scope, receive)
    await asyncio.sleep(fault.delay_s)
    await send(start)
    if fault.reset:
        # To leave an answer unfinished is how an ASGI app makes its server drop the connection.
        await send(_part(body[: len(body) // 2], more=True))
        return
    if fault.drip is not None:
        for byte in body:
            await send(_part(bytes([byte]), more=True))
            await asyncio.sleep(fault.drip)
        body = b""
    await send(_part(body, more=False))


def _instead(fault: Fault, path: str, now: float) -> Response | None:
    status = fault.status or 200
    if fault.errcode is not None:
        return refusal(path, fault.errcode, now, status)
    if isinstance(fault.garbage, str):
        return HTMLResponse(fault.garbage, status)
    if fault.garbage or fault.status is not None:
        return HTMLResponse(PAGE, status)
    return None


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, collect)
    return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
