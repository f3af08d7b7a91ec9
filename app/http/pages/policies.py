"""The policies in force in plain words: every amount comes from the policy's own data, with its source and its day."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request, Response

from app.applications.path import Kind
from app.applications.programme import Document
from app.households import plain as household_criteria
from app.households.criteria import CategoryPolicy
from app.http.door import service_of
from app.http.pages.forms import PageDoor
from app.http.pages.shelf import shelf_of
from app.http.pages.shell import render
from app.http.service import clock
from app.kernel.business_time import business_date
from app.kernel.errors import NotFound
from app.kinds.golden_autumn import plain as golden_autumn
from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.kinds.hardship_aid import plain as hardship_aid
from app.kinds.hardship_aid.policy import Policy as HardshipAidPolicy
from app.kinds.secondary_medical import plain as secondary_medical
from app.kinds.secondary_medical.scheme import Policy as SecondaryMedicalPolicy
from app.policy.book import PolicyBook, PolicyKind
from app.policy.plain import Section, Standards, standards_on
from app.policy.versions import NoPolicyInForce, Version
from app.programmes import KINDS

router = APIRouter(include_in_schema=False, route_class=PageDoor)
SECONDS: Final = 300
Say = Callable[[Any, Standards], tuple[Section, ...]]


class PolicyPageNotFound(NotFound):
    """没有这项政策的页面。"""


class Explained(NamedTuple):
    """A policy that has a page."""

    name: str
    summary: str
    model: type[Version]
    say: Say
    documents: tuple[Document, ...]


def _of(kind: Kind, model: type[Version], say: Say) -> Explained:
    programme = KINDS[kind]
    return Explained(programme.name, programme.summary, model, say, programme.documents)


PAGES: Final[Mapping[PolicyKind, Explained]] = {
    "hardship_aid": _of(Kind.HARDSHIP_AID, HardshipAidPolicy, hardship_aid.sections),
    "golden_autumn": _of(Kind.GOLDEN_AUTUMN, GoldenAutumnPolicy, golden_autumn.sections),
    "secondary_medical": _of(
        Kind.SECONDARY_MEDICAL, SecondaryMedicalPolicy, lambda policy, _: secondary_medical.sections(policy)
    ),
    "household_criteria": Explained(
        "困难职工建档标准",
        "什么样的家庭可以建立困难职工档案。先建档，后帮扶。",
        CategoryPolicy,
        household_criteria.sections,
        (),
    ),
}


@router.get("/policies")
async def list_policies(request: Request) -> Response:
    """Each policy with its source and its first day."""
    book, today = await service_of(request).policies.get(), business_date(clock())

    async def make() -> str:
        listed = [(kind, each, _in_force(book, kind, each.model, today)) for kind, each in PAGES.items()]
        return render("policies.html", "/policies", policies=listed)

    return await shelf_of(request).show(request, SECONDS, make)


@router.get("/policies/{kind}")
async def read_policy(request: Request, kind: str) -> Response:
    """One policy as it is in force today."""
    found = next((each for name, each in PAGES.items() if name == kind), None)
    if found is None:
        raise PolicyPageNotFound
    book, today = await service_of(request).policies.get(), business_date(clock())

    async def make() -> str:
        version = _in_force(book, kind, found.model, today)  # type: ignore[arg-type]
        said = found.say(version, standards_on(book, today)) if version is not None else ()
        return render("policy.html", "/policies", explained=found, version=version, sections=said, today=today)

    return await shelf_of(request).show(request, SECONDS, make)


def _in_force(book: PolicyBook, kind: PolicyKind, model: type[Version], on: date) -> Version | None:
    try:
        return book.in_force(kind, model, on)
    except NoPolicyInForce:
        return None
