"""Which files are drawn, what an evaluator sees of one, and what two evaluators together say. Pure.

`tools/redraw_evaluation.py` draws the same list in a few lines of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple, get_args

from app.kernel.money import WHOLE_BP
from app.supervision.rules import rank, share_of

Stratum = Literal["never_archived", "not_lifted", "lifted", "cancelled"]
Verdict = Literal["right", "wrong"]
STRATA: Final[tuple[Stratum, ...]] = get_args(Stratum)
STATES: Final[Mapping[Stratum, tuple[str, ...]]] = {
    "never_archived": ("rejected",),
    "not_lifted": ("active", "annual_review", "suspended", "exit_proposed", "exit_notice"),
    "lifted": ("lifted", "relieved"),
    "cancelled": ("cancelled",),
}
"""The states of household files that make up each stratum."""
MOST_DAYS: Final = 180
MOST_CASES: Final = 200
"""Of one stratum."""
HEADER: Final = "file_id,stratum"
METHOD: Final = (
    "一、名单是抽取时本工会及下级工会的全部有关档案，每行是档案和层，按 file_id 从小到大，UTF-8、逗号分隔、换行为 \\n，"
    "第一行是列名，校验码是全文的 SHA-256。"
    "二、四层依次为 never_archived 没有建档（不予通过）、not_lifted 在档未脱困、lifted 已脱困（含解困）、"
    "cancelled 已注销。"
    "三、每层按 SHA-256(种子:file_id) 的十六进制从小到大，取登记的份数；不足的全取。"
    "四、种子由系统在登记时随机产生并封存，当时公布它的 SHA-256；名单冻结时才公布种子本身。"
)
"""How files are drawn, as the page of an evaluation says it."""
UNTOLD: Final = frozenset(
    "name id_number mobile other_contact organisation_code employer postcode birth_date employer_or_school "
    "child_consent_id address division_code hukou_division_code demands cause_note bank_card_id attachments "
    "file_ids ethnicity political_status".split()
)
"""Names, numbers, places, papers, free words, and what marks somebody without telling of hardship. A year of birth
stands for its date."""


class Listed(NamedTuple):
    """A file as a population lists it: nothing personal."""

    file_id: str
    stratum: Stratum


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two evaluators said of the cases of a stratum that both have scored, in basis points."""

    scored: int
    agreement_bp: int | None
    kappa_bp: int | None
    """Cohen's; None where chance alone would always agree."""
    both_wrong: dict[str, int] | None
    either_wrong: dict[str, int] | None


def stratum_of(state: str) -> Stratum:
    """Raises StopIteration for a state of no stratum."""
    return next(stratum for stratum, states in STATES.items() if state in states)


def population(files: Iterable[Listed]) -> bytes:
    """The list in its one written form."""
    return "".join(f"{line}\n" for line in (HEADER, *(",".join(each) for each in sorted(files)))).encode()


def draw(seed: str, sizes: Mapping[str, int], files: Iterable[Listed]) -> list[Listed]:
    """What is drawn, stratum by stratum."""
    ranked = sorted(files, key=lambda each: rank(seed, each.file_id))
    return [each for stratum in STRATA for each in [f for f in ranked if f.stratum == stratum][: sizes[stratum]]]


def untold(form: Any) -> Any:
    """A form without whatever names or reaches a person."""
    if isinstance(form, list):
        return [untold(each) for each in form]
    if not isinstance(form, dict):
        return form
    told = {key: untold(value) for key, value in form.items() if key not in UNTOLD}
    return told | ({"born_in": int(form["birth_date"][:4])} if form.get("birth_date") else {})


def kappa_bp(pairs: Iterable[tuple[Verdict, Verdict]]) -> int | None:
    """Cohen's kappa; None of nothing, and where both always say the same one word."""
    said = list(pairs)
    n, agreed = len(said), sum(first == second for first, second in said)
    expected = sum(
        sum(first == word for first, _ in said) * sum(second == word for _, second in said)
        for word in get_args(Verdict)
    )
    return None if expected == n * n else round(Fraction(WHOLE_BP * (n * agreed - expected), n * n - expected))


def agreement_of(pairs: Iterable[tuple[Verdict, Verdict]], z_ten_thousandths: int) -> Agreement:
    """Of the cases of one stratum, as the first and the second evaluator scored them."""
    said = list(pairs)
    n, wrong = len(said), [pair.count("wrong") for pair in said]
    both, either = (share_of(n, sum(each >= least for each in wrong), z_ten_thousandths) for least in (2, 1))
    return Agreement(
        n,
        round(Fraction(WHOLE_BP * sum(first == second for first, second in said), n)) if n else None,
        kappa_bp(said),
        asdict(both) if both else None,
        asdict(either) if either else None,
    )
