"""The plan in the story: no money without a measure, a measure that somebody takes on, and help that is no money."""

from typing import Any

from app.demo.pieces import Cast
from app.demo.stage import Person, Stage


def plan_first(stage: Stage, cast: Cast, moved: dict[str, Any]) -> None:
    """A payment waits for its measure; the clerk of the unit takes the plan's measures on."""
    stage.scene("一户一计划、一户一措施：没有措施，不能付款")
    preview = stage.call(
        cast["finance-maker"], "POST", "/staff/batches/preview", "计划里的措施还没有人认领就想付款",
        json={"organisation_code": "440500"}, show="count",
    ).json()  # fmt: skip
    (left_out,) = preview["left_out"]
    stage.say(f"不能付：{left_out['message']}（{left_out['measure_name']}）")
    stage.check("因为缺少措施留在外面", left_out["code"] == "measure_missing")
    clerk, household_id = cast["clerk-longhu"], left_out["household_id"]
    plan = stage.call(clerk, "GET", f"/staff/households/{household_id}/plans", "打开这户的帮扶计划").json()["items"][0]
    stage.say("建档时系统按致困原因提出：" + "、".join(each["name"] for each in plan["measures"]))
    for measure in plan["measures"]:
        if measure["kind"] in ("living_aid", "schooling", "counselling"):
            take_on(stage, clerk, measure)
    counselling = next(each for each in plan["measures"] if each["kind"] == "counselling")
    service = {"given_on": moved_on(moved), "provider": "汕头市职工服务中心", "quantity": 2, "unit": "session"}
    stage.call(
        clerk, "POST", f"/staff/measures/{counselling['id']}/services", "登记两次心理咨询（不发钱的帮扶）",
        expect=201, json=service,
    )  # fmt: skip
    own = stage.call(cast["worker-chen"], "GET", "/me/household/plan", "职工看到自己家的计划", show="state").json()
    running = [each for each in own["measures"] if each["state"] == "running"]
    stage.check("每项执行中的措施都有负责人和期限", all(each["responsible"] and each["due_on"] for each in running))
    stage.check("服务也记在计划里", any(each["services"] for each in running))


def moved_on(moved: dict[str, Any]) -> str:
    """The day on which an application was last handled."""
    return str(moved["timeline"][-1]["at"])[:10]


def take_on(stage: Stage, clerk: Person, measure: dict[str, Any]) -> None:
    change = {"state": "running", "due_on": measure["due_on"], "take": True}
    stage.call(
        clerk, "PUT", f"/staff/measures/{measure['id']}", f"认领措施：{measure['name']}", json=change,
        version=measure["version"], show="version",
    )  # fmt: skip
