"""The relations that staff declare. Pure."""

from typing import Final, Literal, get_args

Relation = Literal["spouse", "lineal", "collateral", "in_law", "other"]
RELATIONS: Final[dict[str, str]] = {
    "spouse": "夫妻",
    "lineal": "直系血亲",
    "collateral": "三代以内旁系血亲",
    "in_law": "近姻亲",
    "other": "其他可能影响公正办理的关系",
}
"""The four of the civil servants' law on standing aside (公务员法第七十四条、第七十六条), and what else may matter."""
Across = Literal["applicant", "household", "signer"]
assert set(RELATIONS) == set(get_args(Relation))
