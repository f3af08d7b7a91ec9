"""The questions of “what can I get”: which there are, how each is written, and where its answer stands in `Answers`."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

from app.households.criteria import EXCLUSION_NAMES, Circumstance
from app.households.wording import CAUSES
from app.kinds.golden_autumn.policy import ProgrammeType, Stage
from app.kinds.golden_autumn.rules import PROGRAMME_NAMES, STAGE_NAMES
from app.kinds.secondary_medical.benefits import FIELDS, FieldName

Options = tuple[tuple[str, str], ...]
How = Literal["yuan", "count", "date", "choice", "flag"]
_NOT_SAID: Final = ("", "不知道 / 不回答")
_YES_OR_NO: Final[Options] = (_NOT_SAID, ("yes", "是"), ("no", "否"))
_YUAN: Final = re.compile(r"\A([0-9]{1,9})(?:\.([0-9]{1,2}))?\Z")
_COUNT: Final = re.compile(r"\A[0-9]{1,4}\Z")
_SAID: Final[Mapping[str, Any]] = {"yes": True, "no": False}
_ASIDE: Final = str.maketrans("", "", ",， 元")
_SHEET: Final = tuple(name for name in get_args(FieldName) if name not in ("above_ceiling", "receipts"))


class Question(NamedTuple):
    """`place`: where its answer stands in `app.screening.Answers`, step by step."""

    name: str
    place: tuple[str, ...]
    how: How
    label: str
    hint: str = ""
    options: Options = ()


class Group(NamedTuple):
    """`opens`: the question without whose answer the group is not told at all; `folded`: shown when it is opened."""

    title: str
    hint: str
    questions: tuple[Question, ...]
    opens: str | None = None
    folded: bool = False


def _yes_no(name: str, label: str, hint: str = "") -> Question:
    return Question(name, ("household", name), "choice", label, hint, _YES_OR_NO)


def _causes() -> Options:
    return (_NOT_SAID, *((each, CAUSES[each]) for each in get_args(Circumstance)))


_HOME: Final = Group(
    "家庭情况",
    "按一家人一起算。金额写元，一年合计；不知道的不填。",
    (
        Question("members", ("household", "members"), "count", "一起生活的有几口人", "包括本人。"),
        Question("income", ("household", "income_fen_yearly"), "yuan", "全家一年收入多少元", "工资、养老金等都算。"),
        Question(
            "spending",
            ("household", "rigid_spending_fen"),
            "yuan",
            "一年必要支出多少元",
            "看病、上学、房租、护理等不得不花、要自己付的钱。没有填 0。",
        ),
        Question(
            "residence",
            ("household", "residence"),
            "choice",
            "按城镇还是农村低保",
            "看户口或经常居住的地方。",
            (("urban", "城镇"), ("rural", "农村")),
        ),
        _yes_no("file_active", "已经建立困难职工档案了吗"),
        _yes_no("receives_dibao", "正在享受低保吗"),
        Question("primary_cause", ("household", "primary_cause"), "choice", "困难的主要原因", "", _causes()),
        Question("homes", ("household", "homes"), "count", "有几套住房", "没有填 0。"),
        Question("assets", ("household", "financial_assets_fen"), "yuan", "存款和投资一共多少元"),
        _yes_no("migrant_worker", "是进城务工的农民工吗"),
        Question(
            "labour_relation_months", ("household", "labour_relation_months"), "count", "在现在的单位做了几个月",
        ),
        _yes_no("union_member", "是工会会员吗"),
    ),
)  # fmt: skip
_FLAGS: Final = Group(
    "有下面的情形吗",
    "有就打勾，没有的不用动。",
    tuple(
        Question(name, ("household", name), "flag", EXCLUSION_NAMES[name])
        for name in ("runs_business", "private_car", "non_dwelling_property", "high_fee_school", "study_abroad",
                     "able_adult_not_working")
    ),
)  # fmt: skip
_MEDICAL: Final = Group(
    "看病花了很多钱",
    "没有的，整段不填。",
    (
        Question(
            "self_paid",
            ("medical", "self_paid_fen"),
            "yuan",
            "报销以后自己付了多少元",
            "医保、大病保险等都报过以后的数。",
        ),
        Question("mutual_paid", ("medical", "mutual_aid_paid_fen"), "yuan", "工会互助保障又给了多少元", "没有的不填。"),
        Question("medical_settled_on", ("medical", "settled_on"), "date", "哪一天结算的"),
    ),
    opens="self_paid",
)
_ACCIDENT: Final = Group(
    "遇到意外或灾害",
    "没有的，整段不填。",
    (
        Question("caused", ("accident", "caused_fen"), "yuan", "造成的支出多少元", "扣掉赔偿和保险以后的数。"),
        Question("happened_on", ("accident", "happened_on"), "date", "哪一天发生的"),
    ),
    opens="caused",
)
_STUDENT: Final = Group(
    "孩子上学",
    "没有的，整段不填。几个孩子的，一个一个算。",
    (
        Question(
            "stage", ("student", "stage"), "choice", "读什么",
            "", (("", "没有孩子上学"), *((each, STAGE_NAMES[each]) for each in get_args(Stage))),
        ),
        Question(
            "enrolment", ("student", "enrolment"), "choice", "新生还是在读",
            "", (("continuing", "在读"), ("new", "今年新录取")),
        ),
        Question("school_public", ("student", "school_public"), "choice", "是公办学校吗", "", _YES_OR_NO),
        Question("tuition", ("student", "tuition_fen"), "yuan", "一学年学费多少元"),
        Question("admitted_on", ("student", "admitted_on"), "date", "录取通知书的日期", "新生才填。"),
        Question(
            "programme_type", ("student", "programme_type"), "choice", "就读类型",
            "", tuple((each, PROGRAMME_NAMES[each]) for each in get_args(ProgrammeType)),
        ),
        Question(
            "other_grants", ("student", "other_grants_fen"), "yuan", "其他单位本学年已资助多少元", "没有的不填。"
        ),
    ),
    opens="stage",
)  # fmt: skip
_CLAIM: Final = Group(
    "住院二次医保（参加了互助保障、住过院的）",
    "照着医保结算单填，结算单上没有的项目不填。没有住院的，整段不填。",
    (
        Question("admitted", ("claim", "form", "stay", "admitted_on"), "date", "入院日期"),
        Question("discharged", ("claim", "form", "stay", "discharged_on"), "date", "出院日期"),
        Question("settled", ("claim", "form", "settlement", "settled_at"), "date", "医保结算日期"),
        Question(
            "cause", ("claim", "form", "stay", "cause"), "choice", "因为什么住院",
            "", (("illness", "疾病"), ("accident", "意外")),
        ),
        Question(
            "treatment", ("claim", "form", "stay", "treatment"), "choice", "住院还是门诊特定病种",
            "", (("inpatient", "住院"), ("outpatient_special", "门诊特定病种")),
        ),
        Question("cover_from", ("claim", "cover", "starts_on"), "date", "互助保障从哪一天开始", "没有参保的不填。"),
        Question("cover_until", ("claim", "cover", "ends_on"), "date", "互助保障到哪一天为止"),
        Question(
            "joining", ("claim", "cover", "joining"), "choice", "是第几次参保",
            "", (_NOT_SAID, ("new", "第一次参保"), ("renewal", "按期续保"), ("late_renewal", "过期后再参保")),
        ),
        *(
            Question(name, ("claim", "form", "settlement", f"{name}_fen"), "yuan", f"{FIELDS[name]}（元）")
            for name in _SHEET
        ),
    ),
    opens="admitted",
    folded=True,
)  # fmt: skip
GROUPS: Final = (_HOME, _FLAGS, _MEDICAL, _ACCIDENT, _STUDENT, _CLAIM)
LABELS: Final = {question.name: question.label for group in GROUPS for question in group.questions}
# What decides nothing is not asked of anybody here, and the form of an application wants it.
_NOT_ASKED: Final = {
    "claim": {
        "form": {
            "stay": {"hospital_code": "0", "hospital_name": "不问", "diagnosis": "不问"},
            "settlement": {"number": "0"} | {f"{name}_fen": 0 for name in _SHEET},
        }
    },
    "medical": {"mutual_aid_paid_fen": 0},
}


def answers(given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What was filled in, as `app.screening.Answers` takes it; and by question what could not be read."""
    told: dict[str, Any] = {"household": {"file_active": None}}
    wrong: dict[str, str] = {}
    for group in GROUPS:
        if group.opens is not None and not given.get(group.opens):
            continue
        for place, value in _not_asked(group):
            _put(told, place, value)
        for question in group.questions:
            read = _READERS[question.how](given.get(question.name, "").strip())
            if isinstance(read, Wrong):
                wrong[question.name] = read.said
            elif read is not None:
                _put(told, question.place, read)
    _also(told)
    return told, wrong


