"""Is the process alive, is it ready, and how is it doing: for operators and balancers, outside the API."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from app.db.statements import statement
from app.db.transaction import Sight
from app.http.door import service_of
from app.http.problems import problem
from app.kernel.errors import Unavailable

router = APIRouter(include_in_schema=False)
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
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
