"""What the code knows that programs want to know too: refusals with their cures, ways, roles, documents, code lists.

`aid contract` writes it as miniprogram_contract/catalogue.json and as pages in docs/diagrams/.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from app.appeals.path import AppealAction, AppealState
from app.applications.path import PATHS, Action, Kind, State
from app.applications.resubmissions.labels import LABELS
from app.articles import gate
from app.households.dictionaries import dictionaries
from app.households.path import PATH as HOUSEHOLD_PATH
from app.http import problems
from app.http.routes import ROUTERS
from app.kernel import identifiers, text
from app.kernel.actor import PERMISSIONS, Role
from app.kernel.errors import DomainError
from app.people.consents import Purpose, consent_texts
from app.policy import drafts
from app.programmes import KINDS
from app.visits.path import PATH as VISIT_PATH
from app.workflow.path import Path

NOT_SERVED: Final = ("app.seed", "app.http.pages", "tests")
"""Modules whose refusals no program can meet; what is listed must not depend on what else is imported."""
FRAMEWORK: Final[Mapping[int, str]] = MappingProxyType(
    {400: "bad_request", 405: "method_not_allowed", 500: "internal_error"}
)
"""Refusals that no class of ours stands for."""
assert ROUTERS  # with the routes come all the refusals that they can give

CURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sign_in": "刷新令牌或重新登录，然后把原来的请求再发一次",
        "consent": "请用户阅读并同意 purposes 中的授权书，再提交",
        "verify_identity": "请用户先完成实名认证",
        "open_existing": "打开回答中指明的那一份，不要另建",
        "reload": "重新读取，给用户看过现在的情况，再由用户决定",
        "fix_input": "在 errors 指出的位置提示用户修改",
        "choose_other_file": "请用户换一个更小的文件，或换成支持的格式",
        "retry_later": "等 Retry-After 秒，用原来的 Idempotency-Key 再发",
        "retry": "稍候，用原来的 Idempotency-Key 再发",
        "wait": "告诉用户什么时候可以再试，不要自动重发",
        "tell": "把 detail 显示给用户；不要重发",
        "mend_client": "小程序的缺陷：请求不合约定，请开发者改正",
        "report": "我们的缺陷：请用户复制 request_id 报告",
    }
)
"""What a program does about a refusal. A client needs these few, not every code."""
_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "mend_client",
        401: "sign_in",
        403: "tell",
        404: "tell",
        405: "mend_client",
        409: "tell",
        412: "reload",
        413: "choose_other_file",
        415: "choose_other_file",
        422: "fix_input",
        428: "mend_client",
        429: "wait",
        500: "report",
        503: "retry_later",
    }
)
_BY_CODE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "consents_missing": "consent",
        "identity_required": "verify_identity",
        "draft_already_open": "open_existing",
        "idempotency_in_progress": "retry",
        "overtaken": "retry",
        "not_allowed_now": "reload",
        "conflict": "reload",
        "not_editable": "reload",
        "file_gone": "choose_other_file",
        "file_not_clean": "wait",
        "unsupported_media_type": "mend_client",
        "idempotency_key_missing": "mend_client",
        "idempotency_key_reused": "mend_client",
    }
)
"""Where a code says more than its status."""
_EXTRA: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "consents_missing": {"purposes": "public_notice,sensitive_finance"},
        "draft_already_open": {"application_id": "019cab00-0000-7000-8000-000000000001"},
        "not_allowed_now": {"state": "unit_review"},
        "stale_version": {"version": 4},
    }
)
"""Further members of the answer, where a client uses them."""
_FIELD: Final = {"pointer": "/form/reason", "code": "missing", "message": drafts.MESSAGES["missing"]}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A way in which a request is refused, as its sender sees it."""

    status: int
    code: str
    detail: str

    @property
    def cure(self) -> str:
        return _BY_CODE.get(self.code) or _BY_STATUS.get(self.status, "tell")

    @property
    def example(self) -> dict[str, Any]:
        """The whole answer. For a wrong field: with one."""
        told: dict[str, Any] = {
            "type": f"urn:aid:problem:{self.code}",
            "title": problems.TITLES[self.status],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": "example-request",
        }
        return told | dict(_EXTRA.get(self.code, {})) | ({"errors": [_FIELD]} if self.code == "invalid" else {})


def refusals() -> Iterator[Refusal]:
    """Of our own making, and those of the framework."""
    for kind in _below(DomainError):
        if not kind.__module__.startswith(NOT_SERVED):
            refusal = kind()
            yield Refusal(problems.status_of(refusal), refusal.code, refusal.detail)
    for status, code in FRAMEWORK.items():
        yield Refusal(status, code, problems.DETAILS[status])


