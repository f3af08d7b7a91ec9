"""Every fact is told to somebody, or it is written down why to nobody; and what is told fits and ends as a sentence."""

import ast
import importlib
import inspect
import pkgutil
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

import app
from app.applications.path import PATHS, Action, Kind, State
from app.households.path import PATH as HOUSEHOLD_PATH
from app.jobs import handlers
from app.jobs.handlers import HANDLERS, LONG_HANDLERS
from app.jobs.running import Jobs
from app.jobs.telling import filings, on_paper, wording
from app.jobs.telling.audit import (
    IN_APP_ALONE,
    OF_APPLICATIONS,
    OF_HOUSEHOLDS,
    TELLERS,
    kinds_told,
    lines,
    unnamed,
)
from app.jobs.telling.handlers import SILENT, TELLS
from app.jobs.telling.wording import Said
from app.kernel.actor import Permission, Role
from app.kernel.ids import new_id
from app.messaging.outbox import Fact
from app.wechat.templates import BY_KIND
from tests import make
from tests.calling import every_item
from tests.make import Case, Someone, Town, World
from tests.notices.making import objected, published

DAY = date(2026, 12, 25)
NUMBER = "BF-440507-2026-000123"


def facts() -> list[type[Fact]]:
    """All that are declared, in whichever feature."""
    modules = [each.name for each in pkgutil.walk_packages(app.__path__, "app.") if each.name.endswith(".events")]
    declared = [each for module in modules for each in vars(importlib.import_module(module)).values()]
    found = {each for each in declared if isinstance(each, type) and issubclass(each, Fact) and each is not Fact}
    return sorted(found, key=lambda fact: fact.__name__)


def test_no_fact_is_named_twice_in_a_table_where_the_second_would_hide_the_first() -> None:
    tree = ast.parse(inspect.getsource(handlers))
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
    keys = [[ast.unparse(key) for key in table.keys if key is not None] for table in tables]
    assert any("ApplicationMoved.__name__" in named for named in keys)
    assert [named for named in keys if len(named) > len(set(named))] == []


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.__name__)
def test_each_fact_is_told_or_it_is_written_down_why_not(fact: type[Fact]) -> None:
    assert (fact in TELLS) != (fact in SILENT), "name it in TELLS or in SILENT (app/jobs/telling/handlers.py)"
    if fact in TELLS:
        assert TELLS[fact] in HANDLERS[fact.__name__]
    else:
        assert len(SILENT[fact]) > 10


def test_no_job_has_the_name_of_another() -> None:
    """The queue knows jobs by their names, and what one hears is not for the other."""
    named = [handler.__name__ for each in (*HANDLERS.values(), *LONG_HANDLERS.values()) for handler in each]
    assert sorted(named) == sorted(set(named))


def test_every_event_says_who_hears_of_it_on_which_way_or_why_nobody_does() -> None:
    found = list(lines())
    assert unnamed(frozenset(facts())) == frozenset(), "name who is told in TELLERS (app/jobs/telling/audit.py)"
    assert all(each.way if each.kind else each.said for each in found)
    assert {each.kind for each in found} - {None} <= kinds_told()
    assert not set(IN_APP_ALONE) & set(BY_KIND)
    told = {each.event for each in found if each.kind}
    assert {f"申请 {step}" for step in (
        "start_payment → paying", "confirm_payment → paid", "fail_payment → payment_failed",
        "return_payment → payment_failed", "approve → waiting_funds", "fund → approved", "return → returned",
        "turn_down → rejected", "carry → public_notice", "undo（rejected） → city_approval",
        "undo（public_notice） → city_approval",
    )} <= told  # fmt: skip


@pytest.mark.parametrize("handler", sorted(TELLERS))
def test_whoever_tells_tells_the_kind_that_is_written_down(handler: str) -> None:
    by_name = {each.__name__: each for handlers in HANDLERS.values() for each in handlers}
    if handler.startswith("tell_of_filled_in_"):  # one and the same
        assert TELLERS[handler][1] == filings.KIND
        return
    if handler == "tell_helpers":  # by those who tell the worker
        assert TELLERS[handler][1] == on_paper.KIND
        return
    source = inspect.getsource(by_name[handler])
    if handler in ("tell_supplement_asked", "tell_supplement_closed", "remind_people", "tell_deciders_above"):
        return  # said in files of their own, or by another who tells
    if handler == "tell_change_withdrawn":
        assert "tell_changed" in source
        return
    assert f'"{TELLERS[handler][1]}"' in source


def test_no_reason_for_silence_is_left_over() -> None:
    silent = {
        each.event.split()[1].partition("（")[0] for each in lines() if not each.kind and each.event.startswith("申请 ")
    }
    assert silent == set(OF_APPLICATIONS)
    silent = {each.event.split()[1] for each in lines() if not each.kind and each.event.startswith("档案 ")}
    assert silent == set(OF_HOUSEHOLDS)


