"""The page of messages: every event, and who hears of it on which way."""

from app.http.diagrams import GENERATED
from app.jobs.telling.audit import lines


def telling_pages() -> dict[str, str]:
    cells = ((each.event, each.whom, each.kind, each.way, each.said or "见小程序") for each in lines())
    rows = [f"| {' | '.join(cell or '—' for cell in row)} |" for row in cells]
    head = [
        "# 哪些事告诉谁",
        "",
        GENERATED,
        "",
        "小程序里的消息总是有；微信在有订阅时再发一条；两者都没有送到、本人又没有读的，政策列出的几种再发一条短信"
        "（[短信提醒](policy_text_messages.md)）。没有人听到的，写明为什么。",
        "",
        "| 事件 | 告诉谁 | 消息 kind | 怎么到 | 标题，或为什么不告诉 |",
        "|---|---|---|---|---|",
    ]
    return {"events.md": "\n".join([*head, *rows, ""])}
