"""Policy versions through the staff's door: proposed by one, published by another, and then the law of its days."""

import asyncio
import re
from datetime import timedelta

import asyncpg
import httpx
import pytest

from app.db.database import Database
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.policies.queries import KeptPolicies
from app.policy.book import PolicyKind
from app.policy.versions import NoPolicyInForce
from app.programmes import MODELS, shipped
from tests import make
from tests.calling import every_item
from tests.http.refusals import refused
from tests.make import World
from tests.policies.making import KINDS, document, latest, pointers, proposal, some_day
from tests.policies.office import Office, opened

READERS = {
    Role.DISTRICT_REVIEWER, Role.DISTRICT_LEADER, Role.CITY_REVIEWER, Role.CITY_LEADER, Role.MUTUAL_AID_OFFICER,
    Role.AUDITOR,
}  # fmt: skip
PROPOSERS = {Role.CITY_REVIEWER, Role.MUTUAL_AID_OFFICER}
PUBLISHERS = {Role.CITY_LEADER}


@pytest.fixture(scope="module")
async def office(client: httpx.AsyncClient, world: World) -> Office:
    return await opened(client, world)


# ---- the way of a version ----


@pytest.mark.parametrize("kind", KINDS)
async def test_a_version_is_proposed_by_one_and_published_by_another(office: Office, kind: PolicyKind) -> None:
    whole = document(kind)
    answer = await office.send(office.proposer, "", {"kind": kind, "area": "440500", "document": whole})
    assert (answer.status_code, answer.json()["state"], answer.headers["etag"]) == (201, "proposed", '"1"')
    policy_id = answer.json()["id"]
    published = await office.publish(policy_id)
    assert (published.status_code, published.json()) == (200, {"id": policy_id, "state": "published", "version": 2})
    seen = await office.look(policy_id)
    assert seen["document"] == whole
    assert (seen["proposed_by"], seen["published_by"]) == (str(office.proposer.id), str(office.publisher.id))
    assert (seen["state"], seen["origin"], seen["open_actions"]) == ("published", "staff", [])


async def test_what_it_changes_is_listed_place_by_place(office: Office) -> None:
    day = some_day()
    before = latest("golden_autumn")
    policy_id = await office.propose("golden_autumn", in_force_from=str(day), note="试改")
    seen = await office.look(policy_id)
    changed = {each["pointer"]: (each["old"], each["new"]) for each in seen["diff"]}
    assert changed["/in_force_from"] == (seen["follows"]["in_force_from"], str(day))
    assert changed["/note"][1] == "试改"
    assert changed.keys() <= {"/version", "/area", "/in_force_from", "/source", "/note"}
    assert seen["follows"]["in_force_from"] < str(day)
    assert before["version"]


async def test_the_first_version_of_an_area_is_compared_with_its_provinces(office: Office) -> None:
    """Secondary medical is the province's scheme: what Shantou makes of it follows that."""
    policy_id = await office.propose("secondary_medical")
    seen = await office.look(policy_id)
    assert seen["follows"]["area"] in ("440000", "440500")
    assert seen["diff"]


async def test_a_proposal_withdrawn_gives_its_name_back(office: Office) -> None:
    body = proposal()
    first = (await office.send(office.proposer, "", body)).json()["id"]
    refused(await office.send(office.proposer, "", body), 409, "policy_name_taken")
    withdrawn = await office.withdraw(office.proposer, first)
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    assert (await office.send(office.proposer, "", body)).status_code == 201


async def test_whoever_publishes_may_also_withdraw_but_no_other_proposer(office: Office, world: World) -> None:
    other = await world.staff(Role.MUTUAL_AID_OFFICER, office.city)
    policy_id = await office.propose()
    refused(await office.withdraw(other, policy_id), 403, "not_allowed")
    assert (await office.withdraw(office.publisher, policy_id)).status_code == 200


async def test_what_is_settled_stays_settled(office: Office) -> None:
    published, withdrawn = await office.propose(), await office.propose()
    await office.publish(published)
    await office.withdraw(office.proposer, withdrawn)
    for policy_id in (published, withdrawn):
        refused(await office.publish(policy_id, 2), 409, "policy_settled")
        refused(await office.withdraw(office.publisher, policy_id, 2), 409, "policy_settled")


