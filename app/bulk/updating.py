"""What an import changes in a file that is there already: what is written, and what two people have to decide. Pure.

A cell that is empty changes nothing, and nor does a member who is not in the sheet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from app.bulk import columns as c
from app.bulk.rules import Household, Wrong, check, place_of
from app.households.forms import HouseholdForm, Member
from app.households.history import ABSENT, differences
from app.kernel.text import clean_name

IDENTITY: Final = ("name", "id_number")
_ALWAYS: Final = frozenset({c.RELATION, c.NAME, c.NUMBER, c.OF_HEAD})


@dataclass(frozen=True, slots=True)
class Change:
    """One place of the file and what will stand there; ABSENT is told as None."""

    line: int
    column: str
    pointer: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Request:
    """A change that two people decide: as `app.change_requests.rules.Wanted`, and where it stands in the sheet."""

    line: int
    column: str
    kind: str
    field: str
    before: Any
    after: Any


@dataclass(slots=True)
class Update:
    """The form of a file after an import, how it differs, and what is to be asked for."""

    after: dict[str, Any]
    changes: list[Change] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


def update_of(found: Household, before: Mapping[str, Any], today: date) -> Update | None:
    """What the rows of a household make of its file; None, and `found` says why, where something is wrong."""
    kept = {each["id_number"]: n for n, each in enumerate(before["members"])}
    lines = {number: line for line, number in found.people}
    joining = [each for each in found.given["members"] if each["id_number"] not in kept]
    found.wrong = [each for each in found.wrong if _still_wrong(each, {lines.get(m["id_number"]) for m in joining})]
    after = _merged(before, found.given)
    at = [lines.get(each["id_number"], found.lines[0]) for each in after["members"]]
    joined = [*at, *(lines.get(each["id_number"], found.lines[0]) for each in joining)]
    new_ones = [{"income_fen_yearly": 0, **each} for each in joining]
    check(found, after | {"members": [*after["members"], *new_ones]}, joined, today)
    sizes = list(_sizes(found, before, kept, new_ones, lines))
    for line, column in [(each.line, each.column) for each in sizes][1:]:
        found.refuse(line, column, "size_change_one_at_a_time")
    if found.wrong:
        return None
    whole = _plain(after)
    changes = [
        Change(*place_of(each.pointer, found.lines[0], at), each.pointer, _told(each.before), _told(each.after))
        for each in differences(before, whole)
    ]
    return Update(whole, changes, [*_identities(found, before, kept, lines), *sizes])


def _still_wrong(wrong: Wrong, joining: set[int | None]) -> bool:
    """What a new file needs may be empty here, but for who is meant and for those who join."""
    if wrong.code == "cell_missing":
        return wrong.column in _ALWAYS or wrong.line in joining
    return wrong.code != "not_a_member" and (wrong.code != "missing" or wrong.line in joining)


def _merged(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The file with what is filled in over it; who the people are stays."""
    over = {each["id_number"]: each for each in given["members"]}
    whole = {key: value for key, value in given.items() if key not in ("head", "members", "rigid_spending")}
    return {
        **before,
        **whole,
        "head": _person(before["head"], given["head"]),
        "members": [_person(each, over.get(each["id_number"], {})) for each in before["members"]],
        "rigid_spending": _spending(before["rigid_spending"], given.get("rigid_spending", [])),
    }


def _person(kept: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {**kept, **{key: value for key, value in given.items() if key not in IDENTITY}}


def _spending(kept: list[dict[str, Any]], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Amounts by their kind; what proves them stays with them."""
    amounts = {each["kind"]: each["amount_fen"] for each in given}
    known = {each["kind"] for each in kept}
    changed = [{**each, "amount_fen": amounts.get(each["kind"], each["amount_fen"])} for each in kept]
    return [*changed, *(each for each in given if each["kind"] not in known)]


def _identities(
    found: Household, before: Mapping[str, Any], kept: Mapping[str, int], lines: Mapping[str, int]
) -> Iterator[Request]:
    """Names that differ: the number is what the person was found by."""
    yield from _renamed(found.lines[0], "/head", before["head"], found.given["head"])
    for each in found.given["members"]:
        if (n := kept.get(each["id_number"])) is not None:
            yield from _renamed(lines[each["id_number"]], f"/members/{n}", before["members"][n], each)


def _renamed(line: int, at: str, person: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Request]:
    name = clean_name(given["name"])
    if name != person["name"]:
        before = {key: person[key] for key in IDENTITY}
        yield Request(line, c.NAME, "identity", at, before, before | {"name": name})


def _sizes(
    found: Household,
    before: Mapping[str, Any],
    kept: Mapping[str, int],
    joining: list[dict[str, Any]],
    lines: Mapping[str, int],
) -> Iterator[Request]:
    """Who comes, and who is no member any more."""
    for each in joining:
        line = lines.get(each["id_number"])
        if line is not None and line not in {wrong.line for wrong in found.wrong}:
            joins = Member.model_validate(each).model_dump(mode="json", exclude_none=True, exclude_unset=True)
            yield Request(line, c.RELATION, "household_size", "/members", None, joins)
    for line, number in found.left:
        if number in kept:
            yield Request(line, c.RELATION, "household_size", "/members", before["members"][kept[number]], None)
        else:
            found.refuse(line, c.NUMBER, "not_a_member")


def _plain(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form as files keep it."""
    return HouseholdForm.model_validate(form).model_dump(mode="json", exclude_none=True, exclude_unset=True)


def _told(value: Any) -> Any:
    return None if value is ABSENT else value
