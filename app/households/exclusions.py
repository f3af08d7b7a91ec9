"""What keeps a household out whatever its income (不予建档), and what migrant workers need besides. Pure.

Which situations exclude is data (policy.yaml), and so is what an undeclared one means: the file has never asked for all
of them, and home visit and means check find what nobody declared.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from app.households.criteria import EXCLUSION_NAMES, CategoryPolicy, Exclusion, Migrants
from app.households.facts import HouseholdFacts
from app.households.wording import exclusion_needed
from app.kernel.money import yuan
from app.policy.decision import Finding, finding, fulfilled

Asked = Finding[HouseholdFacts]

_NONE_GIVEN: Final = "档案中没有这些情形（没有申报的，由入户调查和信息核对确认）"


def exclusions(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Asked, ...]:
    """One reason when nothing excludes the household, otherwise one for each situation that does or may."""
    # Most households declare none of it, and are done with one look.
    declared = policy.excluding_facts
    against = [] if declared and not any(declared(facts)) else _against(facts, policy)
    if against:
        return tuple([_finding(each, facts) for each in against])
    if not policy.exclusions:
        return ()
    text = "没有不予建档的情形"
    return (fulfilled("household_not_excluded", text, policy.excluding, _NONE_GIVEN, policy.source),)


def _against(facts: HouseholdFacts, policy: CategoryPolicy) -> list[Exclusion]:
    return [each for each in policy.exclusions if _allows(each, facts) is not True]


def _allows(exclusion: Exclusion, facts: HouseholdFacts) -> bool | None:
    what = exclusion.what
    answer: bool | None
    if what == "financial_assets_months":
        answer = _assets_within(exclusion.at_most or 0, facts)
    else:
        declared = getattr(facts, what)
        answer = None if declared is None else declared <= (exclusion.at_most or 0)  # a situation counts as one
    return True if answer is None and exclusion.when_undeclared == "pass" else answer


def _assets_within(months: int, facts: HouseholdFacts) -> bool | None:
    assets, standard, members = facts.financial_assets_fen, facts.minimum_living_standard_fen, facts.members
    if assets is None or standard is None or not members:
        return None
    return assets <= months * standard * members


def _finding(exclusion: Exclusion, facts: HouseholdFacts) -> Asked:
    answer, what = _allows(exclusion, facts), exclusion.what
    name = EXCLUSION_NAMES[what]
    return finding(
        f"household_excluded_{what}",
        answer,
        f"没有“{name}”的情形",
        exclusion_needed(exclusion),
        "没有申报" if answer is None else _given(exclusion, facts),
        exclusion.source,
        "请在家庭档案中如实补填这一项" if answer is None else "有这种情形的家庭不予建档；如登记有误，请核对后修改",
        answer is None,
        _without(exclusion),
    )


def _given(exclusion: Exclusion, facts: HouseholdFacts) -> str:
    if exclusion.what == "homes":
        return f"住房{facts.homes}套"
    if exclusion.what == "financial_assets_months":
        return f"家庭金融资产{yuan(facts.financial_assets_fen or 0)}，共{facts.members}人"
    return "有这种情形"


def _without(exclusion: Exclusion) -> Callable[[HouseholdFacts], HouseholdFacts]:
    change: dict[str, Any] = {exclusion.what: False}
    if exclusion.what == "homes":
        change = {"homes": exclusion.at_most}
    if exclusion.what == "financial_assets_months":
        change = {"financial_assets_fen": 0}
    return lambda facts: replace(facts, **change)


def migrant_conditions(facts: HouseholdFacts, policy: CategoryPolicy) -> tuple[Asked, ...]:
    """Asked only of whom the file declares a migrant worker (农民工)."""
    if not facts.migrant_worker or policy.migrants is None:
        return ()
    wanted = policy.migrants
    member = facts.union_member if wanted.union_member else True
    months = facts.labour_relation_months if wanted.labour_relation_months else wanted.labour_relation_months
    answers = (member, None if months is None else months >= wanted.labour_relation_months)
    answer = False if False in answers else None if None in answers else True
    return (
        finding(
            "migrant_worker_conditions",
            answer,
            "农民工另须满足的条件",
            _migrants_needed(wanted),
            _migrant_given(facts, wanted),
            wanted.source,
            _migrants_change(wanted, answer),
            True,
            lambda known: replace(
                known,
                union_member=True,
                labour_relation_months=max(known.labour_relation_months or 0, wanted.labour_relation_months),
            ),
        ),
    )


def _migrants_change(wanted: Migrants, answer: bool | None) -> str:
    """Speaks of the union only where membership is asked for."""
    if answer is None:
        return f"请在家庭档案中补填{'工会会员身份和' if wanted.union_member else ''}劳动关系月数"
    return f"{'加入工会、' if wanted.union_member else ''}劳动关系满规定月数后可以申请"


def _migrants_needed(wanted: Migrants) -> str:
    months = f"劳动关系满{wanted.labour_relation_months}个月"
    return f"工会会员，{months}" if wanted.union_member else months


def _migrant_given(facts: HouseholdFacts, wanted: Migrants) -> str:
    months = facts.labour_relation_months
    relation = "劳动关系没有填写" if months is None else f"劳动关系{months}个月"
    if not wanted.union_member:
        return relation
    member = {True: "工会会员", False: "不是工会会员", None: "没有填写是否工会会员"}[facts.union_member]
    return f"{member}，{relation}"
