"""Two files of one household become one (并档): the one is cancelled as a duplicate, its people move to the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.db.scope import post_over
from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import replace_form
from app.households.following import follow
from app.households.forms import MAX_MEMBERS, HouseholdForm, Member, Relation
from app.households.members import ID_NUMBER, hold_indexes
from app.households.path import SETTLED
from app.households.queries import FORM, file
from app.households.related import not_related
from app.households.steps import Gates, Signature, allowed, take, written
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Conflict, FieldError, Invalid, NotAllowed, StaleVersion
from app.policy.drafts import read_whole

_MONTHS = 12


class OtherFileNotStanding(Conflict):
    """要并入的那份档案现在不能接收，请先办完它的手续。"""


class HouseholdTooLarge(Conflict):
    """并入后家庭成员超过规定人数，请先核对成员。"""


@dataclass(frozen=True, slots=True)
class Into:
    """The file that stays, as it was seen, and what the other's head is to its head."""

    household_id: UUID
    version: int
    head_relation: Relation


async def merge(
    work: Work, actor: Actor, household_id: UUID, expected: int, into: Into | None, said: Signature, gates: Gates
) -> Record:
    """Cancel a file as a duplicate of another. Whoever does it reaches both.

    Raises as `steps.allowed`, for either file; OtherFileNotStanding, HouseholdTooLarge.
    """
    if into is not None and into.household_id != household_id:
        # Both in one order, so that two merges that cross never wait in a ring.
        for each in sorted((household_id, into.household_id)):
            await file(work.transaction, actor, each, locked=True)
    row, step, signed = await allowed(work, actor, household_id, expected, "merge", said, gates)
    if into is None:
        raise Invalid(FieldError("/merge", "missing", "请选择要并入的档案。"))
    if into.household_id == household_id:
        raise Invalid(FieldError("/merge/household_id", "merge_into_itself", "不能并入自己。"))
    stays = await _staying(work, actor, into)
    before = work.keyring.open_document(FORM, stays["id"], stays["form"])
    leaving = work.keyring.open_document(FORM, row["id"], row["form"])
    after, moved = merged(before, leaving, into.head_relation)
    read_whole(HouseholdForm, after, at="/merge")
    answer = await take(work, row, step, signed, cancel_code="duplicate", merged_into_id=stays["id"])
    index = work.keyring.blind_index
    await hold_indexes(work, stays["id"], [(index(ID_NUMBER, each["id_number"]), each["relation"]) for each in moved])
    await replace_form(work, stays, after, "staff", signed.note, signed)
    await written(work, stays, "take_in", signed)
    await follow(work, actor.person_id, row["id"], stays["id"])
    return answer


async def _staying(work: Work, actor: Actor, into: Into) -> Record:
    stays = await file(work.transaction, actor, into.household_id, locked=True)
    if stays["version"] != into.version:
        raise StaleVersion(version=stays["version"])
    if post_over(actor, Permission.REVIEW_AT_DISTRICT, stays) is None:
        raise NotAllowed
    await not_related(work, actor, stays)
    if stays["state"] not in SETTLED:
        raise OtherFileNotStanding
    return stays


def merged(
    stays: Mapping[str, Any], leaving: Mapping[str, Any], head_relation: Relation
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The form of both, and who moved: those of the one who are not in the other already. Raises HouseholdTooLarge."""
    there = {stays["head"]["id_number"], *(each["id_number"] for each in stays["members"])}
    # What the others are to this head nobody has said yet.
    come = [as_member(leaving["head"], head_relation), *({**each, "relation": "other"} for each in leaving["members"])]
    moved = [each for each in come if each["id_number"] not in there]
    members = [*stays["members"], *moved]
    if len(members) > MAX_MEMBERS:
        raise HouseholdTooLarge
    return {**stays, "members": members}, moved


def as_member(head: Mapping[str, Any], relation: Relation) -> dict[str, Any]:
    """A head as a member of another's household."""
    told = {name: head[name] for name in Member.model_fields if name in head}
    if "employer" in head:
        told["employer_or_school"] = head["employer"]
    return told | {"relation": relation, "income_fen_yearly": _MONTHS * head.get("monthly_income_fen", 0)}
