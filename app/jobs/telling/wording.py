"""In which words persons are told of what has happened. Nobody is named but by what lists show of them. Pure."""

from datetime import date
from typing import Final, NamedTuple

from app.kernel.actor import Role
from app.kernel.role_names import ROLE_NAMES
from app.policy.wording import day_text


class Said(NamedTuple):
    """A title, and what stands below it."""

    title: str
    text: str


_OF_APPLICATION: Final[dict[tuple[str, str], Said]] = {
    ("return", "returned"): Said("申请需要补正", "您的{what}被退回补正，请按审核意见修改后重新提交。"),
    ("reject", "rejected"): Said("申请没有通过", "您的{what}没有通过，原因见申请页；不同意的，可以在期限内申诉。"),
    ("approve", "public_notice"): Said("申请开始公示", "您的{what}已经审批，正在公示；期满没有异议的，准备发放。"),
    ("turn_down", "rejected"): Said(
        "申请没有通过", "您的{what}经会议研究没有通过，原因见申请页；不同意的，可以在期限内申诉。"
    ),
    ("carry", "public_notice"): Said("申请开始公示", "您的{what}经会议研究通过，正在公示；期满没有异议的，准备发放。"),
    ("carry", "approved"): Said("申请已经通过", "您的{what}经会议研究通过，等待发放，请核对收款账户。"),
    ("approve", "approved"): Said("申请已经通过", "您的{what}已经通过，等待发放，请核对收款账户。"),
    **{
        (granted, "waiting_funds"): Said(
            "申请已经通过，等待资金",
            "您的{what}已经通过；目前资金不足，已按顺序排队，资金到位后自动办理，不需要重新申请。",
        )
        for granted in ("approve", "carry", "change_decision")
    },
    ("fund", "public_notice"): Said("资金已经到位", "您的{what}的资金已经到位，正在公示；期满没有异议的，准备发放。"),
    ("fund", "approved"): Said("资金已经到位", "您的{what}的资金已经到位，等待发放，请核对收款账户。"),
    ("expire_reservation", "waiting_funds"): Said(
        "重新等待资金", "您的{what}预留的资金到期没有发放，已收回并重新排队；有疑问的，请联系工会。"
    ),
    ("end_notice", "approved"): Said("公示期满", "您的{what}公示期满，等待发放，请核对收款账户。"),
    ("start_payment", "paying"): Said(
        "款项正在发放", "您的{what}的款项已经交银行发放，到账或者没有成功，都会再通知您。"
    ),
    ("confirm_payment", "paid"): Said("款项已经发放", "您的{what}的款项已经发放，请留意收款账户。"),
    ("reissue", "approved"): Said("准备重新发放", "您的{what}的款项准备重新发放，请核对收款账户。"),
    ("write_off", "withdrawn"): Said(
        "款项不再发放", "您的{what}的款项不再发放，原因见申请页；有疑问的，请联系所在工会。"
    ),
    ("object", "district_review"): Said(
        "退回重新审核", "您的{what}在公示期间有异议，经核查成立，退回区县工会重新审核。"
    ),
}
"""By the action and the state that it leads to. Steps within the unions are seen in the timeline and told to nobody."""

