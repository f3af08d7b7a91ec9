"""Which measures answer which causes of hardship, and what a measure must say in each state. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Final, Literal, NamedTuple, get_args

from app.households.forms import Cause
from app.kernel.errors import FieldError
from app.policy.fields import Frozen
from app.policy.versions import read_yaml

MeasureKind = Literal[
    "living_aid", "employment", "training", "yuan_dream", "medical", "schooling", "dibao_docking", "legal",
    "counselling",
]  # fmt: skip
MeasureState = Literal["proposed", "running", "done", "dropped"]
MeasureResult = Literal["achieved", "partly", "not_achieved"]
PlanResult = Literal["achieved", "partly", "not_achieved", "replaced", "left"]
ServiceUnit = Literal["session", "place", "hour", "person_time", "item"]
MEASURE_KINDS: Final[tuple[MeasureKind, ...]] = get_args(MeasureKind)
OPEN_STATES: Final = ("proposed", "running")
LONGEST: Final = timedelta(days=3 * 366)
"""A due date further away is a slip of the pen."""


class MeasureTerms(Frozen):
    """A measure: its name, how many days it usually takes, and where it comes from."""

    name: str
    days: int
    source: str


class _Book(Frozen):
    measures: Mapping[MeasureKind, MeasureTerms]
    causes: Mapping[Cause, tuple[MeasureKind, ...]]


class Kept(NamedTuple):
    """A measure as it stands, or is to stand."""

    state: MeasureState
    responsible: bool
    """Whether somebody answers for it."""
    due_on: date | None
    result: MeasureResult | None


@cache
def _book() -> _Book:
    text = files(__package__).joinpath("measures.yaml").read_text("utf-8")
    read = read_yaml(text)
    if not isinstance(read, dict):
        raise ValueError("measures.yaml must be a mapping")
    causes = {cause: tuple(kinds) for cause, kinds in read["causes"].items()}
    book = _Book(measures=read["measures"], causes=causes)
    if set(book.measures) != set(MEASURE_KINDS) or set(book.causes) != set(get_args(Cause)):
        raise ValueError("measures.yaml must name every measure and every cause once")
    return book


def terms_of(kind: MeasureKind) -> MeasureTerms:
    return _book().measures[kind]


def proposed_for(causes: Iterable[str]) -> tuple[MeasureKind, ...]:
    """The measures that answer these causes, the main cause's first, each once. A cause
    that the list does not know proposes nothing."""
    answers: dict[str, tuple[MeasureKind, ...]] = {str(cause): kinds for cause, kinds in _book().causes.items()}
    return tuple(dict.fromkeys(kind for cause in causes for kind in answers.get(cause, ())))


def usual_due(kind: MeasureKind, today: date) -> date:
    return today + timedelta(days=terms_of(kind).days)


def wrong_with(kept: Kept, today: date) -> list[FieldError]:
    """What keeps a measure from standing like this."""
    wrong = []
    if kept.state != "proposed" and not kept.responsible:
        wrong.append(FieldError("/take", "responsible_required", "请先认领这项措施：要有一名负责人。"))
    if kept.state != "proposed" and kept.due_on is None:
        wrong.append(FieldError("/due_on", "due_required", "请填写完成期限。"))
    if kept.due_on is not None and kept.due_on > today + LONGEST:
        wrong.append(FieldError("/due_on", "due_too_far", "完成期限太远，请填写三年以内的日期。"))
    ended = kept.state in ("done", "dropped")
    if ended is (kept.result is None):
        message = "请填写措施的结果。" if ended else "措施还没有结束，不能填写结果。"
        wrong.append(FieldError("/result", "result_required" if ended else "result_too_early", message))
    return wrong
