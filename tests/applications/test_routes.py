"""Which stages a case passes: by its amount to the fen, and from no document that leaves a doubt."""

from copy import deepcopy
from datetime import date
from itertools import combinations
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.applications.path import (
    PATHS,
    STAGES,
    STANDARD,
    Action,
    Kind,
    State,
    path_along,
    path_of,
    route_text,
    stages_along,
)
from app.applications.routes import KIND, ApprovalRoutes, Item, Route, route_for, terms_of
from app.kernel.actor import Permission
from app.kernel.errors import Invalid
from app.kernel.money import MAX_FEN
from app.kinds.hardship_aid.forms import HardshipAidForm
from app.policies.rules import document_of, read
from app.policy.book import PolicyBook
from app.policy.versions import NoPolicyInForce
from app.programmes import shipped
from tests.policies.making import document

S = State
LIMIT_FEN = 2_000_000
"""Written down once more, so that it has to be meant twice."""
TERMS = {"members": 5, "quorum": 3, "majority": "of_members"}
ORDINARY = ["unit_review", "district_review", "city_approval"]
Doc = dict[str, Any]


def routes(*bands: Doc, items: list[str] | None = None) -> Doc:
    """A whole document: these bands for hardship aid (or for some of it), the usual way for everything else."""
    everything = [{"kind": kind, "bands": [{"stages": ORDINARY}]} for kind in Kind if items or kind != "hardship_aid"]
    own: Doc = {"kind": "hardship_aid", "bands": list(bands)} | ({"items": items} if items else {})
    return document("approval_route", routes=[own, *everything])


def version(*bands: Doc, items: list[str] | None = None) -> ApprovalRoutes:
    return read(ApprovalRoutes, routes(*bands, items=items))


SMALL = {"up_to_fen": 100_000, "stages": ["unit_review", "city_approval"]}
MIDDLE = {"above_fen": 100_000, "up_to_fen": 500_000, "stages": ORDINARY}
LARGE = {"above_fen": 500_000, "stages": [*ORDINARY, "meeting"], "meeting": TERMS}


# ---- what comes with the service ----


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("amount_fen", "meets"), [(0, False), (LIMIT_FEN, False), (LIMIT_FEN + 1, True), (MAX_FEN, True)]
)
def test_ordinary_amounts_keep_the_usual_way_and_large_ones_need_a_meeting(
    kind: Kind, amount_fen: int, meets: bool
) -> None:
    route = route_for(shipped(), kind, "medical", amount_fen, date(2026, 9, 1))
    meets = meets and kind is not Kind.SECONDARY_MEDICAL
    assert stages_along(route.route) == (STAGES if meets else STANDARD)
    assert (route.route_version, route.route_fen) == ("2026", amount_fen)
    assert (path_along(kind, route.route) == PATHS[kind]) is not meets
    if meets:
        assert terms_of(shipped(), kind, "medical", route).model_dump() == {
            "members": 3, "quorum": 2, "majority": "of_members",
        }  # fmt: skip


def test_the_items_are_those_of_the_form() -> None:
    assert set(get_args(Item)) == set(get_args(HardshipAidForm.model_fields["item"].annotation))


# ---- bands ----


@pytest.mark.parametrize(
    ("amount_fen", "stages"),
    [
        (0, SMALL), (1, SMALL), (99_999, SMALL), (100_000, SMALL),
        (100_001, MIDDLE), (499_999, MIDDLE), (500_000, MIDDLE),
        (500_001, LARGE), (MAX_FEN, LARGE),
    ],
)  # fmt: skip
def test_each_amount_lies_in_one_band(amount_fen: int, stages: Doc) -> None:
    band = version(SMALL, MIDDLE, LARGE).band("hardship_aid", "living", amount_fen)
    assert list(band.stages) == stages["stages"]
    assert (band.meeting is not None) is (stages is LARGE)


