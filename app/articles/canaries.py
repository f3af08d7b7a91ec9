"""Personal data that must not stand in an article: found by what it looks like, and by keyed hashes of the names and
numbers that the service knows. Pure; nothing of what is found is repeated in a message.

What somebody types to get past it is folded first: full-width digits, Chinese numerals, spaces and hyphens in between.
"""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import yaml

from app.kernel.identifiers import InvalidIdentifier, bank_card, check_digit, eighteen

MESSAGES: Final[Mapping[str, str]] = {
    "canary_id_number": "这里有身份证件号码，请删除。",
    "canary_phone": "这里有手机号码，请删除；需要留联系方式的，请用工会的固定电话或 12351。",
    "canary_bank_card": "这里有银行卡号，请删除。",
    "canary_case_number": "这里有档案或申请的编号，请删除。",
    "canary_address": "这里有具体的住址，请删除门牌和房号。",
    "canary_name": "这里有系统中职工或家人的姓名，又没有本人的同意；是同名的别人的，请在 cleared 中说明。",
    "canary_health": "同一段里既有人的姓名，又有病情或医院，请去掉其中一样。",
}
"""Every code that a text is refused with, and what the writer reads."""
_SURNAMES: Final = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗"
    "凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹"
    "狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍"
    "虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲"
    "邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿"
    "白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农"
    "温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁"
    "勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖佘佟纵冼付代覃植麦区丘"
)
_NUMERALS: Final = str.maketrans("〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺", "001234567891234567891")
_NUMERAL: Final = "0-9〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺"
_NUMERAL_RUN: Final = re.compile(rf"[{_NUMERAL}][{_NUMERAL} \-]{{9,}}[{_NUMERAL}Xx]")
_UNSEEN: Final = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BETWEEN: Final = re.compile(r"(?<=[0-9])[\s\-_.·•—–*/|,，、]+(?=[0-9Xx])")
_CJK_SPACES: Final = re.compile(r"(?<=[\u3400-\u9fff·])[ \t\u3000]+(?=[\u3400-\u9fff·])")
_DOTS: Final = re.compile("[•‧・．∙⋅･]")
_ID_RUN: Final = re.compile(r"(?=([1-9][0-9]{16}[0-9Xx]))")
_OLD_ID_RUN: Final = re.compile(r"(?<![0-9])([1-9][0-9]{14})(?![0-9Xx])")
_PHONE: Final = re.compile(r"(?<![0-9])(?:(?:\+?86|0086)[\s-]*)?1[3-9][0-9](?:[\s\-_.·—]*[0-9]){8}(?![0-9])")
_CARD: Final = re.compile(r"(?<![0-9])[1-9][0-9]{3}(?:[\s\-_.·]*[0-9]){12,15}(?![0-9])")
_NUMBER: Final = re.compile(r"(?<![A-Za-z])(?:BF|JX|YB|DA|BD)-?[0-9]{4}[-0-9]{2,}", re.IGNORECASE)
_STREET: Final = "路|街|巷|村|里|苑|园|小区|社区|新村|花园"
_ADDRESS: Final = re.compile(
    rf"(?:{_STREET})[^。；，、]{{0,8}}?[0-9]+\s*(?:号|弄|栋|幢|座)[^。；，]{{0,8}}?[0-9]+\s*(?:室|房|单元|楼|栋|座)"
)
_NAME_RUN: Final = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]+(?:·[\u3400-\u9fff]+)*")
_TITLES: Final = "先生|女士|师傅|大姐|大哥|阿姨"
# Surnames that are ordinary words as well are left out: 和某医院 names nobody.
_VEILED: Final = re.compile(
    f"[{''.join(sorted(set(_SURNAMES) - set('和于都能从那时向后查相关应由方')))}]"
    f"(?:某某?[\u4e00-\u9fff]?|[*＊×]{{1,2}}[\u4e00-\u9fff]?|{_TITLES})"
)
_NAME_LENGTHS: Final = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found where: a key of MESSAGES and a JSON pointer."""

    at: str
    code: str


@dataclass(frozen=True, slots=True)
class Suspects:
    """What of the texts may be a name or an old number that the service knows, to be asked as keyed hashes."""

    names: frozenset[str]
    numbers: frozenset[str]


def folded(text: str) -> str:
    """One spelling: compatibility forms, nothing unseen, no spaces inside Chinese words, every middle dot a `·`."""
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return _CJK_SPACES.sub("", _DOTS.sub("·", plain))


def suspects(texts: Iterable[tuple[str, str]]) -> Suspects:
    """What is to be asked about."""
    names: set[str] = set()
    numbers: set[str] = set()
    for _, text in texts:
        plain = folded(text)
        names |= _name_windows(plain)
        numbers |= {eighteen(found) for found in _OLD_ID_RUN.findall(_digits(plain))}
    return Suspects(frozenset(names), frozenset(numbers))


def findings(
    texts: Iterable[tuple[str, str]],
    *,
    known_names: frozenset[str] = frozenset(),
    known_numbers: frozenset[str] = frozenset(),
    agreed: frozenset[str] = frozenset(),
    cleared: frozenset[str] = frozenset(),
) -> list[Finding]:
    """All that has to go. `known_names`, `known_numbers`: of `suspects`, those that the service knows; `agreed`: names
    of people who consent to being shown; `cleared`: names of others, as the writer says and the reviewer sees."""
    listed = [(at, folded(text)) for at, text in texts]
    names = known_names | agreed
    anybody_in_title = any(_named(plain, names) for at, plain in listed if at in ("/title", "/digest"))
    found = []
    for at, plain in listed:
        found += [Finding(at, code) for code, looks in _LOOKS.items() if looks(plain)]
        if known_numbers & {eighteen(each) for each in _OLD_ID_RUN.findall(_digits(plain))}:
            found.append(Finding(at, "canary_id_number"))
        if _names_in(plain, known_names - agreed - cleared):
            found.append(Finding(at, "canary_name"))
        if (anybody_in_title or _named(plain, names)) and any(word in plain for word in health_words()):
            found.append(Finding(at, "canary_health"))
    return list(dict.fromkeys(found))


@cache
def health_words() -> tuple[str, ...]:
    """The words of canaries.yaml."""
    listed = yaml.safe_load(resources.files(__package__).joinpath("canaries.yaml").read_text("utf-8"))
    return tuple(listed["health"])


def _digits(plain: str) -> str:
    """With numerals written as digits where they are many, and nothing between digits."""
    spelt = _NUMERAL_RUN.sub(lambda run: run.group().translate(_NUMERALS), plain)
    return _BETWEEN.sub("", spelt)


def _id_number(plain: str) -> bool:
    return any(_is_number(number.upper()) for number in _ID_RUN.findall(_digits(plain)))


def _is_number(number: str) -> bool:
    month, day = int(number[10:12]), int(number[12:14])
    born = 1850 <= int(number[6:10]) <= 2100 and 1 <= month <= 12 and 1 <= day <= 31
    return born and check_digit(number[:17]) == number[17]


def _phone(plain: str) -> bool:
    spelt = _NUMERAL_RUN.sub(lambda run: run.group().translate(_NUMERALS), plain)
    return _PHONE.search(spelt) is not None


def _bank_card(plain: str) -> bool:
    spelt = _NUMERAL_RUN.sub(lambda run: run.group().translate(_NUMERALS), plain)
    found = (re.sub("[^0-9]", "", each) for each in _CARD.findall(spelt))
    return any(_is_card(digits) and not (len(digits) == 18 and _is_number(digits)) for digits in found)


def _is_card(digits: str) -> bool:
    try:
        bank_card(digits)
    except InvalidIdentifier:
        return False
    return True


_LOOKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "canary_id_number": _id_number,
    "canary_phone": _phone,
    "canary_bank_card": _bank_card,
    "canary_case_number": lambda plain: _NUMBER.search(plain) is not None,
    "canary_address": lambda plain: _ADDRESS.search(plain) is not None,
}


def _name_windows(plain: str) -> set[str]:
    """What may be somebody's name: two to four characters anywhere, as surnames are too many to list; or what a `·`
    joins."""
    found: set[str] = set()
    for run in _NAME_RUN.findall(plain):
        if "·" in run:
            found |= set(_dotted(run))
        letters = run.replace("·", "")
        found |= {letters[at : at + n] for n in _NAME_LENGTHS for at in range(len(letters) - n + 1)}
    return found


def _dotted(run: str) -> Iterator[str]:
    """Names with a `·`: where they begin and end nothing says."""
    for first, last in itertools.pairwise(run.split("·")):
        for before in range(1, len(first) + 1):
            yield from (f"{first[-before:]}·{last[:n]}" for n in range(1, len(last) + 1))


def _names_in(plain: str, names: frozenset[str]) -> bool:
    return bool(names) and any(name in plain for name in names)


def _named(plain: str, names: frozenset[str]) -> bool:
    """Whether somebody is named: whom the service knows, who agreed, or a surname with a veil."""
    return _names_in(plain, names) or _VEILED.search(plain) is not None


def plain_name(name: str) -> str:
    """The one spelling under which a name is known."""
    return re.sub(r"\s+", "", folded(name)).strip("·")
