"""The five levels of archives (建档标准), and whose money each may be helped with. Pure."""

from typing import Final, Literal, get_args

ArchiveLevel = Literal["national", "provincial", "municipal", "county", "grassroots"]
Money = Literal["central", "provincial", "municipal", "county", "self_raised"]

_BELOW_NATIONAL: Final = frozenset[Money]({"municipal", "county", "self_raised"})
MONEY: Final[dict[ArchiveLevel, frozenset[Money]]] = {
    "national": frozenset(get_args(Money)),
    # Money of the centre and the province is for archives of the national level alone (facts: 建档标准).
    "provincial": _BELOW_NATIONAL,
    "municipal": _BELOW_NATIONAL,
    "county": _BELOW_NATIONAL,
    "grassroots": frozenset({"self_raised"}),
}
"""Whose money may help a household of an archive of each level."""


def self_raised_only(level: str | None) -> bool:
    """An own-level archive (本级档案) is helped with self-raised money, and with no other."""
    return level == "grassroots"
