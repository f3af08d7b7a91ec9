"""A town with somebody at each desk and as much money as a test says, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson

from app.applications.path import Kind, State
from app.jobs import funding
from app.kernel.actor import Role
from tests.calling import post
from tests.make import NOW, Case, Guild, Someone, Town, World
from tests.notices.making import jobs_of

SPLIT = ("reserved_fen", "committed_fen", "spent_fen")


@dataclass(frozen=True)
class Treasury:
    """A town, and those in it who approve, pay, propose and decide."""

    world: World
    town: Town
    approver: Someone
    maker: Someone
    checker: Someone
    leader: Someone

    async def case(
        self,
        state: State = State.CITY_APPROVAL,
        *,
        unit: int = 0,
        kind: Kind = Kind.HARDSHIP_AID,
        submitted_at: datetime = NOW,
        filed: dict[str, Any] | None = None,
        **given: Any,
    ) -> Case:
        """Of a new worker; `filed`: columns of their household file, if they have one."""
        home = self.town.units[unit]
        someone = await self.world.person(home=home)
        household = None if filed is None else await self.world.household(someone, home, columns=filed)
        return await self.world.application(
            someone, home, kind=kind, state=state, submitted_at=submitted_at, household_id=household, **given
        )

    async def act(
        self, client: httpx.AsyncClient, case: Case, version: int, action: str = "approve", by: Someone | None = None
    ) -> httpx.Response:
        note = {} if action == "approve" else {"note": "材料与实际不符"}
        return await post(
            client, by or self.approver, f"/staff/applications/{case.id}/actions", {"action": action} | note, version
        )


async def treasury_of(world: World, *, room_fen: int = 0) -> Treasury:
    town = await world.town(room_fen=room_fen)
    roles = (Role.CITY_REVIEWER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.CITY_LEADER)
    people = [await world.staff(role, town.city, consents=()) for role in roles]
    return Treasury(world, town, *people)


async def held(owner: asyncpg.Connection, case: Case | UUID, *states: str) -> dict[str, int]:
    """By fund, what of a case is in these states; all that is not released, if none is named."""
    rows = await owner.fetch(
        "select fund_name, sum(amount_fen)::bigint as fen from drawing where application_id = $1 "
        "and state = any($2) group by 1",
        case.id if isinstance(case, Case) else case, list(states or ("reserved", "committed", "spent")),
    )  # fmt: skip
    return {row["fund_name"]: row["fen"] for row in rows}


async def budget(owner: asyncpg.Connection, union: Guild, kind: str = "hardship_aid") -> tuple[int, ...]:
    """Reserved, committed and spent of all budgets of a union for a kind."""
    row = await owner.fetchrow(
        "select coalesce(sum(reserved_fen), 0)::bigint, coalesce(sum(committed_fen), 0)::bigint, "
        "coalesce(sum(spent_fen), 0)::bigint from budget where organisation_id = $1 and kind = $2",
        union.id, kind,
    )  # fmt: skip
    return tuple(row)


async def state(owner: asyncpg.Connection, case: Case) -> str:
    found: str = await owner.fetchval("select state from application where id = $1", case.id)
    return found


async def version(owner: asyncpg.Connection, case: Case) -> int:
    found: int = await owner.fetchval("select version from application where id = $1", case.id)
    return found


async def line(owner: asyncpg.Connection, town: Town) -> list[UUID]:
    """Who waits in a town, in the order of the stored keys."""
    rows = await owner.fetch("select id from waiting where city_id = $1 order by kind, waits_from, id", town.city.id)
    return [row["id"] for row in rows]


async def work_off(world: World, owner: asyncpg.Connection, since: datetime, town: Town | None = None) -> None:
    """As the worker would: handle what was told since an instant, of one town alone if one is named, until nothing more
    comes of it."""
    done: set[UUID] = set()
    while True:
        facts = await owner.fetch(
            """
            select m.id, m.name, m.body from out_message m
            left join application a on a.id = (m.body->>'application_id')::uuid
            left join budget b on b.id = (m.body->>'budget_id')::uuid
            where m.created_at >= $1 and m.name in ('ApplicationMoved', 'BudgetRaised')
              and ($2::uuid is null or $2 in (a.city_id, b.city_id))
            order by m.id
            """,
            since,
            town.city.id if town else None,
        )
        new = [fact for fact in facts if fact["id"] not in done]
        if not new:
            return
        for fact in new:
            done.add(fact["id"])
            body = _parsed(fact["body"])
            if fact["name"] == "BudgetRaised":
                await funding.fund(jobs_of(world), [UUID(body["budget_id"])])
            else:
                await funding.after_step(jobs_of(world), body)


def _parsed(body: Any) -> dict[str, str]:
    return dict(orjson.loads(body)) if isinstance(body, str | bytes) else dict(body)


async def check_sums(owner: asyncpg.Connection, town: Town) -> None:
    """What every budget says is what is drawn on it, and no more than it was given; what a case holds is its amount."""
    wrong = await owner.fetch(
        """
        select b.id from budget b
        left join lateral (
          select coalesce(sum(amount_fen) filter (where state = 'reserved'), 0)::bigint as reserved,
            coalesce(sum(amount_fen) filter (where state = 'committed'), 0)::bigint as committed,
            coalesce(sum(amount_fen) filter (where state = 'spent'), 0)::bigint as spent
          from drawing d where d.budget_id = b.id
        ) d on true
        where b.city_id = $1 and (b.reserved_fen + b.committed_fen + b.spent_fen > b.allocated_fen
          or (b.reserved_fen, b.committed_fen, b.spent_fen) <> (d.reserved, d.committed, d.spent))
        """,
        town.city.id,
    )
    assert wrong == []
    odd = await owner.fetch(
        """
        select a.id, a.state, a.amount_fen, a.paid_before_fen, d.open, d.spent from application a
        cross join lateral (
          select coalesce(sum(amount_fen) filter (where state in ('reserved', 'committed')), 0) as open,
          coalesce(sum(amount_fen) filter (where state = 'spent'), 0) as spent
          from drawing d where d.application_id = a.id) d
        where a.city_id = $1 and (d.open, d.spent) is distinct from (
          case when money_class(a.state) in ('reserved', 'committed') then a.amount_fen - coalesce(a.paid_before_fen, 0)
            else 0 end,
          case when a.state = 'paid' then a.amount_fen else coalesce(a.paid_before_fen, 0) end)
        """,
        town.city.id,
    )
    assert odd == [], [dict(row) for row in odd]
