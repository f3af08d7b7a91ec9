"""The trail of what somebody got, as sentences in the order in which it happened. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from app.kernel.money import yuan
from app.payments.rules import reference_of
from app.supervision.fund_table import KIND_NAMES

EventKind = Literal["application", "step", "notice", "reservation", "batch", "line", "payment", "return", "write_off"]
_BOOKED: Final = {"payment": "台账记付款", "return": "台账记退回", "write_off": "台账记核销退回预算"}
_RESERVED: Final = {"reserved": "已预留", "committed": "发放中", "spent": "已发放", "released": "已释放"}
_ORDER: Final[tuple[EventKind, ...]] = (
    "application", "step", "notice", "reservation", "batch", "line", "payment", "return", "write_off",
)  # fmt: skip
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: when, to which application, as a sentence, with the ids and hashes to look it up by."""

    at: datetime
    kind: EventKind
    application_id: str
    number: str
    text: str
    amount_fen: int | None = None
    ids: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


def told(rows: Any, words: Mapping[str, str], *, bank: bool) -> list[Event]:
    """`rows`: as `trail_queries.Rows`; `words`: what codes are called; `bank`: whether the reader may see cards."""
    numbers = {case["id"]: case["number"] for case in rows.cases}
    events = [
        *_cases(rows.cases),
        *_steps(rows.steps, rows.cases, numbers, words),
        *_notices(rows.notices, numbers),
        *_drawings(rows.drawings, numbers),
        *_lines(rows.lines, rows.books, numbers, bank=bank),
        *_books(rows.books, numbers),
    ]
    return sorted(events, key=lambda each: (each.at, _ORDER.index(each.kind), each.application_id, each.text))


def _event(row: Row, at: datetime, kind: EventKind, numbers: Mapping[Any, str], text: str, **more: Any) -> Event:
    return Event(at, kind, str(row["application_id"]), numbers[row["application_id"]], text, **more)


def _hashes(**given: Any) -> dict[str, str]:
    return {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in given.items() if value}


def _cases(cases: Iterable[Row]) -> Iterator[Event]:
    for case in cases:
        yield Event(
            case["submitted_at"], "application", str(case["id"]), case["number"],
            f"提交{KIND_NAMES[case['kind']]}申请 {case['number']}。", None, {"application": str(case["id"])},
            _hashes(facts=case["facts_sha256"], rules=case["code_sha256"]),
        )  # fmt: skip


def _steps(
    steps: Iterable[Row], cases: Iterable[Row], numbers: Mapping[Any, str], words: Mapping[str, str]
) -> Iterator[Event]:
    policy = {case["id"]: case["policy_version"] for case in cases}
    for step in steps:
        if step["action"] == "submit":
            continue
        by = f"{step['organisation_name'] or ''}{words.get(step['post_role'] or '', '')}" or "系统"
        amount = step["amount_fen"]
        said = f"{by}：{words.get(step['action'], step['action'])}"
        said += f"，核定 {yuan(amount)}" if amount is not None else ""
        yield _event(
            step, step["created_at"], "step", numbers, f"{said}。", amount_fen=amount,
            ids={"passage": str(step["id"]), "policy": policy[step["application_id"]] or ""},
        )  # fmt: skip


def _notices(notices: Iterable[Row], numbers: Mapping[Any, str]) -> Iterator[Event]:
    for notice in notices:
        ids = {"notice": str(notice["id"])}
        if notice["batch_id"]:
            ids["notice_batch"] = str(notice["batch_id"])
        said = f"列入公示名单，公示 {notice['working_days']} 个工作日。"
        yield _event(notice, notice["created_at"], "notice", numbers, said, ids=ids,
                     hashes=_hashes(notice_batch=notice["sha256"]))  # fmt: skip


def _drawings(drawings: Iterable[Row], numbers: Mapping[Any, str]) -> Iterator[Event]:
    for drawn in drawings:
        union = f"{drawn['organisation_name']}预算，" if drawn["organisation_name"] else ""
        said = f"从“{drawn['fund_name']}”（{union}现在：{_RESERVED[drawn['state']]}）预留 {yuan(drawn['amount_fen'])}。"
        ids = {"drawing": str(drawn["id"]), "fund": str(drawn["fund_id"])}
        yield _event(drawn, drawn["created_at"], "reservation", numbers, said, amount_fen=drawn["amount_fen"], ids=ids)


def _lines(lines: Iterable[Row], books: Sequence[Row], numbers: Mapping[Any, str], *, bank: bool) -> Iterator[Event]:
    for line in lines:
        ids = {"line": str(line["id"]), "batch": str(line["batch_id"])}
        if line["reissue_of"]:
            ids["reissue_of"] = str(line["reissue_of"])
        hashes = _hashes(batch=line["batch_sha256"], file=line["file_sha256"])
        again = "重新发放，" if line["reissue_of"] else ""
        said = f"{again}编入付款批次 {line['batch_number']}，{yuan(line['amount_fen'])}"
        said += f"，付到{line['bank_name']} {line['card_masked']}" if bank else ""
        yield _event(line, line["created_at"], "batch", numbers, f"{said}。", amount_fen=line["amount_fen"], ids=ids,
                     hashes=hashes)  # fmt: skip
        if line["sent_at"]:
            said = f"代发文件已交银行，参考号 {reference_of(line['id'])}。"
            yield _event(line, line["sent_at"], "line", numbers, said, ids=ids, hashes=hashes)
        if line["return_code"] and line["answered_at"]:
            ended = "付后退汇" if _was_paid(line, books) else "没有付到"
            said = f"银行结果：{ended}，返回码 {line['return_code']}。"
            yield _event(line, line["answered_at"], "line", numbers, said, ids=ids)


def _was_paid(line: Row, books: Iterable[Row]) -> bool:
    """Whether it had been paid before the bank said otherwise: by now it may be written off in either case."""
    return any(
        entry["kind"] == "payment"
        and entry["application_id"] == line["application_id"]
        and line["sent_at"] <= entry["created_at"] <= line["answered_at"]
        for entry in books
    )


def _books(books: Iterable[Row], numbers: Mapping[Any, str]) -> Iterator[Event]:
    for entry in books:
        said = f"{_BOOKED[entry['kind']]} {yuan(entry['fen'])}。"
        ids = {"ledger_transaction": str(entry["id"]), "event_key": entry["event_key"]}
        yield _event(
            entry, entry["created_at"], entry["kind"], numbers, said, amount_fen=entry["fen"], ids=ids
        )  # fmt: skip
