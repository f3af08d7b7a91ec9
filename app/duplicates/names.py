"""How a Chinese name sounds and how alike two names are written. Pure.

Two clerks who hear one name write 陈晓明 and 陈小鸣: what they share is the sound, without tones, with what southern
ears do not tell apart (zh/z, ch/c, sh/s, -ng/-n) made one. Surnames have readings of their own (单 Shan, 仇 Qiu), and
some have two: a name then has a key for each.
"""

import re
import unicodedata
from functools import cache
from typing import Final, Literal

Likeness = Literal["same", "sounds_same", "near", "different"]

SURNAME_READINGS: Final[dict[str, tuple[str, ...]]] = {
    surname: tuple(readings.split("/"))
    for surname, readings in (
        pair.split("=")
        for pair in (
            "单=shan/dan 仇=qiu/chou 解=xie/jie 区=ou/qu 曾=zeng/ceng 盖=ge/gai 查=zha/cha 任=ren 翟=zhai/di 乐=yue/le "
            "朴=piao/pu 种=chong/zhong 冼=xian 洗=xian/xi 缪=miao/mou 燕=yan 华=hua 黑=he/hei 员=yun/yuan 宓=mi/fu "
            "繁=po/fan 覃=qin/tan 折=she/zhe 召=shao/zhao 长=zhang/chang 重=chong/zhong 薄=bo/bao 柏=bai/bo 秘=bi/mi "
            "费=fei/bi 车=che/ju 谌=chen/shen 褚=chu/zhu 郗=xi/chi 逄=pang 那=na 能=nai/neng 祭=zhai/ji 隗=wei/kui "
            "盛=sheng/cheng 石=shi 贾=jia/gu 宿=su/xiu 相=xiang 曲=qu 郇=xun/huan 牟=mou/mu 应=ying 尉迟=yuchi/weichi "
            "万俟=moqi/wansi 单于=chanyu/danyu 澹台=tantai/dantai 长孙=zhangsun/changsun 鲜于=xianyu"
        ).split()
    )
}
"""Surnames whose reading is not that of the character alone, or that people read in two ways."""
COMPOUND_SURNAMES: Final = frozenset(
    "欧阳 司马 上官 诸葛 司徒 东方 皇甫 尉迟 公孙 令狐 长孙 宇文 慕容 夏侯 轩辕 端木 南宫 独孤 百里 呼延 申屠 太史 "
    "澹台 闻人 万俟 钟离 闾丘 东郭 西门 淳于 单于 赫连 公羊 公冶 濮阳 鲜于 司空 宗政 仲孙 亓官 拓跋 南门".split()
)
_DOTS: Final = re.compile(r"[·•‧・．∙⋅･.]")
_SPACES: Final = re.compile(r"\s+")


def plain(name: str) -> str:
    """One spelling of a name: compatibility forms and all white space gone, every middle dot a `·`."""
    return _SPACES.sub("", _DOTS.sub("·", unicodedata.normalize("NFKC", name))).strip("·").upper()


def split(name: str) -> tuple[str, str]:
    """Surname and given name of a plain name; a name with a `·` has no surname that is inherited."""
    if "·" in name:
        first, _, rest = name.partition("·")
        return "", first + rest
    length = 2 if len(name) > 2 and name[:2] in COMPOUND_SURNAMES else 1
    return name[:length], name[length:]


@cache
def sounds(name: str) -> tuple[str, ...]:
    """How a name sounds, a spelling for every reading of the surname."""
    surname, given = split(plain(name))
    readings = SURNAME_READINGS.get(surname) or ("".join(_sound(char) for char in surname),)
    rest = "'".join(_folded(_sound(char)) for char in given)
    return tuple(dict.fromkeys(f"{_folded(reading)}|{rest}" for reading in readings))


def likeness(one: str, other: str) -> Likeness:
    """How alike two names are: one spelling, one sound, one character apart, or two names."""
    a, b = plain(one), plain(other)
    if a == b:
        return "same"
    if set(sounds(a)) & set(sounds(b)):
        return "sounds_same"
    return "near" if _near(a, b) else "different"


def _near(a: str, b: str) -> bool:
    """Of three characters or more: one wrong, missing or too many, or two neighbours exchanged; or, with a `·`, the
    same first name."""
    if "·" in a or "·" in b:
        firsts = a.partition("·")[0], b.partition("·")[0]
        return firsts[0] == firsts[1] or a.replace("·", "") == b.replace("·", "") or one_apart(a, b)
    return max(len(a), len(b)) >= 3 and one_apart(a, b)


def one_apart(a: str, b: str) -> bool:
    """Whether one wrong, missing or superfluous character, or one exchange of neighbours, turns `a` into `b`."""
    if len(a) == len(b):
        differing = [n for n, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if len(differing) == 1:
            return True
        return len(differing) == 2 and _exchanged(a, b, differing[0], differing[1])
    short, long = sorted((a, b), key=len)
    if len(long) - len(short) != 1:
        return False
    at = next((n for n, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    return short[at:] == long[at + 1 :]


def _exchanged(a: str, b: str, first: int, second: int) -> bool:
    return second == first + 1 and a[first] == b[second] and a[second] == b[first]


@cache
def _sound(char: str) -> str:
    from pypinyin import lazy_pinyin  # a dictionary of 55 MiB that only those who compare names need

    read = lazy_pinyin(char)
    return str(read[0]) if read else char


def _folded(sound: str) -> str:
    """Without what is not told apart in the south."""
    for long, short in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if sound.startswith(long):
            sound = short + sound[2:]
            break
    return sound[:-1] if sound.endswith("ng") else sound
