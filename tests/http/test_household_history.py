"""The history of a file: what differs is told place by place, and undone it is the file of before."""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.statements import Statement
from app.households.changes import By, as_of, replace_form
from app.households.history import ABSENT, differences, undone
from app.households.masking import masked
from app.jobs.running import Jobs
from app.kernel.actor import Role
from app.kernel.business_time import SHANGHAI, business_date
from tests import make
from tests.make import World
from tests.thorough import thorough

LEAVES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "/", "~1", "零"])
NAMES = st.sampled_from(["id_number", "kind", "a", "b", "", "0", "a/b", "~"])
VALUES = st.recursive(
    LEAVES, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3), max_leaves=12
)
FORMS = st.dictionaries(NAMES, VALUES, max_size=4)
PEOPLE = st.fixed_dictionaries(
    {"id_number": st.sampled_from("abc"), "income": st.integers(0, 2)}, optional={"x": LEAVES}
)
HOUSEHOLDS = st.fixed_dictionaries({"members": st.lists(PEOPLE, max_size=3), "rest": VALUES})


@thorough
@given(FORMS, FORMS)
def test_what_differs_undone_is_the_form_of_before(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert undone(new, differences(old, new)) == old


@thorough
@given(HOUSEHOLDS, HOUSEHOLDS, HOUSEHOLDS)
def test_two_changes_are_undone_one_after_the_other(
    first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]
) -> None:
    changes = (*differences(second, third), *differences(first, second))
    assert undone(third, changes) == first


@thorough
@given(FORMS)
def test_a_form_does_not_differ_from_itself(form: dict[str, Any]) -> None:
    assert differences(form, deepcopy(form)) == ()


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": 1}, {"a": True}, [("/a", 1, True)]),
        ({"a": [1]}, {"a": [True]}, [("/a", [1], [True])]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [("/a/c", 2, ABSENT)]),
        ({}, {"a/b": None}, [("/a~1b", ABSENT, None)]),
        (
            {"m": [{"id_number": "x", "income": 1}, {"id_number": "y"}]},
            {"m": [{"id_number": "x", "income": 2}, {"id_number": "y"}]},
            [("/m/0/income", 1, 2)],
        ),
        (
            {"m": [{"id_number": "x"}]},
            {"m": [{"id_number": "y"}]},
            [("/m", [{"id_number": "x"}], [{"id_number": "y"}])],
        ),
        ({"m": ["a", "b"]}, {"m": ["b", "a"]}, [("/m", ["a", "b"], ["b", "a"])]),
    ],
)
def test_a_difference_is_told_at_its_deepest_place(
    old: dict[str, Any], new: dict[str, Any], changes: list[tuple[str, Any, Any]]
) -> None:
    found = differences(old, new)
    assert [(c.pointer, c.before, c.after) for c in found] == changes
    assert [type(c.after) for c in found] == [type(after) for _, _, after in changes]


def test_staff_see_amounts_and_codes_and_no_names_numbers_or_words() -> None:
    member = make.member("spouse", name="林阿妹", number="99000119800101001X", birth_date="1980-01-01")
    shown = masked("members", [member])[0]
    assert (shown["name"], shown["id_number"]) == ("林*妹", "990001********001X")
    assert (shown["relation"], shown["health"], shown["income_fen_yearly"]) == ("spouse", "healthy", 0)
    assert shown["birth_date"] == masked("address", "金霞街道") == masked("a field to come", "x") == "****"


# ---- as it is kept ----


ROW = Statement("select * from household where id = $1 for update", ("id",), {})
EDITS: list[Callable[[random.Random, dict[str, Any]], None]] = [
    lambda dice, form: form.update(income_fen_yearly=dice.randrange(3)),
    lambda dice, form: form.update(secondary_causes=dice.sample(["other", "accident", "laid_off"], dice.randrange(3))),
    lambda dice, form: form["members"].insert(0, make.member("son")),
    lambda dice, form: form["members"] and form["members"].pop(),
    lambda dice, form: form["members"] and form["members"][-1].update(income_fen_yearly=dice.randrange(3)),
    lambda dice, form: form.update(single_parent=dice.choice([True, False])),
    lambda dice, form: form.pop("single_parent", None),
]


