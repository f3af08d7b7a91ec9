"""Writes miniprogram_contract/examples: for each operation a real answer, recorded by the tests of this project.

An example stays as it is while the contract still allows it. For what is missing, or allowed no longer, the tests that
name the path are run and recorded; `--all` records the whole suite, which also finds codes of refusals not yet listed.
Names of test files record these, and add the codes that they meet.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("AID_ENV", "test")

from app.cli.contracts.examples import FOLDER, Key, file_name, read_examples, wanted  # noqa: E402
from app.cli.contracts.refusals import FOLDER as REFUSALS  # noqa: E402
from app.cli.contracts.refusals import (  # noqa: E402
    Told,
    all_told,
    read_refusals,
    refusal_file,
    says_the_same,
    unrecorded,
)
from tests.contract import contract  # noqa: E402
from tests.recording import STRANGE, rank, refusal_rank  # noqa: E402

TESTS = ROOT / "tests"
AT_ONCE = 12
"""So many files of tests are run for what is missing; whatever they do not call is told by name."""


def main() -> int:
    _remove_unreadable()
    kept = {key: each for key, each in read_examples().items() if key in _operations()}
    stale = [key for key, each in kept.items() if not _holds(key, each)]
    missing = [key for key in wanted(_document()) if key not in kept or key in stale]
    codes = unrecorded()
    named = [each for each in sys.argv[1:] if each != "--all"]
    anew = "--all" in sys.argv
    recorded: list[Any] = []
    if anew or named:
        recorded = _record(named)
    elif missing or codes:
        tests = [*dict.fromkeys([*_tests_for(missing, kept), *_tests_told(codes)])]
        sys.stderr.write(f"记录示例：{len(missing)} 个接口、{len(codes)} 个错误代码，运行 {len(tests)} 个测试文件\n")
        recorded = _record(tests) if tests else []
    _merge(kept, recorded, anew=anew)
    _write(kept)
    _write_refusals(_merged_refusals({} if anew else read_refusals(), recorded))
    still = [key for key in wanted(_document()) if key not in kept or not _holds(key, kept[key])]
    for method, path in still:
        sys.stderr.write(f"没有测试得到过 {method.upper()} {path} 的回答：请为它写一个测试\n")
    for code, status in unrecorded():
        sys.stderr.write(f"没有测试得到过错误代码 {code}（{status}）：请为它写一个测试，或把它删去\n")
    return 1 if still or unrecorded() else 0


def _remove_unreadable() -> None:
    """Where two branches recorded the same anew, neither is kept."""
    for path in FOLDER.rglob("*.json"):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            path.unlink()


def _document() -> Any:
    return contract().document


def _operations() -> set[Key]:
    return {(method, path) for path, methods in _document()["paths"].items() for method in methods}


def _holds(key: Key, example: dict[str, Any]) -> bool:
    """Whether the contract still allows it. What answers nothing in JSON needs no answer."""
    if key not in wanted(_document()):
        return True
    method, path = key
    responses = _document()["paths"][path][method]["responses"]
    for status, answer in example.get("answers", {}).items():
        if "application/json" not in responses.get(status, {}).get("content", {}):
            return False
        if contract().wrong_with(method, path, status, answer):
            return False
    return "answers" in example


def _tests_for(keys: Iterable[Key], kept: dict[Key, Any]) -> list[str]:
    """The test that recorded it last; otherwise test files that name the path, or use one that does."""
    chosen: dict[str, None] = {}
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.py"))}
    for key in keys:
        last = str(kept.get(key, {}).get("test", "")).partition("::")[0]
        found = [last] if last and (ROOT / last).exists() else list(_naming(key[1], texts))
        for each in found[:AT_ONCE]:
            chosen[each] = None
    return list(chosen)


def _tests_told(codes: Iterable[Told]) -> list[str]:
    """Test files that name these codes, few of them for each."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py")) if not _is_vain(path)}
    chosen: dict[str, None] = {}
    for code, _ in codes:
        naming = [str(path.relative_to(ROOT)) for path, text in texts.items() if f'"{code}"' in text]
        if not any(each in chosen for each in naming):
            chosen |= dict.fromkeys(naming[:2])
    return list(chosen)


