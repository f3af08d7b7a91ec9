"""A household that has become two (分户): members leave into a file of their own, with one of them as head."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import replace_form
from app.households.commands import insert_draft
from app.households.following import follow
from app.households.forms import Head
from app.households.members import ID_NUMBER, hold_indexes, person_of, release_one
from app.households.path import SETTLED
from app.households.queries import FORM
from app.households.steps import Signature, at_hand, written
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid
from app.kernel.masking import mask_name

_KEPT = ("address", "division_code", "housing", "floor_area", "residence")
"""What both households have, until their heads say otherwise."""
_PLACE = ("city_id", "district_id", "street_id", "unit_id")


class NewHeadNotRegistered(Conflict):
    """新户主还没有在小程序实名认证，请先由本人登录并完成实名认证。"""


class NewHeadHasFile(Conflict):
    """新户主已经有一份家庭档案，请改用并档办理。"""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves: places in the list of members, the new head's first."""

    head: int
    members: tuple[int, ...]


async def split(
    work: Work, actor: Actor, household_id: UUID, expected: int, leaving: Leaving, note: str
) -> tuple[Record, UUID]:
    """Members leave into a draft of their own, which its head completes and submits. They belong to it from now on.

    Answers the old file, and the id of the new. Raises HouseholdNotFound, StaleVersion, NotAllowed, NotAllowedNow,
    Invalid, NewHeadNotRegistered, NewHeadHasFile.
    """
    said = Signature(note=note)
    row, signed = await at_hand(work, actor, household_id, expected, SETTLED, (Permission.REVIEW_AT_DISTRICT,), said)
    before = work.keyring.open_document(FORM, row["id"], row["form"])
    stays, goes = parted(before, leaving)
    index = work.keyring.blind_index
    indexes = [index(ID_NUMBER, each["id_number"]) for each in (goes["head"], *goes["members"])]
    person_id = await person_of(work, indexes[0])
    if person_id is None:
        raise NewHeadNotRegistered
    for each in indexes:
        await release_one(work, row["id"], each)
    division, head_masked = before["division_code"], mask_name(goes["head"]["name"])
    try:
        new_file = await insert_draft(
            work, person_id, goes, division, head_masked, split_from_id=row["id"], **{t: row[t] for t in _PLACE}
        )
    except asyncpg.UniqueViolationError as taken:
        raise NewHeadHasFile from taken
    await hold_indexes(work, new_file, [(each, "other" if n else "self") for n, each in enumerate(indexes)])
    await follow(work, actor.person_id, row["id"], new_file, indexes)
    await replace_form(work, row, stays, "staff", note, signed)
    return await written(work, row, "split", signed), new_file


def parted(before: Mapping[str, Any], leaving: Leaving) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the old file says then, and the new one's draft. Raises Invalid for a place where nobody stands."""
    places = (leaving.head, *leaving.members)
    if len(set(places)) != len(places) or not all(0 <= n < len(before["members"]) for n in places):
        raise Invalid(FieldError("/members", "member_unknown", "请从家庭成员中选择，每人只选一次。"))
    head, *members = (before["members"][n] for n in places)
    stays = {**before, "members": [each for n, each in enumerate(before["members"]) if n not in places]}
    goes = {name: before[name] for name in _KEPT if name in before}
    goes["head"] = {name: head[name] for name in Head.model_fields if name in head}
    # What they are to the new head is for the new head to say.
    goes["members"] = [{name: told for name, told in each.items() if name != "relation"} for each in members]
    return stays, goes
