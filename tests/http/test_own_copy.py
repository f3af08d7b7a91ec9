"""The copy of one's data is complete: every table with somebody's id in it is in the copy, or left out for a reason."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
from sqlalchemy import Column, LargeBinary, MetaData, Table, Uuid

from app import tables
from app.appointments.tables import PostChange
from app.articles.tables import Article, ArticlePerson
from app.contact_cards.tables import ContactCard, ResponsiblePerson
from app.db.base import metadata, table_of
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.messaging.tables import Message, MessageSending
from app.organisations.tables import Post
from app.own_copy.parts import BY_OTHERS, LEFT_OUT, PARTS
from app.own_copy.queries import AT_MOST
from app.reaching.tables import TextMessage
from app.wechat.tables import WechatGrant
from tests import make
from tests.db.lots import Lot, lot
from tests.make import World

SOMEBODYS = re.compile(r"\A((subject_)?person|household|applicant|head|claimant)(_[ab])?_id\Z")
NOT_IN_THIS_STATE = {
    *(("visit", name) for name in ("objection", "position", "cancelled_because")),
    *(("discrepancy", name) for name in ("answer", "note")),
    *(("match_result", name) for name in ("found", "in_file")),
    ("change_request", "decision_note"), ("plan", "result_note"), ("appeal", "reply"), ("supplement", "answer"),
    ("declared_relative", "end_note"),
}  # fmt: skip
"""What the rows of this test are too young to have."""
BY_NUMBER = {"cover", "proxy_filing", "proxy_application", "household_member"}
BY_APPLICATION = {"rating", "earlier_submission", "claim_mark", "drawing", "payment_line", "payment_check"}


def about_people(found: Iterable[Table]) -> set[str]:
    """The tables with a column that says whose a row is."""
    return {
        table.name
        for table in found
        if table.name == "person" or any(SOMEBODYS.match(column.name) for column in table.c)
    }


def copied() -> set[str]:
    return {str(part.model.__tablename__) for part in PARTS.values()} | set(BY_OTHERS)


def test_every_table_with_somebodys_id_is_in_the_copy_or_left_out_for_a_reason() -> None:
    assert tables.metadata is metadata
    walked = about_people(metadata.tables.values())
    # A step of an application is in it, as its timeline; whoever took the step is not whom it is about.
    assert walked - {"application", "passage"} - copied() - set(LEFT_OUT) == set()
    assert {"visit", "match_result", "duplicate_flag", "audit_entry", "watch_task"} <= walked
    assert copied() & set(LEFT_OUT) == set()
    assert (copied() | set(LEFT_OUT)) - walked <= BY_NUMBER | BY_APPLICATION
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_a_table_that_somebody_forgets_is_found() -> None:
    forgotten = Table("forgotten", MetaData(), Column("id", Uuid), Column("household_id", Uuid))
    assert about_people([forgotten]) - copied() - set(LEFT_OUT) == {"forgotten"}


def test_every_column_of_a_part_is_shown_or_hidden_and_nothing_sealed_is_shown_as_it_is() -> None:
    for name, part in PARTS.items():
        table = table_of(part.model)
        told = [*part.plain, *part.texts, *part.documents, *part.hidden]
        assert sorted(told) == sorted(column.name for column in table.c), name
        sealed = {column.name for column in table.c if isinstance(column.type, LargeBinary)}
        assert not sealed & set(part.plain), name
        assert not [each for each in (*part.plain, *part.texts, *part.documents) if each.endswith("_index")]


async def marked(owner: asyncpg.Connection, world: World, one: Lot) -> dict[str, set[str]]:
    """Seals words of its own into every sealed place of every row that is somebody's; answers them by part."""
    words: dict[str, set[str]] = {}
    households = [
        row["id"] for row in await owner.fetch("select id from household where person_id = $1", one.someone.id)
    ]
    applications = [
        row["id"] for row in await owner.fetch("select id from application where applicant_id = $1", one.someone.id)
    ]
    index = world.keyring.blind_index("person.id_number", one.someone.id_number)
    values: dict[str, Any] = {"household_id": households, "application_id": applications, "id_number_index": [index]}
    await owner.execute("set session_replication_role = replica")  # what is appended only is never changed otherwise
    for name, part in PARTS.items():
        table, words[name] = str(part.model.__tablename__), set()
        by = "person_id" if part.whose == "claimant_or_person" else part.whose
        sealed_as, of = part.sealed_as or (table, "id")
        rows = await owner.fetch(
            f"select id, {of} as of_row from {table} where {by} = any($1)", values.get(by, [one.someone.id])
        )
        assert rows, f"nobody has made a row of {name} for this test"
        for row in rows:
            for column in (*part.texts, *part.documents):
                if (table, column) == ("household", "form"):
                    continue
                word = make.unique("ZQ")
                plain = orjson.dumps({"said": word}) if column in part.documents else word.encode()
                sealed = world.keyring.seal(f"{sealed_as}.{column}", row["of_row"], plain)
                try:
                    await owner.execute(f"update {table} set {column} = $2 where id = $1", row["id"], sealed)
                except asyncpg.CheckViolationError:
                    assert (table, column) in NOT_IN_THIS_STATE
                else:
                    words[name].add(word)
    await owner.execute("set session_replication_role = origin")
    return words


