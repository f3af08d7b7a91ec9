"""汇总表 and 公示表: the files of a union as a list, in the order of the columns of the form. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from app.documents.paper import Column, paper, table
from app.households.printed.persons import completed, masked
from app.households.printed.words import cause, coded, day, listed, money
from app.kernel.money import half_up

SUMMARY_TITLE: Final = "困难职工档案汇总表"
NOTICE_TITLE: Final = "困难职工公示表"
SUMMARY: Final = (
    Column("序号", "/serial", 1),
    Column("档案编号", "/number", 4),
    Column("所属工会", "/organisation", 4),
    Column("姓名", "/name", 2),
    Column("性别", "/sex", 1, coded("sex")),
    Column("身份证号", "/id_number", 5),
    Column("困难类别", "/category", 2, coded("category")),
    Column("家庭人口", "/people", 1, right=True),
    Column("家庭年收入", "/income_fen_yearly", 3, money, right=True),
    Column("月人均收入", "/per_head_fen_monthly", 3, money, right=True),
    Column("主要致困原因", "/primary_cause", 2, cause),
    Column("次要致困原因", "/secondary_causes", 3, listed(cause)),
    Column("办理状态", "/state", 2, coded("state")),
    Column("建档日期", "/active_on", 3, day),
)
NOTICE: Final = (
    Column("序号", "/serial", 2),
    Column("档案编号", "/number", 8),
    Column("所属工会", "/organisation", 12),
    Column("姓名", "/name", 4),
    Column("困难类别", "/category", 6, coded("category")),
    Column("家庭人口", "/people", 4, right=True),
)
"""What may be published: no number of identity, no income, and no cause, for it tells of illness."""


def summary_line(file: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """What the lists say of one file, masked as on the screen."""
    head, people = completed(form.get("head") or {}), len(form.get("members") or ()) + 1
    income = form.get("income_fen_yearly")
    return {
        **masked({key: head.get(key) for key in ("name", "id_number")}),
        "sex": head.get("sex"),
        "people": people,
        "per_head_fen_monthly": half_up(income, 12 * people) if isinstance(income, int) else None,
        **{key: form.get(key) for key in ("income_fen_yearly", "primary_cause", "secondary_causes")},
        **{key: value for key, value in file.items() if value is not None},
    }


def summary_form(organisation: str, lines: Iterable[Mapping[str, Any]], printed_on: date) -> dict[str, Any]:
    """The files of a union, one line each."""
    listed_lines = [{**line, "serial": n} for n, line in enumerate(lines, 1)]
    return paper(
        SUMMARY_TITLE,
        [table("", [SUMMARY], listed_lines, least=1)],
        above=[f"填报单位：{organisation}", f"共 {len(listed_lines)} 户", f"填报日期：{day(printed_on)}"],
        foot="填表人：　　　　　　　　审核人：　　　　　　　　单位负责人（盖章）：",
        landscape=True,
    )


def notice_form(organisation: str, lines: Iterable[Mapping[str, Any]], printed_on: date) -> dict[str, Any]:
    """The files that a union publishes for objections, one line each."""
    listed_lines = [{**line, "serial": n} for n, line in enumerate(lines, 1)]
    return paper(
        NOTICE_TITLE,
        [table("", [NOTICE], listed_lines, least=1)],
        above=[f"公示单位：{organisation}", f"共 {len(listed_lines)} 户", f"制表日期：{day(printed_on)}"],
        foot="公示期不少于 5 个工作日。对名单有异议的，请在公示期内向公示单位反映，或拨打职工服务热线 12351。",
    )
