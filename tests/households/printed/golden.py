"""What the forms say, word by word and cell by cell, kept in files beside the tests.

After a change that is meant: `AID_WRITE_SAID=1 make test`, then read what git shows.
"""

import os
from pathlib import Path


def check(name: str, said: str) -> None:
    """Hold what a form says to the kept file."""
    file = Path(__file__).parent / "golden" / name
    if os.environ.get("AID_WRITE_SAID"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8")
