"""How many bills that are claimed for again are found, and how many honest ones are suspected:
`python -m app.bench.invoices [BILLS]`.

Each bill is scanned once and claimed for; then claimed for again from a photograph of the same paper, with one digit of
its number changed. Half of those who do so keep the rest of the form, half invent all of it, so that only the picture
is left. Honest claims are for bills of the same hospitals, every third beside one of the same days and the next number.
The rules and the pictures are the service's own; what brings two claims together is measured by a test of its own.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Final, Literal, NamedTuple

from app.reuse import pictures
from app.reuse.rules import Claim, claim_of, compare, is_likely
from app.seed.bills import Bill, bill, drawn, photographed, retyped, scanned

BEFORE: Final = date(2026, 11, 1)
SEED: Final = 20261130
JPEG: Final = "image/jpeg"
Sort = Literal["one digit changed", "all but the picture invented", "another bill", "the next bill of the same days"]


class Tried(NamedTuple):
    sort: Sort
    reused: bool
    by_picture: bool
    likely: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """What was claimed for first, and then."""

    sort: Sort
    first: Bill
    shown: Bill
    """Whose paper is photographed the second time."""
    said: Bill
    """What the second form says."""
    seed: int


def planned(bills: int, seed: int = SEED) -> Iterator[Pair]:
    """So many bills that are claimed for again, and as many honest pairs."""
    random = Random(seed)  # noqa: S311 - a bench
    for n in range(bills):
        first = bill(random, BEFORE)
        if n % 2:
            yield Pair("all but the picture invented", first, first, bill(random, BEFORE), random.getrandbits(32))
        else:
            yield Pair("one digit changed", first, first, retyped(first, random), random.getrandbits(32))
        other = bill(random, BEFORE, first.hospital)
        if n % 3 == 0:
            days = {"admitted_on": first.admitted_on, "discharged_on": first.discharged_on}
            other = replace(other, number=f"{int(first.number) + 1:018d}"[-18:], **days)  # type: ignore[arg-type]
            yield Pair("the next bill of the same days", first, other, other, random.getrandbits(32))
        else:
            yield Pair("another bill", first, other, other, random.getrandbits(32))


def tried(pair: Pair) -> Tried:
    """Both claims, compared as the service compares them."""
    random = Random(pair.seed)  # noqa: S311 - a bench
    before = scanned(drawn(pair.first), random)
    after = photographed(drawn(pair.shown), random)
    (numbers,) = pictures.lay_upon(after, JPEG, before, JPEG)
    same = pictures.Laid(*numbers).same
    found = compare(_claim(pair.said), _claim(pair.first), {("after", "before"): same})
    return Tried(pair.sort, pair.first is pair.shown, same, is_likely(found))


def _claim(said: Bill) -> Claim:
    return claim_of("secondary_medical", {"stay": said.stay(), "settlement": said.sheet()}, (), ())


def measured(bills: int, workers: int = 2) -> dict[str, tuple[int, int, int]]:
    """Of each sort: how many there were, how many were found, and how many by their picture."""
    counts: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(workers) as pool:
        for each in pool.map(tried, planned(bills), chunksize=4):
            counts[each.sort, "all"] += 1
            counts[each.sort, "likely"] += each.likely
            counts[each.sort, "picture"] += each.by_picture
    sorts = dict.fromkeys(sort for sort, _ in counts)
    return {sort: (counts[sort, "all"], counts[sort, "likely"], counts[sort, "picture"]) for sort in sorts}


def main() -> None:
    bills, began = int(sys.argv[1]) if len(sys.argv) > 1 else 500, time.monotonic()
    for sort, (every, likely, by_picture) in measured(bills).items():
        sys.stdout.write(f"{sort}: {likely} of {every} hinted at ({likely / every:.1%}), {by_picture} by the picture\n")
    sys.stdout.write(f"{time.monotonic() - began:.0f} s, seed {SEED}\n")


if __name__ == "__main__":
    main()
