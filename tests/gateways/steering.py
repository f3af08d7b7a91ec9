import traceback
from typing import Any

import httpx

APPID, SECRET = "wx0000000000000sim", "simulated-secret"
CODE, NUMBER, PHONE_CODE = "sim:worker-1#secret-code", "13800000001", "simphone:13800000001#secret-code"


class Steering:
    """The simulator's controls."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def post(self, path: str, body: object = None) -> Any:
        return self.http.post(f"/_sim/{path}", json=body or {}).raise_for_status().json()

    def spoil(self, path: str, **fault: Any) -> None:
        self.post("faults", {path: fault})

    def calls(self, path: str) -> int:
        count: int = self.http.get("/_sim/calls").json().get(path, 0)
        return count


def told(error: BaseException) -> str:
    """All that an error and whatever it drags along says of itself."""
    parts = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        parts += [str(link), repr(link), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return "\n".join(parts)