def asked_at(pointer: str) -> str:
    """The question whose answer stands at a place; "" where none does."""
    place = tuple(pointer.strip("/").split("/"))
    found = (question.name for group in GROUPS for question in group.questions if question.place == place)
    return next(found, "")


class Wrong(NamedTuple):
    said: str


def _yuan(text: str) -> Any:
    if not text:
        return None
    found = _YUAN.match(unicodedata.normalize("NFKC", text).translate(_ASIDE))
    if found is None:
        return Wrong("请写成 1200 或 1200.50 这样的金额，单位元。")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _count(text: str) -> Any:
    if not text:
        return None
    plain = unicodedata.normalize("NFKC", text)
    return int(plain) if _COUNT.match(plain) else Wrong("请填写整数。")


_READERS: Final[Mapping[How, Callable[[str], Any]]] = {
    "yuan": _yuan,
    "count": _count,
    "date": lambda text: text or None,
    "choice": lambda text: _SAID.get(text, text) if text else None,
    "flag": lambda text: bool(text),
}


def _not_asked(group: Group) -> Iterator[tuple[tuple[str, ...], Any]]:
    top = group.questions[0].place[0]
    if group.opens is not None:
        yield from _leaves((top,), _NOT_ASKED.get(top, {}))


def _leaves(at: tuple[str, ...], found: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(found, Mapping):
        yield at, found
        return
    for name, inside in found.items():
        yield from _leaves((*at, name), inside)


def _put(told: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for step in place[:-1]:
        told = told.setdefault(step, {})
    told[place[-1]] = value


def _also(told: dict[str, Any]) -> None:
    """What one answer says of two things: what an accident or an illness cost stands in the household's account too."""
    home = told["household"]
    if isinstance(cost := told.get("accident", {}).get("caused_fen"), int):
        home["accident_cost_fen"] = cost
    if home.get("primary_cause") == "serious_illness" and isinstance(
        cost := told.get("medical", {}).get("self_paid_fen"), int
    ):
        home["grave_illness_cost_fen"] = cost
    settlement = told.get("claim", {}).get("form", {}).get("settlement", {})
    if isinstance(settled := settlement.get("settled_at"), str):
        settlement["settled_at"] = f"{settled}T12:00:00+08:00"
