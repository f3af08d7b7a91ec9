"""The fields of the application forms as people read them. A test holds that every field of every form is here."""

from collections.abc import Mapping
from typing import Final

from app.households.history import steps

LABELS: Final[Mapping[str, str]] = {
    "academic_year": "学年",
    "accident": "意外情况",
    "acct_pay_fen": "个人账户支付",
    "act_pay_dedc_fen": "起付线",
    "admitted_on": "入学（入院）日期",
    "amount_fen": "金额",
    "cause": "住院原因",
    "caused_fen": "意外造成的支出",
    "circumstances": "可能不予给付的情形",
    "cover_id": "参保记录",
    "cvlserv_pay_fen": "公务员补助支付",
    "diagnosis": "诊断",
    "discharged_on": "出院日期",
    "enrolment": "入学情况（新生、在读）",
    "events": "保障计划列明的事项",
    "file_ids": "材料",
    "fulamt_ownpay_amt_fen": "全自费",
    "giver": "资助单位",
    "happened_on": "发生日期",
    "hifob_pay_fen": "大额补助支付",
    "hifp_pay_fen": "统筹基金支付",
    "hospital_code": "医院编号",
    "hospital_level": "医院等级",
    "hospital_name": "医院名称",
    "id_number": "证件号码",
    "inscp_scp_amt_fen": "符合政策范围金额",
    "item": "申请事项",
    "maf_pay_fen": "医疗救助支付",
    "medfee_sumamt_fen": "医疗费总额",
    "medical": "医疗费用",
    "mutual_aid_paid_fen": "互助保障已给付",
    "name": "姓名",
    "number": "结算单号",
    "other_grants": "其他资助",
    "overlmt_selfpay_fen": "超限价自费",
    "preselfpay_amt_fen": "先行自付",
    "programme_type": "就读类型",
    "psn_cash_pay_fen": "个人现金支付",
    "reason": "申请理由",
    "receipts_fen": "票据金额合计",
    "relation": "与申请人的关系",
    "requested_fen": "申请金额",
    "school": "学校",
    "school_public": "是否公办",
    "self_paid_fen": "个人自付",
    "settled_at": "结算时间",
    "settled_on": "结算日期",
    "settlement": "结算单",
    "stage": "学段",
    "stay": "住院情况",
    "student": "学生",
    "treatment": "就医类型",
    "tuition_fen": "学费",
    "ward": "病房类别",
}


def label(pointer: str) -> str:
    """/student/name → 学生·姓名; an element of a list by its place, which begins at 1."""
    return "·".join(f"第{int(step) + 1}项" if step.isdigit() else LABELS.get(step, step) for step in steps(pointer))