def _below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below(each)


def field_messages() -> dict[str, str]:
    """Codes of wrong fields that forms share, with what people read."""
    return {**drafts.MESSAGES, **identifiers.MESSAGES, **text.MESSAGES, **gate.MESSAGES}


def catalogue(words: Mapping[str, str], of_paths: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """All of it, for programs. `words`: how codes are said; `of_paths`: what they mean on one path alone."""
    return {
        "words": _said(words, of_paths),
        "problems": [
            {"code": each.code, "status": each.status, "detail": each.detail, "cure": each.cure}
            for each in sorted(refusals(), key=lambda one: (one.code, one.status))
        ],
        "cures": dict(CURES),
        "field_problems": dict(sorted(field_messages().items())),
        "paths": {kind.value: _way(PATHS[kind], words) for kind in Kind} | {"household": _way(HOUSEHOLD_PATH, words)},
        "roles": {
            role.value: {"name": words[role], "permissions": sorted(each.value for each in PERMISSIONS[role])}
            for role in Role
        },
        "programmes": {kind.value: _programme(kind) for kind in KINDS},
        "consents": {purpose.value: consent_texts()[purpose].version for purpose in Purpose},
        "dictionaries": {name: _list(name) for name in dictionaries()},
    }


def _way(path: Path, words: Mapping[str, str]) -> dict[str, Any]:
    """The states of a path and its actions: which of them somebody may take now, `open_actions` alone says."""
    states, actions = _codes(path)
    return {
        "states": {state: words[state] for state in states},
        "actions": {action: words[action] for action in actions},
        "steps": [{"at": step.at, "action": step.action, "to": step.to, "by": step.by} for step in path.steps],
    }


def _codes(path: Path) -> tuple[list[str], list[str]]:
    states = dict.fromkeys(str(state) for step in path.steps for state in (step.at, step.to))
    return [*states], [*dict.fromkeys(str(step.action) for step in path.steps)]


def _said(words: Mapping[str, str], of_paths: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """How each state and action that an answer can have is shown to people, and each field of the application forms.

    An application has more states than its path in `paths` when it is so large that a meeting decides.
    """
    ways: dict[str, tuple[Iterable[str], Iterable[str]]] = {
        "application": (State, Action),
        "appeal": (AppealState, AppealAction),
        "household": _codes(HOUSEHOLD_PATH),
        "visit": _codes(VISIT_PATH),
    }
    said: dict[str, Any] = {"fields": dict(LABELS)}
    for name, (states, actions) in ways.items():
        own = {**words, **of_paths.get(name, {})}
        said[name] = {"states": {str(each): own[each] for each in states}, "actions": {str(a): own[a] for a in actions}}
    return said


def _programme(kind: Kind) -> dict[str, Any]:
    each = KINDS[kind]
    return {
        "name": each.name,
        "form_version": each.form_version,
        "consents": [purpose.value for purpose in each.consents],
        "documents": [{"code": one.code, "name": one.name, "required": one.required} for one in each.documents],
    }


def _list(name: str) -> dict[str, Any]:
    """Every edition: what was filled in under an older one is still shown by its words."""
    each = dictionaries()[name]
    return {
        "title": each.title,
        "standard": each.standard,
        "editions": [edition.model_dump(mode="json") for edition in each.editions],
    }


def document_lines() -> Iterator[str]:
    """Which papers each kind of aid asks for, and which consents, as Markdown."""
    for programme in KINDS.values():
        yield from (f"## {programme.name} `{programme.kind}`", "", programme.summary, "", "| 材料 | 代码 | 必需 |")
        yield "| --- | --- | --- |"
        for each in programme.documents:
            yield f"| {each.name} | `{each.code}` | {'是' if each.required else ''} |"
        yield from ("", "需要的授权：" + "、".join(f"`{each}`" for each in programme.consents) + "。", "")


def dictionary_lines() -> Iterator[str]:
    """The code lists of the household file, each edition, as Markdown."""
    for each in dictionaries().values():
        standard = f"国家标准：{each.standard}。" if each.standard else "没有对应的国家标准。"
        yield from (f"## {each.title} `{each.name}`", "", standard, "")
        for edition in each.editions:
            yield f"{edition.in_force_from} 起（{edition.version}，{edition.source}）："
            yield from ("", _items((item.text, item.code) for item in edition.items), "")


def _items(items: Iterable[tuple[str, str]]) -> str:
    return "、".join(f"{said} `{code}`" for said, code in items)
