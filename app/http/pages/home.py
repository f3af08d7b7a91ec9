"""The first page, and what all pages refer to: the stylesheet and the icon."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.http.door import service_of
from app.http.pages.forms import PageDoor
from app.http.pages.shelf import shelf_of
from app.http.pages.shell import NAMES, WORTH_PACKING, asset, packed, packs, render
from app.http.service import clock
from app.kernel.business_time import business_date
from app.kernel.errors import NotFound
from app.notices.policy import KIND, NoticePolicy
from app.policy.versions import NoPolicyInForce

router = APIRouter(include_in_schema=False, route_class=PageDoor)
SECONDS: Final = 300
FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
DOORS: Final = (
    ("/screening", "我能得到什么", "回答几个问题，按现行政策算一算。不保存您的回答。"),
    ("/policies", "帮扶政策", "各种帮扶给多少、要什么材料、依据哪份文件。"),
    ("/notices", "名单公示", "看正在公示的名单，可以匿名提出异议。"),
    ("/objections", "查询异议", "凭受理编号，看异议处理到哪一步。"),
    ("/progress", "帮扶进展", "帮了多少人、用了多少钱、脱困目标完成多少。"),
    ("/articles", "工会文章", "政策解读和帮扶消息。"),
)


@router.get("/")
async def read_home(request: Request) -> Response:
    """The index of everything."""
    policies, today = await service_of(request).policies.get(), business_date(clock())

    async def make() -> str:
        try:
            hotline = policies.in_force(KIND, NoticePolicy, today).hotline
        except NoPolicyInForce:
            hotline = None
        return render("home.html", "/", doors=DOORS, hotline=hotline)

    return await shelf_of(request).show(request, SECONDS, make)


@router.get("/assets/{digest}/{file}")
async def read_asset(request: Request, digest: str, file: str) -> Response:
    """The stylesheet or the icon, by an address that is never another's."""
    for name in NAMES:
        content, media_type, address = asset(name)
        if address == f"/assets/{digest}/{file}":
            headers = dict(FOREVER)
            if len(content) > WORTH_PACKING and packs(request):
                content, headers["Content-Encoding"] = packed(content), "gzip"
            return Response(content, 200, headers, media_type)
    raise NotFound


@router.get("/robots.txt")
async def read_robots() -> Response:
    """What search engines may keep: nothing of what is to be taken down."""
    return Response(
        "User-agent: *\nDisallow: /api/\nDisallow: /notices\nDisallow: /objections\n", 200, None, "text/plain"
    )