@given(edges=st.lists(st.integers(1, MAX_FEN), min_size=1, max_size=8, unique=True), amount=st.integers(0, MAX_FEN))
def test_whatever_the_bands_no_amount_is_left_out_or_in_two(edges: list[int], amount: int) -> None:
    ends = [*sorted(edges), None]
    bands = [
        {"stages": ORDINARY} | ({"above_fen": ends[n - 1]} if n else {}) | ({"up_to_fen": end} if end else {})
        for n, end in enumerate(ends)
    ]
    made = version(*bands)
    found = made.band("hardship_aid", None, amount)
    holding = [
        band
        for band in made.routes[0].bands
        if (band.above_fen is None or amount > band.above_fen) and (band.up_to_fen is None or amount <= band.up_to_fen)
    ]
    assert holding == [found]


def test_an_item_with_a_way_of_its_own_goes_that_way_and_the_others_do_not() -> None:
    short = {"stages": ["city_approval"]}
    made = version(short, items=["temporary"])
    assert made.band("hardship_aid", "temporary", 1).stages == ("city_approval",)
    for kind, item in [("hardship_aid", "living"), ("hardship_aid", None), ("golden_autumn", None)]:
        assert list(made.band(kind, item, 1).stages) == ORDINARY
    assert made.stages_of("hardship_aid") == STANDARD


# ---- what may not be configured ----


def changed(at: str, value: Any) -> Doc:
    """The bands above with one place otherwise; `...` takes it out."""
    made = routes(*map(deepcopy, (SMALL, MIDDLE, LARGE)))
    *way, last = [int(part) if part.isdigit() else part for part in at.strip("/").split("/")]
    here: Any = made
    for part in way:
        here = here[part]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return made


B = "/routes/0/bands"


