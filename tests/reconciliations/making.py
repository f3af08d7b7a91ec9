"""Books in which everything agrees, and what a bank says of them: whole, so that a test only says what is wrong.

Rows are written past the triggers: much of what is planted here cannot come about otherwise.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from app.applications.path import Kind, State
from app.funds.tables import LedgerEntry, LedgerTransaction
from app.jobs import reconciliations
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.business_time import SHANGHAI
from app.kernel.ids import new_id
from app.payments.rules import reference_of
from app.payments.tables import PaymentBatch, PaymentLine
from tests import make
from tests.calling import every_item, post
from tests.faults.heap import Heap
from tests.make import TODAY, Guild, Someone, World

PLACE = "/staff/reconciliations"
BANK = "standard"
SENT_ON = TODAY - timedelta(days=12)
FIRST, LAST = SENT_ON - timedelta(days=2), SENT_ON + timedelta(days=6)
APPLICATIONS = {
    "paid": State.PAID, "sent": State.PAYING, "failed": State.PAYMENT_FAILED, "returned": State.PAYMENT_FAILED,
    "written_off": State.WITHDRAWN,
}  # fmt: skip
"""How an application stands whose line stands so."""


@dataclass(frozen=True)
class Line:
    """A line as it was planted."""

    id: UUID
    application_id: UUID
    batch_id: UUID
    fen: int
    state: str

    def out(self, fen: int | None = None) -> "Told":
        return Told("out", fen or self.fen, remark=f"困难帮扶金 {reference_of(self.id)}")

    def back(self) -> "Told":
        return Told("in", self.fen, day=SENT_ON + timedelta(days=2), remark=f"退汇{reference_of(self.id)}")


@dataclass(frozen=True)
class Told:
    """A movement as a bank tells it."""

    direction: str
    fen: int
    day: date = SENT_ON + timedelta(days=1)
    reference: str = field(default_factory=lambda: make.unique("LS"))
    remark: str = ""
    account: str = "6217000000000999908"


def in_order(line: Line) -> list[Told]:
    """What a bank says of a line that agrees."""
    return {"paid": [line.out()], "returned": [line.out(), line.back()]}.get(line.state, [])


def file_of(told: Iterable[Told], encoding: str = "gb18030") -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(["汕头市总工会帮扶资金专户 流水"])
    writer.writerow(["交易日期", "流水号", "收支方向", "金额（元）", "余额（元）", "对方账号", "摘要"])
    for each in told:
        direction = "支出" if each.direction == "out" else "收入"
        yuan = f"{each.fen // 100:,}.{each.fen % 100:02d}"
        writer.writerow([each.day.isoformat(), each.reference, direction, yuan, "0.00", each.account, each.remark])
    return written.getvalue().encode(encoding)


async def send_statement(
    client: httpx.AsyncClient,
    by: Someone,
    union: Guild,
    content: bytes,
    days: tuple[date, date] = (FIRST, LAST),
    **given: str,
) -> httpx.Response:
    fields = {
        "organisation_code": union.code, "bank": BANK, "first_day": days[0].isoformat(),
        "last_day": days[1].isoformat(),
    } | given  # fmt: skip
    return await client.post(
        f"{PLACE}/statements", files={"file": ("流水.csv", content)}, data=fields, headers=by.headers | make.keyed()
    )


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(12), SHANGHAI)


@dataclass(frozen=True)
class Books:
    """A city with two of finance, a fund, and what was paid from it."""

    world: World
    owner: asyncpg.Connection
    city: Guild
    fund_id: UUID
    maker: Someone
    checker: Someone

    async def plant(
        self, wanted: Sequence[tuple[int, str]], *, sent_on: date = SENT_ON, books: bool = True, **columns: Any
    ) -> list[Line]:
        """A batch of lines (fen, state) that were sent, with their applications and the books; `columns`: of the
        applications, where they are otherwise."""
        heap, lines, batch_id = Heap(self.world.jobs, self.world.keyring), list[Line](), new_id()
        sent_at, answered_at = at_noon(sent_on), at_noon(sent_on + timedelta(days=1))
        content = b"{}"
        await heap.insert(
            PaymentBatch, id=batch_id, created_at=sent_at, number=make.unique("FK-"), organisation_id=self.city.id,
            organisation_name=self.city.name, city_id=self.city.id, kinds=[Kind.SECONDARY_MEDICAL],
            approved_until=sent_at, bank=BANK, layout="csv_gb18030", policy_version="1",
            state="exported" if any(state == "sent" for _, state in wanted) else "settled", version=1,
            line_count=len(wanted), total_fen=sum(fen for fen, _ in wanted), maker_id=self.maker.id,
            maker_role=Role.FINANCE_MAKER, maker_organisation=self.city.name, checker_id=self.checker.id,
            checker_role=Role.FINANCE_CHECKER, checker_organisation=self.city.name, content=content,
            sha256=hashlib.sha256(content).hexdigest(), file=b"x", file_sha256="0" * 64, frozen_at=sent_at,
            confirmed_at=sent_at, exported_at=sent_at,
        )  # fmt: skip
        someone = await heap.person(home=self.city, consents=())
        for serial, (fen, state) in enumerate(wanted, 1):
            case = await heap.application(
                someone, self.city, kind=Kind.SECONDARY_MEDICAL, state=APPLICATIONS[state],
                **{"amount_fen": fen, "approved_at": sent_at} | columns,
            )  # fmt: skip
            answered = state != "sent"
            bad = state in ("failed", "returned", "written_off")
            line = Line(new_id(), case.id, batch_id, fen, state)
            lines.append(line)
            await heap.insert(
                PaymentLine, id=line.id, created_at=sent_at, batch_id=batch_id, serial=serial, application_id=case.id,
                round=1, number=case.number, kind=Kind.SECONDARY_MEDICAL, applicant_masked="陈*明",
                organisation_name=self.city.name, amount_fen=fen, card_id=new_id(), card_masked="6217 **** **** 9908",
                bank_name="工行", state=state, version=1, sent_at=sent_at,
                answered_at=answered_at if answered else None, return_code="E05" if bad else None,
                remedy="hold" if bad else None,
            )  # fmt: skip
            if state == "paid" and books:
                await self.enter(heap, line, answered_at)
        await self.pour(heap)
        return lines

    async def enter(self, heap: Heap, line: Line, at: datetime) -> None:
        """That a line was paid, in the books."""
        transaction_id = new_id()
        await heap.insert(
            LedgerTransaction, id=transaction_id, created_at=at, event_key=f"payment:{line.id}", kind="payment",
            day=at.date(), application_id=line.application_id,
        )  # fmt: skip
        for account, fen in (("allocated", -line.fen), ("granted", line.fen)):
            await heap.insert(
                LedgerEntry, id=new_id(), created_at=at, transaction_id=transaction_id, fund_id=self.fund_id,
                organisation_id=self.city.id, account=account, amount_fen=fen, day=at.date(),
            )  # fmt: skip

    async def pour(self, heap: Heap) -> None:
        await self.owner.execute("set session_replication_role = replica")
        try:
            await heap.pour(self.owner)
        finally:
            await self.owner.execute("set session_replication_role = origin")

    async def past(self, query: str, *values: Any) -> None:
        """Change something past the triggers."""
        await self.owner.execute("set session_replication_role = replica")
        try:
            await self.owner.execute(query, *values)
        finally:
            await self.owner.execute("set session_replication_role = origin")

    async def told(
        self, client: httpx.AsyncClient, told: Iterable[Told], days: tuple[date, date] = (FIRST, LAST)
    ) -> dict[str, Any]:
        """A statement is read in."""
        answer = await send_statement(client, self.maker, self.city, file_of(told), days)
        assert answer.status_code == 201, answer.text
        row: dict[str, Any] = answer.json()
        return row

    async def reconciled(
        self, client: httpx.AsyncClient, jobs: Jobs, days: tuple[date, date] = (FIRST, LAST), **over: Any
    ) -> dict[str, Any]:
        """A run over these days, asked for and done."""
        wanted = over or {
            "organisation_code": self.city.code, "first_day": days[0].isoformat(), "last_day": days[1].isoformat()
        }  # fmt: skip
        asked = await post(client, self.maker, PLACE, wanted)
        assert asked.status_code == 202, asked.text
        await reconciliations.run(jobs, UUID(asked.json()["id"]))
        done = await client.get(f"{PLACE}/{asked.json()['id']}", headers=self.maker.headers)
        assert done.json()["state"] == "done"
        row: dict[str, Any] = done.json()
        return row

    async def breaks(
        self, client: httpx.AsyncClient, state: str = "open", *, by: Someone | None = None
    ) -> list[dict[str, Any]]:
        """All of them, page by page."""
        return await every_item(client, f"{PLACE}/breaks", by=by or self.checker, state=state)

    async def found(self, client: httpx.AsyncClient) -> set[tuple[str, str]]:
        """What is open: kinds, and what they are about."""
        breaks = await self.breaks(client)
        pairs = [(each["kind"], each["subject_id"]) for each in breaks]
        assert len(pairs) == len(set(pairs)), "one work item each"
        return set(pairs)


async def books_of(world: World, owner: asyncpg.Connection) -> Books:
    city = await world.union("city", room_fen=0)
    maker = await world.staff(Role.FINANCE_MAKER, city, consents=())
    checker = await world.staff(Role.FINANCE_CHECKER, city, consents=())
    return Books(world, owner, city, await world.fund(city), maker, checker)


def moved(told: Told, **changes: Any) -> Told:
    return replace(told, **changes)
