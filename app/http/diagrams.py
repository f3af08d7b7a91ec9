"""What the code itself can tell its readers: the paths, the roles and the refusals, as Markdown for `aid contract`.

A state, action, permission or role that has no word here raises KeyError, so none can be added without its name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from app.appeals.path import PATHS as APPEAL_PATHS
from app.applications.path import GATES as APPLICATION_GATES
from app.applications.path import PATHS, Kind, State, path_along, route_text
from app.applications.reasons.rules import Reason, ReasonCatalogue
from app.applications.routes import ApprovalRoutes
from app.applications.standards import Limits, ServiceStandard
from app.articles.path import PATH as ARTICLE_PATH
from app.discrepancies.path import PATH as DISCREPANCY_PATH
from app.duplicates.path import PATH as DUPLICATE_PATH
from app.households.path import CANCEL_REASONS, GATES
from app.households.path import PATH as HOUSEHOLD_PATH
from app.households.path import REASONS as HOUSEHOLD_REASONS
from app.http.catalogues import CURES, dictionary_lines, document_lines, field_messages, refusals
from app.http.words import OF_APPEALS, OF_ARTICLES, OF_MEETINGS, OF_VISITS, WORDS
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.meetings.path import GATES as MEETING_GATES
from app.meetings.path import PATH as MEETING_PATH
from app.notices.path import PATH as OBJECTION_PATH
from app.programmes import KINDS, shipped
from app.visits.path import PATH as VISIT_PATH
from app.workflow.path import Path, Step

GENERATED: Final = "> 由代码生成（`make contract`），请勿手改。"


def diagrams() -> dict[str, str]:
    """File name → Markdown of every generated page. Raises KeyError for a code without a word."""
    (*_, standard) = shipped().of("service_standard", ServiceStandard)
    days = {state: count for state in Limits.model_fields if (count := standard.days_at(state))}
    (*_, catalogue) = shipped().of("application_reasons", ReasonCatalogue)
    paths = {
        f"{name}.md": _path_page(title, replace(path, working_days=days), {}) + _catalogue(kind, catalogue.reasons)
        for kind, name, title, path in _ways()
    }
    return {
        "README.md": _page("由代码生成的图表", _index()),
        **paths,
        "discrepancy.md": _path_page("不一致", DISCREPANCY_PATH, {}),
        "visit.md": _path_page("入户走访", VISIT_PATH, {}, OF_VISITS),
        **{
            f"appeal_{kind}.md": _path_page(f"{KINDS[kind].name}的申诉", APPEAL_PATHS[kind], {}, OF_APPEALS)
            for kind in Kind
        },
        "meeting.md": _path_page("会议决定", MEETING_PATH, {}, OF_MEETINGS),
        "duplicate.md": _path_page("档案查重", DUPLICATE_PATH, {}),
        "article.md": _path_page("宣传文章", ARTICLE_PATH, {}, OF_ARTICLES),
        "objection.md": _path_page("公示异议", OBJECTION_PATH, {}),
        "household.md": _path_page("家庭档案", HOUSEHOLD_PATH, HOUSEHOLD_REASONS) + _cancel_reasons(),
        "roles.md": _page("角色与权限", _roles()),
        "problems.md": _page("错误代码", _problems()),
        "documents.md": _page("材料清单", document_lines()),
        "dictionaries.md": _page("代码表", dictionary_lines()),
    }


def _ways() -> Iterator[tuple[Kind, str, str, Path]]:
    """Kind, file name, title and path: the usual one of each kind, and where large amounts need a meeting, that too."""
    (*_, routes) = shipped().of("approval_route", ApprovalRoutes)
    for kind in Kind:
        yield kind, kind, KINDS[kind].name, PATHS[kind]
        stages = routes.stages_of(kind)
        if State.MEETING in stages:
            title = f"{KINDS[kind].name}（金额较大，需要会议决定的）"
            yield kind, f"{kind}_with_meeting", title, path_along(kind, route_text(stages))


def _index() -> Iterable[str]:
    kinds = [f"- [{title}]({name}.md)：办理路径" for _, name, title, _ in _ways()]
    return [
        *kinds,
        "- [家庭档案](household.md)：建档路径",
        "- [不一致](discrepancy.md)：说明与核实",
        "- [入户走访](visit.md)：安排、走访、本人确认",
        *(f"- [{KINDS[kind].name}的申诉](appeal_{kind}.md)：由谁复核" for kind in Kind),
        "- [会议决定](meeting.md)：表决、会议记录、结果",
        "- [档案查重](duplicate.md)：疑似重复怎样发现、核对、消除",
        "- [公示异议](objection.md)：核查与认定",
        "- [宣传文章](article.md)：起草、审核、发布、撤回",
        "- [角色与权限](roles.md)",
        "- [错误代码](problems.md)：每个 `code`、给人看的文字和程序该怎么做",
        "- [材料清单](documents.md)：每种帮扶要的材料和授权",
        "- [代码表](dictionaries.md)：家庭档案各项可以填的代码",
        "- [站内消息](messages.md)：什么时候、用哪些话告诉人",
    ]


def _path_page(name: str, path: Path, reasons: Mapping[str, str], of_its_own: Mapping[str, str] = {}) -> str:
    words = {**WORDS, **of_its_own}
    return _page(
        f"{name}：办理路径",
        [
            *("```mermaid", path.mermaid(words), "```", ""),
            "## 每一步",
            "",
            "表里没有的，就不能办理。“审核环节”一栏为“是”的，同一人在同一轮里只能办一个。",
            "",
            *_table(
                "现在 操作 之后 谁可以办 必填 审核环节 本状态时限".split(),
                (_step(step, path, words) for step in path.steps),
            ),
            *(_reasons(reasons) if reasons else ()),
        ],
    )


def _reasons(reasons: Mapping[str, str]) -> list[str]:
    rows = ((f"`{code}`", said) for code, said in reasons.items())
    return ["", "## 不予通过的原因（`reason_code`）", "", *_table(("代码", "给申请人的说明"), rows)]


def _catalogue(kind: Kind, reasons: Iterable[Reason]) -> str:
    """Why an application of a kind is refused or returned, and what its applicant can do."""
    rows = [
        (f"`{each.code}`", "、".join(WORDS[use] for use in each.used_for), each.text, each.cure_for(kind))
        for each in reasons
        if each.kinds is None or kind in each.kinds
    ]
    head = ["## 不予通过和退回的原因（`reason_code`）", ""]
    return "\n".join([*head, *_table(("代码", "用于", "给申请人的说明", "申请人可以怎么做"), rows), ""])


def _cancel_reasons() -> str:
    """Why a file is cancelled: kept apart from lifted, relieved and transferred."""
    told = ((f"`{code}`", said) for code, said in CANCEL_REASONS.items())
    return "\n".join(["## 注销的原因（`exit.code`）", "", *_table(("代码", "说明"), told), ""])


def _step(step: Step, path: Path, words: Mapping[str, str]) -> tuple[str, ...]:
    needed = [name for name, is_needed in (("意见", step.needs_note), ("原因", step.needs_reason)) if is_needed]
    needed += [(GATES | MEETING_GATES | APPLICATION_GATES)[gate] for gate in step.gates]
    needed += [f"从“{WORDS[step.when]}”来"] if step.when else []
    days = path.working_days.get(step.at)
    return (
        _coded(step.at, words),
        _coded(step.action, words),
        _coded(step.to, words),
        "、".join(_holders(step.by)) or WORDS[step.by],
        "、".join(needed),
        "是" if step.counts_as_review else "",
        f"{days} 个工作日" if days else "",
    )


def _holders(permission: Permission) -> list[str]:
    return [WORDS[role] for role in Role if permission in PERMISSIONS[role]]


def _coded(code: str, words: Mapping[str, str] = WORDS) -> str:
    return f"{words[code]} `{code}`"


def _roles() -> Iterable[str]:
    granted = [permission for permission in Permission if _holders(permission)]
    rows = ((_coded(role), *("✓" if each in PERMISSIONS[role] else "" for each in granted)) for role in Role)
    return [
        "岗位是“某人在某个工会担任某个角色”，权限只在这个工会及其下级范围内有效。"
        "本人（`own`）对自己的申请不需要岗位；系统（`system`）的步骤只由定时任务办理，不授予任何人。",
        "",
        *_table(("角色", *(f"{WORDS[each]}<br>`{each}`" for each in granted)), rows),
    ]


def _problems() -> Iterable[str]:
    refused = sorted((str(each.status), f"`{each.code}`", each.detail, f"`{each.cure}`") for each in refusals())
    return [
        "## 整个请求被拒绝：`code`",
        "",
        "程序只看 `code`，文字直接显示给人看；“处理”一栏是程序该怎么做，见下。",
        "",
        *_table(("HTTP", "`code`", "`detail`", "处理"), refused),
        "",
        "## 处理",
        "",
        *_table(("处理", "程序怎么做"), ((f"`{cure}`", said) for cure, said in CURES.items())),
        "",
        "## 某一处填写有误：`errors[].code`",
        "",
        "各处通用的如下；个别表单另有自己的代码，处理方式相同：在 `pointer` 指的位置显示 `message`。",
        "",
        *_table(("`code`", "`message`"), ((f"`{code}`", said) for code, said in sorted(field_messages().items()))),
    ]


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = list(heads)
    return [_row(names), _row("---" for _ in names), *(_row(row) for row in rows)]


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _page(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"# {title}", "", GENERATED, "", *lines, ""])