async def test_each_step_is_told_to_the_audit_trail_and_to_whoever_listens(
    office: Office, owner: asyncpg.Connection
) -> None:
    policy_id, gone = await office.propose(), await office.propose()
    await office.publish(policy_id)
    await office.withdraw(office.proposer, gone)
    steps = await owner.fetch(
        "select action, person_id, details from audit_entry "
        "where subject_kind = 'policy' and subject_id = any($1::uuid[]) order by id",
        [policy_id, gone],
    )
    assert [(step["action"], step["person_id"]) for step in steps] == [
        ("policy.proposed", office.proposer.id),
        ("policy.proposed", office.proposer.id),
        ("policy.published", office.publisher.id),
        ("policy.withdrawn", office.proposer.id),
    ]
    told = await owner.fetchval(
        "select count(*) from out_message where name = 'PolicyPublished' and body ->> 'policy_id' = $1", policy_id
    )
    assert told == 1


# ---- who ----


async def test_nobody_publishes_what_they_proposed_themselves(office: Office, world: World) -> None:
    both = await world.person(posts=((Role.CITY_REVIEWER, office.city), (Role.CITY_LEADER, office.city)))
    policy_id = (await office.send(both, "", proposal())).json()["id"]
    assert (await office.look(policy_id, both))["open_actions"] == ["withdraw"]
    refused(await office.send(both, f"/{policy_id}/publish", version=1), 403, "same_person")
    assert (await office.publish(policy_id)).status_code == 200


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_may_do_what_it_is_for_and_nothing_else(office: Office, world: World, role: Role) -> None:
    someone, policy_id = await world.staff(role, office.city, consents=()), await office.propose()
    headers = someone.headers
    for path in ("", f"/{policy_id}"):
        answer = await office.client.get(f"/staff/policies{path}", headers=headers)
        assert answer.status_code == (200 if role in READERS else 403), path
    proposed = await office.send(someone, "", proposal())
    assert proposed.status_code == (201 if role in PROPOSERS else 403)
    published = await office.send(someone, f"/{policy_id}/publish", version=1)
    assert published.status_code == (200 if role in PUBLISHERS else 403)
    if role not in PUBLISHERS:
        assert (await office.withdraw(someone, policy_id)).status_code == 403


async def test_policy_is_made_at_the_citys_union_of_its_own_area(office: Office, world: World) -> None:
    town = await world.town()
    for place in (town.districts[0], town.units[0]):
        below = await world.person(posts=((Role.CITY_REVIEWER, place), (Role.CITY_LEADER, place)))
        refused(await office.send(below, "", proposal()), 403, "policy_area_not_yours")
        policy_id = await office.propose()
        refused(await office.send(below, f"/{policy_id}/publish", version=1), 403, "policy_area_not_yours")
        assert (await office.look(policy_id, below))["open_actions"] == []
    for area, status in (("440500", 201), ("440000", 201), ("440100", 403), ("430000", 403)):
        answer = await office.send(office.proposer, "", proposal("secondary_medical", area=area))
        assert answer.status_code == status, area


async def test_what_may_be_done_now_is_told_to_each(office: Office) -> None:
    policy_id = await office.propose()
    told = {who: (await office.look(policy_id, who))["open_actions"] for who in (office.proposer, office.publisher)}
    assert told == {office.proposer: ["withdraw"], office.publisher: ["publish", "withdraw"]}
    assert (await office.look(policy_id, office.auditor))["open_actions"] == []


# ---- when ----


@pytest.mark.parametrize("days", [0, -1, -3_000])
async def test_a_day_that_has_begun_gets_no_new_law(office: Office, days: int) -> None:
    body = proposal(in_force_from=str(make.TODAY + timedelta(days=days)))
    problem = refused(await office.send(office.proposer, "", body), 422, "policy_dated_in_past")
    assert pointers(problem) == {"/document/in_force_from": "policy_dated_in_past"}


async def test_tomorrow_is_early_enough(office: Office) -> None:
    tomorrow = str(make.TODAY + timedelta(days=1))
    policy_id = await office.propose("household_criteria", in_force_from=tomorrow)
    assert (await office.withdraw(office.proposer, policy_id)).status_code == 200


async def test_a_day_that_is_taken_is_refused_when_proposed_and_when_published(office: Office) -> None:
    day = str(some_day())
    first, second = await office.propose(in_force_from=day), await office.propose(in_force_from=day)
    assert (await office.publish(first)).status_code == 200
    refused(await office.publish(second), 409, "policy_date_taken")
    refused(await office.send(office.proposer, "", proposal(in_force_from=day)), 409, "policy_date_taken")
    assert (await office.look(second))["state"] == "proposed"


async def test_of_many_publications_for_one_day_at_once_one_wins(office: Office) -> None:
    day = str(some_day())
    proposals = [await office.propose(in_force_from=day) for _ in range(6)]
    answers = await asyncio.gather(*map(office.publish, proposals))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"policy_date_taken"}


