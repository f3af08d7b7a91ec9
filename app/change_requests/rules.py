"""What a change makes of the form of a household. Pure."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.kernel.errors import Conflict

ChangeKind = Literal["bank_card", "identity", "household_size"]
CARD: Final = "/bank_card"
HEAD: Final = "/head"
MEMBERS: Final = "/members"
NAMED: Final = ("name", "id_number")


class ChangeOutdated(Conflict):
    """档案在提出变更后已有变化，请驳回后按现在的档案重新提出。"""


class NothingChanges(Conflict):
    """填写的内容与现在的相同，不需要变更。"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be changed: the place (JSON pointer), what stands there and what should. For a household's size one
    of the two is a member and the other None."""

    kind: ChangeKind
    field: str
    before: Any
    after: Any


def named(person: Mapping[str, Any]) -> dict[str, Any]:
    """What a person is known by."""
    return {name: person.get(name) for name in NAMED}


def place_of(form: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The head or the member at a pointer. Raises ChangeOutdated when nobody stands there."""
    if field == HEAD:
        head: dict[str, Any] = form["head"]
        return head
    members: list[dict[str, Any]] = form["members"]
    position = int(field.removeprefix(f"{MEMBERS}/"))
    if position >= len(members):
        raise ChangeOutdated
    return members[position]


def applied(form: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The form with the change in it. Raises ChangeOutdated when it no longer says what it said, and NothingChanges."""
    if wanted.before == wanted.after:
        raise NothingChanges
    changed = deepcopy(dict(form))
    if wanted.kind == "identity":
        person = place_of(changed, wanted.field)
        if named(person) != wanted.before:
            raise ChangeOutdated
        person.update(wanted.after)
    elif wanted.before is None:
        changed["members"].append(wanted.after)
    elif wanted.before in changed["members"]:
        changed["members"].remove(wanted.before)
    else:
        raise ChangeOutdated
    return changed
