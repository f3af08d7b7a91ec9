"""A database server of the tests ends with them, and most of all when they are killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from app.db import embedded
from app.db.embedded import Server, running
from tests.throwaway import CHECKOUT, memory, throwaway_folder

# Starts a server two folders down, says where, and stays.
USER = """
import signal, sys, time
from pathlib import Path
from app.db.embedded import start
from tests.throwaway import memory, throwaway_folder
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts behind itself
with throwaway_folder("aid-test-", memory()) as folder:
    folder.chmod(0o755)
    print(start(folder / "a" / "pg", parameters={"shared_buffers": "16MB"}).folder, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_when_the_tests_that_use_it_are_killed(how: signal.Signals) -> None:
    command = [sys.executable, "-c", USER]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, cwd=CHECKOUT, text=True, start_new_session=True) as user:
        assert user.stdout is not None
        folder = Path(user.stdout.readline().strip())
        server = running(folder)
        assert server is not None
        os.killpg(user.pid, how)
        try:
            user.communicate(timeout=90)  # the keeper speaks into the same pipes: they close when it has done its work
        finally:
            user.kill()
    assert not folder.parents[1].exists()
    assert not server.socket_folder.exists()  # removed when the last process of the server has gone, and not before


def test_a_folder_without_a_server_goes_too() -> None:
    with throwaway_folder("aid-test-", memory()) as folder:
        (folder / "some.txt").write_text("x")
    assert not folder.exists()


def test_what_goes_wrong_with_a_server_in_it_is_told_and_the_server_ends() -> None:
    servers: list[Server] = []
    with pytest.raises(ZeroDivisionError):
        breaks_with_a_server(servers)
    (server,) = servers
    assert not server.folder.exists()
    assert not server.socket_folder.exists()


def breaks_with_a_server(servers: list[Server]) -> None:
    with throwaway_folder("aid-test-", memory()) as folder:
        folder.chmod(0o755)
        servers.append(embedded.start(folder, parameters={"shared_buffers": "16MB"}))
        raise ZeroDivisionError
