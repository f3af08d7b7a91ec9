"""Who sees and does what with evaluations; and what the database keeps to itself where a query forgets."""

from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.db.transaction import Sight
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests.calling import post
from tests.evaluations.evaluating import (
    EVALUATIONS,
    SIZES,
    Office,
    announce,
    cases,
    close,
    draw,
    drawn,
    move_days,
    read,
    request,
    score,
    score_all,
)
from tests.http.refusals import refused
from tests.make import TODAY, Someone

SCORE = {"verdict": "right", "reasons": "好"}


async def test_others_do_nothing_with_an_evaluation(client: httpx.AsyncClient, made: Office) -> None:
    evaluation = await drawn(client, made)
    (case, *_) = await cases(client, made.first, evaluation)
    one = f"{EVALUATIONS}/{evaluation['id']}"
    reads = (EVALUATIONS, one, f"{one}/population", f"{one}/cases", f"{one}/cases/{case['id']}", f"{one}/disagreements")
    acts = (
        (EVALUATIONS, request(made), None),
        (f"{one}/draw", None, 1),
        (f"{one}/close", None, 2),
        (f"{one}/cases/{case['id']}/scores", SCORE, 1),
    )
    for role in set(Role) - {Role.AUDITOR, Role.EVALUATOR}:
        somebody = await made.world.staff(role, made.town.city, consents=())
        for path in reads:
            refused(await client.get(path, headers=somebody.headers), 403, "not_allowed")
        for path, body, version in acts:
            refused(await post(client, somebody, path, body, version), 403, "not_allowed")
    for path in (f"{one}/disagreements",):
        refused(await client.get(path, headers=made.first.headers), 403, "not_allowed")
    for path, body, version in acts[:3]:
        refused(await post(client, made.first, path, body, version), 403, "not_allowed")
    refused(await client.get(f"{one}/cases/{case['id']}", headers=made.auditor.headers), 403, "not_allowed")
    refused(await post(client, made.auditor, f"{one}/cases/{case['id']}/scores", SCORE, 1), 403, "not_allowed")


async def test_an_evaluator_who_is_not_named_and_an_auditor_elsewhere_find_nothing(
    client: httpx.AsyncClient, made: Office
) -> None:
    evaluation = await drawn(client, made)
    (case, *_) = await cases(client, made.first, evaluation)
    other = await made.world.staff(Role.EVALUATOR, made.town.city, consents=())
    abroad = await made.world.staff(Role.AUDITOR, await made.world.union("city"), consents=())
    below = await made.world.staff(Role.AUDITOR, made.town.districts[0], consents=())
    for somebody in (other, abroad, below):
        for rest in ((), ("population",), ("cases",)):
            refused(await read(client, somebody, evaluation, *rest), 404, "evaluation_not_found")
        assert (await client.get(EVALUATIONS, headers=somebody.headers)).json()["items"] == []
    refused(await read(client, other, evaluation, "cases", case["id"]), 404, "evaluation_not_found")
    refused(await score(client, other, evaluation, case), 404, "evaluation_not_found")
    for somebody in (abroad, below):
        for act in (draw, close):
            refused(await act(client, somebody, evaluation), 404, "evaluation_not_found")
        refused(await post(client, somebody, EVALUATIONS, request(made)), 404, "organisation_not_found")
        params = {"organisation_code": made.town.city.code}
        listed = await client.get(f"{EVALUATIONS}/evaluators", params=params, headers=somebody.headers)
        refused(listed, 404, "organisation_not_found")
    second = await drawn(client, made, last_day=TODAY.isoformat())
    refused(await read(client, made.first, second, "cases", case["id"]), 404, "evaluation_case_not_found")
    refused(await score(client, made.first, second, case), 404, "evaluation_case_not_found")


async def test_a_district_auditor_has_files_of_the_district_evaluated_by_the_citys_evaluators(
    client: httpx.AsyncClient, made: Office
) -> None:
    district = made.town.districts[0]
    auditor = await made.world.staff(Role.AUDITOR, district, consents=())
    params = {"organisation_code": district.code}
    listed = await client.get(f"{EVALUATIONS}/evaluators", params=params, headers=auditor.headers)
    assert len(listed.json()["items"]) == 2
    asked = request(made, district, sizes=dict.fromkeys(SIZES, 10))
    evaluation = (await post(client, auditor, EVALUATIONS, asked)).json()
    shown = (await draw(client, auditor, evaluation)).json()
    assert 0 < sum(each["files"] for each in shown["strata"]) < 10
    assert (await read(client, made.auditor, evaluation)).status_code == 200


