"""The receipt code of an objection (受理编号): whoever holds it learns what became of the objection, and needs no name.

Eighty random bits, of which only a keyed hash is kept. It is spoken in a body, never in an address: addresses are
written down by every proxy on the way, and remembered by every browser.
"""

import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without the letters that are taken for a digit, or for another letter."""
LENGTH: Final = 16
_AS_MEANT: Final = str.maketrans("OIL", "011", "- \u3000—－")


def new_code() -> str:
    """A code that nobody can guess, in fours, to be written down."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(code[at : at + 4] for at in range(0, LENGTH, 4))


def as_kept(typed: str) -> str | None:
    """The code that was meant, whichever way it was typed; None for what is none."""
    code = typed.upper().translate(_AS_MEANT)
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None
