"""Forms that are filled in so that they would be accepted; a test changes what matters to it."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from app.applications.path import Kind
from app.kernel.business_time import academic_year
from app.policy.decision import Finding, Judged, PolicyCited, Reason, TraceStep, decided, plain
from tests.people_and_places import AMOUNT_FEN, TODAY, Guild, Someone, id_number, unique


def member(relation: str = "daughter", *, number: str | None = None, **given: Any) -> dict[str, Any]:
    return {
        "name": "陈小雨",
        "id_number": number or id_number(date(2007, 3, 5)),
        "relation": relation,
        "health": "healthy",
        "income_fen_yearly": 0,
        "schooling": "undergraduate",
    } | given


def household_form(someone: Someone, *, members: list[dict[str, Any]] | None = None, **given: Any) -> dict[str, Any]:
    return {
        "head": {"name": someone.name, "id_number": someone.id_number, "health": "weak"},
        "members": [member(), member("spouse", name="林阿妹")] if members is None else members,
        "address": "龙湖区金霞街道",
        "division_code": "440507",
        "housing": "private_rental",
        "income_fen_yearly": 24_000_00,
        "rigid_spending": [{"kind": "illness", "amount_fen": 6_000_00, "file_ids": []}],
        "primary_cause": "serious_illness",
        "secondary_causes": [],
        "demands": ["希望得到生活救助"],
        "file_ids": [],
    } | given


REGISTER_OF_HEAD: dict[str, Any] = {
    "ethnicity": "01",
    "sex": "male",
    "political_status": "masses",
    "birth_date": "1980-01-01",
    "model_worker": "none",
    "marital_status": "married",
    "hukou_kind": "non_agricultural",
    "hukou_division_code": "440507",
    "mobile": "19900000000",
    "other_contact": "邻居",
    "medical_insurance": "employee",
    "work_status": "on_post",
    "work_began_on": "2005-07-01",
    "worker_identity": "worker",
    "monthly_income_fen": 1_500_00,
}
REGISTER: dict[str, Any] = {"non_wage_income_fen_yearly": 0}
"""What the statutory register asks for beyond what may be submitted."""


def registered(form: dict[str, Any]) -> dict[str, Any]:
    """The form with everything that the register stars."""
    return form | REGISTER | {"head": form["head"] | REGISTER_OF_HEAD}


def living_aid(**given: Any) -> dict[str, Any]:
    return {"item": "living", "requested_fen": 3_000_00, "reason": "家庭收入低，生活困难"} | given


def golden_autumn(number: str | None = None, **given: Any) -> dict[str, Any]:
    return {
        "student": {"name": "陈小雨", "id_number": number or id_number(date(2007, 3, 5)), "relation": "daughter"},
        "stage": "undergraduate",
        "school": "汕头大学",
        "school_public": True,
        "enrolment": "continuing",
        "academic_year": academic_year(TODAY),
        "tuition_fen": 6_000_00,
        "other_grants": [],
    } | given


def secondary_medical(**given: Any) -> dict[str, Any]:
    """A stay in the running cover whose sheet adds up: in-pool self-pay 5,000 yuan."""
    return {
        "stay": {
            "hospital_code": "H44050700001",
            "hospital_name": "汕头市中心医院",
            "cause": "illness",
            "admitted_on": str(TODAY - timedelta(days=20)),
            "discharged_on": str(TODAY - timedelta(days=10)),
            "diagnosis": "肺炎",
        },
        "settlement": {
            "number": unique("S"),
            "settled_at": f"{TODAY - timedelta(days=10)}T10:00:00+08:00",
            "medfee_sumamt_fen": 40_000_00,
            "fulamt_ownpay_amt_fen": 2_000_00,
            "overlmt_selfpay_fen": 0,
            "preselfpay_amt_fen": 1_000_00,
            "inscp_scp_amt_fen": 37_000_00,
            "act_pay_dedc_fen": 1_000_00,
            "hifp_pay_fen": 31_000_00,
            "hifob_pay_fen": 0,
            "cvlserv_pay_fen": 0,
            "maf_pay_fen": 0,
            "acct_pay_fen": 1_000_00,
            "psn_cash_pay_fen": 8_000_00,
        },
    } | given


def decision(kind: Kind) -> dict[str, object]:
    """Eligible for AMOUNT_FEN, under a policy of these tests."""
    policy = PolicyCited(kind=kind, version="test-1", source="测试政策", in_force_from=date(2020, 1, 1))
    met: Finding[Any] = Finding(Reason("known", True, "符合条件", "符合", "符合", "测试政策"), None)
    granted = TraceStep("granted", "测试金额", AMOUNT_FEN)
    return plain(decided(policy, Judged((met,), (granted,), AMOUNT_FEN), (), TODAY))


FORMS: dict[Kind, Callable[..., dict[str, Any]]] = {
    Kind.HARDSHIP_AID: living_aid,
    Kind.GOLDEN_AUTUMN: golden_autumn,
    Kind.SECONDARY_MEDICAL: secondary_medical,
}


def filing(someone: Someone | None, union: Guild, **given: Any) -> dict[str, Any]:
    """A household file that a clerk fills in for somebody."""
    who = {"name": someone.name, "id_number": someone.id_number} if someone else {}
    form = household_form(someone) if someone else {}
    return who | {"phone": "13800138000", "organisation_code": union.code, "household": form} | given
