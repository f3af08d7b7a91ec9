"""A proposed version tried on the files that live now: asked for by staff, run by the worker, read by whoever may."""

from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.applications.path import Kind
from app.jobs import rehearsals
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.calling import every_item
from tests.http.refusals import refused
from tests.make import World
from tests.policies.making import latest, some_day
from tests.policies.office import Office, opened


@pytest.fixture(scope="module")
async def office(client: httpx.AsyncClient, world: World) -> Office:
    return await opened(client, world)


async def ask(office: Office, policy_id: str) -> dict[str, Any]:
    answer = await office.send(office.proposer, f"/{policy_id}/rehearsals")
    assert answer.status_code == 202, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


async def look(office: Office, asked: dict[str, Any]) -> dict[str, Any]:
    path = f"/staff/policies/{asked['policy_id']}/rehearsals/{asked['id']}"
    answer = await office.client.get(path, headers=office.proposer.headers)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


async def lines(office: Office, asked: dict[str, Any], effect: str) -> list[dict[str, Any]]:
    """Every line of one effect, page by page."""
    path = f"/staff/policies/{asked['policy_id']}/rehearsals/{asked['id']}/lines"
    return await every_item(office.client, path, by=office.proposer, effect=effect)


async def rehearsed(office: Office, background: Jobs, policy_id: str) -> dict[str, Any]:
    asked = await ask(office, policy_id)
    assert (asked["state"], asked["percent"]) == ("queued", 0)
    await rehearsals.run(background, asked["id"])
    return asked


