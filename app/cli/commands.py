"""What `aid` can be asked for. A command is imported when it is asked for: a worker needs nothing of the API."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from app.cli.database import console, database
from app.cli.told import told
from app.db import embedded, migrations
from app.db.database import open_database
from app.db.sealing import keyring_of
from app.db.transaction import Sight
from app.settings import Settings, settings

ELSEWHERE: Final[Mapping[str, str]] = {
    "serve": "serving.serve",
    "contract": "contracts.contract",
    "openapi": "contracts.openapi",
    "appoint": "appoint.appoint",
    "import": "imports.import_file",
    "unions": "unions.unions",
    "duplicates": "duplicates.duplicates",
    "reuses": "reuses.reuses",
    "replay": "replay.replay",
    "policy": "rehearse.policy_app",
}
"""The commands that are written in modules of their own, in app/cli."""


class Commands(TyperGroup):
    """Those of this module and those elsewhere."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*ELSEWHERE, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _elsewhere(cmd_name) if cmd_name in ELSEWHERE else super().get_command(ctx, cmd_name)


def _elsewhere(name: str) -> Any:
    module, _, what = ELSEWHERE[name].partition(".")
    found = getattr(import_module(f"app.cli.{module}"), what)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)
        alone.command(name)(found)
        found = alone
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(
    cls=Commands, no_args_is_help=True, help="汕头市总工会困难职工帮扶服务", pretty_exceptions_show_locals=False
)
audit_app = typer.Typer(help="审计")
app.add_typer(audit_app, name="audit")


@app.command()
def worker() -> None:
    """Run the background jobs until interrupted."""
    import uvloop

    from app.worker import run

    with database() as url:
        uvloop.run(run(settings(), url))


@app.command("wechat-sim")
def wechat_sim(port: Annotated[int, typer.Option(min=1, max=65535)] = 8090) -> None:
    """Run the WeChat simulator (development and demo only)."""
    import uvicorn

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
    from app.audit.chain import verify

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


def run() -> None:
    """Do what was asked for; exit code 2 when it could not begin."""
    try:
        app()
    except Exception as failed:
        lines = told(failed)
        if lines is None:
            raise
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)
        sys.exit(2)
