"""The workers among the personas: what each of them is there to show. Pure.

Whoever is said to be in deep hardship stays so by a wide margin, whatever the year's minimum living standard.
"""

from datetime import date

from app.households.forms import Head
from app.seed.invented import (
    Covered,
    File,
    FileState,
    Hardship,
    Invented,
    Relative,
    Sex,
    household_form,
    id_number,
)
from app.seed.organisations import Union, tree

LONGHU_UNIT, JINPING_UNIT, SERVICE_CENTRE = "440507-S01-U01", "440511-S01-U01", "440500-I04-U01"
FILED_DAYS_AGO = 200


def workers() -> tuple[Invented, ...]:
    """In the order of their numbers, which never change."""
    return (_chen(), _zheng(), _lin(), _huang(), _ouyang(), _guli(), _wu(), _cai(), _zhuang(), _fang())


def _chen() -> Invented:
    return _worker(
        1, "worker-chen", "陈秀兰", "female", date(1978, 3, 12), LONGHU_UNIT,
        "主角：深度困难，档案有效，已续保；三类申请都可以办（困难帮扶、女儿本科和儿子高中的金秋助学、住院二次医保）",
        (
            Relative("spouse", "许建平", "male", date(1975, 8, 3), "serious_illness"),
            Relative("daughter", "许思敏", "female", date(2007, 5, 20), schooling="undergraduate"),
            Relative("son", "许思源", "male", date(2010, 11, 3), schooling="senior_high"),
        ),
        Hardship(
            income=48_000, spending=(("illness", 18_000), ("schooling", 8_000)), cause="serious_illness",
            further_causes=("child_schooling",), demand="丈夫尿毒症长期透析，两个孩子上学，希望得到生活和助学帮扶。",
        ),
        covered="renewed",
    )  # fmt: skip


def _zheng() -> Invented:
    return _worker(
        2, "worker-zheng", "郑泽凯", "male", date(1976, 10, 28), LONGHU_UNIT,
        "深度困难，档案有效，已续保；与陈秀兰同一单位，三类申请都可以办（儿子大专、女儿中职）",
        (
            Relative("spouse", "李木兰", "female", date(1979, 1, 15), "disabled"),
            Relative("son", "郑浩然", "male", date(2006, 12, 9), schooling="junior_college"),
            Relative("daughter", "郑可儿", "female", date(2009, 6, 1), schooling="secondary_vocational"),
        ),
        Hardship(
            income=45_600, spending=(("disability", 12_000), ("schooling", 9_000)), cause="no_labour_capacity",
            further_causes=("child_schooling",), demand="妻子肢体残疾不能工作，希望得到生活和助学帮扶。",
        ),
        covered="renewed",
    )  # fmt: skip


def _lin() -> Invented:
    return _worker(
        3, "worker-lin", "林少芬", "female", date(1980, 6, 17), JINPING_UNIT,
        "单亲，深度困难，档案有效，没有参保；金秋助学（儿子本科在读、女儿高中），申请二次医保会因未参保被拒",
        (
            Relative("son", "蔡俊豪", "male", date(2006, 8, 25), schooling="undergraduate"),
            Relative("daughter", "蔡雨桐", "female", date(2010, 2, 14), schooling="senior_high"),
            Relative("parent", "吴惜音", "female", date(1952, 12, 1), "chronic_illness"),
        ),
        Hardship(
            income=42_000, spending=(("schooling", 9_600), ("illness", 6_000)), cause="child_schooling",
            demand="独自抚养两个孩子和照顾母亲，学费压力大，希望得到助学帮扶。", housing="public_rental",
        ),
    )  # fmt: skip


def _huang() -> Invented:
    return _worker(
        4, "worker-huang", "黄木生", "male", date(1971, 2, 9), JINPING_UNIT,
        "本人大病，深度困难，档案有效，已续保；住院二次医保和医疗救助",
        (
            Relative("spouse", "郑巧玲", "female", date(1974, 4, 22), "weak", income=12_000),
            Relative("son", "黄泽鑫", "male", date(2009, 9, 30), schooling="secondary_vocational"),
        ),
        Hardship(
            income=39_600, spending=(("illness", 20_000),), cause="serious_illness", health="serious_illness",
            demand="肿瘤治疗费用高，希望得到医疗救助。", housing="affordable",
        ),
        covered="renewed",
    )  # fmt: skip


