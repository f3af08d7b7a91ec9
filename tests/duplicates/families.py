"""Invented household files with known truth: which of them are one household filed twice, and who only looks like it.

The corruption knows nothing of the rules: it is what clerks, phones and keyboards do to a form. All of it follows from
a seed. Every number is of region 99, which no authority issues.
"""

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any

from pypinyin import lazy_pinyin

from app.duplicates.rules import Elsewhere
from app.kernel.identifiers import check_digit

SURNAMES = (
    "陈陈陈陈陈林林林林黄黄黄郑郑吴吴李李蔡蔡张张许许杨谢刘王罗庄方纪"
    "翁姚佘辜洪蓝马周郭彭连曾余肖沈苏欧卢单仇解区查任翟盖"
)
COMPOUND = ("欧阳", "司马", "上官", "诸葛", "尉迟", "万俟", "长孙", "令狐", "皇甫", "慕容")
GIVEN = (
    "伟玮炜鹏泽鑫欣新浩昊皓然俊峻骏杰洁楚雄烈坤昆树木生升声炎彦燕顺喜海涛志智坚汉文闻雯启明鸣子梓紫谦倩一怡宜守正少绍波锐"
    "潮佳嘉家豪秀兰岚璇佩珊丹虹红宏少芬晓小筱纯巧玲灵静敬晶娴素卿清青心馨悦月婉仪依若彤童雨宇语桐思诗敏民惜音英瑛美花华舒婷"
    "乐映雪绵棉强刚勇军钧建健国芳方丽莉霞辉慧惠平萍萍玉裕金锦进春纯夏秋冬冰东栋福富贵桂德得才财"
)
COMMON = ("张伟", "王芳", "李娜", "陈静", "林丽", "黄伟", "陈伟", "李强", "张敏", "陈燕", "张磊", "刘洋")
DOTTED = (
    ("阿依古丽", "买买提"), ("努尔", "艾合买提"), ("古丽娜尔", "艾买提江"), ("迪丽热巴", "迪力木拉提"),
    ("玉素甫", "卡德尔"),
)  # fmt: skip
SHAPES = {
    "明": "朋",
    "未": "末",
    "东": "车",
    "玲": "铃",
    "晓": "哓",
    "佳": "住",
    "伟": "玮",
    "春": "舂",
    "锦": "绵",
    "芬": "芳",
}
ROADS = (
    "长平路 金砂路 中山路 海滨路 韩江路 珠池路 丹霞北街 大华路 "
    "岐山中路 凤岗新村 月浦南路 澄江路 文冠路 潮汕路 天山南路 东厦北路"
).split()
PLACES = (
    ("金平区", "石炮台街道"),
    ("龙湖区", "金霞街道"),
    ("澄海区", "凤翔街道"),
    ("潮阳区", "文光街道"),
    ("濠江区", "达濠街道"),
)
SCHOOLING = date(2003, 1, 1)


@dataclass(frozen=True)
class File:
    form: dict[str, Any]
    elsewhere: Elsewhere


@dataclass
class Families:
    """Files in a mixed order; `truth` are the pairs (by position, the smaller first) that are one household."""

    files: list[File] = field(default_factory=list)
    truth: set[tuple[int, int]] = field(default_factory=set)
    hard: set[tuple[int, int]] = field(default_factory=set)
    """Pairs that only look alike: twins, kin under one roof, strangers of one name."""


def families(seed: int, households: int = 2_000) -> Families:
    rng = Random(seed)
    made: list[tuple[File, int, int]] = []  # file, household, kind of lot
    lots = _Lots(rng)
    for n in range(households):
        first = lots.household()
        made.append((first, n, 0))
        chance = rng.random()
        if chance < 0.15:
            made.append((lots.again(first), n, 0))
        elif chance < 0.18:
            made.append((lots.twin(first), -n - 1, n))
        elif chance < 0.24:
            made.append((lots.kin(first), -n - 1, n))
        elif chance < 0.27:
            made.append((lots.namesake(first), -n - 1, n))
    rng.shuffle(made)
    found = Families([file for file, *_ in made])
    by_household: dict[int, int] = {}
    for at, (_, household, _) in enumerate(made):
        if household in by_household and household >= 0:
            found.truth.add((by_household[household], at))
        by_household[household] = at
    for at, (_, household, like) in enumerate(made):
        if household < 0:
            other = by_household[like]
            found.hard.add((min(at, other), max(at, other)))
    return found


