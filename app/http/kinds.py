"""The kinds of aid that the API offers. A fourth kind is a folder and a line here."""

from app.applications.path import Kind
from app.applications.programme import Programme
from app.kinds.golden_autumn.commands import PROGRAMME as GOLDEN_AUTUMN
from app.kinds.hardship_aid.commands import PROGRAMME as HARDSHIP_AID
from app.kinds.secondary_medical.commands import PROGRAMME as SECONDARY_MEDICAL

KINDS: dict[Kind, Programme] = {
    programme.kind: programme for programme in (HARDSHIP_AID, GOLDEN_AUTUMN, SECONDARY_MEDICAL)
}


def draft_name(kind: Kind) -> str:
    """The name that the contract gives to the draft of a kind's form, such as GoldenAutumnFormDraft."""
    return "".join(word.capitalize() for word in kind.split("_")) + "FormDraft"
