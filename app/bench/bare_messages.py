"""What sending is measured against: the same calls to the same simulator in a bare httpx loop, and nothing else.

`python -m app.bench.bare_messages PORT COUNT` prints one line of JSON.
"""

import asyncio
import sys
import time
from collections.abc import Iterator

import httpx
import orjson
import uvloop

from app.jobs.wechat.sending import TOGETHER
from app.settings import DEMO_WECHAT_APPID, DEMO_WECHAT_SECRET
from app.simulator.codes import openid
from app.worker import SENDING_LANES

PREFIX = "bare-"
SEND = "/cgi-bin/message/subscribe/send"


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


async def _send(http: httpx.AsyncClient, token: str, people: Iterator[int]) -> None:
    for n in people:
        answer = await http.post(
            SEND,
            params={"access_token": token},
            content=orjson.dumps(body(openid(DEMO_WECHAT_APPID, f"{PREFIX}{n}"))),
            headers={"Content-Type": "application/json"},
        )
        if answer.json()["errcode"] != 0:
            raise RuntimeError(answer.text)


async def measure(port: int, count: int) -> dict[str, float]:
    together = TOGETHER * SENDING_LANES
    limits = httpx.Limits(max_connections=together, max_keepalive_connections=together)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, limits=limits) as http:
        asked = {"grant_type": "client_credential", "appid": DEMO_WECHAT_APPID, "secret": DEMO_WECHAT_SECRET}
        token = (await http.post("/cgi-bin/stable_token", json=asked)).json()["access_token"]
        people, began, used = iter(range(count)), time.perf_counter(), time.process_time()
        await asyncio.gather(*(_send(http, token, people) for _ in range(together)))
    took = time.perf_counter() - began
    return {"rps": round(count / took, 1), "cpu_us": round((time.process_time() - used) / count * 1e6, 1)}


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(uvloop.run(measure(int(sys.argv[1]), int(sys.argv[2])))).decode() + "\n")
