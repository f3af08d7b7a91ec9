"""What roles are called, to those who hold them."""

from collections.abc import Mapping
from typing import Final

from app.kernel.actor import Role

ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.UNIT_CLERK: "基层工会经办人",
    Role.UNIT_CHAIR: "基层工会主席",
    Role.STREET_REVIEWER: "镇街工会审核人",
    Role.DISTRICT_REVIEWER: "区县工会审核人",
    Role.DISTRICT_LEADER: "区县工会负责人",
    Role.CITY_REVIEWER: "市总工会审核人",
    Role.CITY_LEADER: "市总工会负责人",
    Role.MUTUAL_AID_OFFICER: "互助保障专员",
    Role.FINANCE_MAKER: "财务制单（出纳）",
    Role.FINANCE_CHECKER: "财务复核（会计）",
    Role.PUBLICITY_EDITOR: "宣传编辑",
    Role.PUBLICITY_APPROVER: "宣传审核人",
    Role.EVALUATOR: "第三方评估人",
    Role.AUDITOR: "审计员",
    Role.SYSTEM_ADMIN: "系统管理员",
    Role.SECURITY_ADMIN: "安全管理员",
    Role.HOME_VISITOR: "走访志愿者（购买服务的社工）",
}