def _naming(path: str, texts: dict[Path, str]) -> Iterator[str]:
    spoken = re.escape(path.removeprefix("/api/v1")).replace(r"\{", "{").replace(r"\}", "}")
    pattern = re.compile(re.sub(r"\{[a-z_]+\}", r"[^\\s\"'?]+", spoken) + r"(?=[\"'?])")
    direct = [file for file, text in texts.items() if pattern.search(text)]
    tail = re.search(r"\}(/[a-z_/]+)$", path)
    composed = [file for file, text in texts.items() if tail and re.search(rf"\}}{tail[1]}[\"'?]", text)]
    helped = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in direct if not _is_test(file)}
    users = [file for file, text in texts.items() if any(f"from {module} import" in text for module in helped)]
    found = dict.fromkeys(file for file in (*direct, *users, *composed) if _is_test(file) and not _is_vain(file))
    # What looks at walls is told 404 more often than anything else.
    yield from (str(file.relative_to(ROOT)) for file in sorted(found, key=lambda file: "wall" in file.name))


def _is_test(file: Path) -> bool:
    return file.name.startswith("test_")


def _is_vain(file: Path) -> bool:
    """Whether it takes long, or records no example."""
    return file.stem in STRANGE or bool({"faults", "bench", "db", "cli"} & set(file.relative_to(TESTS).parts))


def _record(tests: list[str]) -> list[Any]:
    """Runs tests (all, if none is named). What fails is told, and what was recorded is used all the same."""
    with tempfile.TemporaryDirectory(prefix="aid-record-") as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", *tests]
        around = os.environ | {"AID_RECORD": folder}
        done = subprocess.run(command, cwd=ROOT, env=around, stdout=subprocess.PIPE)  # noqa: S603 - our own command
        if done.returncode:
            sys.stderr.write(done.stdout.decode(errors="replace")[-2_000:])
        return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(Path(folder).glob("*.json"))]


def _merge(kept: dict[Key, Any], recorded: list[Any], *, anew: bool) -> None:
    before = {key: each for key, each in kept.items() if not anew and _holds(key, each)}
    for key in [*kept] if anew else [key for key in kept if key not in before]:
        for name in ("answers", "request", "test"):
            kept[key].pop(name, None)
    best: dict[Key, Any] = {}
    needed = set(wanted(_document()))
    for session in recorded:
        for each in session["examples"]:
            key = each["method"].lower(), each["path"]
            told = "answer" in each or (key not in needed and "request" in each)
            if key not in before and told and (key not in best or rank(each) > rank(best[key])):
                best[key] = each
        for each in session["refusals"]:
            codes = kept.setdefault((each["method"].lower(), each["path"]), {}).setdefault("refusals", {})
            codes[each["status"]] = sorted({*codes.get(each["status"], []), *each["codes"]})
    for key, each in best.items():
        example = kept.setdefault(key, {})
        example["test"] = each["test"]
        if "answer" in each:
            example["answers"] = {each["status"]: each["answer"]}
        if "request" in each:
            example["request"] = each["request"]


def _merged_refusals(kept: dict[Told, Any], recorded: list[Any]) -> dict[Told, Any]:
    """One that is there stays while it is in the words of the code."""
    told = all_told()
    kept = {key: each for key, each in kept.items() if key in told and says_the_same(told[key], each)}
    best: dict[Told, Any] = {}
    for each in (each for session in recorded for each in session["answers"]):
        key = each.pop("code"), each.pop("status")
        better = key not in kept or ("within" in kept[key] and "within" not in each)
        fits = better and key in told and says_the_same(told[key], each)
        if fits and (key not in best or refusal_rank(each) > refusal_rank(best[key])):
            best[key] = each
    return kept | best


def _write_refusals(kept: dict[Told, Any]) -> None:
    _put_all({REFUSALS / refusal_file(key): each for key, each in kept.items()}, REFUSALS)


def _write(kept: dict[Key, Any]) -> None:
    wanted_files = {
        FOLDER / file_name(key): {"operation": f"{key[0].upper()} {key[1]}", **each}
        for key, each in kept.items()
        if each
    }
    _put_all(wanted_files, FOLDER)


def _put_all(wanted_files: dict[Path, Any], folder: Path) -> None:
    """What is not wanted in the folder goes; what is the same is not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in set(folder.glob("*.json")) - wanted_files.keys():
        path.unlink()
    for path, each in wanted_files.items():
        text = json.dumps(each, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
