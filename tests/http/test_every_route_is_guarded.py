"""Walks the routes themselves: a door that somebody forgets to guard, key or describe is named here."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import httpx
import pytest
from fastapi import APIRouter, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.http.door import PREFIX, STAFF_DOORS, Door, brief_desk, worker_desk
from app.http.openapi import UNKEYED
from app.http.routes.reference import PUBLIC as REFERENCE
from app.http.routing import api_routes, is_guarded
from app.http.uploads import Attachment
from app.http.visitors import visitor_desk
from app.kernel.actor import PERMISSIONS, Permission, Role
from app.people.tables import Person
from tests import make
from tests.make import World

PUBLIC = UNKEYED | {PREFIX + path for path in REFERENCE}
"""What may be asked without signing in: signing in itself, and what everyone may read."""
CHINESE = re.compile("[\u4e00-\u9fff]")
NOBODY = "00000000-0000-7000-8000-000000000000"
Named = tuple[str, APIRoute]
ROUTES = list(api_routes())


def operations(routes: Iterable[Named]) -> Iterator[tuple[str, str, APIRoute]]:
    for path, route in routes:
        for method in sorted(route.methods or ()):
            yield method, path, route


def unguarded(routes: Iterable[Named]) -> list[str]:
    return [f"{method} {path}" for method, path, route in operations(routes) if not is_guarded(route)]


def unkeyed(routes: Iterable[Named]) -> list[str]:
    """POSTs whose door is not a desk: only a desk takes the Idempotency-Key."""
    desks = {worker_desk, brief_desk, visitor_desk, *STAFF_DOORS}
    return [
        path
        for method, path, route in operations(routes)
        if method == "POST" and not desks & {dependency.call for dependency in route.dependant.dependencies}
    ]


def undescribed(routes: Iterable[Named]) -> list[str]:
    return [
        path
        for path, route in routes
        if not (CHINESE.search(route.summary or "") and CHINESE.search(route.endpoint.__doc__ or ""))
        or (
            route.response_model is None
            and route.status_code != 204
            and 200 not in route.responses
            and route.response_class is not Attachment
        )
    ]


def inside(annotation: Any) -> Iterator[Any]:
    """An annotation and every type that it is made of, the fields of models included."""
    seen: list[Any] = []
    waiting = [annotation]
    while waiting:
        found = waiting.pop()
        if any(found is other for other in seen):
            continue
        seen.append(found)
        yield found
        waiting += [argument for argument in get_args(found) if not isinstance(argument, str)]
        if isinstance(found, type) and get_origin(found) is None and issubclass(found, BaseModel):
            waiting += [field.annotation for field in found.model_fields.values()]


def types_of(route: APIRoute) -> Iterator[Any]:
    for annotation in (route.response_model, *get_type_hints(route.endpoint, include_extras=True).values()):
        yield from inside(annotation)


def showing_tables(routes: Iterable[Named]) -> list[str]:
    return [
        f"{path}: {found.__name__}"
        for path, route in routes
        for found in types_of(route)
        if isinstance(found, type) and hasattr(found, "__table__")
    ]


def planted(**given: Any) -> list[Named]:
    """The routes of the API, and one more that somebody wrote in a hurry."""
    router = APIRouter(route_class=Door)

    async def forgotten(person: Annotated[Person | None, "a table"] = None) -> Response:
        return Response()

    router.add_api_route("/forgotten", forgotten, methods=["POST"], **given)
    return [*ROUTES, *(("/api/v1/forgotten", route) for route in router.routes if isinstance(route, APIRoute))]


def test_every_route_has_a_door_unless_it_is_public() -> None:
    assert len(ROUTES) >= 30
    assert sorted(unguarded(ROUTES)) == sorted(
        f"{method} {path}" for method, path, _ in operations(ROUTES) if path in PUBLIC
    )
    assert {path for path, _ in ROUTES} >= PUBLIC


def test_every_post_that_acts_takes_an_idempotency_key() -> None:
    assert set(unkeyed(ROUTES)) == UNKEYED


def test_every_route_says_in_chinese_what_it_does_and_what_it_answers() -> None:
    assert undescribed(ROUTES) == []


def test_no_route_takes_or_shows_a_table() -> None:
    assert showing_tables(ROUTES) == []


def test_every_body_is_closed_and_strict() -> None:
    bodies = [
        found
        for _, route in ROUTES
        if route.body_field is not None
        for found in inside(route.body_field.field_info.annotation)
        if isinstance(found, type) and issubclass(found, BaseModel)
    ]
    assert len(bodies) >= 10
    configs = {body.__name__: (body.model_config.get("extra"), body.model_config.get("strict")) for body in bodies}
    assert {name for name, config in configs.items() if config != ("forbid", True)} == set()


def test_a_route_that_forgot_everything_is_found_by_name() -> None:
    with_one = planted()
    assert "POST /api/v1/forgotten" in unguarded(with_one)
    assert "/api/v1/forgotten" in unkeyed(with_one)
    assert undescribed(with_one) == ["/api/v1/forgotten"]
    assert set(showing_tables(with_one)) == {"/api/v1/forgotten: Person"}


def test_a_table_inside_a_response_model_is_found() -> None:
    class People(BaseModel):
        items: list[Person]

    assert "/api/v1/forgotten: Person" in showing_tables(planted(response_model=People)[-1:])


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Basic c29tZTpvbmU="])
async def test_without_a_living_token_every_guarded_route_answers_401(
    client: httpx.AsyncClient, token: str | None
) -> None:
    headers = make.keyed() | ({"Authorization": token} if token else {})
    answers = {}
    for method, path, route in operations(ROUTES):
        if is_guarded(route):
            url = re.sub(r"\{\w+\}", NOBODY, path.removeprefix(PREFIX))
            body = {"code": "simphone:13800138000"} if url == "/me/phone" else None
            answer = await client.request(method, url, json=body, headers=headers)
            answers[f"{method} {path}"] = (answer.status_code, answer.json()["status"])
    assert len(answers) >= 25
    assert set(answers.values()) == {(401, 401)}, answers


async def test_without_a_key_every_post_of_someone_who_may_is_refused(client: httpx.AsyncClient, world: World) -> None:
    city = await world.union("city")
    everything = await world.person(posts=tuple((role, city) for role in Role), consents=())
    assert {p for role in Role for p in PERMISSIONS[role]} == set(Permission) - {Permission.OWN, Permission.SYSTEM}
    answers = {}
    for method, path, _ in operations(ROUTES):
        if method == "POST" and path not in UNKEYED:
            url = re.sub(r"\{\w+\}", NOBODY, path.removeprefix(PREFIX))
            answer = await client.post(url, json={}, headers=everything.headers | {"If-Match": '"1"'})
            answers[path] = (answer.status_code, answer.json()["code"])
    assert len(answers) >= 9
    assert set(answers.values()) == {(422, "idempotency_key_missing")}, answers
