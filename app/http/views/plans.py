"""What is shown of a plan: to the household it is for, and to those who carry it out."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.db.sealing import Keyring
from app.db.transaction import Record
from app.http.views.applications import instant
from app.plans.queries import NAME, NOTE, RESULT_NOTE, SERVICE_NOTE, services_of
from app.plans.rules import MeasureKind, MeasureResult, MeasureState, ServiceUnit, terms_of


class ServiceView(BaseModel):
    """一次不发钱的帮扶。"""

    id: str
    given_on: str
    provider: str
    quantity: int
    unit: ServiceUnit
    note: str | None


class ResponsibleView(BaseModel):
    """负责人：认领这项措施的工会工作人员。"""

    name: str | None
    role: str
    organisation: str | None


class MeasureView(BaseModel):
    """一项帮扶措施。"""

    id: str
    kind: MeasureKind
    name: str
    source: str = Field(description="出处")
    state: MeasureState
    version: int
    due_on: str | None
    responsible: ResponsibleView | None
    result: MeasureResult | None
    note: str | None
    services: list[ServiceView]


class PlanView(BaseModel):
    """一份帮扶计划。"""

    id: str
    state: str
    origin: str = Field(description="staff 工会制定，system 建档时由系统提出，backfill 为补记以前的帮扶")
    version: int
    opened_at: str
    organisation: str | None
    closed_at: str | None
    result: str | None
    result_note: str | None
    measures: list[MeasureView]


class PlanPage(BaseModel):
    """这户的帮扶计划，新的在前；执行中的至多一份。"""

    items: list[PlanView]


class PlanOpenedView(BaseModel):
    id: str


class MeasureAddedView(BaseModel):
    id: str


class ServiceAddedView(BaseModel):
    id: str


class VersionView(BaseModel):
    id: str
    version: int


def plan(row: Record, measures: Iterable[Record], keyring: Keyring) -> dict[str, Any]:
    note = row["result_note"]
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "origin": row["origin"],
        "version": row["version"],
        "opened_at": instant(row["created_at"]),
        "organisation": row["organisation_name"],
        "closed_at": instant(row["closed_at"]),
        "result": row["result"],
        "result_note": keyring.open_text(RESULT_NOTE, row["id"], note) if note else None,
        "measures": [_measure(each, keyring) for each in measures],
    }


def plans(found: Sequence[tuple[Record, list[Record]]], keyring: Keyring) -> dict[str, Any]:
    return {"items": [plan(row, measures, keyring) for row, measures in found]}


def _measure(row: Record, keyring: Keyring) -> dict[str, Any]:
    due_on: date | None = row["due_on"]
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "name": terms_of(row["kind"]).name,
        "source": terms_of(row["kind"]).source,
        "state": row["state"],
        "version": row["version"],
        "due_on": due_on.isoformat() if due_on else None,
        "responsible": _responsible(row, keyring) if row["responsible_role"] else None,
        "result": row["result"],
        "note": keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None,
        "services": [_service(each, keyring) for each in services_of(row)],
    }


def _responsible(row: Record, keyring: Keyring) -> dict[str, Any]:
    name = row["responsible_name"]
    return {
        "name": keyring.open_text(NAME, row["id"], name) if name else None,
        "role": row["responsible_role"],
        "organisation": row["responsible_organisation"],
    }


def _service(given: dict[str, Any], keyring: Keyring) -> dict[str, Any]:
    note = given["note"]
    return {
        "id": given["id"],
        "given_on": given["given_on"],
        "provider": given["provider"],
        "quantity": given["quantity"],
        "unit": given["unit"],
        "note": keyring.open_text(SERVICE_NOTE, UUID(given["id"]), note) if note else None,
    }
