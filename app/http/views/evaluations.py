"""What is shown of evaluations, of the files drawn for one, and of how they were scored."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.http.views.households import ProposedClass, ReasonView
from app.http.views.samples import ShareView
from app.supervision.evaluations.commands import CONTENT, REASONING
from app.supervision.evaluations.rules import METHOD, STRATA, Stratum, Verdict

EvaluationState = Literal["announced", "drawn", "closed"]
STRATUM = "never_archived 没有建档（不予通过） · not_lifted 在档未脱困 · lifted 已脱困（含解困） · cancelled 已注销"
VERDICT = "right 识别正确 · wrong 识别有误：没有建档的是漏评，在档的是错评，已脱困和已注销的是错退"


class EvaluatorView(BaseModel):
    """可以选作评估人的人。"""

    id: str
    name_masked: str


class EvaluatorList(BaseModel):
    items: list[EvaluatorView]


class EvaluationView(BaseModel):
    """一次第三方评估。种子在登记时封存，先公布它的校验码，抽取时才公布种子。"""

    id: str
    organisation: str
    title: str
    basis: str = Field(description="依据：文件或委托合同")
    first_day: str
    last_day: str = Field(description="评估人只在这些天里查看和评分，含首尾")
    first_evaluator: str
    second_evaluator: str
    state: EvaluationState = Field(description="announced 已登记 · drawn 已抽取，评估人可以评分 · closed 已结束")
    version: int
    announced_at: str
    seed_sha256: str = Field(description="种子的 SHA-256")
    seed: str | None = Field(description="抽取时公布")
    drawn_at: str | None
    population_sha256: str | None = Field(description="冻结的名单（/population）的 SHA-256")
    drawn: int | None = Field(description="抽到多少份")
    complete: bool = Field(description="两位评估人都已评完")
    closed_at: str | None


class EvaluationPage(BaseModel):
    items: list[EvaluationView]
    next_cursor: str | None


class EvaluationStratum(BaseModel):
    """一层：登记抽多少份，名单里有多少份，抽到多少份。"""

    stratum: Stratum = Field(description=STRATUM)
    size: int
    files: int | None
    drawn: int | None


class EvaluationProgress(BaseModel):
    """一层评了多少份，不说怎样评的。"""

    stratum: Stratum
    first: int
    second: int
    both: int


class EvaluationResult(BaseModel):
    """一层的结果，只算两位评估人都评了的。比例是万分之几，区间是 95% 置信区间（Wilson）。"""

    stratum: Stratum
    scored: int = Field(description="两人都评了多少份")
    agreement_bp: int | None = Field(description="两人一致的占比")
    kappa_bp: int | None = Field(description="Cohen's kappa；两人始终都只给同一种结论的为 null")
    both_wrong: ShareView | None = Field(description="两人都认为有误的")
    either_wrong: ShareView | None = Field(description="至少一人认为有误的")


class EvaluationDetail(EvaluationView):
    """一次评估、抽法、各层、进度和结果。"""

    method: str
    strata: list[EvaluationStratum]
    progress: list[EvaluationProgress] | None = Field(description="审计员看到的进度；评估人为 null")
    result: list[EvaluationResult] | None = Field(description="结束之后才有")


class EvaluationCaseView(BaseModel):
    """抽到的一份档案。"""

    id: str
    serial: int
    stratum: Stratum = Field(description=STRATUM)
    file_id: str = Field(description="名单里的编号，供重抽核对")
    scored: bool | None = Field(description="本人评了没有；审计员为 null")
    version: int | None = Field(description="本人评一次、改一次各加一；评分时放进 If-Match")


class EvaluationCasePage(BaseModel):
    items: list[EvaluationCaseView]
    next_cursor: str | None


class ScoreView(BaseModel):
    """一位评估人的结论。"""

    verdict: Verdict = Field(description=VERDICT)
    reasons: str
    scored_at: str


class EvaluationStep(BaseModel):
    action: str
    from_state: str
    to_state: str
    role: str | None
    reason: str | None
    on: str | None


class EvaluationExit(BaseModel):
    kind: Literal["lifted", "relieved", "cancelled"]
    reasons: list[ReasonView]


class EvaluationCaseDetail(EvaluationCaseView):
    """抽取时的档案：没有姓名、证件号码、电话、住址、单位、卡号和本人写的话，只有选项、数字、日期和规则的判断。"""

    state: str
    category: str | None
    archive_level: str | None
    cancelled_because: str | None
    submitted_on: str | None
    active_on: str | None
    relieved_on: str | None
    left_on: str | None
    form: dict[str, Any]
    proposed: ProposedClass
    exit: EvaluationExit | None
    steps: list[EvaluationStep]
    mine: ScoreView | None
    other: ScoreView | None = Field(description="另一位评估人的结论：两人都评完全部个案、不能再改之后才有")


class DisagreementView(BaseModel):
    """两位评估人结论不同的一份档案。"""

    serial: int
    number: str
    stratum: Stratum
    first: ScoreView
    second: ScoreView


class DisagreementList(BaseModel):
    items: list[DisagreementView]


def evaluation(row: Record) -> dict[str, Any]:
    told = "title basis state version seed_sha256 seed population_sha256 drawn complete"
    return {
        "id": str(row["id"]),
        "organisation": row["organisation_name"],
        **{name: row[name] for name in told.split()},
        "first_day": row["first_day"].isoformat(),
        "last_day": row["last_day"].isoformat(),
        "first_evaluator": row["first_masked"],
        "second_evaluator": row["second_masked"],
        "announced_at": instant(row["created_at"]),
        "drawn_at": instant(row["drawn_at"]),
        "closed_at": instant(row["closed_at"]),
    }


def detail(row: Record, progress: Mapping[str, Record] | None) -> dict[str, Any]:
    """`progress`: to auditors, by stratum."""
    drawn = {each["stratum"]: each for each in row["strata"] or []}
    nothing = {"files": None, "drawn": None}
    return evaluation(row) | {
        "method": METHOD,
        "strata": [
            {"stratum": each, "size": row["sizes"][each]} | drawn.get(each, nothing | {"stratum": each})
            for each in STRATA
        ],
        "progress": None if progress is None else [_progress(each, progress.get(each)) for each in STRATA],
        "result": row["result"],
    }


def _progress(stratum: str, found: Record | None) -> dict[str, Any]:
    counts = {"first": "firsts", "second": "seconds", "both": "pairs"}
    return {"stratum": stratum} | {name: found[column] if found else 0 for name, column in counts.items()}


def case(row: Record, *, scores: bool) -> dict[str, Any]:
    """`scores`: to somebody who scores it."""
    return {
        "id": str(row["id"]),
        "serial": row["serial"],
        "stratum": row["stratum"],
        "file_id": str(row["household_id"]),
        "scored": row["revisions"] > 0 if scores else None,
        "version": row["revisions"] + 1 if scores else None,
    }


def case_detail(row: Record, said: Mapping[UUID, Record], actor_id: UUID, keyring: Keyring) -> dict[str, Any]:
    """`said`: the scores that the actor may see."""
    others = [each for who, each in said.items() if who != actor_id]
    content: dict[str, Any] = keyring.open_document(CONTENT, row["id"], row["content"])
    return (
        content
        | case(row, scores=True)
        | {
            "mine": score(said[actor_id], keyring) if actor_id in said else None,
            "other": score(others[0], keyring) if others else None,
        }
    )


def score(row: Record, keyring: Keyring) -> dict[str, Any]:
    return {
        "verdict": row["verdict"],
        "reasons": keyring.open_text(REASONING, row["id"], row["reasons"]),
        "scored_at": instant(row["created_at"]),
    }


def disagreement(first: Record, second: Record, keyring: Keyring) -> dict[str, Any]:
    return {name: first[name] for name in ("serial", "number", "stratum")} | {
        "first": score(first, keyring),
        "second": score(second, keyring),
    }
