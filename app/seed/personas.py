"""The people that demonstrations and tests are written against: their names and numbers never change. Pure.

The workers are told in `workers.py`; here is the staff, one person to each post,
and one who holds two.
"""

from datetime import date
from functools import cache

from app.kernel.actor import Role
from app.seed.invented import Invented, Sex, id_number
from app.seed.organisations import tree
from app.seed.workers import workers

FIRST_STAFF_NUMBER = 50

DUTIES: dict[Role, str] = {
    Role.UNIT_CLERK: "经办人：受理本单位职工的申请，办理参保（单人或整份名单）",
    Role.UNIT_CHAIR: "主席：审核本单位职工的家庭档案和申请",
    Role.STREET_REVIEWER: "审核人：查看本镇街的申请，为没有微信的职工代办",
    Role.DISTRICT_REVIEWER: "审核人：复核家庭档案和申请",
    Role.DISTRICT_LEADER: "负责人：复核家庭档案和申请",
    Role.CITY_REVIEWER: "审核人：审批困难帮扶和金秋助学，召开和结束会议，提出和预演政策",
    Role.CITY_LEADER: "负责人：审批困难帮扶和金秋助学，在会议上表决，发布政策",
    Role.MUTUAL_AID_OFFICER: "互助保障专员：审批住院二次医保，办理参保，提出和预演政策",
    Role.FINANCE_MAKER: "出纳：发起付款",
    Role.FINANCE_CHECKER: "会计：核对并确认付款",
    Role.PUBLICITY_EDITOR: "宣传编辑：撰写文章",
    Role.PUBLICITY_APPROVER: "宣传审核人：审核文章",
    Role.EVALUATOR: "第三方评估人：给抽到的档案评分，看不到是谁",
    Role.AUDITOR: "审计员：只读查看案件和审计记录",
    Role.SYSTEM_ADMIN: "系统管理员：提出岗位任免，不接触案件",
    Role.SECURITY_ADMIN: "安全管理员：核对和确认岗位任免，不接触案件",
    Role.HOME_VISITOR: "志愿者（购买服务的社工）：只走访分派给自己的家庭",
}

# Append only: a person's numbers follow from the place in this list.
_STAFF: tuple[tuple[str, str, Sex, str, Role], ...] = (
    ("clerk-longhu", "吴晓纯", "female", "440507-S01-U01", Role.UNIT_CLERK),
    ("chair-longhu", "陈泽鹏", "male", "440507-S01-U01", Role.UNIT_CHAIR),
    ("street-jinxia", "谢燕璇", "female", "440507-S01", Role.STREET_REVIEWER),
    ("reviewer-longhu", "林楚鑫", "male", "440507", Role.DISTRICT_REVIEWER),
    ("leader-longhu", "黄佩珊", "female", "440507", Role.DISTRICT_LEADER),
    ("clerk-jinping", "郑丹虹", "female", "440511-S01-U01", Role.UNIT_CLERK),
    ("chair-jinping", "李伟雄", "male", "440511-S01-U01", Role.UNIT_CHAIR),
    ("reviewer-jinping", "蔡少君", "female", "440511", Role.DISTRICT_REVIEWER),
    ("leader-jinping", "张烈钦", "male", "440511", Role.DISTRICT_LEADER),
    ("clerk-centre", "许乐怡", "female", "440500-I04-U01", Role.UNIT_CLERK),
    ("chair-centre", "杨汉文", "male", "440500-I04-U01", Role.UNIT_CHAIR),
    ("reviewer-organs", "刘映雪", "female", "440500-I04", Role.DISTRICT_REVIEWER),
    ("clerk-chenghai", "王绵绵", "female", "440515-S03-U01", Role.UNIT_CLERK),
    ("reviewer-city", "罗启明", "male", "440500", Role.CITY_REVIEWER),
    ("leader-city", "方静娴", "female", "440500", Role.CITY_LEADER),
    ("mutual-aid", "纪海涛", "male", "440500", Role.MUTUAL_AID_OFFICER),
    ("finance-maker", "翁素卿", "female", "440500", Role.FINANCE_MAKER),
    ("finance-checker", "姚志坚", "male", "440500", Role.FINANCE_CHECKER),
    ("auditor", "佘敏", "female", "440500", Role.AUDITOR),
    ("evaluator", "辜文彦", "male", "440500", Role.EVALUATOR),
    ("publicity-editor", "洪心悦", "female", "440500", Role.PUBLICITY_EDITOR),
    ("publicity-approver", "曾庆和", "male", "440500", Role.PUBLICITY_APPROVER),
    ("system-admin", "周立人", "male", "440500", Role.SYSTEM_ADMIN),
    ("security-admin", "郭守正", "male", "440500", Role.SECURITY_ADMIN),
    ("deputy-city", "苏映彤", "female", "440500", Role.CITY_REVIEWER),
    ("visitor-longhu", "温若琳", "female", "440507", Role.HOME_VISITOR),
    ("visitor-jinxia", "詹国栋", "male", "440507-S01-U01", Role.HOME_VISITOR),
    ("vice-city", "池海燕", "female", "440500", Role.CITY_LEADER),
)
# Posts that somebody holds beside the one above: even so nobody may publish the policy that they proposed.
_FURTHER_POSTS: dict[str, tuple[Role, ...]] = {"deputy-city": (Role.CITY_LEADER,)}


@cache
def personas() -> tuple[Invented, ...]:
    """Everybody with a name of their own: the workers first, then the staff."""
    unions = {union.code: union for union in tree()}
    staff = (
        Invented(
            number=number,
            sim_name=sim_name,
            name=name,
            id_number=id_number(9000 + number, _birth(number), sex, 0),
            union=unions[code],
            note=f"{unions[code].name}{'；兼任'.join(DUTIES[each] for each in roles)}",
            roles=roles,
        )
        for number, (sim_name, name, sex, code, role) in enumerate(_STAFF, FIRST_STAFF_NUMBER)
        for roles in ((role, *_FURTHER_POSTS.get(sim_name, ())),)
    )
    return (*workers(), *staff)


def _birth(number: int) -> date:
    """Somewhere from 1970 to 1994."""
    return date(1970 + number * 7 % 25, number % 12 + 1, number % 28 + 1)
