"""WeChat in the story: the worker allows messages, WeChat tells us so in safe mode, and their phone shows what came."""

import time
from typing import Any, Final

import httpx

from app.demo.pieces import Cast
from app.demo.stage import Stage
from app.settings import DEMO_WECHAT_AES_KEY, DEMO_WECHAT_APPID, DEMO_WECHAT_PUSH_TOKEN

MESSAGES: Final = 4
WAIT_S: Final = 30.0
WORKER: Final = "worker-chen"


def messages_allowed(stage: Stage, cast: Cast) -> None:
    """The popup is answered on the phone; the service hears of it from the phone and, encrypted, from WeChat."""
    stage.scene("订阅消息：职工在手机上同意接收")
    where = {
        "appid": DEMO_WECHAT_APPID,
        "url": f"{str(stage.http.base_url).rstrip('/')}/wechat/miniprogram/callback",
        "token": DEMO_WECHAT_PUSH_TOKEN,
        "aes_key": DEMO_WECHAT_AES_KEY,
        "mode": "safe",
        "format": "xml",
    }
    verified = steered(stage, "callback", where)["verified"]
    stage.check("微信校验了回调地址（签名正确，原样返回）", verified)
    worker = cast[WORKER]
    shown = stage.call(worker, "GET", "/me/subscriptions", "看看可以订阅什么").json()["items"]
    progress = next(item for item in shown if item["key"] == "progress")
    for _ in range(MESSAGES):
        steered(stage, "choices", {"appid": DEMO_WECHAT_APPID, "name": WORKER,
                                    "templates": {progress["template_id"]: "accept"}})  # fmt: skip
        time.sleep(1)  # two in the same second would be one that WeChat repeats
    stage.call(worker, "PUT", "/me/subscriptions", "小程序也告知一次", json={"results": {"progress": "accept"}})
    pushes = _looked(stage, "pushes")
    stage.check(f"微信以安全模式推送了 {len(pushes)} 个事件，都验签、解密并应答", all(each["good"] for each in pushes))
    left = _until(lambda: _left(stage, cast) >= MESSAGES)
    stage.check(f"后台任务记下了授权，还能收到 {_left(stage, cast)} 条", left)


def messages_received(stage: Stage, cast: Cast) -> None:
    stage.scene("职工的手机收到的微信消息")
    arrived = _until(lambda: len(_looked(stage, f"sent?name={WORKER}")) >= MESSAGES)
    items = _looked(stage, f"sent?name={WORKER}")
    for item in items:
        stage.say(" · ".join(item["data"].values()))
    stage.check(f"收到 {len(items)} 条，同意了几条就收到几条", arrived)
    told = " ".join(value for item in items for value in item["data"].values())
    stage.check("不提病情、身份和金额", not any(word in told for word in ("医", "病", "元", "陈")))
    inside = stage.call(cast[WORKER], "GET", "/me/messages", "全部消息都在小程序里").json()["items"]
    stage.check(f"小程序里有 {len(inside)} 条或更多", len(inside) >= len(items))


def _left(stage: Stage, cast: Cast) -> int:
    shown = stage.http.get("/me/subscriptions", headers=cast[WORKER].headers).json()["items"]
    return sum(item["count"] for item in shown if item["key"] == "progress")


def _until(holds: Any) -> bool:
    give_up = time.monotonic() + WAIT_S
    while time.monotonic() < give_up:
        if holds():
            return True
        time.sleep(0.2)
    return False


def steered(stage: Stage, control: str, wish: dict[str, Any]) -> dict[str, Any]:
    told = httpx.post(f"{stage.simulator}/_sim/{control}", json=wish, timeout=20, trust_env=False)
    found: dict[str, Any] = told.raise_for_status().json()
    return found


def _looked(stage: Stage, control: str) -> list[dict[str, Any]]:
    told = httpx.get(f"{stage.simulator}/_sim/{control}", timeout=20, trust_env=False).raise_for_status()
    items: list[dict[str, Any]] = told.json()["items"]
    return items
