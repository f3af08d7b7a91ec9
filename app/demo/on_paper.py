"""Somebody without WeChat in the story: staff fill in what they wrote on paper, a second person compares and confirms
it, and what comes back is filled in anew."""

from typing import Any

from app.demo.pieces import Cast, act, synthetic_number, until
from app.demo.stage import Stage
from app.demo.visits import uploaded

UNIT = "440507-S01-U01"
CONSENTS = ["privacy_policy", "sensitive_finance", "public_notice"]


def helped(stage: Stage, cast: Cast) -> None:
    """At a unit with one clerk: the street confirms, and the district accepts."""
    stage.scene("没有微信的职工：在纸上申请，工会代填，另一人核对确认")
    clerk, district, chair = cast["clerk-longhu"], cast["leader-longhu"], cast["chair-longhu"]
    body = {
        "name": "许阿伯", "id_number": synthetic_number("990001", "19680312", 7), "phone": "13800138222",
        "organisation_code": UNIT, "kind": "hardship_aid",
        "form": {"item": "temporary", "requested_fen": 100_000, "reason": "家里失火"},
        "bank_card": {"number": "6222021234567890128", "bank_name": "中国工商银行"},
    }  # fmt: skip
    moved = _filled_in(stage, cast, body, "按纸质申请代填")
    stage.call(
        clerk, "POST", f"/staff/applications/{moved['id']}/actions", "代填的人想受理", expect=403,
        json={"action": "accept"}, version=moved["version"],
    )  # fmt: skip
    moved = stage.call(
        district, "POST", f"/staff/applications/{moved['id']}/actions", "基层只有一名经办人，由区总工会代为受理",
        json={"action": "accept", "note": "基层工会经办人代为填写，应当回避"}, version=moved["version"],
        show="state version",
    ).json()  # fmt: skip
    act(stage, chair, moved, "return", "退回补正", note="请写明失火的日期和损失。")
    told = until(lambda: _told(stage, cast), "the clerk was not told")
    stage.say(f"经办人收到：{told['text']}")
    (task,) = stage.call(clerk, "GET", "/staff/paper_tasks", "没有微信的职工等待代办的").json()["items"]
    stage.check("退回的申请在名单上", (task["id"], task["what"]) == (moved["id"], "fill_in_anew"))
    form = {"item": "temporary", "requested_fen": 100_000, "reason": "11月2日家里失火，烧毁厨房和衣物"}
    again = body | {"form": form, "returned_application_id": moved["id"]}
    moved = _filled_in(stage, cast, again, "联系本人后代为补正")
    stage.check("还是同一份申请，重新提交", moved["id"] == task["id"] and moved["state"] == "submitted")


def _filled_in(stage: Stage, cast: Cast, body: dict[str, Any], does: str) -> dict[str, Any]:
    """By the clerk; confirmed by the street. Answers the application."""
    clerk, street = cast["clerk-longhu"], cast["street-jinxia"]
    one = stage.call(
        clerk, "POST", "/staff/proxy_applications", does, expect=201, json=body, show="name_masked bank_card_masked"
    ).json()
    path = f"/staff/proxy_applications/{one['id']}"
    filled = stage.call(street, "GET", path, "镇街工会对照签字的纸质申请核对", show="name_masked warnings").json()
    stage.check("看到填写的内容", filled["form"] == body["form"])
    signed = {"signature_file_id": uploaded(stage, street, "拍下本人签名")["id"], "consents": CONSENTS}
    moved: dict[str, Any] = stage.call(
        street, "POST", f"{path}/confirm_on_paper", "确认签名，以本人的名义提交", json=signed, version=one["version"],
        show="state version",
    ).json()  # fmt: skip
    return moved


def _told(stage: Stage, cast: Cast) -> dict[str, Any] | None:
    items = stage.http.get("/me/messages", headers=cast["clerk-longhu"].headers).json()["items"]
    return next((item for item in items if item["kind"] == "paper_task"), None)