_OF_HOUSEHOLD: Final[dict[tuple[str, str | None], Said]] = {
    ("return", "returned"): Said("档案需要补正", "您的家庭档案{number}被退回补正，请按审核意见修改后重新提交。"),
    ("reject", "rejected"): Said("没有建档", "您的家庭档案{number}没有通过审核，原因见档案页。"),
    ("conclude", "public_notice"): Said("拟建档公示", "您的家庭档案{number}核对完毕，正在公示。"),
    ("approve", "active"): Said("已经建档", "您的家庭档案{number}已经批准建档，可以申请帮扶。"),
    ("object", "district_review"): Said(
        "退回重新审核", "您的家庭档案{number}在公示期间有异议，经核查成立，退回区县工会重新审核。"
    ),
    ("start_review", None): Said("开始年度复核", "您的家庭档案{number}开始年度复核，请准备收入和支出的证明。"),
    ("finish_review", None): Said("年度复核完毕", "您的家庭档案{number}年度复核完毕。"),
    ("suspend", None): Said("档案暂停", "您的家庭档案{number}已经暂停，原因见档案页。"),
    ("resume", None): Said("档案恢复", "您的家庭档案{number}已经恢复。"),
    ("propose_exit", None): Said("拟退出档案", "工会提出您的家庭档案{number}退出，区县工会审核后公示。"),
    ("approve", "exit_notice"): Said("退出公示", "您的家庭档案{number}的退出正在公示；不同意的，请尽快联系工会。"),
    ("object", "exit_proposed"): Said("退出重新审核", "您的家庭档案{number}的退出在公示期间有异议，重新审核。"),
    ("lift", None): Said("已经脱困", "您的家庭档案{number}公示期满，已经脱困退出；再遇到困难的，可以重新申请。"),
    ("relieve", None): Said("转为解困", "您的家庭档案{number}公示期满，转为解困，档案保留。"),
    ("cancel", None): Said("档案已经注销", "您的家庭档案{number}公示期满，已经注销，原因见档案页。"),
    ("merge", None): Said("档案已经合并", "您的家庭档案{number}已经并入家庭成员的另一份档案。"),
    ("transfer", None): Said("档案已经转移", "您的家庭档案{number}已经转到新的工会，申请和计划一并转去。"),
    ("transfer_out", None): Said("档案已经转出", "您的家庭档案{number}已经转出本市。"),
}
"""By the action and, where it matters, the state that it leads to."""
_EXIT_NOT_TAKEN: Final = Said("不退出档案", "您的家庭档案{number}的退出没有通过审核，档案继续有效。")


_UNDONE: Final[dict[str, str]] = {
    "rejected": "没有通过的决定",
    "public_notice": "审批",
    "approved": "审批",
    "waiting_funds": "审批",
}
"""What was told and holds no more, by the state in which it was taken back."""


def of_application(action: str, to_state: str, kind: str, number: str, from_state: str = "") -> Said | None:
    """`kind`: the name of the aid. None: a step of which nobody is told."""
    what = f"{kind}申请（{number}）"
    if action == "undo" and from_state in _UNDONE:
        return Said("决定已经撤回", f"您的{what}{_UNDONE[from_state]}已经撤回，重新审核，结果会再通知您。")
    if action == "withdraw_supplement":
        return Said("不用再补充材料", f"您的{what}原来要求补充的材料，工会已经收回，不用再补充。")
    return _filled(_OF_APPLICATION.get((action, to_state)), what=what)


_OF_FAILED: Final[dict[str, str]] = {
    "fix_card": "请在“我的银行卡”里更正，核对之后重新发放。",
    "hold": "工会财务正在核实，核实后会通知您。",
    "write_off": "工会会与您或家属联系。",
}


def of_failed_payment(remedy: str, reason: str, kind: str, number: str) -> Said:
    """`reason`: the text of the bank's code; `remedy`: what has to happen."""
    return Said("款项没有发放成功", f"您的{kind}申请（{number}）的款项没有发放成功：{reason}{_OF_FAILED[remedy]}")


def of_batch_frozen(number: str, count: int, total: str) -> Said:
    return Said("付款批次等待复核", f"付款批次{number}已经冻结，共{count}笔、{total}，请复核。")


def of_breaks(count: int, *, nightly: bool) -> Said:
    found = "夜间核对" if nightly else "对账"
    return Said("资金核对有差异", f"{found}发现新的差异{count}条，请在“对账差异”中逐条办理。")


def of_card_checked(outcome: str) -> Said | None:
    """None: it was found to be right, and nothing has to be done."""
    if outcome == "passed":
        return None
    return Said("银行卡没有通过核验", "您的收款银行卡没有通过银行的户名核验，请在“我的银行卡”里更正，以免影响发放。")


