"""Nothing that is not to be published stands on any public page, whoever it is about and whatever is asked."""

from html import unescape
from itertools import product

import httpx
import pytest

from app.applications.path import Kind, State
from app.jobs.figures import tell_figures
from app.jobs.running import Jobs
from app.kernel.actor import Role
from tests import make
from tests.http.test_notices import AGREED, MARK, NOT_AGREED, application_forms, canaries, forbidden
from tests.make import World
from tests.notices.making import line_of, publish

PATHS = ("/", "/notices", "/policies", "/progress", "/articles", "/screening", "/objections")


@pytest.mark.parametrize("agreed", [True, False])
async def test_no_page_shows_what_is_hidden(
    site: httpx.AsyncClient, world: World, background: Jobs, agreed: bool
) -> None:
    town = await world.town()
    home = town.units[0]
    someone = await world.person(name=f"龘{MARK}", home=home, consents=AGREED if agreed else NOT_AGREED)
    member = make.member(name=f"黄{MARK}")
    file = await world.household(someone, home, **canaries(someone, home, member))
    case = await world.application(
        someone, home, kind=Kind.HARDSHIP_AID, state=State.PUBLIC_NOTICE, form=application_forms()[Kind.HARDSHIP_AID],
        household_id=file, item="medical", note=f"{MARK}说明",
    )  # fmt: skip
    await publish(world, case)
    line = await line_of(world, case.id)
    await tell_figures(background)

    pages = [
        await site.get(path) for path in (*PATHS, f"/notices/{line['id']}", f"/notices/batches/{line['batch_id']}")
    ]

    assert {page.status_code for page in pages} == {200}
    # `medical` is a word of the forms and of the addresses of policies.
    for page, canary in product(pages, set(forbidden(someone, member, "unit", agreed, home)) - {"medical"}):
        assert canary not in unescape(page.text), (str(page.url), canary)


async def test_a_token_opens_nothing_more(site: httpx.AsyncClient, world: World) -> None:
    town = await world.town()
    reviewer = await world.staff(Role.CITY_REVIEWER, town.city)
    for path in PATHS:
        plain, signed_in = await site.get(path), await site.get(path, headers=reviewer.headers)
        assert signed_in.text == plain.text, path


@pytest.mark.parametrize("path", ["/staff/tasks", "/me", "/applications", "/staff/notices", "/../api/v1/me", "/.env"])
async def test_what_is_no_page_is_not_there(site: httpx.AsyncClient, path: str) -> None:
    assert (await site.get(path)).status_code in (401, 404)


@pytest.mark.parametrize(
    "path",
    ["/notices/1", "/notices/%00", "/notices/batches/x", "/articles/'", "/policies/<script>", "/notices?cursor=x"],
)
async def test_an_address_that_names_nothing_is_refused_as_a_page_that_echoes_nothing(
    site: httpx.AsyncClient, path: str
) -> None:
    page = await site.get(path)
    assert page.status_code == (422 if "cursor" in path else 404)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