async def full_lot(world: World, owner: asyncpg.Connection) -> Lot:
    """Somebody with a row in every part of the copy."""
    one = await lot(world, owner)
    household_id = await owner.fetchval("select id from household where person_id = $1", one.someone.id)
    common: dict[str, Any] = {"created_at": make.NOW, "household_id": household_id, "sequence": 1}
    responsible_id = new_id()
    await world.insert(
        ResponsiblePerson, id=responsible_id, person_id=one.clerk.id, name=b"-", phone=b"-", organisation_name="x",
        from_date=make.NOW, assigned_by=one.clerk.id, **common,
    )  # fmt: skip
    await world.insert(
        ContactCard, id=new_id(), serial=make.unique("K-"), responsible_id=responsible_id, content=b"-",
        sha256="0" * 64, **common,
    )  # fmt: skip
    await world.household(one.someone, one.home, state="lifted", members=[])
    await world.insert(
        Post, id=new_id(), created_at=make.NOW, person_id=one.someone.id, organisation_id=one.home.id,
        role=Role.HOME_VISITOR, from_date=make.TODAY - timedelta(days=9),
    )  # fmt: skip
    change_id = new_id()
    await world.insert(
        PostChange, id=change_id, created_at=make.NOW, kind="appoint", person_id=one.someone.id, person_masked="*",
        person_name=world.keyring.seal_text("post_change.person_name", change_id, one.someone.name),
        role=Role.UNIT_CHAIR, organisation_id=one.home.id, organisation_name="x", from_date=make.TODAY, basis="x",
        state="refused", version=2, proposed_by=one.clerk.id, proposed_masked="*", decided_by=new_id(),
        decided_masked="*", decided_at=make.NOW, note="x",
        **{f"{tier}_id": union_id for tier, union_id in one.home.ancestors.items()},
    )  # fmt: skip
    message_id = new_id()
    await world.insert(
        Message, id=message_id, created_at=make.NOW, person_id=one.someone.id, once=make.unique("x"), kind="review_due",
        title="x", text="x", subject_kind="household", subject_id=household_id,
    )  # fmt: skip
    await world.insert(
        MessageSending, id=new_id(), created_at=make.NOW, message_id=message_id, person_id=one.someone.id, kind="card",
        template="to_do", state="sent", due_at=make.NOW, moved_at=make.NOW, attempts=1, grant_id=new_id(),
        reference=make.unique("9"), errcode=0, told_at=make.NOW,
    )  # fmt: skip
    await world.insert(
        TextMessage, id=new_id(), created_at=make.NOW, message_id=message_id, person_id=one.someone.id, state="sent",
        due_at=make.NOW, moved_at=make.NOW,
    )  # fmt: skip
    article_id = new_id()
    await world.insert(
        Article, id=article_id, created_at=make.NOW, city_id=one.home.ancestors["city"] or one.home.id,
        organisation_name="x", kind="story", state="draft", version=1, revision=1, title=b"-", author_id=one.clerk.id,
        updated_at=make.NOW,
    )  # fmt: skip
    await world.insert(
        ArticlePerson, id=new_id(), created_at=make.NOW, article_id=article_id, person_id=one.someone.id,
        number_index=b"-", name=b"-", added_by=one.clerk.id, removed_at=make.NOW,
    )  # fmt: skip
    await world.insert(
        WechatGrant, id=new_id(), created_at=make.NOW, person_id=one.someone.id, template="to_do", lasting=False,
        hinted_at=make.NOW, confirmed_at=make.NOW, used_at=make.NOW, revoked_at=make.NOW,
    )  # fmt: skip
    await world.file(one.someone, sha256="cd" * 32)
    return one


