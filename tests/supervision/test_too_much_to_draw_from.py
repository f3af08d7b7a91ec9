"""A population that nobody could draw again by hand is not drawn from."""

import httpx
import pytest

from app.supervision import sample_commands
from app.supervision.disclosure import disclosure_on
from tests.http.refusals import refused
from tests.make import TODAY, Someone
from tests.paying import paid
from tests.payments.conftest import Till
from tests.supervision.sampling import announced, draw, ended


async def test_a_population_larger_than_the_rule_allows_is_not_drawn_from(
    client: httpx.AsyncClient, till: Till, auditor: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await till.approved()
    await paid(client, till.maker, till.checker, till.town.city)
    rule = disclosure_on(TODAY).model_copy(update={"most_lines": 1})
    monkeypatch.setattr(sample_commands, "disclosure_on", lambda _: rule)
    sample = await announced(client, auditor, till.town.city)
    await ended(sample)
    refused(await draw(client, auditor, sample), 409, "population_too_large")