async def test_nothing_else_of_the_service_opens_for_an_evaluator(client: httpx.AsyncClient, made: Office) -> None:
    evaluation = await drawn(client, made)
    (case, *_) = await cases(client, made.first, evaluation)
    file = f"/staff/households/{case['file_id']}"
    for path in (file, f"{file}/changes", "/staff/households", "/staff/tasks", "/staff/samples", "/staff/funds"):
        assert (await client.get(path, headers=made.first.headers)).status_code in (403, 404), path


async def test_whoever_has_lost_the_post_sees_nothing_more(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    evaluation = await drawn(client, made)
    await owner.execute("update post set ended_at = now() where person_id = $1", made.first.id)
    assert await visible(owner, made.first, evaluation) == (0, 0, 0)


async def test_nobody_evaluates_their_own_household(client: httpx.AsyncClient, made: Office) -> None:
    mine = await made.world.household(made.first, made.town.units[0], state="active")
    evaluation = await drawn(client, made, sizes=dict.fromkeys(SIZES, 50))
    (case,) = [each for each in await cases(client, made.first, evaluation) if each["file_id"] == str(mine)]
    refused(await read(client, made.first, evaluation, "cases", case["id"]), 403, "near_the_household")
    refused(await score(client, made.first, evaluation, case), 403, "near_the_household")
    assert (await score(client, made.second, evaluation, case)).status_code == 200


async def visible(owner: asyncpg.Connection, who: Someone, evaluation: dict[str, Any], door: str = "staff") -> Any:
    """How many rows of an evaluation, its cases and its scores the API's role finds for somebody."""
    async with owner.transaction():
        await owner.execute("set local role aid_api")
        for name, value in (("app.door", door), ("app.person", str(who.id)), ("app.organisations", "{}")):
            await owner.execute("select set_config($1, $2, true)", name, value)
        tables = (("evaluation", "id"), ("evaluation_case", "evaluation_id"), ("evaluation_score", "evaluation_id"))
        counts = [
            await owner.fetchval(f"select count(*) from {table} where {column} = $1", UUID(evaluation["id"]))
            for table, column in tables
        ]
        return tuple(counts)


async def test_the_database_shows_scores_to_their_own_until_all_are_there_and_to_auditors_at_the_end(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    announced = (await announce(client, made)).json()
    assert await visible(owner, made.first, announced) == (0, 0, 0)
    evaluation = (await draw(client, made.auditor, announced)).json()
    stranger = await made.world.staff(Role.EVALUATOR, made.town.city, consents=())
    clerk = await made.world.staff(Role.CITY_LEADER, made.town.city, consents=())
    listed = await cases(client, made.first, evaluation)
    await score_all(client, made.first, evaluation)
    await score(client, made.second, evaluation, listed[0])
    assert await visible(owner, made.first, evaluation) == (1, 5, 5)
    assert await visible(owner, made.second, evaluation) == (1, 5, 1)
    assert await visible(owner, made.auditor, evaluation) == (1, 5, 0)
    for nobody in (stranger, clerk):
        assert await visible(owner, nobody, evaluation) == (0, 0, 0)
    for door in ("worker", "public", "sign_in"):
        assert await visible(owner, made.first, evaluation, door) == (0, 0, 0)
    await move_days(owner, evaluation, 31)
    assert await visible(owner, made.first, evaluation) == (1, 0, 0)
    await move_days(owner, evaluation, -31)
    for case in listed[1:]:
        await score(client, made.second, evaluation, case)
    assert await visible(owner, made.second, evaluation) == (1, 5, 10)
    assert await visible(owner, made.auditor, evaluation) == (1, 5, 0)
    assert (await close(client, made.auditor, evaluation)).status_code == 200
    assert await visible(owner, made.auditor, evaluation) == (1, 5, 10)
    assert await visible(owner, made.first, evaluation) == (1, 0, 0)


async def test_the_functions_behind_the_wall_answer_auditors_over_the_union_alone(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    evaluation = await drawn(client, made)
    abroad = await made.world.staff(Role.AUDITOR, await made.world.union("city"), consents=())
    asked = {
        "evaluators_of($1, current_date + 1)": made.town.city.id,
        "evaluation_progress($1)": UUID(evaluation["id"]),
    }
    for function, about in asked.items():
        for who, door, some in (
            (made.auditor, "staff", True), (made.auditor, "worker", False), (made.first, "staff", False),
            (abroad, "staff", False),
        ):  # fmt: skip
            async with owner.transaction():
                await owner.execute("set local role aid_api")
                for name, value in (("app.door", door), ("app.person", str(who.id))):
                    await owner.execute("select set_config($1, $2, true)", name, value)
                count = await owner.fetchval(f"select count(*) from {function}", about)
            assert (count > 0) is some, (function, door)


@pytest.mark.parametrize(
    "change",
    ["seed = 'x'", "state = 'announced'", "sizes = '{}'", "title = '-'", "population = ''", "last_day = last_day + 1",
     "state = 'closed', closed_at = now(), closed_by = announced_by"],
)  # fmt: skip
async def test_nobody_changes_what_was_drawn_whatever_a_query_says(
    client: httpx.AsyncClient, made: Office, change: str
) -> None:
    evaluation = await drawn(client, made)
    with pytest.raises(asyncpg.CheckViolationError):
        async with made.world.jobs.begin(Sight("job")) as transaction:
            await transaction.connection.execute(f"update evaluation set {change} where id = '{evaluation['id']}'")


async def test_a_score_is_appended_and_never_changed_and_given_by_those_named_alone(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    evaluation = await drawn(client, made)
    (case, *_) = await cases(client, made.first, evaluation)
    await score(client, made.first, evaluation, case)
    for table in ("evaluation_score", "evaluation_case"):
        for what in (f"update {table} set created_at = now()", f"delete from {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.execute(what)
    row = "values ($1, now(), $2, $3, $4, $5, $6, '')"
    into = (
        "insert into evaluation_score (id, created_at, evaluation_id, case_id, person_id, revision, verdict, reasons)"
    )
    ids = (UUID(evaluation["id"]), UUID(case["id"]))
    for who, revision, verdict, wrong in (
        (made.auditor.id, 1, "right", "score_open"),
        (made.first.id, 1, "right", "score_next"),
        (made.first.id, 3, "right", "score_next"),
        (made.second.id, 1, "perhaps", "verdict"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refusal:
            await owner.execute(f"{into} {row}", new_id(), *ids, who, revision, verdict)
        assert wrong in str(refusal.value.constraint_name)
    await move_days(owner, evaluation, 31)
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(f"{into} {row}", new_id(), *ids, made.second.id, 1, "right")


async def test_the_list_takes_no_file_after_it_is_drawn(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    evaluation = await drawn(client, made)

    async def add() -> None:
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            for name, value in (("app.door", "staff"), ("app.person", str(made.auditor.id))):
                await owner.execute("select set_config($1, $2, true)", name, value)
            await owner.execute(
                "insert into evaluation_case select $1, now(), $2, 99, 'lifted', $3, $4, '-', ''",
                new_id(), UUID(evaluation["id"]), next(iter(made.heads)), made.first.id,
            )  # fmt: skip

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await add()


async def test_the_database_takes_no_evaluators_who_hold_another_post_or_are_one(
    client: httpx.AsyncClient, made: Office, owner: asyncpg.Connection
) -> None:
    announced = (await announce(client, made)).json()
    unfit = await made.world.person(
        posts=((Role.EVALUATOR, made.town.city), (Role.UNIT_CLERK, made.town.units[0])), consents=()
    )

    async def again(second: UUID, last_day: int) -> None:
        async with owner.transaction():
            await owner.execute("set local role aid_api")
            for name, value in (("app.door", "staff"), ("app.person", str(made.auditor.id))):
                await owner.execute("select set_config($1, $2, true)", name, value)
            await owner.execute(
                "insert into evaluation select (jsonb_populate_record(e, jsonb_build_object('id', $1::uuid, "
                "'second_evaluator_id', $2::uuid, 'last_day', e.first_day + $4::int))).* from evaluation e "
                "where id = $3",
                new_id(), second, UUID(announced["id"]), last_day,
            )  # fmt: skip

    for second in (unfit.id, made.auditor.id, made.first.id):
        with pytest.raises(asyncpg.CheckViolationError, match="two different people"):
            await again(second, 1)
    with pytest.raises(asyncpg.CheckViolationError, match="ck_evaluation_days"):
        await again(made.second.id, 180)
    await again(made.second.id, 179)
