"""Staff who helped a worker with a file (代办): they decide nothing of it, in any of its rounds."""

from uuid import UUID

from app.db.transaction import Record
from app.db.work import Work
from app.households.changes import By
from app.households.dictionaries import unknown_codes
from app.households.forms import HouseholdForm
from app.households.members import belongings, hold
from app.households.path import PATH
from app.households.queries import FORM, HouseholdNotFound, assistants, by_id_locked
from app.households.steps import Signature, pass_by, take
from app.kernel.actor import Actor, Post
from app.kernel.errors import Invalid
from app.policy.drafts import read_whole


async def keep_assistance(work: Work, household_id: UUID, by: By, *, round: int = 1) -> None:
    """Somebody helped with this round of a file: it counts as a review, so that they decide nothing of it, nor does
    anybody near to them. Raises KeptApart, IdentityRequired."""
    signed = Signature(by.person_id, by.post_role, by.organisation_name)
    drafted = {"id": household_id, "state": "draft", "round": round}
    await pass_by(work, drafted, "assist", signed, counts_as_review=True)


async def still_assisted(work: Work, row: Record, *anew: By) -> None:
    """Whoever ever helped with a locked file is held to have helped with the round that begins; so are those who fill
    it in anew. Raises KeptApart, IdentityRequired."""
    before = [By(**each) for each in await assistants(work.transaction, row["id"], row["round"])]
    for each in {by.person_id: by for by in (*before, *anew)}.values():
        await keep_assistance(work, row["id"], each, round=row["round"] + 1)


async def submit_on_paper(work: Work, actor: Actor, household_id: UUID, post: Post) -> Record:
    """Staff file a draft whose worker has signed it on paper. Raises NotAllowedNow, Invalid, MemberElsewhere."""
    row = await by_id_locked(work.transaction, household_id)
    if row is None:
        raise HouseholdNotFound
    step = PATH.step(row["state"], "submit")
    kept = work.keyring.open_document(FORM, household_id, row["form"])
    read_whole(HouseholdForm, kept, at="")
    if wrong := unknown_codes(kept, work.today):
        raise Invalid(*wrong)
    await hold(work, household_id, belongings(kept))
    signed = Signature(actor.person_id, post.role.value, post.place.name)
    return await take(work, row, step, signed, again=row["submitted_at"] is not None)
