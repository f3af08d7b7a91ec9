"""The photos of a visit are files: each the upload of whoever sends it in, and kept because the visit names it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db.transaction import Transaction
from app.db.work import Work
from app.files.commands import name
from app.files.queries import MESSAGES, own_of, rejected
from app.kernel.errors import FieldError, Invalid
from app.visits.rules import photo_of, photos_of

DIFFERS = "照片与上传的文件不一致，请重新拍照上传。"


async def check_photos(transaction: Transaction, person_id: UUID, edits: Sequence[tuple[str, str, Any]]) -> None:
    """Edits (pointer, field, value) may show one's own photos alone, as they were uploaded. Raises Invalid."""
    shown = [(at, photo_of(field), value) for at, field, value in edits if value is not None]
    photos = [(at, file_id, value) for at, file_id, value in shown if file_id is not None]
    own = await own_of(transaction, person_id, (file_id for _, file_id, _ in photos))
    wrong = []
    for at, file_id, value in photos:
        row = own.get(file_id)
        if row is None or row["state"] == "rejected":
            code = "file_unknown" if row is None else "file_rejected"
            wrong.append(FieldError(f"{at}/field", code, MESSAGES[code]))
        elif row["sha256"].hex() != value:
            wrong.append(FieldError(f"{at}/value", "photo_differs", DIFFERS))
    if wrong:
        raise Invalid(*wrong)


async def name_photos(work: Work, visit_id: UUID, content: Mapping[str, Any]) -> None:
    """The visit now shows exactly these. Raises FileGone."""
    await name(work, "visit", visit_id, _ids(content))


async def release_photos(work: Work, visit_id: UUID) -> None:
    """The visit shows none any more."""
    await name(work, "visit", visit_id, [])


async def check_kept(transaction: Transaction, content: Mapping[str, Any]) -> None:
    """Raises Invalid for every photo that the scanner has refused since it was sent in."""
    refused = await rejected(transaction, _ids(content))
    if refused:
        said = MESSAGES["file_rejected"]
        raise Invalid(*(FieldError(f"/photos/{file_id}", "file_rejected", said) for file_id in sorted(refused)))


def _ids(content: Mapping[str, Any]) -> list[UUID]:
    return [UUID(photo["file_id"]) for photo in photos_of(content)]
