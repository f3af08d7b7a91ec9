"""Folders with database servers in them that end with the process that asked for them, however that one ends."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
MEMORY = Path("/dev/shm")

# Its input ends when the other process lets go of the pipe, or dies: by kill -9 too, when nothing else would tidy up.
_KEEPER = """
import shutil, sys
from pathlib import Path
from app.db import embedded
folder = Path(sys.argv[1])
sys.stdin.read()
for data in folder.rglob("data"):
    embedded.stop(data.parent)
shutil.rmtree(folder)
"""


@contextmanager
def throwaway_folder(prefix: str, within: Path | None = None) -> Iterator[Path]:
    """A new folder. At the end the servers in it are stopped and it is removed, by a process that outlives this one.

    `within`: on a disk, or in memory; else where temporary files lie.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
    command = [sys.executable, "-c", _KEEPER, str(folder)]
    # In a session of its own: neither Ctrl-C nor the end of the terminal reaches it.
    with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=CHECKOUT, start_new_session=True) as keeper:
        yield folder
    assert keeper.returncode == 0, f"what was in {folder} has not ended"


def memory() -> Path | None:
    """The memory file system, where there is one that we may write to."""
    return MEMORY if os.access(MEMORY, os.W_OK) else None
