"""An objection to a public notice: by somebody unknown, looked into by the district, published again, then paid."""

from typing import Any
from uuid import uuid4

import httpx

from app.demo.payments import not_payable
from app.demo.pieces import Cast, if_state, notice_of, until
from app.demo.stage import Person, Stage

PASSER_BY = Person("路人", "没有登录", "")


def objected_to(stage: Stage, cast: Cast, moved: dict[str, Any], investigator: str) -> dict[str, Any]:
    """An application that has reached its notice, until it waits to be paid; `investigator`: one of the district who
    signed nothing of it."""
    number = stage.http.get(f"/applications/{moved['id']}", headers=cast["worker-chen"].headers).json()["number"]
    line = until(lambda: notice_of(stage, number), "the notice was not published")
    page = stage.http.get(f"/public/notice_batches/{line['batch_id']}/page")
    stage.check(
        f"公示网页写明名单校验码 {line['sha256'][:12]}…，没有脚本",
        line["sha256"] in page.text and "<script" not in page.text,
    )
    listed = stage.http.get(f"{stage.http.base_url.copy_with(path='/notices')}", headers={"Accept": "text/html"})
    stage.check("不登录也能在网页上看到这一行", number in listed.text)
    code = _object(stage, line)
    _asked(stage, code, "open")
    stage.check("这一行暂停公示", notice_of(stage, number) is None)
    case = _investigated(stage, cast[investigator], line["id"])
    stage.say(f"{case['due_on']} 前核查完毕；提出异议的是谁，申请人看不到")
    not_payable(stage, cast, number, "核查期间想付款")
    stage.call(
        cast[investigator], "POST", f"/staff/notices/investigations/{line['id']}/actions", "核查后认定异议不成立",
        json={
            "action": "dismiss", "note": "房产已于上年出售，已查看过户材料。", "reply": "所说的房产已于上年出售。",
        },
        version=case["version"], show="state",
    )  # fmt: skip
    _asked(stage, code, "dismissed")
    again = until(lambda: notice_of(stage, number), "the notice was not published again")
    stage.check("重新公示，是新的一批、新的校验码", again["sha256"] != line["sha256"])
    shown: dict[str, Any] = until(lambda: if_state(stage, cast, moved["id"], "approved"), "the notice did not end")
    stage.check("重新公示期满，才进入待发放", shown["state"] == "approved")
    return shown


def _object(stage: Stage, line: dict[str, Any]) -> str:
    """Answers the code of the receipt."""
    answer = stage.http.post(
        f"/public/notices/{line['id']}/objections",
        json={"text": "听说这家名下还有一套房。"},
        headers={"Idempotency-Key": str(uuid4())},
    )
    stage.tell(PASSER_BY, "不登录，匿名提出异议", answer, httpx.codes.CREATED, "state")
    return str(answer.json()["receipt_code"])


def _asked(stage: Stage, code: str, state: str) -> None:
    answer = stage.http.post("/public/objections/status", json={"receipt_code": code})
    stage.tell(PASSER_BY, "凭受理编号查询，编号不写在网址里", answer, httpx.codes.OK, "state text reply")
    stage.check(f"查到的情况是 {state}", answer.json()["state"] == state)


def _investigated(stage: Stage, by: Person, line_id: str) -> dict[str, Any]:
    tasks = stage.call(by, "GET", "/staff/notices/investigations", "查看待核查的公示异议").json()["items"]
    stage.check("只有上级工会能看到这项核查", any(task["id"] == line_id for task in tasks))
    case: dict[str, Any] = stage.call(
        by, "GET", f"/staff/notices/investigations/{line_id}", "打开异议", show="number state version"
    ).json()
    return case
