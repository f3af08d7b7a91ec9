"""What everyone may read: consent texts, unions to choose from, programmes."""

import hashlib
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.applications.path import Kind
from app.db.transaction import Sight
from app.households.dictionaries import Edition, dictionaries
from app.http.door import PREFIX, Door, look, service_of
from app.http.inputs import CodeCursor, Limit
from app.http.service import clock
from app.http.views.decisions import PolicyCitedView
from app.kernel.business_time import business_date
from app.organisations.queries import choice
from app.people.consents import Purpose, consent_texts
from app.programmes import KINDS

router = APIRouter(prefix=PREFIX, tags=["公开信息"], route_class=Door)
PUBLIC = frozenset(
    {
        "/consents",
        "/organisations",
        "/programmes",
        "/reference/dictionaries",
        "/screening",
        "/public/notices",
        "/public/notices/{notice_id}",
        "/public/notices/{notice_id}/objections",
        "/public/notice_batches/{batch_id}",
        "/public/notice_batches/{batch_id}/page",
        "/public/notice_batches/{batch_id}/print",
    }
)


class ConsentTextView(BaseModel):
    purpose: Purpose
    version: str
    sha256: str
    text: str


class ConsentTextList(BaseModel):
    items: list[ConsentTextView]


class OrganisationChoice(BaseModel):
    id: str
    code: str
    name: str
    level: str


class OrganisationPage(BaseModel):
    items: list[OrganisationChoice]
    next_cursor: str | None


class DocumentView(BaseModel):
    code: str
    name: str
    required: bool


class ProgrammeView(BaseModel):
    """一种帮扶：能不能申请、要什么材料、依据什么政策。"""

    kind: Kind
    name: str
    summary: str
    form_version: str
    consents: list[Purpose] = Field(description="提交前需要同意的用途")
    documents: list[DocumentView]
    policy: PolicyCitedView | None = Field(description="今天适用的政策；没有则暂不受理")


class ProgrammeList(BaseModel):
    items: list[ProgrammeView]


class DictionaryView(Edition):
    """一张代码表现在适用的一版。"""

    name: str
    title: str
    standard: str | None = Field(description="对应的国家标准；没有则为 null")


class DictionaryList(BaseModel):
    items: list[DictionaryView]


def _packed(content: bytes) -> tuple[bytes, str]:
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def reference(request: Request, content: Any) -> Response:
    """Reference data: cacheable for a short while, and not sent again while it is the same."""
    body, etag = _packed(orjson.dumps(content))
    headers = {"ETag": etag, "Cache-Control": "public, max-age=300"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "application/json")


@router.get("/consents", summary="授权书文本", response_model=ConsentTextList)
async def list_consent_texts(request: Request) -> Response:
    """每种用途一份文本；同意时要带上所读文本的 sha256。"""
    items = [
        {"purpose": text.purpose, "version": text.version, "sha256": text.sha256, "text": text.text}
        for text in consent_texts().values()
    ]
    return reference(request, {"items": items})


@router.get("/programmes", summary="帮扶项目", response_model=ProgrammeList)
async def list_programmes(request: Request) -> Response:
    """三种帮扶的材料清单、所需授权和现行政策依据。"""
    today, policies = business_date(clock()), await service_of(request).policies.get()
    return reference(request, {"items": [kind.shown(today, policies) for kind in KINDS.values()]})


@router.get("/reference/dictionaries", summary="代码表", response_model=DictionaryList)
async def list_dictionaries(request: Request) -> Response:
    """家庭档案登记表的各张代码表：今天适用的一版，附国家标准代码。"""
    today = business_date(clock())
    items = [
        {
            "name": each.name,
            "title": each.title,
            "standard": each.standard,
            **edition.model_dump(mode="json"),
        }
        for each in dictionaries().values()
        if (edition := each.on(today)) is not None
    ]
    return reference(request, {"items": items})


@router.get("/organisations", summary="选择工会", response_model=OrganisationPage)
async def list_organisations(
    request: Request,
    q: Annotated[str, Query(max_length=50)] = "",
    limit: Limit = 20,
    cursor: CodeCursor = "",
) -> Response:
    """按名称查找基层工会和镇街工会。"""
    work = await look(request, Sight("public"))
    rows = await choice(work.transaction, q, cursor, limit + 1)
    items = [dict(row) | {"id": str(row["id"])} for row in rows[:limit]]
    return reference(request, {"items": items, "next_cursor": items[-1]["code"] if len(rows) > limit else None})
