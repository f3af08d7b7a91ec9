"""The home visit in the story: two visitors, one of them a volunteer; what they found otherwise than the file says is
asked about, and decides nothing."""

import io
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from PIL import Image

from app.demo.pieces import Cast
from app.demo.stage import Person, Stage
from app.kernel.business_time import business_date

FOUND: dict[str, Any] = {
    "lives_here": True, "members": 0, "housing": "private_rental", "income": 1_500_000, "receives_dibao": False,
    "private_car": False, "runs_business": False, "head_health": "healthy",
}  # fmt: skip


def visited(stage: Stage, cast: Cast, moved: dict[str, Any]) -> str:
    """Planned, filled in, ended and confirmed. Answers the id of what has to be cleared up."""
    stage.scene("入户调查：两人走访，记录由本人确认")
    clerk, volunteer, worker = cast["clerk-longhu"], cast["visitor-longhu"], cast["worker-fang"]
    path = f"/staff/households/{moved['id']}/visits"
    choices = stage.call(clerk, "GET", f"{path.removesuffix('visits')}visitors", "可以派谁去").json()["items"]
    own, other = (next(each for each in choices if each["role"] == role) for role in ("unit_clerk", "home_visitor"))
    plan = {"purpose": "admission", "planned_on": str(business_date(datetime.now(UTC)))}
    stage.call(clerk, "POST", path, "入户建档想一个人去", expect=422, json=plan | {"visitor_ids": [own["person_id"]]})
    visitors = [own["person_id"], other["person_id"]]
    visit = stage.call(
        clerk, "POST", path, "安排两人入户", expect=201, json=plan | {"visitor_ids": visitors}, show="state version"
    ).json()  # fmt: skip
    address = f"/staff/visits/{visit['id']}"
    shown = stage.call(volunteer, "GET", address, "志愿者看到分派给自己的走访", show="address head_masked").json()
    visit = stage.call(
        volunteer, "POST", f"{address}/actions", "到了，开始走访", json={"action": "start"}, version=shown["version"],
        show="state version",
    ).json()  # fmt: skip
    photo = uploaded(stage, volunteer, "拍一张照片")
    queue = [_edit(visit, f"/answers/{code}", value) for code, value in FOUND.items()]
    queue.append(_edit(visit, f"/photos/{photo['id']}", photo["sha256"]))
    synced = stage.call(
        volunteer, "POST", f"{address}/operations", "没有信号，回来一起提交", json={"operations": queue}
    ).json()
    again = stage.call(
        volunteer, "POST", f"{address}/operations", "手机又提交了一遍", json={"operations": queue}
    ).json()
    stage.check("重复提交什么也没有改变", again["version"] == synced["version"])
    visit = stage.call(
        clerk, "POST", f"{address}/actions", "走访结束", json={"action": "end"}, version=synced["version"],
        show="state version",
    ).json()  # fmt: skip
    stage.call(
        worker, "POST", f"/me/visits/{visit['id']}/confirm", "只有一人签字，还不能确认", expect=409,
        json={"agrees": True}, version=visit["version"],
    )  # fmt: skip
    visit = stage.call(
        volunteer, "POST", f"{address}/actions", "另一位走访人员签字", json={"action": "sign"},
        version=visit["version"], show="state version",
    ).json()  # fmt: skip
    stage.call(
        worker, "POST", f"/me/visits/{visit['id']}/confirm", "本人确认记录属实", json={"agrees": True},
        version=visit["version"], show="state",
    )  # fmt: skip
    return _explained(stage, worker)


def _explained(stage: Stage, worker: Person) -> str:
    (asked,) = stage.call(worker, "GET", "/me/household/discrepancies", "有一处与档案不一致，请本人说明").json()[
        "items"
    ]
    stage.say(f"{asked['field']}：档案 {asked['in_file']}，走访 {asked['found']}")
    stage.call(
        worker, "POST", f"/me/discrepancies/{asked['id']}/answer", "说明原因",
        json={"text": "多出来的是去年一次性的离职补偿"}, version=asked["version"], show="state",
    )  # fmt: skip
    return str(asked["id"])


def cleared_up(stage: Stage, cast: Cast, moved: dict[str, Any], discrepancy_id: str) -> None:
    """Nothing goes on before it is, and it is never by itself a refusal."""
    district = cast["reviewer-longhu"]
    stage.call(
        district, "POST", f"/staff/households/{moved['id']}/actions", "还没核实清楚就想核对完毕", expect=409,
        json={"action": "conclude"}, version=moved["version"],
    )  # fmt: skip
    stage.call(
        district, "POST", f"/staff/discrepancies/{discrepancy_id}/actions", "核实：情况已说明清楚",
        json={"action": "resolve", "outcome": "explained", "note": "已查看离职证明"}, version=2, show="state outcome",
    )  # fmt: skip


def uploaded(stage: Stage, who: Person, does: str) -> dict[str, Any]:
    """A small picture, as a phone would take it."""
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), (150, 180, 160)).save(picture, "JPEG")
    answer = stage.http.post(
        "/files",
        files={"file": ("photo.jpg", picture.getvalue(), "image/jpeg")},
        headers=who.headers | {"Idempotency-Key": str(uuid4())},
    )
    stage.tell(who, does, answer, 201, "media_type size state")
    kept: dict[str, Any] = answer.json()
    return kept


def _edit(visit: dict[str, Any], at: str, value: Any) -> dict[str, Any]:
    return {"operation_id": str(uuid4()), "field": at, "value": value, "base_version": visit["version"]}
