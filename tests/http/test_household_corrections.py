"""What staff write into a file: corrections, its class, the cohort of 2016; and what they never do."""

from typing import Any

import httpx
import pytest

from tests import make
from tests.http.household_acts import put, seen
from tests.make import Someone, Town, World


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"head": {"name": "别人"}}, "identity_needs_request"),
        ({"head": {"id_number": make.id_number()}}, "identity_needs_request"),
        ({"members": [{"name": "别人"}, {}]}, "identity_needs_request"),
        ({"members": [{"id_number": make.id_number()}, {}]}, "identity_needs_request"),
        ({"members": [{}]}, "household_size_needs_request"),
        ({"members": [{}, {}, {}]}, "household_size_needs_request"),
    ],
)
async def test_a_clerk_never_corrects_who_the_household_is(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], change: dict[str, Any], code: str
) -> None:
    file = await world.household(await world.person(), town.units[0])
    refused = await put(client, office["clerk"], seen(file), "form", form=change, reason="更正")
    assert (refused.status_code, refused.json()["code"]) == (409, code), refused.text


async def test_a_clerk_completes_and_corrects_the_rest(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    someone = await world.person()
    file = await world.household(someone, town.units[0])
    change = {
        "head": {"sex": "male"},
        "members": [{}, {"health": "weak"}],
        "address": "新地址",
        "floor_area": "up_to_20",
    }
    done = await put(client, office["clerk"], seen(file), "form", form=change, reason="入户核实")
    assert (done.status_code, done.json()["version"]) == (200, 2), done.text
    mine = (await client.get("/me/household", headers=someone.headers)).json()["form"]
    assert (mine["head"]["sex"], mine["members"][1]["health"], mine["address"]) == ("male", "weak", "新地址")
    assert mine["head"]["id_number"] == someone.id_number
    wrong = await put(client, office["clerk"], seen(file, 2), "form", form={"floor_area": "palace"}, reason="更正")
    assert [(e["pointer"], e["code"]) for e in wrong.json()["errors"]] == [("/form/floor_area", "code_unknown")]
    chair = await put(client, office["chair"], seen(file, 2), "form", form={}, reason="更正")
    assert chair.status_code == 403


@pytest.mark.parametrize("state", ["returned", "district_review", "public_notice", "exit_notice", "lifted"])
async def test_a_file_that_is_not_with_the_unit_is_not_corrected_there(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone], state: str
) -> None:
    file = await world.household(await world.person(), town.units[0], state=state)
    refused = await put(client, office["clerk"], seen(file), "form", form={"address": "新地址"}, reason="更正")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_allowed_now")


async def test_another_class_than_the_criteria_find_needs_words(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0], state="district_review")
    silent = await put(client, office["district"], seen(file), "class", category="relative", archive_level="grassroots")
    assert silent.json()["errors"][0]["code"] == "note_required"
    older = await put(
        client, office["district"], seen(file), "class", category="dibao_household", archive_level="county", note="旧"
    )
    assert older.json()["code"] == "class_not_of_criteria"
    done = await put(
        client, office["district"], seen(file), "class", category="relative", archive_level="grassroots", note="核实"
    )
    assert done.status_code == 200
    shown = (await client.get(f"/staff/households/{file}", headers=office["district"].headers)).json()
    assert (shown["category"], shown["archive_level"], shown["self_raised_only"]) == ("relative", "grassroots", True)
    assert shown["proposed"]["category"] == "deep"


async def test_the_cohort_of_2016_is_marked_by_the_city_alone(
    client: httpx.AsyncClient, world: World, town: Town, office: dict[str, Someone]
) -> None:
    file = await world.household(await world.person(), town.units[0])
    refused = await put(client, office["district"], seen(file), "cohort", fixed_on="2016-10-31")
    assert refused.status_code == 403
    future = await put(client, office["city"], seen(file), "cohort", fixed_on="2099-01-01")
    assert future.json()["errors"][0]["code"] == "date_in_future"
    done = await put(client, office["city"], seen(file), "cohort", fixed_on="2016-10-31")
    assert done.status_code == 200
    shown = (await client.get(f"/staff/households/{file}", headers=office["city"].headers)).json()
    assert (shown["cohort_2016"], shown["cohort_fixed_on"]) == (True, "2016-10-31")
    taken = await put(client, office["city"], seen(file, 2), "cohort", fixed_on=None)
    assert taken.status_code == 200