# ---- words ----


def all_that_is_said() -> list[Said]:
    said: list[Said | None] = [
        wording.of_application(step.action, step.to, "住院二次医保", NUMBER)
        for path in PATHS.values()
        for step in path.steps
    ]
    said += [wording.of_household(step.action, step.at, step.to, NUMBER) for step in HOUSEHOLD_PATH.steps]
    said += [
        wording.of_objection(state, NUMBER, reply)
        for state in ("upheld", "dismissed")
        for reply in (None, "好" * 2_000)
    ]
    said += [wording.of_line_objected(NUMBER, DAY), wording.of_escalation(NUMBER, "欧阳**", DAY)]
    said += [wording.of_appeal_waiting(NUMBER, DAY, stepped_up=up) for up in (True, False)]
    said += [wording.of_appeal(state, NUMBER) for state in ("upheld", "changed", "withdrawn")]
    said += [wording.of_account_claimed(proof) for proof in ("phone", "seen")]
    said += [wording.of_card(f"{NUMBER}-12"), wording.of_match_alert(NUMBER), wording.of_verification(DAY)]
    said += [wording.of_verification(None), wording.of_discrepancy("某" * 100, DAY)]
    said += [wording.of_discrepancy_resolved(outcome) for outcome in ("file_right", "found_right", "explained")]
    kinds, ends = ("bank_card", "identity", "household_size"), ("approved", "rejected", "withdrawn")
    said += [wording.of_change_asked(kind) for kind in kinds]
    said += [wording.of_change(kind, state) for kind in kinds for state in ends]
    said += [
        wording.of_visit(action, DAY, "某" * 100) for action in ("plan", "start", "end", "sign", "confirm", "cancel")
    ]
    return [each for each in said if each is not None]


@pytest.mark.parametrize("said", all_that_is_said(), ids=lambda said: said.title)
def test_what_is_said_fits_and_ends_as_a_sentence(said: Said) -> None:
    assert 0 < len(said.title) <= 60
    assert 0 < len(said.text) <= 300
    assert said.text.endswith("。")
    assert "{" not in said.text + said.title


def test_a_worker_hears_of_every_step_of_staff_that_asks_something_of_them_or_ends_it() -> None:
    ends = {State.RETURNED, State.REJECTED, State.PUBLIC_NOTICE, State.APPROVED, State.PAID}
    by_others = {
        Action.UPHOLD_DECISION,
        Action.CHANGE_DECISION,
        Action.STOP_PAYMENT,
        Action.REFUSE_BY_RULE,
        Action.APPEAL,
    }
    by_others |= {Action.WITHDRAW_APPEAL}
    """Told as an appeal or a change, or seen at once by whoever did it."""
    for path in PATHS.values():
        for step in path.steps:
            told = wording.of_application(step.action, step.to, "困难帮扶", NUMBER) is not None
            if step.to in ends and step.action not in by_others and step.by is not Permission.OWN:
                assert told, (step.at, step.action, step.to)


# ---- whom ----


async def told(client: httpx.AsyncClient, who: Someone) -> list[tuple[str, str]]:
    return [(each["kind"], each["title"]) for each in await every_item(client, "/me/messages", by=who)]


async def handle(background: Jobs, name: str, **fact: Any) -> None:
    """As the worker does it, twice, as it may: only what tells, not what else follows."""
    (fact_type,) = [each for each in TELLS if each.__name__ == name]
    for _ in range(2):
        async with background.work() as work:
            await TELLS[fact_type](work, {key: str(value) for key, value in fact.items()})


async def moved(background: Jobs, case: Case, action: str, from_state: str, to_state: str, round: int = 1) -> None:
    await handle(
        background, "ApplicationMoved", application_id=case.id, kind=case.kind, action=action, from_state=from_state,
        to_state=to_state, round=round,
    )  # fmt: skip


