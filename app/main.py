"""The API: what uvicorn runs."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from app import tables
from app.calendars.queries import KeptCalendar
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.files.store import open_store
from app.http import health, openapi, problems
from app.http.edge import Edge
from app.http.pages.routers import PAGES
from app.http.paging import Cursors
from app.http.route_tree import RouteTree
from app.http.routes import ROUTERS
from app.http.service import Service
from app.logs import configure
from app.policies.queries import KeptPolicies
from app.programmes import MODELS
from app.settings import Settings, settings
from app.wechat.accounts import open_accounts

assert tables.metadata.tables


async def open_service(configured: Settings) -> Service:
    """Everything one process holds. Raises ValueError when no database is named."""
    if configured.database_url is None:
        raise ValueError("AID_DATABASE_URL 没有设置；用 aid serve 会自动启动内置数据库")
    database = await open_database(
        configured.database_url.get_secret_value(), "aid_api", size=configured.database_pool_size
    )
    cursors = Cursors(configured.token_key.get_secret_value().encode())
    calendar, policies = KeptCalendar(database), KeptPolicies(database, MODELS)
    keyring = keyring_of(configured)
    files = open_store(configured.files_url, configured.data_folder, keyring, **configured.bucket())
    wechat = open_accounts(configured, database, keyring)
    return Service(configured, database, keyring, cursors, calendar, policies, files, wechat)


class Application(FastAPI):
    """FastAPI's own layers but those whose work `Edge` does: errors that nobody expected, and what is measured.

    The layers stand here, all of them: `add_middleware` adds none.
    """

    def build_middleware_stack(self) -> ASGIApp:
        inner = AsyncExitStackMiddleware(RouteTree(self.router.routes, others=self.router))
        return Edge(ExceptionMiddleware(inner, handlers=self.exception_handlers, debug=False))


def create_app(configured: Settings | None = None) -> FastAPI:
    """The app; it opens its database and its way to WeChat when it starts, and closes them when it stops."""
    chosen = configured or settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure(chosen.log_level)
        service = app.state.service = await open_service(chosen)
        service.ready = True
        # What start-up made lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        yield
        service.ready = False
        await service.press.close()
        await service.wechat_accounts.aclose()
        await service.database.close()

    app = Application(
        title="汕头工会帮扶",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    for router in (*ROUTERS, health.router, *PAGES):
        # The very routes, not the router: `RouteTree` looks at their addresses.
        app.router.routes.extend(router.routes)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app