class _Lots:
    """Draws people, households and what happens to them."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.drawn: set[str] = set()

    # ---- people ----

    def name(self) -> str:
        chance = self.rng.random()
        if chance < 0.04:
            return self.rng.choice(COMMON)
        if chance < 0.06:
            return "·".join(self.rng.choice(DOTTED))
        surname = self.rng.choice(COMPOUND) if chance < 0.09 else self.rng.choice(SURNAMES)
        return surname + "".join(self.rng.sample(GIVEN, 1 if self.rng.random() < 0.2 else 2))

    def number(self, born: date, region: str | None = None) -> str:
        region = region or f"99{self.rng.choice(('0507', '0511', '0512', '0513', '0514', '0515', '0523'))}"
        number = _checked(f"{region}{born:%Y%m%d}{self.rng.randrange(1000):03d}")
        while number in self.drawn:  # no two people have one
            number = _checked(f"{region}{born:%Y%m%d}{self.rng.randrange(1000):03d}")
        self.drawn.add(number)
        return number

    def born(self, first: int, last: int) -> date:
        return date(first, 1, 1) + timedelta(days=self.rng.randrange((last - first) * 365))

    def phone(self) -> str:
        return f"1{self.rng.choice('3578')}{self.rng.randrange(10**9):09d}"

    def card(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def address(self) -> dict[str, Any]:
        place = self.rng.choice(PLACES)
        numbers = self.rng.randrange(1, 200), self.rng.randrange(1, 20), self.rng.randrange(101, 909)
        return {"place": place, "road": self.rng.choice(ROADS), "numbers": numbers}

    def written(self, where: dict[str, Any], way: int = 0) -> str:
        (district, street), (number, block, room) = where["place"], where["numbers"]
        road = where["road"]
        return (
            f"{district}{street}{road}{number}号{block}栋{room}房",
            f"汕头市{district}{road}{number}号{block}幢{room}室",
            f"广东省汕头市{district}{street}{road}{number}号{block}座{room}",
            f"{district} {road} {_full_width(str(number))}号 {block}栋 {room}",
            f"{road}{number}-{block}-{room}",
        )[way]

    # ---- households ----

    def household(self, head: dict[str, Any] | None = None) -> File:
        born = self.born(1955, 1990)
        head = head or {"name": self.name(), "id_number": self.number(born)}
        people = []
        if self.rng.random() < 0.7:
            people.append({"name": self.name(), "id_number": self.number(self.born(1955, 1990)), "relation": "spouse"})
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            name = head["name"][0] + "".join(self.rng.sample(GIVEN, 2))
            people.append({"name": name, "id_number": self.number(self.born(2000, 2020)), "relation": "son"})
        papers = frozenset({self.card()}) if self.rng.random() < 0.1 else frozenset()
        where = self.address()
        form = {"head": head, "members": people, "address": self.written(where), "_where": where}
        return File(form, Elsewhere(frozenset({self.phone()}), frozenset({self.card()}), papers))

    def again(self, first: File) -> File:
        """The same household filed once more, by another clerk, at another union, or by the spouse."""
        form, rng = deepcopy(first.form), self.rng
        if rng.random() < 0.35:
            self._by_the_spouse(form)
        if rng.random() < 0.3 and form["members"]:
            form["members"].pop(rng.randrange(len(form["members"])))
        # The database refuses a number that is in a living file already: what comes through is written otherwise.
        people = [form["head"], *form["members"]]
        for someone in people:
            self._number(someone, always=rng.random() < 0.85)
            if rng.random() < 0.35:
                someone["name"] = self._misheard(someone["name"])
        phones, cards = first.elsewhere.phones, first.elsewhere.cards
        if rng.random() < 0.4:
            phones = frozenset({self.phone()})
        if rng.random() < 0.4:
            cards = frozenset({self.card()})
        where = form["_where"] if rng.random() < 0.75 else self.address()
        form["address"] = self.written(where, rng.randrange(5))
        papers = first.elsewhere.papers if rng.random() < 0.5 else frozenset()
        return File(form, Elsewhere(phones, cards, papers))

    def twin(self, first: File) -> File:
        """A twin of the head with a household of their own, in the house of their parents."""
        head, number = first.form["head"], first.form["head"]["id_number"]
        serial = (int(number[14:17]) + self.rng.choice((1, 2, 3, 10))) % 1000
        name = head["name"][:-1] + self._another(head["name"][-1])
        other = self.household({"name": name, "id_number": _checked(f"{number[:14]}{serial:03d}")})
        return self._under_one_roof(first, other)

    def kin(self, first: File) -> File:
        """A brother, a sister, a grown child: the same surname and house, often the same telephone or card."""
        head = first.form["head"]
        born = self.born(1955, 1995)
        name = head["name"][0] + "".join(self.rng.sample(GIVEN, self.rng.choice((1, 2))))
        other = self.household({"name": name, "id_number": self.number(born, head["id_number"][:6])})
        return self._under_one_roof(first, other)

    def namesake(self, first: File) -> File:
        """Somebody of the same name, or one that sounds so; sometimes of the same birthday, or from the same house."""
        head = first.form["head"]
        born = self.born(1955, 1990)
        name = head["name"] if self.rng.random() < 0.6 else self._homophone(head["name"])
        birthday = self.rng.random() < 0.3
        number = f"{head['id_number'][6:14]}" if birthday else f"{born:%Y%m%d}"
        region = f"99{self.rng.randrange(501, 599):04d}"
        other = self.household({"name": name, "id_number": _checked(f"{region}{number}{self.rng.randrange(1000):03d}")})
        if not birthday and self.rng.random() < 0.3:
            other.form["address"] = first.form["address"]
        return other

    def _under_one_roof(self, first: File, other: File) -> File:
        rng, known = self.rng, first.elsewhere
        form = other.form | {"address": self.written(first.form["_where"], rng.randrange(5))}
        phones = known.phones if rng.random() < 0.4 else other.elsewhere.phones
        cards = known.cards if rng.random() < 0.3 else other.elsewhere.cards
        return File(form, Elsewhere(phones, cards, other.elsewhere.papers))

    # ---- what happens to a form ----

    def _by_the_spouse(self, form: dict[str, Any]) -> None:
        spouse = next((each for each in form["members"] if each["relation"] == "spouse"), None)
        if spouse is not None:
            form["members"] = [each for each in form["members"] if each is not spouse]
            form["members"].insert(0, {**form["head"], "relation": "spouse"})
            form["head"] = {"name": spouse["name"], "id_number": spouse["id_number"]}

    def _number(self, someone: dict[str, Any], *, always: bool) -> None:
        number, rng = someone["id_number"], self.rng
        if always:
            number = rng.choice((_wrong_digit, _exchanged))(rng, number)
            if rng.random() < 0.7:
                number = _checked(number[:17])
        way = rng.random()
        if way < 0.1 and number[6:8] == "19":
            number = number[:6] + number[8:17]
        elif way < 0.2:
            number = _full_width(number)
        elif way < 0.3:
            number = number.lower()
        someone["id_number"] = number

    def _misheard(self, name: str) -> str:
        ways: tuple[Callable[[str], str], ...] = (self._homophone, self._homophone, self._mistyped, self._respelt)
        return self.rng.choice(ways)(name)

    def _homophone(self, name: str) -> str:
        at = self.rng.randrange(1, len(name)) if len(name) > 1 else 0
        return name[:at] + self._another(name[at], sounding=True) + name[at + 1 :]

    def _mistyped(self, name: str) -> str:
        if len(name) < 3:
            return self._homophone(name)
        at = self.rng.randrange(1, len(name))
        return name[:at] + (SHAPES.get(name[at]) or self._another(name[at])) + name[at + 1 :]

    def _respelt(self, name: str) -> str:
        if "·" in name:
            return self.rng.choice((name.replace("·", self.rng.choice("•．. ")), name.partition("·")[0]))
        return f"{name[0]} {name[1:]}"

    def _another(self, char: str, *, sounding: bool = False) -> str:
        others = [other for other in (_sounding(char) if sounding else GIVEN) if other != char]
        return self.rng.choice(others) if others else char


def _wrong_digit(rng: Random, number: str) -> str:
    at = rng.randrange(6, 17)
    wrong = rng.choice([digit for digit in "0123456789" if digit != number[at]])
    return number[:at] + wrong + number[at + 1 :]


def _exchanged(rng: Random, number: str) -> str:
    places = [n for n in range(6, 16) if number[n] != number[n + 1]]
    at = rng.choice(places)
    return number[:at] + number[at + 1] + number[at] + number[at + 2 :]


def _checked(first17: str) -> str:
    return first17 + check_digit(first17)


def _full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@cache
def _by_sound() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for char in dict.fromkeys(GIVEN):
        found[lazy_pinyin(char)[0]].append(char)
    return found


def _sounding(char: str) -> list[str]:
    return _by_sound().get(lazy_pinyin(char)[0], [])
