"""What keeps a household out, and what migrant workers need: each answer by its exact words and its exact remedy."""

import json
from dataclasses import replace

import pytest

from app.households.criteria import CategoryPolicy
from app.households.exclusions import exclusions, migrant_conditions
from app.households.facts import HouseholdFacts
from tests.kinds.books import BOOK

POLICY = BOOK.of("household_criteria", CategoryPolicy)[-1]
KNOWN = HouseholdFacts(members=3, minimum_living_standard_fen=80_000, financial_assets_fen=80_000 * 24 * 3)


def policy_with(**parts):
    """Read anew: a copy would keep what the policy has worked out before."""
    written = json.loads(POLICY.model_dump_json())
    return CategoryPolicy.model_validate_json(json.dumps(written | parts))


def excluding(what, undeclared="refuse", at_most=None):
    only = {"what": what, "at_most": at_most, "when_undeclared": undeclared, "source": "样例第1条"}
    return policy_with(exclusions=[only])


def asked(facts, what, undeclared="refuse", at_most=None):
    (found,) = exclusions(facts, excluding(what, undeclared, at_most))
    return found


ASSETS = ("financial_assets_months", "refuse", 24)


def test_assets_are_held_to_so_many_months_of_the_standard_for_each_member():
    above = replace(KNOWN, financial_assets_fen=80_000 * 24 * 3 + 1)
    found = asked(above, *ASSETS)

    assert asked(KNOWN, *ASSETS).reason.rule == "household_not_excluded"
    assert found.reason == (
        "household_excluded_financial_assets_months",
        False,
        "没有“人均金融资产超过规定”的情形",
        "人均金融资产不超过24个月低保标准",
        "家庭金融资产57,600.01元，共3人",
        "样例第1条",
    )
    assert found.remedy.apply(above) == replace(above, financial_assets_fen=0)


def test_where_no_assets_at_all_are_allowed_a_fen_excludes():
    assert asked(replace(KNOWN, financial_assets_fen=1), "financial_assets_months", "refuse", 0).reason.met is False
    assert asked(replace(KNOWN, financial_assets_fen=0), "financial_assets_months", "refuse", 0).reason.met is True


@pytest.mark.parametrize("name", ["financial_assets_fen", "minimum_living_standard_fen", "members"])
def test_assets_that_cannot_be_judged_are_asked_for_or_passed_as_the_document_says(name):
    unknown = replace(KNOWN, **{name: None})

    assert asked(unknown, *ASSETS).reason.met is None
    assert asked(unknown, "financial_assets_months", "pass", 24).reason.met is True


def test_what_nobody_declared_is_to_be_filled_in_where_the_document_wants_it():
    found = asked(KNOWN, "private_car")

    assert found.reason == (
        "household_excluded_private_car",
        None,
        "没有“经常使用非经营性机动车”的情形",
        "没有经常使用非经营性机动车的情形",
        "没有申报",
        "样例第1条",
    )
    assert (found.remedy.text, found.remedy.can_change) == ("请在家庭档案中如实补填这一项", True)
    assert found.remedy.apply(KNOWN) == replace(KNOWN, private_car=False)
    assert asked(KNOWN, "private_car", "pass").reason.met is True


def test_who_has_more_homes_than_allowed_is_supposed_to_have_as_many_as_allowed():
    facts = replace(KNOWN, homes=3)

    assert asked(facts, "homes", "refuse", 2).reason.given == "住房3套"
    assert asked(facts, "homes", "refuse", 2).remedy.apply(facts) == replace(facts, homes=2)
    assert asked(replace(KNOWN, homes=2), "homes", "refuse", 2).reason.met is True


def test_where_nothing_excludes_nothing_is_asked():
    assert exclusions(KNOWN, policy_with(exclusions=[])) == ()


def working(member, months, **wanted):
    migrants = {"union_member": True, "labour_relation_months": 12, "source": "样例第2条"} | wanted
    facts = replace(KNOWN, migrant_worker=True, union_member=member, labour_relation_months=months)
    (found,) = migrant_conditions(facts, policy_with(migrants=migrants))
    return found


@pytest.mark.parametrize(
    ("union_member", "months", "wanted", "met"),
    [
        (True, 12, {}, True),
        (True, 11, {}, False),
        (False, 12, {}, False),
        (None, 12, {}, None),
        (True, None, {}, None),
        (False, None, {}, False),
        (None, 11, {}, False),
        (None, 12, {"union_member": False}, True),
        (True, None, {"labour_relation_months": 0}, True),
    ],
)
def test_migrant_workers_need_all_that_the_document_asks_for(union_member, months, wanted, met):
    assert working(union_member, months, **wanted).reason.met is met


def test_what_migrant_workers_need_and_gave_is_said():
    both, months_only = working(None, None), working(None, 3, union_member=False)

    assert (both.reason.needed, both.reason.given) == (
        "工会会员，劳动关系满12个月",
        "没有填写是否工会会员，劳动关系没有填写",
    )
    assert (months_only.reason.needed, months_only.reason.given) == ("劳动关系满12个月", "劳动关系3个月")
    assert both.remedy.text == "请在家庭档案中补填工会会员身份和劳动关系月数"
    assert months_only.remedy.text == "劳动关系满规定月数后可以申请"
    assert working(None, None, union_member=False).remedy.text == "请在家庭档案中补填劳动关系月数"
    assert working(True, 3).remedy.text == "加入工会、劳动关系满规定月数后可以申请"


def test_a_migrant_worker_is_supposed_to_be_a_member_for_long_enough():
    assert working(False, 15).remedy.apply(KNOWN) == replace(KNOWN, union_member=True, labour_relation_months=12)
    longer = replace(KNOWN, labour_relation_months=15)
    assert working(False, 15).remedy.apply(longer) == replace(longer, union_member=True)
    no_months = working(False, 0, labour_relation_months=0).remedy
    assert no_months.apply(KNOWN) == replace(KNOWN, union_member=True, labour_relation_months=0)