def of_household(action: str, from_state: str, to_state: str, number: str) -> Said | None:
    """None: a step of which nobody is told."""
    found = _OF_HOUSEHOLD.get((action, to_state)) or _OF_HOUSEHOLD.get((action, None))
    if from_state == "exit_proposed" and action == "return":
        found = _EXIT_NOT_TAKEN
    return _filled(found, number=number)


def _filled(said: Said | None, **words: str) -> Said | None:
    return None if said is None else Said(said.title, said.text.format(**words))


_OBJECTION: Final = {
    "upheld": "经核查，您对公示（{number}）提出的异议成立，原公示不再继续，退回重新审核。",
    "dismissed": "经核查，您对公示（{number}）提出的异议不成立。",
}


def of_objection(state: str, number: str, reply: str | None) -> Said:
    """To whoever objected; the reply of the union stands behind it, shortened where it is long."""
    text = _OBJECTION[state].format(number=number)
    return Said("异议已经核查", text if reply is None else f"{text}工会答复：{_shortened(reply, 180)}")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}……（全文凭受理编号查询）。"


def of_line_objected(number: str, due_on: date) -> Said:
    """To those who look into it."""
    return Said("有公示异议待核查", f"公示（{number}）收到异议，已暂停公示，请在{day_text(due_on)}前核查。")


_APPEAL: Final = {
    "upheld": Said("申诉已经答复", "您对申请（{number}）的申诉已经复核：维持原决定，理由见申诉页。"),
    "changed": Said("申诉已经答复", "您对申请（{number}）的申诉已经复核：变更原决定，金额和理由见申诉页。"),
}


def of_appeal(state: str, number: str) -> Said | None:
    return _filled(_APPEAL.get(state), number=number)


def of_appeal_waiting(number: str, due_on: date, *, stepped_up: bool) -> Said:
    """To those who may decide it."""
    why = "原来一级没有可以复核的人，转到您这里" if stepped_up else "等待复核"
    return Said("有申诉待复核", f"申请（{number}）的申诉{why}，请在{day_text(due_on)}前答复。")


def of_escalation(number: str, masked: str, due_on: date) -> Said:
    """To the level above the one that should have acted."""
    return Said("有案件超期", f"{masked}的申请（{number}）应在{day_text(due_on)}前办理，下级工会还没有办理，请督促。")


def of_account_claimed(proof: str) -> Said:
    how = "凭登记的手机号" if proof == "phone" else "经工会工作人员核对身份"
    text = f"您由工会代办的账户已{how}绑定这个微信，今后用它登录。不是您本人办理的，请立即联系所在工会。"
    return Said("账户已绑定微信", text)


def of_card(serial: str) -> Said:
    return Said("新的帮扶联系卡", f"您家有新的帮扶联系卡（{serial}），帮扶责任人和措施以这张为准，以前的卡作废。")


def of_discrepancy(said_by: str, due_on: date) -> Said:
    return Said("有一项情况需要说明", f"您的档案有一项与{said_by}的情况不一致，请在{day_text(due_on)}前说明。")


_RESOLVED: Final = {
    "file_right": "以档案为准，档案不变。",
    "found_right": "以核对结果为准，需要更正档案的，工会会另行提出。",
    "explained": "您的说明成立，档案不变。",
}


def of_discrepancy_resolved(outcome: str) -> Said:
    return Said("不一致已经核实", f"您的档案中不一致的一项已经核实：{_RESOLVED[outcome]}")


_ASKED: Final = {"bank_card": "收款银行卡", "identity": "姓名或证件号码", "household_size": "家庭成员"}
_DECIDED: Final = {"approved": "已经核对通过", "rejected": "没有核对通过，理由见变更页", "withdrawn": "已经撤回"}


def of_change_asked(kind: str) -> Said:
    text = f"工会为您提出变更{_ASKED[kind]}，核对之前暂缓付款。不是您的意思的，请立即联系所在工会。"
    return Said("有一项变更等待核对", text)


def of_change(kind: str, state: str) -> Said:
    return Said("变更有结果", f"变更{_ASKED[kind]}的申请{_DECIDED[state]}，暂缓的付款恢复办理。")


