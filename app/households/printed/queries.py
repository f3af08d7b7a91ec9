"""Reading what the printed forms say: the files of a union, the opinions given on one, and who signed for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select

from app.db.base import table_of
from app.db.scope import Shape, nodes, shape, within
from app.db.sealing import Keyring
from app.db.statements import Statement, statement
from app.db.transaction import Record, Transaction
from app.households.printed.lists import summary_line
from app.households.queries import FORM, H, keeper_of
from app.households.tables import HouseholdPassage
from app.kernel.actor import Actor, Permission, Tier
from app.kernel.business_time import business_date
from app.kernel.errors import Invalid
from app.policy.wording import day_text

MOST_FILES = 5_000
MOST_AT_ONCE = 1_000
"""As PDF while somebody waits for it; a thousand lines take a second or two to draw."""
NOTE = "household_passage.note"
_PASSAGE = table_of(HouseholdPassage)
_PASSAGES = statement(
    select(_PASSAGE).where(_PASSAGE.c.household_id == bindparam("household_id")).order_by(_PASSAGE.c.id)
)
_UNIT_STATES = frozenset({"submitted", "unit_review"})
_CITY_STATES = frozenset({"city_approval"})
_ADMITTING = _UNIT_STATES | _CITY_STATES | {"district_review"}


class TooManyFiles(Invalid):
    """超过 5,000 户，一张表打印不下。请按区县、单位或办理状态分开打印。"""


class TooManyAtOnce(Invalid):
    """超过 1,000 户的 PDF 要画得久一些，请用“导出”生成，完成后下载；也可以改为 Excel。"""


@cache
def _of_union(tiers: Shape, tier: Tier, whole: bool) -> Statement:
    conditions: list[ColumnElement[bool]] = [
        within(H, tiers),
        H.c[f"{tier}_id"] == bindparam("organisation_id"),
        H.c.state == bindparam("state"),
        H.c.person_id != bindparam("actor_id"),
        H.c.submitted_at.is_not(None),
    ]
    limit: ColumnElement[int] = literal_column(str(MOST_FILES + 1))
    if whole:
        return statement(select(H).where(*conditions).order_by(H.c.number).limit(limit))
    counted = select(literal_column("1")).select_from(H).where(*conditions).limit(limit).subquery()
    return statement(select(func.count()).select_from(counted))


async def files_of(
    transaction: Transaction, actor: Actor, organisation_id: UUID, tier: Tier, state: str, *, at_once: bool = False
) -> list[Record]:
    """The files in a state under a union, in the order of their numbers, as far as the actor reaches; `at_once`: no
    more than can be drawn while somebody waits.

    Raises TooManyFiles, TooManyAtOnce.
    """
    reach = actor.reach(Permission.READ_CASES)
    given: dict[str, Any] = {"organisation_id": organisation_id, "state": state, "actor_id": actor.person_id}
    # Counted before they are fetched and put in order: a whole city is refused without reading it.
    count = await transaction.value(_of_union(shape(reach), tier, False), **given, **nodes(reach))
    if count > MOST_FILES:
        raise TooManyFiles
    if at_once and count > MOST_AT_ONCE:
        raise TooManyAtOnce
    return await transaction.rows(_of_union(shape(reach), tier, True), **given, **nodes(reach))


def outside_form(row: Record, organisation: str | None) -> dict[str, Any]:
    """What a file says outside its form, with the name of the union that keeps it."""
    known = {name: row.get(name) for name in ("number", "state", "category", "archive_level", "cohort_2016")}
    active = row["active_at"]
    return known | {
        "active_on": business_date(active) if active else None,
        "cohort_fixed_on": row.get("cohort_fixed_on"),
        "organisation": organisation,
    }


def lines_of(keyring: Keyring, rows: Sequence[Record], names: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """What the lists say of these files; `names` of the unions that keep them."""
    return [
        summary_line(outside_form(row, names[keeper_of(row)]), keyring.open_document(FORM, row["id"], row["form"]))
        for row in rows
    ]


async def opinions_of(transaction: Transaction, keyring: Keyring, household_id: UUID) -> dict[str, list[str]]:
    """What each level said of a file when it let it pass, by the names of the form's boxes."""
    said: dict[str, list[str]] = {}
    for row in await transaction.rows(_PASSAGES, household_id=household_id):
        on = day_text(business_date(row["created_at"]))
        if row["action"] == "end_notice" and row["from_state"] == "public_notice":
            said.setdefault("unit", []).append(f"公示结果：公示期满，无异议。　{on}")
        elif row["action"] == "approve" and row["counts_as_review"]:
            words = keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else "同意。"
            said[_level(row["from_state"])] = [words, f"{row['organisation_name'] or ''}　{on}"]
    return said


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody who signed for a union; nobody of staff: the worker did it alone."""

    person_id: UUID
    organisation_name: str


Signers = Mapping[str, Sequence[Signed]]
"""By the names of the form's boxes: `opened_by` filed it, `reviewed_by` let it pass, `entered_by` filled it in."""


def signers(passages: Iterable[Record]) -> dict[str, list[Signed]]:
    """Who filed, reviewed and entered a file, each once, from its history (oldest first).

    Filed by whoever accepted it last, on paper whoever filed it for the worker; reviewed by whoever let it pass in that
    round; entered by whoever filled it in for the worker in the first (代办、导入).
    """
    found: dict[str, list[Signed]] = {"opened_by": [], "reviewed_by": [], "entered_by": []}
    for row in passages:
        if row["action"] == "submit":
            found["opened_by"], found["reviewed_by"] = [], []  # another round: what was signed before is void
        box = _box(row)
        if box is None or row["person_id"] is None or row["post_role"] is None:
            continue
        by = Signed(row["person_id"], row["organisation_name"] or "")
        if box == "opened_by":
            found[box] = [by]
        elif by not in found[box]:
            found[box].append(by)
    return found


def _box(row: Record) -> str | None:
    match row["action"]:
        case "submit" | "accept":
            return "opened_by"
        case "assist":
            return "entered_by"
        case "approve" if row["from_state"] in _ADMITTING:
            return "reviewed_by"
        case _:
            return None


async def signers_of(transaction: Transaction, household_id: UUID) -> dict[str, list[Signed]]:
    """The same, of a file that the caller has found."""
    return signers(await transaction.rows(_PASSAGES, household_id=household_id))


def signed_boxes(said: Signers, names: Mapping[UUID, str] | None, *, submitted: bool) -> dict[str, str]:
    """What stands in the boxes. With `names` people sign by name; without (the worker's own copy) by their union."""
    boxes = {}
    for box, signed in said.items():
        told = [(names or {}).get(each.person_id) or each.organisation_name for each in signed]
        boxes[box] = "、".join(dict.fromkeys(told))
    if submitted and not boxes["entered_by"]:
        boxes["entered_by"] = "本人"
    return boxes


def _level(state: str) -> str:
    """Whose opinion a step from this state is."""
    return "unit" if state in _UNIT_STATES else "city" if state in _CITY_STATES else "district"
