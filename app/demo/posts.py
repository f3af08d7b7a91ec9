"""Posts in the story: one administrator proposes, another confirms, and neither sees a case."""

from app.demo.pieces import Cast, synthetic_number
from app.demo.stage import Stage

STREET = "440507-S01"


def appointed(stage: Stage, cast: Cast) -> None:
    """Somebody is given a post at a street, and loses it again."""
    stage.scene("岗位任免：系统管理员提出，安全管理员核对确认")
    system, security, who = cast["system-admin"], cast["security-admin"], cast["worker-fang"]
    stage.call(system, "GET", "/staff/tasks", "管理员想看案件", expect=403)
    body = {
        "name": who.name, "id_number": synthetic_number("990001", "19850607", 2), "role": "street_reviewer",
        "organisation_code": STREET, "basis": "汕龙工任〔2026〕8号",
    }  # fmt: skip
    shown = "person_masked role state"
    change = stage.call(system, "POST", "/staff/posts", "按任职文件提出", expect=201, json=body, show=shown).json()
    path = f"/staff/post_changes/{change['id']}"
    stage.call(system, "POST", f"{path}/confirm", "想自己确认", expect=403, version=change["version"])
    stage.call(security, "POST", f"{path}/confirm", "对照文件核对后确认", version=change["version"], show=shown)
    mine = stage.call(who, "GET", "/me", "本人看到自己的岗位").json()["staff"]
    stage.check("岗位已生效", [post["role"] for post in mine] == ["street_reviewer"])
    held = stage.call(cast["auditor"], "GET", f"/staff/posts?organisation_code={STREET}", "审计员查看岗位").json()
    post = next(each for each in held["items"] if each["person_masked"] == change["person_masked"])
    ended = stage.call(
        system, "POST", f"/staff/posts/{post['id']}/end", "按免职文件提出", expect=201,
        json={"basis": "汕龙工免〔2026〕2号"}, show=shown,
    ).json()  # fmt: skip
    path = f"/staff/post_changes/{ended['id']}"
    stage.call(security, "POST", f"{path}/confirm", "核对后确认", version=ended["version"], show=shown)
    mine = stage.call(who, "GET", "/me", "本人再看").json()["staff"]
    stage.check("岗位已免去", mine == [])
