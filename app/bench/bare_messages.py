"""What sending is measured against: the same calls to the same simulator in a bare loop, and nothing else.

`python -m app.bench.bare_messages PORT COUNT TOGETHER httpx aiohttp` prints one line of JSON: what each library does.
It imports little, so that it begins soon.
"""

import asyncio
import sys
import time
from collections.abc import Iterator

import aiohttp
import httpx
import orjson
import uvloop

from app.settings import DEMO_WECHAT_APPID, DEMO_WECHAT_SECRET
from app.simulator.codes import openid

PREFIX = "bare-"
SEND = "/cgi-bin/message/subscribe/send"
_JSON = {"Content-Type": "application/json"}


def body(to: str) -> dict[str, object]:
    words = {"thing1": "申请已经通过", "time2": "2026-11-30 08:00", "thing3": "办理有新的进展，请打开小程序查看"}
    return {
        "touser": to,
        "template_id": "sim-progress",
        "page": "pages/messages/index",
        "miniprogram_state": "formal",
        "lang": "zh_CN",
        "data": {name: {"value": value} for name, value in words.items()},
    }


async def _by_aiohttp(base_url: str, token: str, people: Iterator[int], together: int) -> None:
    async def send(http: aiohttp.ClientSession) -> None:
        for n in people:
            content = orjson.dumps(body(openid(DEMO_WECHAT_APPID, f"{PREFIX}{n}")))
            async with http.post(SEND, params={"access_token": token}, data=content, headers=_JSON) as answer:
                if orjson.loads(await answer.read())["errcode"] != 0:
                    raise RuntimeError(await answer.text())

    async with aiohttp.ClientSession(base_url) as http:
        await asyncio.gather(*(send(http) for _ in range(together)))


async def _by_httpx(base_url: str, token: str, people: Iterator[int], together: int) -> None:
    limits = httpx.Limits(max_connections=together, max_keepalive_connections=together)
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, limits=limits, timeout=60) as http:
        await asyncio.gather(*(_send(http, token, people) for _ in range(together)))


async def _send(http: httpx.AsyncClient, token: str, people: Iterator[int]) -> None:
    for n in people:
        answer = await http.post(
            SEND,
            params={"access_token": token},
            content=orjson.dumps(body(openid(DEMO_WECHAT_APPID, f"{PREFIX}{n}"))),
            headers=_JSON,
        )
        if answer.json()["errcode"] != 0:
            raise RuntimeError(answer.text)


async def measure(port: int, count: int, together: int, by: str) -> dict[str, float]:
    base_url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=60) as http:
        asked = {"grant_type": "client_credential", "appid": DEMO_WECHAT_APPID, "secret": DEMO_WECHAT_SECRET}
        token = (await http.post("/cgi-bin/stable_token", json=asked)).json()["access_token"]
    people, began, used = iter(range(count)), time.perf_counter(), time.process_time()
    loop = _by_httpx if by == "httpx" else _by_aiohttp
    await loop(base_url, token, people, together)
    took = time.perf_counter() - began
    return {"rps": round(count / took, 1), "cpu_us": round((time.process_time() - used) / count * 1e6, 1)}


if __name__ == "__main__":
    port, count, together = (int(each) for each in sys.argv[1:4])
    measured = {by: uvloop.run(measure(port, count, together, by)) for by in sys.argv[4:]}
    sys.stdout.write(orjson.dumps(measured).decode() + "\n")
