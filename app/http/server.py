"""How uvicorn serves: the same for the service and for the bare route that the benchmark holds it against."""

from typing import Any

SERVER: dict[str, Any] = {
    "http": "app.http.deadline:DeadlineProtocol",
    "loop": "uvloop",
    "ws": "none",
    "access_log": False,
    "log_level": "warning",
    "server_header": False,
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 20,
}
