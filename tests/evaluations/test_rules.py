"""The figures of an evaluation against numbers worked by hand; the draw; and what a form does not tell."""

from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel

from app.households.forms import Attachment, DivisionCode, Head, HouseholdForm, Member, Mobile, RigidSpending
from app.households.path import PATH
from app.policy.fields import Code, FileIds, Id, IdNumber, LongText, PersonName, ShortText
from app.supervision.evaluations.rules import (
    STATES,
    STRATA,
    UNTOLD,
    Listed,
    agreement_of,
    draw,
    kappa_bp,
    population,
    stratum_of,
    untold,
)
from app.supervision.rules import share_of

R, W = "right", "wrong"
Z = 19_600


def pairs(both_right: int, first_wrong: int, second_wrong: int, both_wrong: int) -> list[Any]:
    return [(R, R)] * both_right + [(W, R)] * first_wrong + [(R, W)] * second_wrong + [(W, W)] * both_wrong


@pytest.mark.parametrize(
    ("said", "kappa"),
    [
        (pairs(20, 10, 5, 15), 4_000),  # 50: 0.70 agree, 0.50 by chance
        (pairs(45, 15, 25, 15), 1_304),  # 100: 0.60 and 0.54
        (pairs(25, 35, 5, 35), 2_593),  # 100: 0.60 and 0.46
        (pairs(5, 0, 0, 5), 10_000),
        (pairs(0, 5, 5, 0), -10_000),
        (pairs(1, 1, 1, 1), 0),
        (pairs(9, 0, 0, 0), None),  # both always say the same word: nothing to be told from chance
        (pairs(0, 0, 0, 4), None),
        ([], None),
        (pairs(3, 2, 0, 0), 0),
    ],
)
def test_kappa_is_what_was_worked_by_hand(said: list[Any], kappa: int | None) -> None:
    assert kappa_bp(said) == kappa


def test_errors_have_an_interval_and_count_both_and_either() -> None:
    found = agreement_of(pairs(6, 1, 2, 1), Z)
    assert (found.scored, found.agreement_bp) == (10, 7_000)
    # 1 of 10: 0.10, between 0.0178762 and 0.4041500; 4 of 10: 0.40, between 0.1681803 and 0.6873262.
    assert found.both_wrong == {"checked": 10, "errors": 1, "share_bp": 1_000, "low_bp": 178, "high_bp": 4_042}
    assert found.either_wrong == {"checked": 10, "errors": 4, "share_bp": 4_000, "low_bp": 1_681, "high_bp": 6_874}
    nothing = agreement_of([], Z)
    assert (nothing.scored, nothing.agreement_bp, nothing.kappa_bp, nothing.both_wrong) == (0, None, None, None)
    none, every = share_of(20, 0, Z), share_of(20, 20, Z)
    assert none is not None
    assert every is not None
    assert ((none.low_bp, none.high_bp), (every.low_bp, every.high_bp)) == ((0, 1_612), (8_388, 10_000))


def test_every_state_is_of_one_stratum_or_of_none() -> None:
    states = [state for each in STATES.values() for state in each]
    assert len(states) == len(set(states))
    assert set(states) <= set(PATH.states)
    assert set(PATH.states) - set(states) == {
        "draft", "submitted", "returned", "withdrawn", "unit_review", "home_visit", "district_review", "means_check",
        "public_notice", "city_approval", "transferred",
    }  # fmt: skip
    assert [stratum_of(STATES[each][0]) for each in STRATA] == list(STRATA)


def test_a_draw_hangs_on_the_seed_and_the_list_and_on_nothing_else() -> None:
    files = [Listed(f"f{n:02d}", STRATA[n % 4]) for n in range(40)]
    sizes = {"never_archived": 3, "not_lifted": 0, "lifted": 100, "cancelled": 1}
    first = draw("aa", sizes, files)
    assert first == draw("aa", sizes, reversed(files))
    assert first != draw("ab", sizes, files)
    assert [each.stratum for each in first] == ["never_archived"] * 3 + ["lifted"] * 10 + ["cancelled"]
    assert population(files) == population(reversed(files))
    assert population(files[:1]) == b"file_id,stratum\nf00,never_archived\n"


WORDS = (Code, IdNumber, LongText, PersonName, ShortText, Id, FileIds, DivisionCode, Mobile)


def tells(annotation: Any) -> bool:
    """Whether words, numbers or ids may stand there; of parts and lists of parts it is asked of their own fields."""
    if annotation in WORDS:
        return True
    if annotation is not Annotated and isinstance(annotation, type):
        return False
    return any(tells(each) for each in get_args(annotation) if each is not type(None))


@pytest.mark.parametrize("part", [HouseholdForm, Head, Member, RigidSpending, Attachment])
def test_whatever_in_a_form_could_name_somebody_is_not_told(part: type[BaseModel]) -> None:
    hints = part.__annotations__ | {name: each for base in part.__mro__[1:-1] for name, each in
                                    getattr(base, "__annotations__", {}).items()}  # fmt: skip
    fields = {name for name in part.model_fields if tells(hints[name])}
    assert part is not Head or {"name", "id_number", "mobile", "employer"} <= fields
    kept = fields - UNTOLD
    assert kept <= ({"file_id", "note"} if part is Attachment else set()), part  # whose place is not told


def test_a_form_keeps_what_hardship_is_judged_by() -> None:
    form = {
        "head": {"name": "陈小明", "health": "weak", "birth_date": "1975-03-02", "mobile": "13800138000"},
        "members": [{"name": "陈小红", "relation": "daughter", "income_fen_yearly": 0}],
        "address": "某路 1 号", "rigid_spending": [{"kind": "illness", "amount_fen": 1, "file_ids": ["x"]}],
        "demands": ["请打电话"],
    }  # fmt: skip
    assert untold(form) == {
        "head": {"health": "weak", "born_in": 1975},
        "members": [{"relation": "daughter", "income_fen_yearly": 0}],
        "rigid_spending": [{"kind": "illness", "amount_fen": 1}],
    }
