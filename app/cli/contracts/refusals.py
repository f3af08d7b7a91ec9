"""What a refused program reads, as tests were told it: one answer for each code, kept beside the examples."""

import json
from collections.abc import Mapping
from typing import Any, Final

from app.db.migrations import ROOT
from app.http.catalogues import Refusal, refusals

FOLDER: Final = ROOT / "miniprogram_contract" / "examples" / "refusals"
Told = tuple[str, str]
"""A code, and the status that it comes with."""
NEVER_MET: Final[Mapping[str, str]] = {
    "bad_request": "whoever sent the request has hung up before its end: nobody reads the answer",
    "too_many": "what the refusals of too much have in common; each of them has a code of its own",
    "changed_since_tried": "the worker does not tell it: it tries the import anew",
}
"""Codes that nobody is told, and why. They stay, because 1.0.0 has them."""


def refusal_file(told: Told) -> str:
    return f"{told[0]}_{told[1]}.json"


def read_refusals() -> dict[Told, dict[str, Any]]:
    """What was recorded. Raises JSONDecodeError for a file that is none."""
    return {_told(path.stem): json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def _told(name: str) -> Told:
    code, _, status = name.rpartition("_")
    return code, status


def all_told() -> dict[Told, Refusal]:
    return {(each.code, str(each.status)): each for each in refusals()}


def says_the_same(told: Refusal, example: Mapping[str, Any]) -> bool:
    """Whether it is still in the words of the code. What is told inside a success has its words in `message`."""
    answer = example["answer"]
    if "within" in example:
        return bool(answer["code"] == told.code)
    return bool((answer["code"], answer["status"], answer["detail"]) == (told.code, told.status, told.detail))


def unrecorded() -> list[Told]:
    """Codes of which there is no recorded answer, or one that is out of date."""
    kept = read_refusals()
    return [
        key
        for key, told in all_told().items()
        if told.code not in NEVER_MET and not (key in kept and says_the_same(told, kept[key]))
    ]