def halved_living() -> dict[str, Any]:
    """The living aid of the newest version with half the months."""
    living = latest("hardship_aid")["living"]
    months = {name: value // 2 for name, value in living["cap_months"].items()}
    return living | {"cap_months": months}


async def test_who_would_get_less_is_named_with_both_amounts(office: Office, background: Jobs, world: World) -> None:
    town = await world.town()
    deep = await world.household(await world.person(), town.units[0])
    rich = await world.household(await world.person(), town.units[0], income_fen_yearly=900_000_00)
    day = make.TODAY + timedelta(days=1)
    policy_id = await office.propose("hardship_aid", living=halved_living(), in_force_from=str(day))

    asked = await rehearsed(office, background, policy_id)
    seen = await look(office, asked)

    assert (seen["state"], seen["percent"], seen["failure"]) == ("done", 100, None)
    less = {line["household_id"]: line for line in await lines(office, asked, "less")}
    assert str(rich) not in less
    line = less[str(deep)]
    assert (line["kind"], line["item"]) == ("hardship_aid", "living")
    assert line["before_fen"] == 12 * 872_00
    assert line["after_fen"] == 6 * 872_00
    assert seen["less"] >= 1
    assert seen["gains"] == seen["more"] == 0
    cells = [cell for cell in seen["money"] if cell["district_id"] == str(town.districts[0].id)]
    assert [(cell["kind"], cell["month"]) for cell in cells] == [("hardship_aid", f"{day:%Y-%m}")]
    assert cells[0]["after_fen"] < cells[0]["before_fen"]
    assert sum(cell["after_fen"] for cell in seen["money"]) == seen["after_fen"]


async def test_who_cannot_be_worked_out_is_listed_and_counts_as_nothing(
    office: Office, background: Jobs, world: World
) -> None:
    town = await world.town()
    unknown = await world.household(await world.person(), town.units[0], division_code="330106")
    policy_id = await office.propose("hardship_aid", in_force_from=str(some_day()))

    asked = await rehearsed(office, background, policy_id)

    line = next(each for each in await lines(office, asked, "unevaluable") if each["household_id"] == str(unknown))
    assert (line["rule"], line["before_fen"], line["after_fen"]) == ("minimum_living_standard_unknown", None, None)


async def test_stricter_criteria_are_rehearsed_as_if_every_file_were_identified_anew(
    office: Office, background: Jobs, world: World
) -> None:
    town = await world.town()
    deep = await world.household(await world.person(), town.units[0])
    criteria = latest("household_criteria")
    for criterion in criteria["criteria"]:
        for predicate in criterion["all_of"]:
            predicate["percent"] = 1
    policy_id = await office.propose("household_criteria", criteria=criteria["criteria"])

    asked = await rehearsed(office, background, policy_id)

    loses = {(line["household_id"], line["item"]) for line in await lines(office, asked, "loses")}
    assert (str(deep), "living") in loses


async def test_running_it_twice_is_running_it_once(
    office: Office, background: Jobs, world: World, owner: asyncpg.Connection
) -> None:
    await world.household(await world.person(), (await world.town()).units[0])
    policy_id = await office.propose("hardship_aid", living=halved_living())
    asked = await rehearsed(office, background, policy_id)
    first = await look(office, asked)

    await rehearsals.run(background, asked["id"])

    assert await look(office, asked) == first
    kept = await owner.fetchval("select count(*) from rehearsal_line where rehearsal_id = $1", asked["id"])
    assert kept == sum(first[name] for name in ("gains", "loses", "more", "less", "unevaluable"))


async def test_one_begun_by_a_worker_that_died_begins_anew(
    office: Office, background: Jobs, world: World, owner: asyncpg.Connection
) -> None:
    await world.household(await world.person(), (await world.town()).units[0])
    policy_id = await office.propose("hardship_aid", living=halved_living())
    asked = await ask(office, policy_id)
    await owner.execute("update rehearsal set state = 'running', percent = 40 where id = $1", asked["id"])
    await owner.execute(
        "insert into rehearsal_line (id, created_at, rehearsal_id, effect, kind, item) "
        "values ($1, now(), $2, 'gains', 'hardship_aid', 'living')",
        new_id(),
        asked["id"],
    )

    await rehearsals.run(background, asked["id"])

    seen = await look(office, asked)
    assert (seen["state"], seen["gains"]) == ("done", 0)
    assert await lines(office, asked, "gains") == []


async def test_rules_that_break_fail_the_whole_rehearsal(
    office: Office, background: Jobs, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.household(await world.person(), (await world.town()).units[0])
    policy_id = await office.propose("hardship_aid", living=halved_living())
    asked = await ask(office, policy_id)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("app.kinds.hardship_aid.rules.judge", broken)
    await rehearsals.run(background, asked["id"])

    seen = await look(office, asked)
    assert (seen["state"], seen["failure"], seen["evaluated"], seen["after_fen"]) == ("failed", "rules_failed", 0, 0)
    for effect in ("gains", "loses", "more", "less", "unevaluable"):
        assert await lines(office, asked, effect) == []


async def test_claims_are_asked_again_by_a_proposed_scheme(
    office: Office, background: Jobs, client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    someone = await world.worker(town.units[0])
    claimed = await client.post(
        "/applications",
        json={"kind": "secondary_medical", "form": make.secondary_medical()},
        headers=someone.headers | make.keyed(),
    )
    submitted = await client.post(
        f"/applications/{claimed.json()['id']}/submit",
        headers=someone.headers | make.keyed() | {"If-Match": claimed.headers["etag"]},
    )
    assert submitted.json()["state"] == "submitted", submitted.text
    paid = submitted.json()["decision"]["amount_fen"]
    scheme = latest("secondary_medical")
    first = scheme["benefits"][0]
    policy_id = await office.propose("secondary_medical", benefits=[first | {"rates_bp": [1]}, *scheme["benefits"][1:]])

    asked = await rehearsed(office, background, policy_id)

    found = [line for effect in ("less", "loses") for line in await lines(office, asked, effect)]
    line = next(each for each in found if each["application_id"] == claimed.json()["id"])
    assert line["before_fen"] == paid
    assert line["after_fen"] < paid


async def test_a_claim_whose_facts_cannot_be_read_is_listed_and_spoils_no_other(
    office: Office, background: Jobs, world: World
) -> None:
    town = await world.town()
    bare = await world.application(await world.person(), town.units[0], kind=Kind.SECONDARY_MEDICAL)
    policy_id = await office.propose("secondary_medical")

    asked = await rehearsed(office, background, policy_id)

    assert (await look(office, asked))["state"] == "done"
    unread = {line["application_id"]: line["rule"] for line in await lines(office, asked, "unevaluable")}
    assert unread[str(bare.id)] == "facts_unreadable"


async def test_only_what_has_not_begun_can_be_rehearsed(office: Office, owner: asyncpg.Connection) -> None:
    shipped = await owner.fetchval(
        "select id from policy_version where origin = 'shipped' and in_force_from <= $1 limit 1", make.TODAY
    )
    refused(await office.send(office.proposer, f"/{shipped}/rehearsals"), 409, "not_rehearsable")


async def test_whoever_may_not_rehearse_is_told_so(office: Office, world: World) -> None:
    policy_id = await office.propose("hardship_aid")
    for role, status in ((Role.AUDITOR, 403), (Role.UNIT_CLERK, 403), (Role.SYSTEM_ADMIN, 403)):
        someone = await world.staff(role, office.city)
        refused(await office.send(someone, f"/{policy_id}/rehearsals"), status, "not_allowed")


async def test_a_rehearsal_is_found_only_under_its_own_policy(office: Office) -> None:
    one, other = await office.propose("hardship_aid"), await office.propose("hardship_aid")
    asked = await ask(office, one)
    path = f"/staff/policies/{other}/rehearsals/{asked['id']}"
    refused(await office.client.get(path, headers=office.proposer.headers), 404, "rehearsal_not_found")


async def test_the_rehearsals_of_a_policy_are_listed_the_newest_first(office: Office) -> None:
    policy_id = await office.propose("hardship_aid")
    asked = [await ask(office, policy_id), await ask(office, policy_id)]
    path = f"/staff/policies/{policy_id}/rehearsals"
    seen = await office.client.get(path, headers=office.proposer.headers)
    assert seen.status_code == 200, seen.text
    assert [each["id"] for each in seen.json()["items"]] == [each["id"] for each in reversed(asked)]
