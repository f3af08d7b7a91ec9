"""What the code itself can tell its readers: the paths, the roles and the refusals, as Markdown for `aid contract`.

A state, action, permission or role that has no word here raises KeyError, so none can be added without its name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
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
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.meetings.path import GATES as MEETING_GATES
from app.meetings.path import PATH as MEETING_PATH
from app.notices.path import PATH as OBJECTION_PATH
from app.programmes import KINDS, shipped
from app.visits.path import PATH as VISIT_PATH
from app.workflow.path import Path, Step

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        # states
        "draft": "草稿",
        "submitted": "已提交",
        "unit_review": "单位审核",
        "district_review": "区县审核",
        "city_approval": "市级审批",
        "meeting": "会议决定",
        "waiting_funds": "等待资金",
        "public_notice": "公示",
        "approved": "待发放",
        "paying": "付款中",
        "payment_failed": "发放失败",
        "paid": "已发放",
        "returned": "退回补正",
        "rejected": "不予通过",
        "withdrawn": "已撤回",
        "appealed": "申诉复核中",
        "at_district": "等待区县复核",
        "at_city": "等待市总复核",
        "changed": "变更决定",
        "active": "已建档",
        "answered": "已说明",
        "resolved": "已核实",
        "planned": "已安排",
        "started": "走访中",
        "ended": "待本人确认",
        "confirmed": "本人已确认",
        "open": "待处理",
        "same": "同一户",
        "different": "不是同一户",
        "cleared": "已自动消除",
        "upheld": "异议成立",
        "carried": "会议已通过",
        "turned_down": "会议未通过",
        "dismissed": "异议不成立",
        "home_visit": "入户调查",
        "means_check": "信息核对",
        "annual_review": "年度复核",
        "suspended": "暂停",
        "exit_proposed": "拟退出",
        "exit_notice": "退出公示",
        "lifted": "已脱困",
        "relieved": "解困（兜底，档案保留）",
        "cancelled": "已注销",
        "transferred": "已转出本市",
        # actions
        "submit": "提交",
        "withdraw": "撤回",
        "accept": "受理",
        "return": "退回",
        "reject": "不予通过",
        "approve": "通过",
        "refuse_by_rule": "测算不符合",
        "end_notice": "公示期满",
        "raise_amount": "金额提高，重新审核",
        "convene": "召开会议",
        "vote": "表决",
        "carry": "会议通过",
        "turn_down": "会议未通过",
        "attach_minutes": "上传会议记录",
        "start_payment": "付款批次复核",
        "check_payment": "复核付款",
        "confirm_payment": "银行已付到",
        "fail_payment": "银行没有付到",
        "return_payment": "银行退汇",
        "reissue": "重新发放",
        "write_off": "核销",
        "answer": "说明",
        "resolve": "核实",
        "start": "开始",
        "end": "结束",
        "sign": "签字",
        "confirm": "确认",
        "clear": "不再疑似",
        "raise": "重新疑似",
        "fund": "资金到位",
        "expire_reservation": "预留到期收回",
        "no_room": "资金不足时",
        "stop_payment": "中止付款",
        "follow_file": "随档案转移",
        "appeal": "申诉",
        "uphold_decision": "申诉后维持原决定",
        "withdraw_appeal": "撤回申诉",
        "step_up": "没有人可以复核，交上一级",
        "change_decision": "申诉后变更决定",
        "reopen": "申诉成立，交市总审批",
        "ask_supplement": "要求补充材料",
        "supplement": "补充材料",
        "withdraw_supplement": "收回补充要求",
        "lapse_supplement": "逾期未补充",
        "undo": "撤销决定",
        "report": "上报",
        "conclude": "核对完毕",
        "object": "异议成立",
        "uphold": "认定异议成立",
        "dismiss": "认定异议不成立",
        "start_review": "开始年度复核",
        "finish_review": "复核完毕",
        "suspend": "暂停",
        "resume": "恢复",
        "propose_exit": "提出退出",
        "transfer_out": "转出本市",
        "merge": "并入另一份档案",
        "lift": "脱困",
        "relieve": "解困",
        "cancel": "注销",
        # permissions
        "case:read": "查看案件",
        "case:accept": "基层经办",
        "case:review:unit": "单位审核",
        "case:review:district": "区县审核",
        "case:approve:city": "市级审批",
        "case:approve:mutual_aid": "互助保障审批",
        "meeting:hold": "召开和结束会议",
        "meeting:vote": "会议表决",
        "case:undo": "撤销同级和下级的决定",
        "case:assist": "代职工填报、代提变更",
        "change:decide": "核对变更",
        "payment:start": "财务制单",
        "payment:confirm": "财务复核",
        "cover:enrol": "办理参保",
        "plan:write": "制定帮扶计划",
        "policy:read": "查看政策版本",
        "policy:propose": "提出政策版本",
        "policy:publish": "发布政策版本",
        "policy:rehearse": "预演政策版本",
        "visit:plan": "安排入户走访",
        "visit:assigned": "走访分派给自己的家庭",
        "duplicate:judge": "认定档案是否重复",
        "reuse:answer": "核实是否一票多用",
        "calendar:keep": "录入和更正工作日历",
        "crossing:read": "查看跨亲属关系办理过的申请",
        "fund:read": "查看资金、预算和台账",
        "budget:propose": "登记资金、提出预算",
        "budget:decide": "审批预算",
        "delegation:end": "结束他人的委托",
        "article:read": "查看宣传文章",
        "article:write": "起草和安排发布宣传文章",
        "article:review": "审核宣传文章",
        "article:withdraw": "撤回宣传文章",
        "match:run": "与部门比对",
        "notice:investigate": "核查公示异议",
        "rating:read": "查看满意度",
        "own": "本人",
        "system": "系统",
        # roles
        "unit_clerk": "基层工会经办人",
        "unit_chair": "基层工会主席",
        "street_reviewer": "镇街工会审核人",
        "district_reviewer": "区县工会审核人",
        "district_leader": "区县工会负责人",
        "city_reviewer": "市总工会审核人",
        "city_leader": "市总工会负责人",
        "mutual_aid_officer": "互助保障专员",
        "finance_maker": "财务制单（出纳）",
        "finance_checker": "财务复核（会计）",
        "publicity_editor": "宣传编辑",
        "publicity_approver": "宣传审核人",
        "evaluator": "第三方评估人",
        "auditor": "审计员",
        "system_admin": "系统管理员",
        "security_admin": "安全管理员",
        "home_visitor": "走访志愿者（购买服务的社工）",
    }
)
"""Codes as people say them. A code means the same wherever it stands, so one table serves all."""

OF_VISITS: Final = {"cancel": "取消", "cancelled": "已取消"}
"""What a code means on this path alone: a household file that is cancelled is struck off."""
OF_MEETINGS: Final = {"open": "会议已召开", "cancel": "取消", "cancelled": "已取消"}
OF_APPEALS: Final = {"uphold": "维持原决定", "upheld": "维持原决定", "change": "变更决定"}

OF_ARTICLES: Final = {
    "in_review": "等待审核",
    "approved": "审核通过",
    "scheduled": "等待发布",
    "publishing": "正在发布",
    "unknown": "是否发布尚不清楚",
    "published": "已发布",
    "failed": "没有发布成功",
    "take_back": "收回",
    "schedule": "安排发布",
    "unschedule": "取消安排",
    "revise": "重新修改",
    "begin": "开始发布",
    "postpone": "推迟",
    "lose": "没有收到微信的答复",
    "finish": "微信已发布",
    "fail": "微信没有发布",
    "ban": "微信已删除或封禁",
    "withdraw": "撤回",
    "withdrawn": "已撤回",
}

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