@pytest.mark.parametrize(
    ("at", "value", "told_at", "code", "message"),
    [
        (f"{B}/2/meeting/quorum", 0, f"{B}/2/meeting/quorum", "quorum_zero", "法定人数不能为0：至少要有1人表决。"),
        (f"{B}/2/meeting/quorum", -1, f"{B}/2/meeting/quorum", "quorum_zero", "法定人数不能为0：至少要有1人表决。"),
        (f"{B}/2/meeting/quorum", 6, f"{B}/2/meeting/quorum", "quorum_above_members", "法定人数不能多于列名的人数。"),
        (f"{B}/2/meeting/quorum", 1.5, f"{B}/2/meeting/quorum", "int_type", "请填写整数。"),
        (f"{B}/2/meeting/members", 0, f"{B}/2/meeting/members", "greater_than_equal", "数值太小。"),
        (f"{B}/2/meeting/majority", "most", f"{B}/2/meeting/majority", "literal_error", "请从给出的选项中选择。"),
        (f"{B}/2/meeting", ..., f"{B}/2", "meeting_terms", "有会议决定环节的，要写明怎样表决；没有的，不要写。"),
        (f"{B}/1/meeting", TERMS, f"{B}/1", "meeting_terms", "有会议决定环节的，要写明怎样表决；没有的，不要写。"),
        (f"{B}/1/stages/1", "street_review", f"{B}/1/stages/1", "literal_error", "请从给出的选项中选择。"),
        (f"{B}/1/stages", [], f"{B}/1/stages", "too_short", "数量太少。"),
        (
            f"{B}/1/stages", ["district_review", "unit_review", "city_approval"], f"{B}/1/stages", "stages_order",
            "环节应按单位审核、区县审核、市总审批、会议决定的先后来写，每个最多一次。",
        ),
        (
            f"{B}/1/stages", ["city_approval", "city_approval"], f"{B}/1/stages", "stages_order",
            "环节应按单位审核、区县审核、市总审批、会议决定的先后来写，每个最多一次。",
        ),
        (
            f"{B}/2/stages", ["meeting", "city_approval"], f"{B}/2/stages", "stages_order",
            "环节应按单位审核、区县审核、市总审批、会议决定的先后来写，每个最多一次。",
        ),
        (
            f"{B}/2/stages", ["unit_review", "meeting"], f"{B}/2/stages", "stages_without_city",
            "不能没有市总审批（city_approval）这个环节。",
        ),
        (f"{B}/1/above_fen", 100_001, B, "bands_gap", "第2档与上一档之间有空档：起点应等于上一档的终点。"),
        (f"{B}/2/above_fen", 499_999, B, "bands_overlap", "第3档与上一档有重叠：起点应等于上一档的终点。"),
        (f"{B}/2/above_fen", ..., B, "bands_overlap", "第3档与上一档有重叠：起点应等于上一档的终点。"),
        (f"{B}/0/up_to_fen", ..., B, "bands_overlap", "第2档与上一档有重叠：起点应等于上一档的终点。"),
        (f"{B}/0/above_fen", 1, B, "bands_begin_late", "第1档应从0开始：不要写“高于多少”。"),
        (f"{B}/2/up_to_fen", 600_000, B, "bands_end_early", "最后一档应没有上限：不要写“到多少为止”。"),
        (f"{B}/1/up_to_fen", 100_000, f"{B}/1", "band_empty", "这一档里没有金额：终点应大于起点。"),
        (f"{B}/0/up_to_fen", 0, f"{B}/0", "band_empty", "这一档里没有金额：终点应大于起点。"),
        (B, [], B, "too_short", "数量太少。"),
        ("/routes/0/items", ["housing"], "/routes/0/items/0", "literal_error", "请从给出的选项中选择。"),
        ("/routes/0/items", ["living", "living"], "/routes/0/items", "item_repeated", "同一种救助只能写一次。"),
        ("/routes/1/items", ["living"], "/routes/1/items", "items_of_other_kind", "只有困难帮扶可以按救助种类分列。"),
        (
            "/routes/0/items", ["living"], "/routes", "route_missing",
            "每种帮扶都要有一项不分救助种类（不写 items）的审批环节。",
        ),
        ("/routes/2", ..., "/routes", "route_missing", "每种帮扶都要有一项不分救助种类（不写 items）的审批环节。"),
        (
            "/routes/2/kind", "golden_autumn", "/routes", "route_repeated",
            "同一种帮扶、同一种救助的审批环节只能写一次。",
        ),
        ("/routes/2/kind", "legal_aid", "/routes/2/kind", "literal_error", "请从给出的选项中选择。"),
    ],
)  # fmt: skip
def test_a_document_that_leaves_a_doubt_is_refused_at_the_place_and_in_words(
    at: str, value: Any, told_at: str, code: str, message: str
) -> None:
    with pytest.raises(Invalid) as refused:
        read(ApprovalRoutes, changed(at, value))
    assert [(e.pointer, e.code, e.message) for e in refused.value.errors] == [(told_at, code, message)]


def test_the_document_of_these_tests_is_one_that_is_taken() -> None:
    made = read(ApprovalRoutes, routes(SMALL, MIDDLE, LARGE))
    assert document_of(made) == routes(SMALL, MIDDLE, LARGE) | {
        name: getattr(made, name) if name != "in_force_from" else str(made.in_force_from)
        for name in ("version", "in_force_from")
    }


# ---- the way of one case ----


def test_the_version_of_the_day_counts_and_one_that_was_taken_stays() -> None:
    before = read(
        ApprovalRoutes, routes(MIDDLE | {"above_fen": None, "up_to_fen": None}) | {"in_force_from": "2026-01-01"}
    )
    after = read(ApprovalRoutes, routes(SMALL, MIDDLE, LARGE) | {"in_force_from": "2026-07-01"})
    book = PolicyBook({KIND: (before, after)})
    old = route_for(book, "hardship_aid", "living", 500_001, date(2026, 6, 30))
    new = route_for(book, "hardship_aid", "living", 500_001, date(2026, 7, 1))
    assert (stages_along(old.route), old.route_version) == (STANDARD, before.version)
    assert (stages_along(new.route), new.route_version) == (STAGES, after.version)
    assert terms_of(book, "hardship_aid", "living", new).members == 5


