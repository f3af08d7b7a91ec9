"""Publicity in the story: a progress article is drafted from live figures, reviewed by another person, and published
through the official account; a planted number does not get past."""

from datetime import UTC, datetime
from typing import Any

import httpx

from app.demo.pieces import Cast, until
from app.demo.stage import Stage
from app.demo.wechat import steered
from app.kernel.business_time import business_date
from app.settings import DEMO_WECHAT_AES_KEY, DEMO_WECHAT_OFFICIAL_APPID, DEMO_WECHAT_PUSH_TOKEN

EDITOR, APPROVER = "publicity-editor", "publicity-approver"


def published(stage: Stage, cast: Cast) -> None:
    stage.scene("宣传：进展文章从实时数据起草，另一人审核，由公众号发布")
    where = {
        "appid": DEMO_WECHAT_OFFICIAL_APPID,
        "url": f"{str(stage.http.base_url).rstrip('/')}/wechat/official/callback",
        "token": DEMO_WECHAT_PUSH_TOKEN,
        "aes_key": DEMO_WECHAT_AES_KEY,
        "mode": "safe",
        "format": "json",
    }
    steered(stage, "callback", where)
    editor, approver = cast[EDITOR], cast[APPROVER]
    drafted = stage.call(
        editor, "POST", "/staff/articles/progress", "按今年的实时数据起草进展文章", expect=201,
        json={"year": _year(), "target": 40}, show="title state version",
    ).json()  # fmt: skip
    for row in next(block for block in drafted["content"]["blocks"] if block["type"] == "figures")["rows"]:
        stage.say(f"{row['label']}：{row['value']}")
    picture = stage.call(approver, "GET", f"/files/{drafted['content']['cover_file_id']}", "审核人看看图")
    stage.check("图是画好的 PNG", picture.content.startswith(b"\x89PNG"))
    path = f"/staff/articles/{drafted['id']}"
    version = _planted(stage, cast, path, drafted)
    moved = stage.call(
        editor, "POST", f"{path}/actions", "提交审核", json={"action": "submit"}, version=version, show="state version"
    ).json()
    until(lambda: _read(stage, cast, path)["platform_check"] != "pending" or None, "WeChat did not look at the article")
    stage.say(f"微信内容安全检查：{_read(stage, cast, path)['platform_check']}")
    approve = {"action": "approve"}
    version = moved["version"]
    stage.call(editor, "POST", f"{path}/actions", "想自己审核", expect=403, json=approve, version=version)
    moved = stage.call(
        approver, "POST", f"{path}/actions", "另一人审核通过", json=approve, version=version, show="state version"
    ).json()
    schedule = {"action": "schedule", "way": "publish"}
    stage.call(
        editor, "POST", f"{path}/actions", "安排马上发布", json=schedule, version=moved["version"], show="state version"
    )
    until(lambda: _read(stage, cast, path)["state"] == "published" or None, "the article was not published")
    shown = stage.call(editor, "GET", path, "已经发布", show="state wechat_url attempt").json()
    stage.check("公众号里有一篇，不多不少", _posts(stage) == 1)
    for step in shown["steps"]:
        stage.say(f"{step['at'][11:19]} {step['action']} → {step['to_state']}（{step['role'] or '系统'}）")


def _planted(stage: Stage, cast: Cast, path: str, drafted: dict[str, Any]) -> int:
    """Somebody pastes a phone number into the article; it does not get to its reviewer. Answers the version then."""
    content = drafted["content"]
    planted = content | {"blocks": [*content["blocks"], {"type": "paragraph", "text": "联系陈女士 138 0013 8000"}]}
    saved = stage.call(
        cast[EDITOR], "PUT", path, "加了一段，里面有手机号", json={"content": planted}, version=drafted["version"],
        show="revision version",
    ).json()  # fmt: skip
    refused = stage.call(
        cast[EDITOR], "POST", f"{path}/actions", "提交审核", expect=422, json={"action": "submit"},
        version=saved["version"],
    ).json()  # fmt: skip
    stage.say(refused["errors"][0]["message"])
    saved = stage.call(
        cast[EDITOR], "PUT", path, "删掉这一段", json={"content": content}, version=saved["version"],
        show="revision version",
    ).json()  # fmt: skip
    version: int = saved["version"]
    return version


def _read(stage: Stage, cast: Cast, path: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.http.get(path, headers=cast[EDITOR].headers).json()
    return found


def _year() -> int:
    return business_date(datetime.now(UTC)).year


def _posts(stage: Stage) -> int:
    told = httpx.get(f"{stage.simulator}/_sim/jobs", timeout=20, trust_env=False).raise_for_status()
    return sum(each["kind"] == "publish" and each["status"] == 0 for each in told.json()["items"])
