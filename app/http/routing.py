"""Walking the routes of the API: for the contract, and for the tests that look at every door."""

from collections.abc import Iterator

from fastapi.routing import APIRoute

from app.http.door import STAFF_DOORS, brief_desk, signed_in, worker_desk
from app.http.routes import ROUTERS


def api_routes() -> Iterator[tuple[str, APIRoute]]:
    """Every route of the API with its whole path."""
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                yield route.path, route


def is_guarded(route: APIRoute) -> bool:
    """Whether the route asks who is there: by a desk, or (where WeChat is asked first) by `signed_in`."""
    calls = {dependency.call for dependency in route.dependant.dependencies}
    return (
        bool(calls & {worker_desk, brief_desk, *STAFF_DOORS}) or signed_in.__name__ in route.endpoint.__code__.co_names
    )