def test_without_a_version_that_can_be_read_nothing_is_approved_by_fewer() -> None:
    with pytest.raises(NoPolicyInForce):
        route_for(shipped(), "hardship_aid", "living", 1, date(2015, 12, 31))
    closed = PolicyBook(shipped().versions, frozenset({(KIND, "440500")}))
    with pytest.raises(NoPolicyInForce):
        route_for(closed, "hardship_aid", "living", 1, date(2026, 9, 1))


def test_a_lowered_amount_is_voted_on_by_the_terms_of_the_amount_it_was_routed_for() -> None:
    book = PolicyBook({KIND: (version(SMALL, MIDDLE, LARGE),)})
    route = Route(route_text(STAGES), book.versions[KIND][0].version, 500_001)
    assert terms_of(book, "hardship_aid", "living", route).quorum == 3


# ---- every path that a way may make ----

WAYS = [
    stages
    for length in range(1, len(STAGES) + 1)
    for stages in combinations(STAGES, length)
    if State.CITY_APPROVAL in stages
]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("stages", WAYS)
def test_a_case_passes_the_stages_of_its_way_in_order_and_no_others(kind: Kind, stages: tuple[State, ...]) -> None:
    path = path_of({"kind": kind, "route": route_text(stages)})
    state, passed = S(path.step(S.SUBMITTED, Action.ACCEPT).to), []
    while state in STAGES:
        passed.append(state)
        state = S(path.step(state, Action.CARRY if state is S.MEETING else Action.APPROVE).to)
    assert tuple(passed) == stages
    assert state == (S.APPROVED if kind is Kind.SECONDARY_MEDICAL else S.PUBLIC_NOTICE)
    assert set(path.states) & set(STAGES) == set(stages)
    for stage in stages:
        assert path.step(stage, Action.WITHDRAW).to == S.WITHDRAWN
        if kind is not Kind.SECONDARY_MEDICAL and stage is not S.MEETING:
            assert path.step(stage, Action.RAISE_AMOUNT).to == stages[0]
    if kind is not Kind.SECONDARY_MEDICAL:
        back = path.step(S.PUBLIC_NOTICE, Action.OBJECT).to
        assert back == (S.DISTRICT_REVIEW if S.DISTRICT_REVIEW in stages else S.CITY_APPROVAL)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("stages", WAYS)
def test_what_an_appeal_grants_is_decided_by_a_meeting_where_its_way_has_one(
    kind: Kind, stages: tuple[State, ...]
) -> None:
    path = path_along(kind, route_text(stages))
    decided = S.APPROVED if kind is Kind.SECONDARY_MEDICAL else S.PUBLIC_NOTICE
    for state in (S.APPEALED, decided, S.APPROVED, S.PAID):
        to = S.MEETING if S.MEETING in stages else decided
        assert path.step(state, Action.CHANGE_DECISION).to == to
    assert path.step(S.APPEALED, Action.REOPEN).to == S.CITY_APPROVAL


@pytest.mark.parametrize("kind", Kind)
def test_nobody_takes_a_step_out_of_a_meeting_but_the_meeting(kind: Kind) -> None:
    path = path_along(kind, route_text(STAGES))
    steps = {step.action: step.by for step in path.steps if step.at == S.MEETING}
    assert steps == {
        Action.WITHDRAW: Permission.OWN,
        Action.CONVENE: Permission.HOLD_MEETING,
        Action.CARRY: Permission.SYSTEM,
        Action.TURN_DOWN: Permission.SYSTEM,
        Action.UNDO: Permission.UNDO_REVIEW,  # the city's approval that led here, by somebody else
    }