async def test_a_worker_hears_how_their_application_goes_on_once_for_each_round(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    worker, clerk = await world.person(), await world.staff(Role.UNIT_CLERK, town.units[0])
    case = await world.application(worker, town.units[0], kind=Kind.HARDSHIP_AID, state=State.UNIT_REVIEW)
    await moved(background, case, "accept", "submitted", "unit_review")
    assert await told(client, worker) == []
    await moved(background, case, "return", "unit_review", "returned")
    await moved(background, case, "return", "unit_review", "returned", 2)
    await moved(background, case, "end_notice", "public_notice", "approved", 3)
    assert await told(client, worker) == [
        ("application", "公示期满"), ("application", "申请需要补正"), ("application", "申请需要补正"),
    ]  # fmt: skip
    assert await told(client, clerk) == []


async def test_a_worker_hears_how_their_file_goes_on_once_for_each_step(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs, owner: asyncpg.Connection
) -> None:
    head = await world.person()
    file_id = await world.household(head, town.units[0])
    fact = {"household_id": file_id, "action": "suspend", "from_state": "active", "to_state": "suspended"}
    for _ in range(2):
        await owner.execute(
            "insert into household_passage (id, created_at, household_id, round, action, from_state, to_state, "
            "counts_as_review) values ($1, now(), $2, 1, 'suspend', 'active', 'suspended', false)", new_id(), file_id,
        )  # fmt: skip
        await handle(background, "HouseholdMoved", **fact)
    await handle(background, "HouseholdMoved", **fact | {"action": "accept", "to_state": "unit_review"})
    assert await told(client, head) == [("household", "档案暂停")] * 2


async def test_somebody_on_paper_finds_a_warning_when_they_first_sign_in(
    client: httpx.AsyncClient, world: World, background: Jobs
) -> None:
    someone = await world.person()
    first, second = new_id(), new_id()
    for claim_id in (first, first, second):
        await handle(background, "AccountClaimed", person_id=someone.id, claim_id=claim_id, proof="phone")
    assert await told(client, someone) == [("account", "账户已绑定微信")] * 2, "once of each claim"


async def test_a_late_case_is_told_to_the_level_that_it_is_escalated_to(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    late = make.NOW - timedelta(days=2)
    case = await world.application(await world.person(), town.units[0], state=State.UNIT_REVIEW, due_at=late)
    chair = await world.staff(Role.UNIT_CHAIR, town.units[0])
    leader, beside = [await world.staff(Role.DISTRICT_LEADER, district) for district in town.districts[:2]]
    city, officer = (
        await world.staff(Role.CITY_LEADER, town.city),
        await world.staff(Role.MUTUAL_AID_OFFICER, town.city),
    )
    fact = {"application_id": case.id, "state": "unit_review"}
    await handle(background, "CaseEscalated", **fact, version=1, told="district")
    assert [await told(client, who) for who in (leader, chair, beside, city)] == [
        [("escalation", "有案件超期")], [], [], [],
    ]  # fmt: skip
    await handle(background, "CaseEscalated", **fact, version=7, told="city")  # it has moved on meanwhile
    assert await told(client, city) == []
    await handle(background, "CaseEscalated", **fact, version=1, told="city")
    assert [await told(client, who) for who in (city, officer)] == [[("escalation", "有案件超期")], []]


@pytest.mark.parametrize("by_themselves", [True, False])
async def test_whose_card_somebody_else_wants_to_change_hears_of_it_and_everybody_of_the_outcome(
    client: httpx.AsyncClient,
    world: World,
    town: Town,
    background: Jobs,
    owner: asyncpg.Connection,
    by_themselves: bool,
) -> None:
    worker, clerk = await world.person(), await world.staff(Role.UNIT_CLERK, town.units[0])
    request_id = new_id()
    asked_by = worker.id if by_themselves else clerk.id
    columns = ("id, created_at, person_id, person_number_index, person_masked, city_id, kind, field, state, version, "
               "wanted, asked_by, asked_by_number_index")  # fmt: skip
    await owner.execute(
        f"insert into change_request ({columns}) values ($1, now(), $2, 'x', '*', $3, 'bank_card', '/bank_card', "
        "'open', 1, 'x', $4, 'y')", request_id, worker.id, town.city.id, asked_by,
    )  # fmt: skip
    await handle(background, "ChangeAsked", request_id=request_id)
    asked = [] if by_themselves else [("change", "有一项变更等待核对")]
    assert await told(client, worker) == asked
    await owner.execute("update change_request set state = 'withdrawn', withdrawn_at = now() where id = $1", request_id)
    await handle(background, "ChangeWithdrawn", request_id=request_id)
    ended = [] if by_themselves else [("change", "变更有结果")]
    assert await told(client, worker) == ended + asked


async def test_those_above_hear_of_a_line_that_stands_still_and_whoever_signed_it_does_not(
    client: httpx.AsyncClient, world: World, town: Town, background: Jobs
) -> None:
    reviewers = [await world.staff(Role.DISTRICT_REVIEWER, town.districts[0]) for _ in range(2)]
    accused = await world.person(posts=((Role.DISTRICT_REVIEWER, town.districts[0]),))
    _, line = await published(world, town.units[0], who=accused)
    assert (await objected(client, line["id"])).status_code == 201
    await handle(background, "LineObjected", notice_id=line["id"])
    assert [await told(client, who) for who in (*reviewers, accused)] == [
        [("investigation", "有公示异议待核查")], [("investigation", "有公示异议待核查")], [],
    ]  # fmt: skip
