"""What differs in an answer each time it is given, made the same: ids, instants, numbers of people, secrets, digests.

Within one example the same stays the same, and what was earlier stays earlier: an example can still be followed.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from app.kernel.business_time import SHANGHAI
from app.kernel.identifiers import check_digit
from tests.people_and_places import TODAY

DAY: Final = date(2026, 3, 2)
"""What the tests call today is told as this day, and the days around it with it."""
NEAR: Final = timedelta(days=500)
UNIONS: Final = {
    "city": "汕头市总工会",
    "district": "龙湖区总工会",
    "street": "金霞街道总工会",
    "unit": "汕头市榕汐电子有限公司工会",
    "industry": "汕头市直机关工会",
}
CODES: Final = {"C": "440500", "D": "440507", "S": "440507-S01", "U": "440507-S01-U01", "I": "440500-I01"}
SECRET: Final = {"access_token", "refresh_token", "token", "next_cursor", "cursor", "request_id", "receipt"}
"""Members whose value means nothing to whoever reads an example."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?![\dT])")
_PERSON = re.compile(r"(?<!\d)99\d{4}(\d{8})\d{3}[\dX](?!\d)")
_NUMBER = re.compile(r"\b([A-Z]{2})-(?:\d{6}-\d{4}-\d{6}|[0-9A-Fa-f]{12})\b")
_UNION_CODE = re.compile(r"\b([CDSUI])-[0-9a-f]{12}\b")
_UNION = re.compile(r"(city|district|street|unit|industry)-[0-9a-f]{4}工会")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_RANDOM = re.compile(r"(?<![0-9A-Za-z])([A-Z]?)[0-9a-f]{12}(?![0-9A-Za-z])")
_SEALED = re.compile(r"\b(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[a-z])[A-Za-z0-9_-]{20,}\b")


class Normaliser:
    """Of one example: request and answer share it."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._minutes: dict[datetime, datetime] = {}

    def of(self, document: Any) -> Any:
        self._arrange(document)
        return self._told(document, "")

    def _arrange(self, document: Any) -> None:
        """Instants in their order, a minute apart on their day: how fast the test ran is told by none."""
        found = {datetime.fromisoformat(each) for each in _INSTANT.findall(_text_of(document))} - self._minutes.keys()
        for moment in sorted(found):
            local = moment.astimezone(SHANGHAI)
            n = sum(1 for each in self._minutes if each.astimezone(SHANGHAI).date() == local.date())
            at_midnight = (local.hour, local.minute) in {(0, 0), (23, 59)}
            told = local.time() if at_midnight else time(9, n % 60)
            self._minutes[moment] = datetime.combine(_moved(local.date()), told.replace(microsecond=0), SHANGHAI)

    def _told(self, document: Any, name: str) -> Any:
        if isinstance(document, dict):
            return {self._text(key, ""): self._told(value, key) for key, value in document.items()}
        if isinstance(document, list):
            return [self._told(value, name) for value in document]
        return self._text(document, name) if isinstance(document, str) else document

    def _text(self, text: str, name: str) -> str:
        if name in SECRET and not _UUID.fullmatch(text):
            return self._nth("secret", text, lambda n: f"{name}-{n}")
        text = _INSTANT.sub(lambda found: self._minutes[datetime.fromisoformat(found[0])].isoformat(), text)
        text = _UUID.sub(lambda found: self._nth("uuid", found[0], _uuid), text)
        text = _DIGEST.sub(lambda found: self._nth("digest", found[0], lambda n: f"{n:064x}"), text)
        text = _PERSON.sub(lambda found: self._nth("person", found[0], lambda n: _person(found[1], n)), text)
        text = _DATE.sub(lambda found: _shifted(found[0]), text)
        text = _NUMBER.sub(lambda f: self._nth(f[1], f[0], lambda n: f"{f[1]}-440507-2026-{n:06d}"), text)
        text = _UNION_CODE.sub(lambda found: CODES[found[1]], text)
        text = _UNION.sub(lambda found: UNIONS[found[1]], text)
        text = _RANDOM.sub(lambda found: self._nth("random", found[0], lambda n: f"{found[1]}{n:012x}"), text)
        return _SEALED.sub(lambda found: self._nth("sealed", found[0], lambda n: f"example-{n}"), text)

    def _nth(self, kind: str, value: str, build: Callable[[int], str]) -> str:
        """The same for the same, in the order of first appearance."""
        if (kind, value) not in self._given:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._given[kind, value] = build(self._counts[kind])
        return self._given[kind, value]


def _text_of(document: Any) -> str:
    if isinstance(document, dict):
        return " ".join(map(_text_of, document.values()))
    if isinstance(document, list):
        return " ".join(map(_text_of, document))
    return document if isinstance(document, str) else ""


def _uuid(n: int) -> str:
    return f"019cab00-0000-7000-8000-{n:012x}"


def _person(born: str, n: int) -> str:
    first17 = f"990001{born}{n % 1000:03d}"
    return first17 + check_digit(first17)


def _moved(day: date) -> date:
    return day + (DAY - TODAY) if abs(day - TODAY) <= NEAR else day


def _shifted(text: str) -> str:
    try:
        return _moved(date.fromisoformat(text)).isoformat()
    except ValueError:
        return text