def _ouyang() -> Invented:
    return _worker(
        5, "worker-ouyang", "欧阳𬸣", "female", date(1990, 7, 7), SERVICE_CENTRE,
        "外卖骑手，没有所在单位工会，由市职工服务中心受理；深度困难，档案有效，首次参保；一家人都是生僻字姓名",
        (
            Relative("spouse", "司马㛃", "male", date(1989, 3, 30), "weak"),
            Relative("daughter", "司马䶮", "female", date(2020, 6, 18), schooling="pre_school"),
            Relative("parent", "欧阳𠮷", "male", date(1958, 5, 5), "disabled"),
        ),
        Hardship(
            income=36_000, spending=(("disability", 8_000),), cause="no_social_insurance",
            further_causes=("no_labour_capacity",), demand="收入不稳定，老人残疾，希望得到生活帮扶。",
            housing="private_rental",
        ),
        covered="first_term",
    )  # fmt: skip


def _guli() -> Invented:
    return _worker(
        6, "worker-guli", "阿依古丽·买买提", "female", date(1985, 11, 11), JINPING_UNIT,
        "相对困难，档案有效，没有参保；每年只能享受一项救助，女儿高中可办金秋助学",
        (
            Relative("spouse", "艾力·买买提", "male", date(1983, 1, 8), income=20_000),
            Relative("daughter", "迪丽热巴·艾力", "female", date(2009, 3, 21), schooling="senior_high"),
        ),
        Hardship(
            income=48_000, spending=(("schooling", 4_000),), cause="child_schooling",
            demand="希望得到孩子的助学帮扶。", housing="private_rental",
        ),
    )  # fmt: skip


def _wu() -> Invented:
    return _worker(
        7, "worker-wu", "吴文彬", "male", date(1985, 9, 19), LONGHU_UNIT,
        "档案有效但按口径不属于困难家庭：申请生活救助和金秋助学会被规则拒绝；已续保",
        (
            Relative("spouse", "陈婉仪", "female", date(1986, 2, 26), income=80_000),
            Relative("son", "吴子谦", "male", date(2010, 4, 4), schooling="senior_high"),
        ),
        Hardship(
            income=180_000, cause="other", demand="希望了解帮扶政策。", housing="commercial",
        ),
        covered="renewed",
    )  # fmt: skip


def _cai() -> Invented:
    return _worker(
        8, "worker-cai", "蔡炳坤", "male", date(1983, 12, 24), LONGHU_UNIT,
        "家中失火：按收入不属于困难家庭；意外支出8万元，超过全年收入的80%，申请意外救助时属于意外致困",
        (
            Relative("spouse", "谢舒婷", "female", date(1985, 5, 13), income=36_000),
            Relative("son", "蔡一鸣", "male", date(2014, 10, 10), schooling="primary"),
            Relative("parent", "翁美花", "female", date(1956, 7, 27), "chronic_illness"),
        ),
        Hardship(
            income=96_000, spending=(("illness", 6_000),), cause="accident",
            demand="家中失火，财物受损，希望得到意外救助。",
        ),
    )  # fmt: skip


def _zhuang() -> Invented:
    return _worker(
        9, "worker-zhuang", "庄楚云", "female", date(1982, 8, 8), LONGHU_UNIT,
        "家庭档案已填完、还是草稿：可以从提交建档开始演示；审核通过后属于深度困难",
        (
            Relative("daughter", "方若彤", "female", date(2008, 1, 29), schooling="undergraduate"),
            Relative("son", "方若谷", "male", date(2013, 5, 6), schooling="junior_high"),
        ),
        Hardship(
            income=33_600, spending=(("schooling", 7_200),), cause="laid_off",
            further_causes=("child_schooling",), demand="下岗后打零工，希望得到生活和助学帮扶。",
        ),
        state="draft",
    )  # fmt: skip


def _fang() -> Invented:
    """Only invented, not stored: the first sign-in makes the account."""
    birth = date(1995, 5, 21)
    return Invented(
        number=10,
        sim_name="worker-fang",
        name="方小满",
        id_number=id_number(9010, birth, "female", 0),
        union=_union(LONGHU_UNIT),
        note="新职工：还没有打开过小程序，可以从登录、实名、授权开始演示",
        signed_up=False,
    )


def _worker(
    number: int,
    sim_name: str,
    name: str,
    sex: Sex,
    birth: date,
    code: str,
    note: str,
    relatives: tuple[Relative, ...],
    hardship: Hardship,
    *,
    state: FileState = "active",
    covered: Covered = "no",
) -> Invented:
    union, region = _union(code), 9000 + number
    head = Head(
        name=name,
        id_number=id_number(region, birth, sex, 0),
        health=hardship.health,
        organisation_code=None if union.receives_unattached else code,
        employer=union.employer,
    )
    form = household_form(
        head,
        relatives,
        hardship,
        region=region,
        address=f"{union.area}示例路{number}号",
        division_code=union.division_code,
    )
    return Invented(
        number=number,
        sim_name=sim_name,
        name=name,
        id_number=head.id_number,
        union=union,
        note=note,
        file=File(form=form, state=state, days_ago=FILED_DAYS_AGO),
        covered=covered,
    )


def _union(code: str) -> Union:
    return next(union for union in tree() if union.code == code)
