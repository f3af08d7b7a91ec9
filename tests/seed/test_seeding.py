"""The demo world in a real database."""

import time
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.db.database import Database
from app.db.transaction import Sight
from app.households.exits import DECISION, EVIDENCE
from app.households.forms import HouseholdForm
from app.households.members import ID_NUMBER as MEMBER_NUMBER
from app.households.path import DEAD_STATES, PATH, way_back
from app.households.queries import FORM
from app.households.steps import NOTE
from app.kernel.business_time import business_date
from app.kernel.masking import mask_name
from app.people.card_commands import CARD_NUMBER, HOLDER
from app.people.commands import ID_NUMBER, NAME, OPENID, PHONE
from app.people.consents import Purpose, consent_texts
from app.seed.commands import HOUSEHOLDS, DatabaseInUse, seed_demo
from app.seed.personas import personas
from app.simulator.codes import openid
from tests.seed.conftest import APPID, KEYRING, NOW

TABLES = (
    "organisation person post consent bank_card household household_member household_passage cover audit_entry "
    "out_message application household_exit watch_task"
).split()


async def fetch(database: Database, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    async with database.begin(Sight("job")) as transaction:
        rows: list[asyncpg.Record] = await transaction.connection.fetch(sql, *arguments)
        return rows


async def everything(database: Database) -> dict[str, Any]:
    digest = "select count(*), md5(string_agg(t::text, '|' order by id)) from {} t"
    return {table: tuple((await fetch(database, digest.format(table)))[0]) for table in TABLES}


async def test_the_answer_names_every_union_and_persona(told: dict[str, Any]) -> None:
    by_code = {row["code"]: row for row in told["organisations"]}
    assert set(told["organisations"][0]) == {"id", "code", "name", "level", "parent_code"}
    assert by_code["440500"]["parent_code"] is None
    assert by_code["440523"] | {"id": ""} == {
        "id": "", "code": "440523", "name": "南澳县总工会", "level": "district", "parent_code": "440500",
    }  # fmt: skip
    assert all(row["parent_code"] in by_code for row in told["organisations"] if row["code"] != "440500")
    assert [row["name"] for row in told["personas"]] == [who.sim_name for who in personas()]
    chair = next(row for row in told["personas"] if row["name"] == "chair-longhu")
    assert chair == {
        "name": "chair-longhu", "sim_code": "sim:chair-longhu", "person": "陈泽鹏",
        "note": "汕头市榕汐电子有限公司工会主席：审核本单位职工的家庭档案和申请",
        "roles": [{"role": "unit_chair", "organisation_code": "440507-S01-U01"}],
    }  # fmt: skip


async def test_seeding_again_changes_nothing_and_says_the_same(told: dict[str, Any], seed_database: Database) -> None:
    before = await everything(seed_database)
    again = await seed_demo(seed_database, KEYRING, appid=APPID, seed=1, households=5, now=NOW + timedelta(days=40))
    assert again == told
    assert await everything(seed_database) == before


async def test_a_database_with_other_unions_is_left_alone(told: dict[str, Any], seed_database: Database) -> None:
    before = await everything(seed_database)
    with pytest.raises(DatabaseInUse):
        await seed_demo(seed_database, KEYRING, appid="wx-of-somebody-else", now=NOW)
    assert await everything(seed_database) == before


async def test_an_empty_database_is_seeded_within_three_seconds_or_not_at_all(empty_database: Database) -> None:
    with pytest.raises(ValueError, match="told apart"):
        await seed_demo(empty_database, KEYRING, appid=APPID, households=100_000, now=NOW)
    assert await fetch(empty_database, "select id from organisation") == []
    began = time.perf_counter()
    await seed_demo(empty_database, KEYRING, appid=APPID, now=NOW)
    assert time.perf_counter() - began < 3
    assert len(await fetch(empty_database, "select id from household")) >= HOUSEHOLDS


@pytest.mark.usefixtures("told")
async def test_every_union_knows_its_ancestors_on_each_tier(seed_database: Database) -> None:
    rows = await fetch(seed_database, "select * from organisation")
    by_id = {row["id"]: row for row in rows}
    for row in rows:
        expected = dict.fromkeys(("city", "district", "street", "unit"))
        at: asyncpg.Record | None = row
        while at is not None:
            expected[at["tier"]] = at["id"]
            at = by_id[at["parent_id"]] if at["parent_id"] else None
        assert {tier: row[f"{tier}_id"] for tier in expected} == expected
        if row["level"] == "industry":
            assert row["district_id"] == row["id"]


@pytest.mark.usefixtures("told")
async def test_a_persona_is_found_by_the_openid_of_the_simulator_and_holds_the_posts(seed_database: Database) -> None:
    rows = await fetch(
        seed_database,
        """
        select p.*, array_agg(t.role || '@' || o.code) filter (where t.id is not null) posts
        from person p left join post t on t.person_id = p.id and t.from_date <= $1
          left join organisation o on o.id = t.organisation_id group by p.id
        """,
        business_date(NOW),
    )
    by_index = {row["openid_index"]: row for row in rows}
    for who in personas():
        row = by_index.get(KEYRING.blind_index(OPENID, openid(APPID, who.sim_name)))
        assert (row is not None) == who.signed_up
        if row is not None:
            assert KEYRING.open_text(NAME, row["id"], row["name"]) == who.name
            assert KEYRING.open_text(ID_NUMBER, row["id"], row["id_number"]) == who.id_number
            assert KEYRING.open_text(PHONE, row["id"], row["phone"]) == who.phone
            assert KEYRING.open_text(OPENID, row["id"], row["openid"]) == openid(APPID, who.sim_name)
            assert row["id_number_index"] == KEYRING.blind_index(ID_NUMBER, who.id_number)
            assert row["name_masked"] == mask_name(who.name)
            assert row["phone_masked"].startswith("199****")
            assert row["posts"] == ([f"{role}@{who.union.code}" for role in who.roles] or None)


@pytest.mark.usefixtures("told")
async def test_whoever_has_a_file_has_consented_to_everything_and_has_a_card(seed_database: Database) -> None:
    rows = await fetch(
        seed_database,
        """
        select p.id, p.name, c.id card_id, c.holder, c.number, c.state,
          (select array_agg(purpose || ' ' || text_sha256) from consent where person_id = p.id) consents
        from person p join household h on h.person_id = p.id join bank_card c on c.person_id = p.id
        """,
    )
    assert len(rows) == HOUSEHOLDS + sum(who.file is not None for who in personas())
    expected = {f"{purpose} {consent_texts()[purpose].sha256}" for purpose in Purpose}
    for row in rows:
        assert set(row["consents"]) == expected
        assert KEYRING.open_text(HOLDER, row["card_id"], row["holder"]) == KEYRING.open_text(
            NAME, row["id"], row["name"]
        )
        assert KEYRING.open_text(CARD_NUMBER, row["card_id"], row["number"]).startswith("621700")
        assert row["state"] == "current"


@pytest.mark.usefixtures("told")
async def test_every_sealed_form_opens_and_is_whole(seed_database: Database) -> None:
    rows = await fetch(
        seed_database,
        """
        select h.*, o.division_code, o.code, o.receives_unattached, p.id_number_index,
          (select id from consent where person_id = p.id and purpose = 'child_data') child_consent_id
        from household h join organisation o on o.id = h.unit_id join person p on p.id = h.person_id
        """,
    )
    held = await fetch(seed_database, "select household_id, relation, id_number_index, living from household_member")
    for row in rows:
        form = HouseholdForm.model_validate(KEYRING.open_document(FORM, row["id"], row["form"]))
        assert row["head_masked"] == mask_name(form.head.name)
        assert KEYRING.blind_index(ID_NUMBER, form.head.id_number) == row["id_number_index"]
        assert form.head.organisation_code == (None if row["receives_unattached"] else row["code"])
        assert form.division_code == row["division_code"]
        assert row["number"].startswith(f"DA-{row['division_code']}-{business_date(row['created_at']).year}-")
        told = [("self", form.head.id_number), *((member.relation, member.id_number) for member in form.members)]
        expected = {
            (relation, KEYRING.blind_index(MEMBER_NUMBER, number), row["state"] not in DEAD_STATES)
            for relation, number in told
        }
        found = {tuple(each)[1:] for each in held if each["household_id"] == row["id"]}
        assert found == (set() if row["state"] == "draft" else expected)
        for member in form.members:
            child = member.id_number[6:14] > "20121123"
            assert member.child_consent_id == (row["child_consent_id"] if child else None)


@pytest.mark.usefixtures("told")
async def test_every_file_came_along_the_path_to_where_it_stands(seed_database: Database) -> None:
    files = await fetch(seed_database, "select * from household")
    passages = await fetch(seed_database, "select * from household_passage order by created_at, id")
    for row in files:
        state, before, at = "draft", None, row["created_at"]
        taken = [each for each in passages if each["household_id"] == row["id"]]
        for each in taken:
            step = PATH.step(state, each["action"], before)
            before = way_back(step, before)
            assert (each["from_state"], each["to_state"]) == (state, step.to)
            assert each["counts_as_review"] == step.counts_as_review
            assert at < each["created_at"] < NOW
            assert (each["note"] is not None) == step.needs_note
            if each["note"] is not None:
                assert KEYRING.open_text(NOTE, each["id"], each["note"])
            state, at = step.to, each["created_at"]
        assert (row["state"], row["version"], row["updated_at"]) == (state, 1 + len(taken), at)
        assert (row["submitted_at"] is None) == (state == "draft")
        assert (row["active_at"] is None) == all(each["to_state"] != "active" for each in taken)


@pytest.mark.usefixtures("told")
async def test_the_file_of_a_worker_was_signed_at_every_desk(
    seed_database: Database,
) -> None:
    rows = await fetch(
        seed_database,
        """
        select s.post_role, p.openid_index from household_passage s join household h on h.id = s.household_id
          join person p on p.id = s.person_id join person head on head.id = h.person_id
        where head.openid_index = $1 and s.counts_as_review order by s.created_at
        """,
        KEYRING.blind_index(OPENID, openid(APPID, "worker-chen")),
    )
    signed = [(row["post_role"], row["openid_index"]) for row in rows]
    assert signed == [
        ("unit_clerk", KEYRING.blind_index(OPENID, openid(APPID, "clerk-longhu"))),
        ("unit_chair", KEYRING.blind_index(OPENID, openid(APPID, "chair-longhu"))),
        ("district_reviewer", KEYRING.blind_index(OPENID, openid(APPID, "reviewer-longhu"))),
        ("city_leader", KEYRING.blind_index(OPENID, openid(APPID, "leader-city"))),
    ]


@pytest.mark.usefixtures("told")
async def test_every_file_that_was_left_has_its_exit_with_what_the_rules_said_of_it(seed_database: Database) -> None:
    rows = await fetch(
        seed_database,
        "select h.state as file, h.left_at, h.relieved_at, h.cancel_code, x.* from household h "
        "left join household_exit x on x.household_id = h.id where h.state in ('lifted', 'relieved', 'cancelled')",
    )
    assert {row["file"] for row in rows} == {"lifted", "relieved", "cancelled"}
    judged = 0
    for row in rows:
        assert (row["kind"], row["state"], row["code"]) == (row["file"], "ended", row["cancel_code"])
        assert row["ended_at"] == (row["relieved_at"] if row["file"] == "relieved" else row["left_at"])
        evidence = KEYRING.open_document(EVIDENCE, row["id"], row["evidence"])
        assert (evidence["income_fen_yearly"] is None) == (row["kind"] == "cancelled")
        if row["decision"] is not None:
            decision = KEYRING.open_document(DECISION, row["id"], row["decision"])
            assert {reason["met"] for reason in decision["reasons"]} == {True}
            judged += 1
    assert judged > 0
    watched = await fetch(
        seed_database,
        "select months, count(*), count(*) filter (where (done_at is null) = (due_on >= $1)) as told from watch_task "
        "group by 1", business_date(NOW),
    )  # fmt: skip
    lifted = sum(row["file"] == "lifted" for row in rows)
    assert {(row["months"], row["count"], row["told"]) for row in watched} == {
        (6, lifted, lifted),
        (12, lifted, lifted),
    }


async def test_a_covered_worker_is_covered_today_under_their_own_union(seed_database: Database) -> None:
    for who in personas():
        rows = await fetch(
            seed_database,
            """
            select c.is_renewal, o.code from cover c join organisation o on o.id = c.organisation_id
            where c.id_number_index = $1 and $2 between c.starts_on and c.ends_on
              and c.city_id = o.city_id and c.unit_id = o.unit_id and c.district_id = o.district_id
            """,
            KEYRING.blind_index(ID_NUMBER, who.id_number),
            business_date(NOW),
        )
        expected = {"no": [], "first_term": [(False, who.union.code)], "renewed": [(True, who.union.code)]}
        assert [tuple(row) for row in rows] == expected[who.covered]


@pytest.mark.usefixtures("told")
async def test_the_seeding_itself_is_in_the_audit_trail_and_no_fact_is_sent_out(seed_database: Database) -> None:
    assert [row["action"] for row in await fetch(seed_database, "select action from audit_entry")] == ["demo.seeded"]
    assert await fetch(seed_database, "select id from out_message") == []
    assert await fetch(seed_database, "select id from application") == []
