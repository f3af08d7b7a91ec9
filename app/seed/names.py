"""Invented names: what people in Shantou are called, and what breaks software that has never met them. Pure."""

from random import Random

from app.seed.invented import Sex

# A surname as often as it stands here.
SURNAMES = "陈陈陈陈陈林林林林黄黄黄郑郑吴吴李李蔡蔡张张许许杨谢刘王罗庄方纪翁姚佘辜洪蓝马周郭彭连曾余肖沈苏欧卢"
GIVEN = {
    "male": "伟鹏泽鑫浩然俊杰楚雄烈坤树木生炎顺喜海涛志坚汉文启明子谦一鸣守正少波锐潮佳豪",
    "female": "秀兰燕璇佩珊丹虹少芬晓纯巧玲静娴素卿心悦婉仪若彤雨桐思敏惜音美花舒婷乐怡映雪绵",
}
RARE_NAMES = (
    "欧阳𬸣",
    "司马䶮",
    "林𠮷",
    "陈㛃",
    "阿依古丽·买买提",
    "䶮",
    "欧阳靖远",
    "努尔·艾合买提",
    "黄𬸣",
    "郑㛃莹",
    "司马望舒",
    "才让卓玛",
    "𠮷",
    "蓝阿妹",
    "古丽娜尔·艾买提江",
    "𬸣",
)
"""Characters beyond the basic plane and in its extensions, compound surnames, names of one character and with a dot."""


def surname(rng: Random) -> str:
    return rng.choice(SURNAMES)


def full_name(rng: Random, family: str, sex: Sex) -> str:
    """Mostly three characters, one time in six two."""
    length = 1 if rng.random() < 1 / 6 else 2
    return family + "".join(rng.sample(GIVEN[sex], length))