def of_visit(action: str, planned_on: date, union: str) -> Said | None:
    """None: a step of which nobody is told."""
    if action == "plan":
        return Said("安排入户走访", f"{union}安排在{day_text(planned_on)}入户走访，请留意联系。走访不收取任何费用。")
    if action == "end":
        return Said("请确认走访记录", "入户走访的记录已经写好，请核对：与实际相符的请确认，不符的请写明。")
    if action == "cancel":
        return Said("走访已经取消", f"原定{day_text(planned_on)}的入户走访已经取消。")
    return None


def of_meeting(number: str) -> Said:
    return Said("请参加会议表决", f"申请{number}需要主席办公会决定，您列名参加，请查看材料后表决。")


def of_delegation(by: str, union: str, starts_on: date, ends_on: date) -> Said:
    days = f"{day_text(starts_on)}至{day_text(ends_on)}"
    return Said("有岗位委托您代办", f"{union}的{by}委托您代办其岗位的工作，时间为{days}；不便代办的，可以结束委托。")


def of_delegation_ended(by: str, union: str) -> Said:
    return Said("委托已经结束", f"{union}的{by}的岗位委托已经提前结束。")


def of_match_alert(number: str) -> Said:
    return Said("部门比对的摘要全部对不上", f"批次{number}的摘要没有一项对得上，请与部门核对密钥和名单后重新比对。")


def of_reuse(number: str) -> Said:
    """To those who may answer it."""
    return Said(
        "有一票多用提示待核实",
        f"申请{number}与另一份申请的票据有相同之处，请核实是否同一张票据；核实之前单位以上不能通过。",
    )


def of_shared_card(masked: str) -> Said:
    """To those who review, and those who pay."""
    return Said("两户用同一张银行卡", f"尾号{masked[-4:]}的收款银行卡同时登记在两户名下，请核对收款人。")


def of_post(role: str, organisation_name: str, from_date: date | None) -> Said:
    """To whose post it is. `from_date`: None, where it ends."""
    post = f"{organisation_name}的“{ROLE_NAMES[Role(role)]}”"
    if from_date is None:
        return Said("岗位已免去", f"您不再担任{post}。")
    return Said("岗位任命", f"您自{day_text(from_date)}起担任{post}，那一天起打开小程序即可办理。")


def of_post_change_waiting() -> Said:
    """To whoever may confirm it."""
    return Said("有任免等您核对", "系统管理员提出了一项岗位任免，请对照任免文件核对后确认。")


def of_post_change_refused() -> Said:
    """To whoever proposed it."""
    return Said("任免没有通过核对", "您提出的一项岗位任免没有通过核对，原因见任免记录。")


def of_evaluation(organisation_name: str, first_day: date, last_day: date) -> Said:
    """To those who are named to evaluate."""
    days = f"{day_text(first_day)}至{day_text(last_day)}"
    return Said("请您评估", f"{organisation_name}的档案已经抽取，请您在{days}独立评分。这些天以外看不到个案。")


def of_filled_in(what: str) -> Said:
    """To whom staff filled it in for."""
    return Said(f"工会代您填写了{what}", f"工会代您填写了一份{what}，请在“我的”里核对，您确认之后才算数。")


def of_paper_returned(number: str) -> Said:
    """To those who may help whom the app does not reach."""
    return Said("没有微信的职工需要补正", f"{number}被退回补正，本人没有微信，请联系本人，代为补正后重新提交。")


def of_paper_asked(number: str, last_day: date) -> Said:
    """The same, until when."""
    text = f"{number}要求补充材料，本人没有微信，请联系本人，最迟{day_text(last_day)}代为交来。"
    return Said("没有微信的职工需要补充材料", text)


def of_verification(next_due_on: date | None) -> Said:
    following = f"下一次复核在{day_text(next_due_on)}前。" if next_due_on else ""
    return Said("档案已经复核", f"您的家庭档案已登记复核。{following}")