async def test_the_copy_says_all_that_is_kept_of_somebody_and_nothing_of_others(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    one, other = await full_lot(world, owner), await full_lot(world, owner)
    words, others = await marked(owner, world, one), await marked(owner, world, other)
    answer = await client.get("/me/export", headers=one.someone.headers)
    assert answer.status_code == 200, answer.text
    copy = answer.json()
    assert set(copy) > {*PARTS, "person", "household", "applications", "files"}
    for name, expected in words.items():
        said = orjson.dumps(copy[name]).decode()
        assert copy[name], name
        assert [word for word in expected if word not in said] == [], name
    assert [word for each in others.values() for word in each if word in answer.text] == []
    assert not {str(other.someone.id), str(one.clerk.id)} & set(re.findall(r"[0-9a-f-]{36}", answer.text))
    assert copy["incomplete"] == []
    assert [each["sha256"] for each in copy["files"]] == ["cd" * 32]
    assert copy["household"]["form"]["head"]["id_number"] == one.someone.id_number
    assert [each["state"] for each in copy["former_households"]] == ["lifted"]
    assert [each["timeline"][0]["action"] for each in copy["applications"]] == ["submit"]
    looks = [each["action"] for each in copy["access_log"]]
    assert "application.opened" in looks


async def test_suspicions_of_duplicates_are_in_no_copy(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    town = await world.town()
    pair = [await world.worker(unit) for unit in town.units[:2]]
    ids = [await owner.fetchval("select id from household where person_id = $1", each.id) for each in pair]
    flag_id = new_id()
    await owner.execute(
        "insert into duplicate_flag (id, created_at, household_a_id, household_b_id, person_a_id, person_b_id, "
        "organisation_a_id, organisation_b_id, a_city_id, b_city_id, score, reasons, weights, features_index, state, "
        "seen_at, version) values ($1, now(), $2, $3, $4, $5, $6, $6, $7, $7, 90, '[]', 'x', $8, 'open', now(), 1)",
        flag_id, *sorted(ids), pair[0].id, pair[1].id, town.units[0].id, town.city.id, b"-",
    )  # fmt: skip
    for each, stranger in (pair, pair[::-1]):
        text = (await client.get("/me/export", headers=each.headers)).text
        assert str(flag_id) not in text
        assert str(stranger.id) not in text
        assert "duplicate" not in text


async def test_a_part_that_is_too_long_is_cut_and_named(
    client: httpx.AsyncClient, world: World, owner: asyncpg.Connection
) -> None:
    someone = await world.person()
    await owner.execute(
        "insert into audit_entry (id, created_at, shard, sequence, hash, action, subject_kind, subject_id, "
        "subject_person_id, details) select gen_random_uuid(), now() - n * interval '1 minute', 0, 0, '', 'tested', "
        "'person', $1, $1, '{}' from generate_series(0, $2) n", someone.id, AT_MOST,
    )  # fmt: skip
    copy = (await client.get("/me/export", headers=someone.headers)).json()
    assert (len(copy["access_log"]), copy["incomplete"]) == (AT_MOST, ["access_log"])
    newest = [each["created_at"] for each in copy["access_log"]]
    assert newest == sorted(newest, reverse=True)
    assert UUID(copy["person"]["id"]) == someone.id