@pytest.mark.parametrize("seed", range(40))
async def test_the_file_of_a_day_is_the_copy_that_was_made_that_day(
    world: World, owner: asyncpg.Connection, background: Jobs, seed: int
) -> None:
    dice, someone = random.Random(seed), await world.person()
    household_id = await world.household(someone, await world.union("city"))
    first_day = make.TODAY - timedelta(days=40)
    submitted = datetime(first_day.year, first_day.month, first_day.day, 23, 59, 59, tzinfo=SHANGHAI)
    await owner.execute("update household set submitted_at = $2 where id = $1", household_id, submitted)
    async with background.work() as work:
        row = await work.transaction.row(ROW, id=household_id)
        assert row is not None
        form = work.keyring.open_document("household.form", household_id, row["form"])
    instants = sorted(submitted + timedelta(seconds=dice.randrange(39 * 86_400)) for _ in range(dice.randrange(1, 12)))
    copies = {first_day: deepcopy(form)}
    for at in instants:
        form = deepcopy(form)
        for edit in dice.sample(EDITS, dice.randrange(1, 4)):
            edit(dice, form)
        async with background.work() as work:
            row = await work.transaction.row(ROW, id=household_id)
            assert row is not None
            await replace_form(replace(work, now=at), row, form, "staff", "核实", By(someone.id, "unit_clerk", "工会"))
        copies[business_date(at)] = deepcopy(form)
    async with background.work() as work:
        row = await work.transaction.row(ROW, id=household_id)
        assert row is not None
        assert await as_of(work.transaction, work.keyring, row, first_day - timedelta(days=1)) is None
        expected: dict[str, Any] = {}
        for n in range(41):
            day = first_day + timedelta(days=n)
            expected = copies.get(day, expected)
            then = await as_of(work.transaction, work.keyring, row, day)
            assert then is not None
            assert then["then"] == expected, day


async def test_what_a_worker_corrects_is_kept_and_what_staff_see_of_it_is_masked(
    client: httpx.AsyncClient, world: World
) -> None:
    town = await world.town()
    someone, chair = await world.person(), await world.staff(Role.UNIT_CLERK, town.units[0])
    stranger = await world.staff(Role.UNIT_CHAIR, town.units[1])
    form = make.household_form(someone)
    form["head"]["organisation_code"] = town.units[0].code
    address = "/me/household"
    saved = await client.put(address, json=form, headers=someone.headers)
    assert (await client.get(f"{address}/changes", headers=someone.headers)).status_code == 404
    drafted = await client.put(
        address, json=form | {"address": "旧址"}, headers=someone.headers | {"If-Match": saved.headers["etag"]}
    )
    headers = someone.headers | make.keyed() | {"If-Match": drafted.headers["etag"]}
    file = (await client.post(f"{address}/submit", headers=headers)).json()
    assert (await client.get(f"{address}/changes", headers=someone.headers)).json()["items"] == []
    headers = chair.headers | make.keyed() | {"If-Match": f'"{file["version"]}"'}
    body = {"action": "return", "note": "请补充"}
    file = (await client.post(f"/staff/households/{file['id']}/actions", json=body, headers=headers)).json()
    form["members"][0]["name"] = "陈大雨"
    corrected = form | {"address": "新址", "income_fen_yearly": 5}
    headers = someone.headers | {"If-Match": f'"{file["version"]}"'}
    assert (await client.put(address, json=corrected, headers=headers)).status_code == 200
    own = (await client.get(f"{address}/changes?limit=2", headers=someone.headers)).json()
    rest = await client.get(f"{address}/changes?limit=2&cursor={own['next_cursor']}", headers=someone.headers)
    items = [*own["items"], *rest.json()["items"]]
    assert {each["pointer"]: (each["before"], each["after"]) for each in items} == {
        "/members/0/name": ("陈小雨", "陈大雨"),
        "/address": ("旧址", "新址"),
        "/income_fen_yearly": (24_000_00, 5),
    }
    assert {(each["source"], each["by"]["who"], each["version"]) for each in items} == {
        ("self", "self", file["version"] + 1)
    }
    path = f"/staff/households/{file['id']}/changes"
    seen = (await client.get(path, headers=chair.headers)).json()["items"]
    assert {each["pointer"]: (each["before"], each["after"]) for each in seen} == {
        "/members/0/name": ("陈*雨", "陈*雨"),
        "/address": ("****", "****"),
        "/income_fen_yearly": (24_000_00, 5),
    }
    assert (await client.get(path, headers=stranger.headers)).status_code == 404
    assert (await client.get(path, headers=someone.headers)).status_code == 403


async def test_a_file_is_answered_as_of_a_day(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    someone = await world.person()
    chair = await world.staff(Role.DISTRICT_REVIEWER, town.districts[0])
    household_id = await world.household(someone, town.units[0], state="active")
    submitted = make.NOW - timedelta(days=9)
    await owner.execute("update household set submitted_at = $2, active_at = $3 where id = $1",
                        household_id, submitted, make.NOW - timedelta(days=3))  # fmt: skip
    steps = [("submit", "draft", "submitted", 9), ("approve", "submitted", "active", 3)]
    for action, before, after, days in steps:
        await owner.execute(
            "insert into household_passage (id, created_at, household_id, round, action, from_state, to_state, "
            "counts_as_review) values (gen_random_uuid(), $1, $2, 1, $3, $4, $5, false)",
            make.NOW - timedelta(days=days), household_id, action, before, after,
        )  # fmt: skip
    for headers, path in ((chair.headers, f"/staff/households/{household_id}"), (someone.headers, "/me/household")):
        told = {}
        for days in (10, 9, 4, 3, 0, -1):
            day = make.TODAY - timedelta(days=days)
            answer = await client.get(f"{path}?as_of={day}", headers=headers)
            told[days] = (
                answer.json().get("state", answer.status_code) if answer.status_code == 200 else answer.status_code
            )
        assert told == {10: 404, 9: "submitted", 4: "submitted", 3: "active", 0: "active", -1: 422}
