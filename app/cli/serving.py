"""`aid serve`: the API and, if asked, the worker and the WeChat simulator beside it, until somebody ends it."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Annotated, Any

import structlog
import typer
import uvicorn
from fastapi import FastAPI

from app.cli.companions import Companion, companions, first_that_ended
from app.cli.database import console, database
from app.http.server import SERVER
from app.main import create_app
from app.settings import settings

DRAIN_SECONDS = 1.0
Port = Annotated[int, typer.Option(min=1, max=65535)]
log = structlog.get_logger("aid.serve")


def serve(
    port: Port = 8000,
    host: str = "127.0.0.1",
    with_worker: bool = False,
    with_simulator: bool = False,
    simulator_port: Port = 8090,
) -> None:
    """Run the API (and, if asked, the worker and the WeChat simulator) until interrupted."""
    if with_simulator:
        os.environ["AID_WECHAT_BASE_URL"] = f"http://127.0.0.1:{simulator_port}"
        settings.cache_clear()
    beside = companions(with_worker=with_worker, simulator_port=simulator_port if with_simulator else None)
    with database(), beside as others:
        console.print(f"[bold]API[/] http://{host}:{port}  (健康检查 /health/ready)")
        run_api(host, port, others)


def run_api(host: str, port: int, beside: Sequence[Companion] = ()) -> None:
    """Serve until SIGTERM: readiness goes first, then the port, then what is in flight is finished.

    The same where one of the processes beside it has ended, with an exit code that says so: whoever looks after the
    service starts it whole.
    """
    api = create_app()
    config = uvicorn.Config(api, host=host, port=port, **SERVER)
    server = GracefulServer(config, api, beside)
    server.run()
    if not server.started:
        raise typer.Exit(3)
    if server.lost is not None:
        raise typer.Exit(4)


class GracefulServer(uvicorn.Server):
    """uvicorn closes its port at the first signal; this one first says that it is not ready and waits a moment."""

    def __init__(self, config: uvicorn.Config, api: FastAPI, beside: Sequence[Companion] = ()) -> None:
        super().__init__(config)
        self.api, self.beside = api, beside
        self.leaving = False
        self.lost: Companion | None = None
        """Which process beside the API has ended before it."""

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second. Who is asked to leave is left alone: the others may have been asked as well."""
        if not self.leaving:
            self.lost = first_that_ended(self.beside)
            if self.lost is not None:
                log.error("companion_ended", name=self.lost.name, status=self.lost.process.returncode)
                console.print(f"[bold]{self.lost.name}[/] 意外结束，服务随之停止")
                self.handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.leaving = True
        service = getattr(self.api.state, "service", None)
        if service is not None and service.ready and sig == signal.SIGTERM:
            service.ready = False
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, self.leave, sig)
        else:
            self.leave(sig)

    def leave(self, sig: int) -> None:
        """End well. uvicorn would raise the signal again afterwards: the companions would be left behind, the exit
        code would be that of a kill."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