async def test_of_many_publications_of_one_proposal_at_once_one_wins(office: Office) -> None:
    policy_id = await office.propose()
    answers = await asyncio.gather(*(office.publish(policy_id) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    assert sum(answer.status_code == 200 for answer in answers) == 1


# ---- what is sent ----


async def test_a_bad_document_is_refused_place_by_place(office: Office) -> None:
    body = proposal(source="", in_force_from="2027-13-01", surprise=1)
    problem = refused(await office.send(office.proposer, "", body), 422, "invalid")
    assert pointers(problem) == {
        "/document/source": "string_too_short",
        "/document/in_force_from": "date_invalid",
        "/document": "extra_forbidden",
    }
    assert "surprise" not in str(problem)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_document_of_another_kind_is_refused(office: Office, kind: PolicyKind) -> None:
    other = next(each for each in KINDS if each != kind)
    body = {"kind": kind, "area": "440500", "document": document(other)}
    assert refused(await office.send(office.proposer, "", body), 422, "invalid")["errors"]


async def test_the_area_of_the_document_is_the_one_that_was_chosen(office: Office) -> None:
    body = proposal() | {"area": "440000"}
    problem = refused(await office.send(office.proposer, "", body), 422, "invalid")
    assert pointers(problem) == {"/document/area": "policy_area_differs"}


async def test_a_step_needs_the_version_that_was_seen(office: Office) -> None:
    policy_id = await office.propose()
    for step in ("publish", "withdraw"):
        refused(await office.send(office.publisher, f"/{policy_id}/{step}"), 428, "version_missing")
        refused(await office.send(office.publisher, f"/{policy_id}/{step}", version=9), 412, "stale_version")


async def test_the_same_key_gets_the_same_answer(office: Office) -> None:
    headers, body = office.proposer.headers | make.keyed(), proposal()
    first = await office.client.post("/staff/policies", json=body, headers=headers)
    again = await office.client.post("/staff/policies", json=body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_version_that_never_was_is_not_found(office: Office) -> None:
    answer = await office.client.get(f"/staff/policies/{new_id()}", headers=office.auditor.headers)
    refused(answer, 404, "policy_not_found")
    refused(await office.publish(str(new_id())), 404, "policy_not_found")


# ---- the list ----


async def test_the_list_is_read_page_by_page_newest_first(office: Office) -> None:
    made = [await office.propose("minimum_living_standard") for _ in range(3)]
    items = await every_item(
        office.client, "/staff/policies", by=office.auditor, kind="minimum_living_standard", limit=2
    )
    assert [item["id"] for item in items][:3] == made[::-1]
    assert {item["kind"] for item in items} == {"minimum_living_standard"}
    names = {item["name"] for item in items if item["origin"] == "shipped"}
    assert names == {version.version for version in shipped().versions["minimum_living_standard"]}
    assert len({item["id"] for item in items}) == len(items)


async def test_the_list_is_filtered_by_kind_area_and_state(office: Office) -> None:
    waiting = await office.propose("secondary_medical", area="440000")
    for query, among in (
        ({"state": "proposed", "area": "440000"}, True),
        ({"state": "published", "area": "440000"}, False),
        ({"state": "proposed", "area": "440500"}, False),
        ({"state": "proposed", "kind": "golden_autumn"}, False),
    ):
        items = await every_item(office.client, "/staff/policies", by=office.auditor, **query)
        assert (waiting in [item["id"] for item in items]) is among, query
        assert all(item[name] == value for item in items for name, value in query.items())


# ---- what it means ----


async def test_everyone_reads_in_the_list_of_programmes_by_what_policy_they_are_decided(
    client: httpx.AsyncClient,
) -> None:
    programmes = (await client.get("/programmes")).json()["items"]
    for programme in programmes:
        assert re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", programme["policy"]["in_force_from"])
        assert programme["policy"]["in_force_from"] <= str(make.TODAY)


async def test_every_process_sees_a_publication_and_nothing_is_in_force_before_its_day(
    office: Office, jobs: Database
) -> None:
    one, other = (KeptPolicies(jobs, MODELS, seconds=0) for _ in range(2))
    day = some_day()
    whole = document("golden_autumn", in_force_from=str(day))
    before = await one.get(), await other.get()
    body = {"kind": "golden_autumn", "area": "440500", "document": whole}
    policy_id = (await office.send(office.proposer, "", body)).json()["id"]
    assert (await one.get(), await other.get()) == before
    await office.publish(policy_id)
    for process in (one, other):
        book = await process.get()
        model = MODELS["golden_autumn"]
        assert book.in_force("golden_autumn", model, day).version == whole["version"]
        assert book.in_force("golden_autumn", model, day - timedelta(days=1)).version != whole["version"]
        assert book.named("golden_autumn", model, whole["version"]).in_force_from == day
        with pytest.raises(NoPolicyInForce):
            book.in_force("golden_autumn", model, make.TODAY, "430100")
