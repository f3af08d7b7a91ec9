"""Paying in the story: cards that two of finance check, a batch that one makes and another confirms, a bank that sends
one payment back, and the card that is corrected before it is paid again."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import httpx

from app.demo.pieces import Cast
from app.demo.stage import Person, Stage

CITY = "440500"
BATCHES, CARDS = "/staff/batches", "/staff/bank_cards"
SUCCESS, WRONG_NUMBER = "0000", "E01"
RIGHT_CARD = "6217000000000999908"
"""Of nobody: it passes the check sum, and no bank has given it out."""


def paid_together(stage: Stage, cast: Cast, waiting: Sequence[dict[str, Any]]) -> None:
    """All three kinds in one batch; one comes back, is corrected and paid again."""
    stage.scene("发放：银行卡先核验，制单、复核两个人，一批付出")
    worker, maker, checker = cast["worker-chen"], cast["finance-maker"], cast["finance-checker"]
    left_out = _left_out(stage, maker, "银行卡还没有核验就想付款")
    stage.check(
        "三份都因为卡没有核验留在外面", [each["code"] for each in left_out] == ["card_unchecked"] * len(waiting)
    )
    checked(stage, cast)
    batch = _confirmed(stage, cast)
    file = stage.http.get(f"{BATCHES}/{batch['id']}/file", headers=maker.headers)
    stage.say(f"代发文件第一行：{file.content.decode('gb18030').splitlines()[0]}")
    again = stage.http.get(f"{BATCHES}/{batch['id']}/file", headers=checker.headers)
    stage.check(
        "再下载一次，一字不差", file.content == again.content and batch["sha256"] in file.content.decode("gb18030")
    )
    lines = _lines(stage, maker, batch)
    stage.check("三种帮扶都在这一批", {line["kind"] for line in lines} == {each["kind"] for each in waiting})
    bad = next(line for line in lines if line["kind"] == "golden_autumn")
    result = _result(lines, {bad["id"]: WRONG_NUMBER})
    done = _told(stage, checker, batch, result, "导入银行结果：两笔付到，一笔账号不存在")
    stage.check("两笔已发放，一笔没有付到", (done["paid"], done["failed"], done["breaks"]) == (2, 1, 0))
    _told(stage, checker, batch, result, "同一个结果文件再导入一次", httpx.codes.CONFLICT)
    _corrected(stage, cast, batch, bad)
    mine = stage.call(worker, "GET", "/applications", "职工看自己的申请").json()["items"]
    states = {item["state"] for item in mine if item["id"] in {each["id"] for each in waiting}}
    stage.check("三份都已发放，没有一笔付两次", states == {"paid"})


def _corrected(stage: Stage, cast: Cast, batch: dict[str, Any], bad: dict[str, Any]) -> None:
    """The worker changes the card, a second person looks at it, finance checks it, and it is paid in another batch."""
    worker, maker, checker = cast["worker-chen"], cast["finance-maker"], cast["finance-checker"]
    shown = stage.call(
        worker, "GET", f"/applications/{bad['application_id']}", "职工看到没有付到的原因", show="number state"
    ).json()
    stage.say(f"原因和办法：{shown['timeline'][-1]['note']}")
    path = f"{BATCHES}/{batch['id']}/lines/{bad['id']}/actions"
    bad = next(line for line in _lines(stage, maker, batch) if line["id"] == bad["id"])
    stage.call(
        maker, "POST", path, "卡还没有更正就想重新发放", expect=409, json={"action": "reissue"}, version=bad["version"]
    )
    _bind(stage, worker, RIGHT_CARD, "职工改绑另一张卡，等第二个人核对")
    request = stage.call(worker, "GET", "/me/household/change_requests", "变更待核对").json()["items"][0]
    stage.call(
        cast["chair-longhu"], "POST", f"/staff/change_requests/{request['id']}/actions", "单位核对原件后同意变更",
        json={"action": "approve", "note": "已核对银行卡原件"}, version=request["version"], show="state",
    )  # fmt: skip
    checked(stage, cast)
    stage.call(
        maker,
        "POST",
        path,
        "更正并核验之后，重新发放",
        json={"action": "reissue"},
        version=bad["version"],
        show="state",
    )
    second = _confirmed(stage, cast)
    lines = _lines(stage, maker, second)
    stage.check("新的一笔写明代替哪一笔", [line["reissue_of"] for line in lines] == [bad["id"]])
    done = _told(stage, checker, second, _result(lines, {}), "导入第二批的结果")
    stage.check("这次付到了", (done["paid"], done["missing"]) == (1, 0))


def pay(stage: Stage, cast: Cast, moved: dict[str, Any], worker: str) -> None:
    """Their card is checked, and they are paid with whatever else waits."""
    checked(stage, cast)
    batch = _confirmed(stage, cast)
    lines = _lines(stage, cast["finance-maker"], batch)
    _told(stage, cast["finance-checker"], batch, _result(lines, {}), "导入银行结果：已经付到")
    shown = stage.call(
        cast[worker], "GET", f"/applications/{moved['id']}", "看到钱已发放", show="number state amount_fen"
    ).json()
    stage.check("状态为已发放", shown["state"] == "paid")


def not_payable(stage: Stage, cast: Cast, number: str, does: str) -> None:
    """What is not approved is in no batch."""
    body = {"organisation_code": CITY}
    seen = stage.call(
        cast["finance-maker"], "POST", f"{BATCHES}/preview", does, json=body, show="count total_fen"
    ).json()
    stage.check(
        "这一份不在可以付款的名单里", number not in {each["number"] for each in seen["left_out"]} and seen["count"] == 0
    )


def _left_out(stage: Stage, maker: Person, does: str) -> list[dict[str, Any]]:
    body = {"organisation_code": CITY}
    shown = stage.call(maker, "POST", f"{BATCHES}/preview", does, json=body, show="count total_fen").json()
    found: list[dict[str, Any]] = shown["left_out"]
    for reason in dict.fromkeys(each["message"] for each in found):
        stage.say(f"不能付：{reason}")
    return found


def _bind(stage: Stage, worker: Person, number: str, does: str) -> None:
    card = {"holder": worker.name, "number": number, "bank_name": "中国工商银行", "branch": "汕头分行"}
    stage.call(worker, "PUT", "/me/bank_card", does, json=card)


def checked(stage: Stage, cast: Cast) -> None:
    """What the bank says of every card that a payment waits for: entered by one of finance, confirmed by another."""
    maker, checker = cast["finance-maker"], cast["finance-checker"]
    cards = stage.call(maker, "GET", f"{CARDS}?limit=100", "待核验的银行卡").json()["items"]
    items = [{"card_id": card, "outcome": "passed"} for card in dict.fromkeys(card["card_id"] for card in cards)]
    body = {"method": "name_check", "items": items}
    ids = stage.call(maker, "POST", f"{CARDS}/checks", "登记银行户名核验的结果", expect=201, json=body).json()["ids"]
    decision = {"action": "confirm", "check_ids": ids}
    refused = stage.call(maker, "POST", f"{CARDS}/checks/decisions", "自己确认自己登记的", expect=403, json=decision)
    stage.check("登记和确认是两个人", refused.json()["code"] == "own_check")
    stage.call(checker, "POST", f"{CARDS}/checks/decisions", "另一人确认", json=decision, show="count")


def _confirmed(stage: Stage, cast: Cast) -> dict[str, Any]:
    """A batch from building to the bank."""
    maker, checker = cast["finance-maker"], cast["finance-checker"]
    body = {"organisation_code": CITY}
    built = stage.call(maker, "POST", BATCHES, "制单：建付款批次", expect=201, json=body).json()
    batch, contents = built["batch"], built["contents"]
    stage.say(f"批次 {batch['number']}：{contents['count']} 笔，合计 {contents['total_fen'] / 100:,.2f} 元")
    batch = _step(stage, maker, batch, "freeze", "冻结，得到校验码")
    stage.call(
        maker, "POST", f"{BATCHES}/{batch['id']}/actions", "制单人想自己复核", expect=403, json={"action": "confirm"},
        version=batch["version"],
    )  # fmt: skip
    batch = _step(stage, checker, batch, "confirm", "另一人复核")
    return _step(stage, maker, batch, "export", "生成代发文件，只生成一次")


def _step(stage: Stage, by: Person, batch: dict[str, Any], action: str, does: str) -> dict[str, Any]:
    path = f"{BATCHES}/{batch['id']}/actions"
    moved: dict[str, Any] = stage.call(
        by, "POST", path, does, json={"action": action}, version=batch["version"], show="state version"
    ).json()
    return moved


def _lines(stage: Stage, by: Person, batch: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = stage.http.get(f"{BATCHES}/{batch['id']}/lines", headers=by.headers).json()["items"]
    return items


def _result(lines: Iterable[dict[str, Any]], codes: dict[str, str]) -> bytes:
    """What the bank says: every line was paid, or by its id what else."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["参考号", "金额（元）", "返回码"])
    for line in lines:
        yuan = f"{line['amount_fen'] // 100}.{line['amount_fen'] % 100:02d}"
        writer.writerow([line["reference"], yuan, codes.get(line["id"], SUCCESS)])
    return text.getvalue().encode("gb18030")


def _told(
    stage: Stage, by: Person, batch: dict[str, Any], content: bytes, does: str, expect: int = httpx.codes.CREATED
) -> dict[str, Any]:
    answer = stage.http.post(
        f"{BATCHES}/{batch['id']}/results", files={"file": ("result.csv", content)}, data={"sha256": batch["sha256"]},
        headers=by.headers | {"Idempotency-Key": str(uuid4())},
    )  # fmt: skip
    stage.tell(by, does, answer, expect, "rows paid failed returned breaks missing")
    done: dict[str, Any] = answer.json()
    return done
