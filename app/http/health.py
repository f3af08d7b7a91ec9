"""Is the process alive, is it ready, and how is it doing: for operators and balancers, outside the API."""

from contextlib import suppress

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import text

from app.db.statements import statement
from app.db.transaction import Sight
from app.http.door import service_of
from app.http.problems import problem
from app.http.service import clock
from app.kernel.business_time import business_date
from app.kernel.errors import Unavailable

router = APIRouter(include_in_schema=False)
YEAR_MISSING = Gauge(
    "aid_calendar_year_missing", "The year whose holidays should be known by now and are not; 0 when none is missing"
)
_ALIVE = statement(text("select 1"))


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "live"}


@router.get("/health/ready")
async def ready(request: Request) -> Response:
    """Whether requests should come here: not while starting, shutting down or without the database."""
    service = service_of(request)
    if service.ready:
        try:
            async with service.database.begin(Sight("public")) as transaction:
                await transaction.value(_ALIVE)
        except Unavailable:
            pass
        else:
            return Response(b'{"status":"ready"}', media_type="application/json")
    return problem(request.scope.get("request_id", ""), 503, "not_ready", "服务正在启动、停止或等待数据库。")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    with suppress(Unavailable):  # what was last known is said
        calendar = await service_of(request).calendar.get()
        YEAR_MISSING.set(calendar.year_missing(business_date(clock())) or 0)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
