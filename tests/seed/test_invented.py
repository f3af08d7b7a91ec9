"""The invented people, before anything is written down."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from app.households.facts import HouseholdFacts
from app.households.forms import HouseholdForm
from app.households.queries import facts_of
from app.households.rules import classify, criteria_of
from app.kernel.actor import Role, Tier
from app.kernel.identifiers import bank_card, mobile, resident_id
from app.kernel.text import clean_name
from app.policy.drafts import read_draft, read_whole
from app.programmes import shipped
from app.seed.commands import HOUSEHOLDS, SEED
from app.seed.households import MOST, synthetic_households
from app.seed.invented import Invented, card_number, id_number
from app.seed.names import RARE_NAMES
from app.seed.organisations import tree, units
from app.seed.personas import DUTIES, personas
from app.seed.write import terms
from app.seed.write_files import WAYS

TODAY = date(2026, 11, 23)
READY = ("worker-chen", "worker-zheng", "worker-lin", "worker-huang", "worker-ouyang")
SYNTHETIC = tuple(synthetic_households(HOUSEHOLDS, SEED))


def everybody() -> list[Invented]:
    return [*personas(), *SYNTHETIC]


def numbers(who: Invented) -> list[str]:
    members = who.file.form.members if who.file else []
    return [who.id_number, *(member.id_number for member in members)]


def _form(who: Invented) -> HouseholdForm:
    assert who.file is not None
    return who.file.form


def _state(who: Invented) -> str:
    assert who.file is not None
    return who.file.state


def known_of(who: Invented) -> HouseholdFacts:
    return facts_of(_form(who).model_dump(mode="json"), {"state": "active", "submitted_at": None}, TODAY, shipped())


def class_of(facts: HouseholdFacts) -> str | None:
    return classify(facts, criteria_of(shipped(), facts, TODAY)).category


def category(who: Invented) -> str | None:
    return class_of(known_of(who))


def persona(sim_name: str) -> Invented:
    return next(who for who in personas() if who.sim_name == sim_name)


def test_every_role_is_held_by_somebody() -> None:
    assert {role for who in personas() for role in who.roles} == set(Role) == set(DUTIES)


def test_every_persona_has_a_name_and_a_purpose_of_its_own() -> None:
    assert len(personas()) >= 12
    assert len({who.sim_name for who in everybody()}) == len(everybody())
    assert len({who.number for who in everybody()}) == len(everybody())
    assert all(who.note for who in personas())


def test_every_identity_number_is_valid_and_of_the_region_that_nobody_has() -> None:
    found = [number for who in everybody() for number in numbers(who)]
    assert all(number.startswith("99") and resident_id(number, TODAY).number == number for number in found)
    assert len(set(found)) == len(found)


def test_every_phone_and_card_passes_its_own_check() -> None:
    assert all(mobile(who.phone) == who.phone and who.phone.startswith("199000") for who in everybody())
    assert all(bank_card(who.card) == who.card and who.card.startswith("621700") for who in everybody())


def test_the_invented_card_of_the_facts_is_made_again() -> None:
    assert card_number(0) == "6217000000000000004"
    assert [bank_card(card_number(serial)) for serial in (1, 77, 99_999)]


def test_a_region_beyond_the_invented_ones_is_refused() -> None:
    with pytest.raises(ValueError, match="no such invented number"):
        id_number(10_000, date(2000, 1, 1), "male", 0)


def test_members_are_of_the_sex_and_age_that_their_numbers_say() -> None:
    for who in everybody():
        for member in who.file.form.members if who.file else ():
            read = resident_id(member.id_number, TODAY)
            assert read.birth_date == member.birth_date
            assert read.sex == {"son": "male", "daughter": "female"}.get(member.relation, read.sex)


def test_no_child_is_older_than_its_parent_can_be() -> None:
    for who in SYNTHETIC:
        head = resident_id(who.id_number, TODAY).birth_date
        for member in _form(who).members:
            assert member.birth_date is not None
            if member.relation in ("son", "daughter"):
                assert member.birth_date.year - head.year >= 20
            if member.relation == "parent":
                assert head.year - member.birth_date.year >= 20


@pytest.mark.parametrize("sim_name", READY)
def test_a_ready_worker_is_in_deep_hardship_by_a_wide_margin(sim_name: str) -> None:
    who = persona(sim_name)
    form = _form(who)
    assert _state(who) == "active"
    assert category(who) == "deep"
    left = form.income_fen_yearly - sum(each.amount_fen for each in form.rigid_spending)
    assert left / 12 / (1 + len(form.members)) < 60_000


def test_the_other_workers_are_what_their_notes_say() -> None:
    assert category(persona("worker-guli")) == "relative"
    assert category(persona("worker-wu")) is None
    assert category(persona("worker-cai")) is None
    assert class_of(replace(known_of(persona("worker-cai")), accident_cost_fen=8_000_000)) == "accident"
    assert _state(persona("worker-zhuang")) == "draft"
    assert category(persona("worker-zhuang")) == "deep"
    assert not persona("worker-fang").signed_up


@pytest.mark.parametrize("sim_name", ["worker-chen", "worker-lin"])
def test_a_worker_for_golden_autumn_has_a_child_at_university_and_one_in_senior_high(sim_name: str) -> None:
    schooling = {member.schooling for member in _form(persona(sim_name)).members}
    assert {"undergraduate", "senior_high"} <= schooling


def test_a_worker_for_secondary_medical_is_covered_and_past_any_waiting_days() -> None:
    assert {persona(name).covered for name in ("worker-chen", "worker-zheng", "worker-huang")} == {"renewed"}


@pytest.mark.parametrize(
    ("unit", "district"), [("440507-S01-U01", "440507"), ("440511-S01-U01", "440511"), ("440500-I04-U01", "440500-I04")]
)
def test_a_case_of_these_units_finds_a_different_person_for_every_step(unit: str, district: str) -> None:
    held = {(role, who.union.code): who.id_number for who in personas() for role in who.roles}
    steps = [
        held[Role.UNIT_CLERK, unit],
        held[Role.UNIT_CHAIR, unit],
        held[Role.DISTRICT_REVIEWER, district],
        held[Role.CITY_REVIEWER, "440500"],
        held[Role.MUTUAL_AID_OFFICER, "440500"],
        held[Role.FINANCE_MAKER, "440500"],
        held[Role.FINANCE_CHECKER, "440500"],
    ]
    assert len(set(steps)) == len(steps)


def test_both_districts_have_a_reviewer_and_a_leader() -> None:
    held = {(role, who.union.code) for who in personas() for role in who.roles}
    for district in ("440507", "440511"):
        assert {(Role.DISTRICT_REVIEWER, district), (Role.DISTRICT_LEADER, district)} <= held


def test_one_person_may_propose_and_publish_policies_so_that_the_four_eyes_can_be_shown() -> None:
    both = [who for who in personas() if {Role.CITY_REVIEWER, Role.CITY_LEADER} <= set(who.roles)]
    assert [(who.sim_name, who.union.code) for who in both] == [("deputy-city", "440500")]


def test_the_same_seed_invents_the_same_people_and_another_seed_others() -> None:
    assert tuple(synthetic_households(HOUSEHOLDS, SEED)) == SYNTHETIC
    assert tuple(synthetic_households(20, SEED)) == SYNTHETIC[:20]
    assert {who.id_number for who in synthetic_households(20, SEED + 1)}.isdisjoint(who.id_number for who in SYNTHETIC)


def test_more_households_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="told apart"):
        next(synthetic_households(MOST + 1, SEED))


def test_the_households_stand_in_every_unit() -> None:
    assert len(SYNTHETIC) >= 300
    assert {who.union for who in SYNTHETIC} == set(units())


def test_about_three_in_five_households_are_in_hardship() -> None:
    found = Counter(category(who) for who in SYNTHETIC)
    in_hardship = (found["deep"] + found["relative"] + found["accident"]) / len(SYNTHETIC)
    assert 0.55 <= in_hardship <= 0.65
    assert found["deep"] > 0
    assert found["relative"] > found["deep"]


def test_most_files_are_active_and_every_state_occurs() -> None:
    found = Counter(_state(who) for who in SYNTHETIC)
    assert found["active"] >= 0.75 * len(SYNTHETIC)
    assert set(found) == set(WAYS)


def test_nobody_earns_more_than_the_whole_household() -> None:
    for who in everybody():
        if who.file:
            form = who.file.form
            assert sum(member.income_fen_yearly for member in form.members) <= form.income_fen_yearly
            assert form.primary_cause not in form.secondary_causes


def test_names_that_break_software_are_among_the_heads() -> None:
    names = {who.name for who in SYNTHETIC}
    assert set(RARE_NAMES) <= names
    assert {1, 2, 3, 4} <= {len(name) for name in names}
    for part in ("𬸣", "㛃", "䶮", "𠮷", "欧阳", "司马", "·"):
        assert any(part in name for name in names)
    assert all(clean_name(name) == name for name in names)


def test_every_form_is_kept_as_the_phone_would_have_sent_it() -> None:
    for who in everybody():
        if who.file:
            kept = who.file.form.model_dump(mode="json", exclude_unset=True, exclude_none=True)
            assert read_draft(HouseholdForm, kept, at="") == kept
            assert read_whole(HouseholdForm, kept, at="") == who.file.form


def test_the_tree_has_the_seven_districts_and_a_home_for_the_unattached() -> None:
    levels = Counter(union.level for union in tree())
    assert levels["city"] == 1
    assert levels["district"] == 7
    assert levels["street"] == 21
    assert levels["industry"] >= 4
    assert [union.code for union in tree() if union.receives_unattached] == ["440500-I04-U01"]
    assert len({union.code for union in tree()}) == len(tree())
    assert len({union.name for union in tree()}) == len(tree())


def test_a_unit_of_an_industry_stands_under_it_on_the_district_tier() -> None:
    centre = next(union for union in tree() if union.receives_unattached)
    above = {tier: union.code for tier, union in centre.ancestors.items()}
    assert above == {Tier.CITY: "440500", Tier.DISTRICT: "440500-I04", Tier.UNIT: "440500-I04-U01"}


@pytest.mark.parametrize(
    ("today", "first"), [(date(2026, 6, 30), date(2025, 7, 1)), (date(2026, 7, 1), date(2026, 7, 1))]
)
def test_a_renewed_cover_runs_without_a_gap_up_to_the_term_that_today_is_in(today: date, first: date) -> None:
    before, now = terms("renewed", today)
    assert now == (first, date(first.year + 1, 6, 30), True)
    assert (first - before[1]).days == 1
    assert terms("first_term", today) == ((*now[:2], False),)
    assert terms("no", today) == ()
