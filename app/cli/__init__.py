"""The `aid` command."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvicorn
from fastapi import FastAPI

from app.audit.chain import verify
from app.cli import duplicates, imports, policy, rehearse, replay, reuses
from app.cli.companions import Companion, companions, first_that_ended
from app.cli.contracts import contract, contract_text
from app.cli.database import console, database
from app.cli.told import told
from app.db import embedded, migrations
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.db.transaction import Sight
from app.http.server import SERVER
from app.main import create_app
from app.settings import Settings, settings

app = typer.Typer(no_args_is_help=True, help="汕头市总工会困难职工帮扶服务", pretty_exceptions_show_locals=False)
audit_app = typer.Typer(help="审计")
app.add_typer(audit_app, name="audit")
app.add_typer(policy.app, name="policy")
policy.app.command("rehearse")(rehearse.rehearse_file)
app.command("replay")(replay.replay)
app.command("duplicates")(duplicates.duplicates)
app.command("reuses")(reuses.reuses)
app.command("import")(imports.import_file)
app.command("contract")(contract)
Port = Annotated[int, typer.Option(min=1, max=65535)]
DRAIN_SECONDS = 1.0
log = structlog.get_logger("aid.serve")


@app.command()
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


@app.command()
def worker() -> None:
    """Run the background jobs until interrupted."""
    import uvloop

    from app.worker import run

    with database() as url:
        uvloop.run(run(settings(), url))


@app.command("wechat-sim")
def wechat_sim(port: Port = 8090) -> None:
    """Run the WeChat simulator (development and demo only)."""
    uvicorn.run(
        "app.simulator.app:create_app", factory=True, host="127.0.0.1", port=port, access_log=False, log_level="warning"
    )


@app.command()
def migrate(check: Annotated[bool, typer.Option("--check", help="只核对表定义与迁移是否一致")] = False) -> None:
    """Bring the database to the newest schema; or check, on an empty one, that models and migrations agree."""
    if check:
        with tempfile.TemporaryDirectory(prefix="aid-migrate-") as folder:
            server = embedded.start(Path(folder), parameters={"fsync": "off"})
            try:
                migrations.upgrade(server.dsn())
                migrations.check(server.dsn())
            finally:
                embedded.stop(Path(folder))
    else:
        with database(migrating=True):
            console.print("数据库已是最新结构")


@app.command("new-migration")
def new_migration(message: str) -> None:
    """Write the difference between the models and the database as a new dated migration."""
    with database() as url:
        migrations.draft(url, message)


@app.command()
def stop() -> None:
    """Stop the embedded database of this checkout."""
    stopped = embedded.stop(settings().data_folder.absolute())
    console.print("内置数据库已停止" if stopped else "内置数据库没有在运行")


@app.command()
def seed(demo: Annotated[bool, typer.Option("--demo", help="汕头演示数据")] = False, number: int = 20161031) -> None:
    """Write the demo world and print it as JSON."""
    if not demo:
        raise typer.BadParameter("目前只有 --demo")
    if settings().env == "production":
        console.print("演示数据只能写入演示环境（AID_ENV=demo）")
        raise typer.Exit(2)
    with database(migrating=True) as url:
        world = asyncio.run(_seed(settings(), url, number))
    sys.stdout.write(json.dumps(world, ensure_ascii=False, indent=1) + "\n")


async def _seed(configured: Settings, url: str, number: int) -> Any:
    from app.seed.commands import seed_demo

    pool = await open_database(url, "aid_jobs", size=2)
    try:
        return await seed_demo(
            pool,
            keyring_of(configured),
            appid=configured.wechat_miniprogram_appid,
            seed=number,
            now=datetime.now(UTC),
        )
    finally:
        await pool.close()


@app.command()
def openapi() -> None:
    """Print the contract."""
    sys.stdout.write(contract_text())


@audit_app.command("verify")
def audit_verify() -> None:
    """Read the whole audit trail and name the first break of every broken chain."""
    with database() as url:
        read, breaks = asyncio.run(_verify(url))
    for broken in breaks:
        console.print(f"链 {broken.shard} 第 {broken.sequence} 条：{broken.why} {broken.entry_id or ''}")
    console.print(f"核对 {read} 条，{'发现 ' + str(len(breaks)) + ' 处问题' if breaks else '完整'}")
    raise typer.Exit(1 if breaks else 0)


async def _verify(url: str) -> Any:
    pool = await open_database(url, "aid_jobs", size=1)
    async with pool.begin(Sight("job")) as transaction:
        found = await verify(transaction)
    await pool.close()
    return found


@app.command()
def bench(rows: int = 1_000_000, seconds: float = 5.0, clients: int = 32, rounds: int = 3) -> None:
    """Measure the hot paths against a bare route of the same server; the last line is JSON."""
    from app.bench.run import run

    raise typer.Exit(run(rows=rows, seconds=seconds, clients=clients, rounds=rounds))


@app.command("bench-import")
def bench_import(rows: Annotated[list[int] | None, typer.Option(help="行数，可以给几个")] = None) -> None:
    """Measure imports on databases of their own: seconds and memory of a dry run and a commit; a line of JSON each."""
    from app.bench.imports import run

    raise typer.Exit(run(rows or [5_000, 50_000]))


@app.command("bench-messages")
def bench_messages(messages: int = 100_000, followers: int = 0) -> None:
    """Measure sending by one worker against a bare loop, and reading so many followers; the last line is JSON."""
    from app.bench.messages import run

    raise typer.Exit(run(messages=messages, followers=followers))


@app.command()
def demo(keep: bool = False) -> None:
    """Play the main story against real processes and say what happened."""
    from app.demo.play import play

    started = time.monotonic()
    ok = play(Path(settings().data_folder))
    console.print(f"用时 {time.monotonic() - started:.1f} 秒")
    raise typer.Exit(0 if ok else 1)


def main() -> None:
    """The `aid` command; exit code 2 when it could not begin."""
    try:
        app()
    except Exception as failed:
        lines = told(failed)
        if lines is None:
            raise
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)
        sys.exit(2)
