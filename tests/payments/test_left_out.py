"""Who is not paid now, and what their maker is told of it."""

import asyncpg
import httpx

from app.applications.path import Action, Kind, State
from app.applications.tables import Passage
from app.change_requests.tables import PaymentHold
from app.kernel.actor import Role
from app.kernel.ids import new_id
from tests import make
from tests.calling import post
from tests.delegations.making import given
from tests.http.refusals import refused
from tests.make import Case, Someone
from tests.paying import BATCHES, build, built, card_number, carded, lines_of, stepped, turn, why_out
from tests.payments.conftest import Till, appealed
from tests.relatives.making import declared


async def signed(till: Till, case: Case, by: Someone) -> None:
    await till.world.insert(
        Passage, id=new_id(), created_at=make.NOW, application_id=case.id, round=1, person_id=by.id,
        action=Action.APPROVE, from_state=State.UNIT_REVIEW, to_state=State.DISTRICT_REVIEW, counts_as_review=True,
    )  # fmt: skip


async def test_each_is_told_with_its_reason_and_the_others_are_paid(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    world, city = till.world, till.town.city
    names = "good held appealed signed relative mine unmeasured closed unnoticed unchecked failed".split()
    cases = {name: await till.approved() for name in names}
    cases["cardless"] = await till.approved(card=False)
    cases["insured"] = await till.approved(kind=Kind.SECONDARY_MEDICAL)
    await world.insert(PaymentHold, id=new_id(), created_at=make.NOW, person_id=cases["held"].applicant.id)
    await appealed(till, cases["appealed"])
    await signed(till, cases["signed"], till.maker)
    chair = await world.person()
    await signed(till, cases["relative"], chair)
    await declared(world, till.maker, chair)
    await declared(world, till.maker, cases["mine"].applicant)
    file_of = "(select household_id from application where id = $1)"
    proposed = f"update measure set state = 'proposed' where household_id = {file_of}"
    await owner.execute(proposed, cases["unmeasured"].id)
    cancelled = f"update household set state = 'cancelled', cancel_code = 'voluntary' where id = {file_of}"
    await owner.execute(cancelled, cases["closed"].id)
    await owner.execute("alter table notice disable trigger all")
    await owner.execute("delete from notice where application_id = $1", cases["unnoticed"].id)
    await owner.execute("alter table notice enable trigger all")
    for name, checked in (("unchecked", None), ("failed", "failed")):
        await owner.execute("update bank_card set checked = $2 where person_id = $1", cases[name].applicant.id, checked)
    expected = {
        "held": "household_change_pending", "appealed": "appeal_open", "signed": "already_signed",
        "relative": "kept_apart", "mine": "recused", "unmeasured": "measure_missing", "closed": "file_closed",
        "unnoticed": "notice_not_over", "unchecked": "card_unchecked", "failed": "card_check_failed",
        "cardless": "card_missing",
    }  # fmt: skip
    by_number = {cases[name].number: code for name, code in expected.items()}
    assert await why_out(client, till.maker, city) == by_number
    answer = (await build(client, till.maker, city)).json()
    assert {each["number"]: each["code"] for each in answer["contents"]["left_out"]} == by_number
    assert all(each["message"].endswith("。") for each in answer["contents"]["left_out"])
    lines = await lines_of(client, till.maker, answer["batch"])
    assert {line["number"] for line in lines} == {cases["good"].number, cases["insured"].number}
    # The maker's relative may not confirm, nor may whoever signed one of them.
    batch = await stepped(client, till.maker, answer["batch"], "freeze")
    signer = await world.staff(Role.FINANCE_CHECKER, city, consents=())
    await signed(till, cases["good"], signer)
    told = refused(await turn(client, signer, batch, "confirm"), 403, "already_signed")
    assert told["numbers"] == cases["good"].number
    near = await world.staff(Role.FINANCE_CHECKER, city, consents=())
    await declared(world, near, cases["insured"].applicant)
    refused(await turn(client, near, batch, "confirm"), 403, "recused")


async def test_a_card_in_two_households_is_an_alert_and_no_block(client: httpx.AsyncClient, till: Till) -> None:
    shared, number = [await till.approved(), await till.approved()], card_number()
    for case in shared:
        await carded(till.world, case.applicant, number=number)
    alone = await till.approved()
    wife = await till.world.person(home=till.town.units[0])
    couple = await till.approved(
        household_id=await till.world.household(
            husband := await till.world.person(home=till.town.units[0]), till.town.units[0],
            members=[make.member("spouse", number=wife.id_number, name=wife.name)],
        ),
        who=husband,
    )  # fmt: skip
    theirs = card_number()
    for each in (husband, wife):
        await carded(till.world, each, number=theirs)
    seen = (await post(client, till.maker, f"{BATCHES}/preview", {"organisation_code": till.town.city.code})).json()
    assert (seen["count"], seen["left_out"]) == (4, [])
    assert sorted(seen["shared_cards"]) == sorted(case.number for case in shared)
    assert couple.number not in seen["shared_cards"]
    assert alone.number not in seen["shared_cards"]


async def test_what_changes_after_it_was_frozen_makes_another_batch(
    client: httpx.AsyncClient, till: Till, owner: asyncpg.Connection
) -> None:
    one, other = await till.approved(), await till.approved()
    batch = await stepped(client, till.maker, await built(client, till.maker, till.town.city), "freeze")
    await carded(till.world, one.applicant)
    told = refused(await turn(client, till.checker, batch, "confirm"), 409, "batch_outdated")
    assert told["numbers"] == one.number
    await owner.execute("update application set amount_fen = 100 where id = $1", other.id)
    told = refused(await turn(client, till.checker, batch, "confirm"), 409, "batch_outdated")
    assert told["numbers"] == other.number
    await stepped(client, till.maker, batch, "cancel")
    again = await stepped(client, till.maker, await built(client, till.maker, till.town.city), "freeze")
    assert again["sha256"] != batch["sha256"]
    assert (again["line_count"], again["total_fen"]) == (2, make.AMOUNT_FEN + 100)


async def test_whoever_was_lent_a_post_makes_batches_with_it_and_the_timeline_says_for_whom(
    client: httpx.AsyncClient, till: Till
) -> None:
    colleague = await till.world.staff(Role.CITY_REVIEWER, till.town.city, consents=())
    case = await till.approved()
    await given(client, till.maker, Role.FINANCE_MAKER, till.town.city, colleague)
    batch = await stepped(client, colleague, await built(client, colleague, till.town.city), "freeze")
    both = await till.world.person(posts=((Role.FINANCE_CHECKER, till.town.city),), consents=())
    assert (await stepped(client, both, batch, "confirm"))["state"] == "confirmed"
    shown = (await client.get(f"/applications/{case.id}", headers=case.applicant.headers)).json()
    started = next(step for step in shown["timeline"] if step["action"] == "start_payment")
    assert (started["by"]["role"], "代" in started["by"]["said"]) == ("finance_maker", True)
