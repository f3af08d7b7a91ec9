"""What is shown of a policy version: a line in a list, and the whole with what it would change."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.db.transaction import Record
from app.http.views.applications import instant
from app.policies.rules import Difference
from app.policy.book import PolicyKind

PolicyState = Literal["proposed", "published", "withdrawn"]
PolicyAction = Literal["publish", "withdraw"]


class PolicySummary(BaseModel):
    """一个政策版本。"""

    id: str
    kind: PolicyKind
    area: str = Field(description="适用地区的行政区划代码：地级市或省")
    name: str = Field(description="版本名称，决定里引用的就是它")
    in_force_from: str = Field(description="从这一天起生效，到下一个版本生效为止")
    source: str
    state: PolicyState
    origin: Literal["shipped", "staff"] = Field(description="随服务发布，或由工作人员提出")
    proposed_by: str | None = Field(description="提出的人；随服务发布的没有")
    proposed_at: str
    published_by: str | None
    published_at: str | None
    version: int


class PolicyPage(BaseModel):
    items: list[PolicySummary]
    next_cursor: str | None


class PolicyFollowed(BaseModel):
    """在它之前生效的版本。"""

    id: str
    area: str
    name: str
    in_force_from: str


class DifferenceView(BaseModel):
    """与前一版本不同的一处。"""

    pointer: str
    label: str | None = Field(description="这一处的中文名称")
    change: Literal["added", "removed", "changed"]
    old: Any
    new: Any


class PolicyView(PolicySummary):
    """一个政策版本的全文，以及与它所接续的版本逐处比较的结果。"""

    document: dict[str, Any] = Field(description="全文；各类政策的格式见 aid policy schema")
    sha256: str
    follows: PolicyFollowed | None = Field(description="在它之前生效的版本；没有的，就没有可比较的")
    diff: list[DifferenceView]
    open_actions: list[PolicyAction]


class PolicyMoved(BaseModel):
    """提出、发布或撤回之后。"""

    id: str
    state: PolicyState
    version: int


def summary(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "area": row["area"],
        "name": row["name"],
        "in_force_from": row["in_force_from"].isoformat(),
        "source": row["source"],
        "state": row["state"],
        "origin": row["origin"],
        "proposed_by": _person(row["proposed_by"]),
        "proposed_at": instant(row["created_at"]),
        "published_by": _person(row["published_by"]),
        "published_at": instant(row["published_at"]),
        "version": row["version"],
    }


def whole(
    row: Record, follows: Record | None, diff: Iterable[Difference], open_actions: list[PolicyAction]
) -> dict[str, Any]:
    return summary(row) | {
        "document": row["document"],
        "sha256": row["sha256"],
        "follows": _followed(follows) if follows else None,
        "diff": [each._asdict() for each in diff],
        "open_actions": open_actions,
    }


def _followed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "area": row["area"],
        "name": row["name"],
        "in_force_from": row["in_force_from"].isoformat(),
    }


def _person(person_id: Any) -> str | None:
    return None if person_id is None else str(person_id)
