"""The office's cases of classification: each is read as a case file is, and judged by the criteria that govern it."""

import json
from pathlib import Path

import pytest

from app.households.case import HouseholdCase, household_facts
from app.households.rules import classify, criteria_of, standing
from app.policy.fields import Frozen, IsoDate
from app.policy.versions import read_yaml
from tests.kinds.books import BOOK
from tests.said import Said

ORDINARY = {
    "file_active": True,
    "filed_on": "2020-03-01",
    "income_fen_yearly": 3_600_000,
    "rigid_spending_fen": 0,
    "members": 3,
    "primary_cause": "serious_illness",
}


class Row(Frozen):
    case: str
    on: IsoDate
    area: str = "440500"
    criteria_of: str | None = None
    household: HouseholdCase
    found: str | None
    failed: tuple[str, ...] = ()


def read():
    rows = read_yaml(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))["cases"]
    for row in rows:
        row["household"] = ORDINARY | row["household"]
        row["found"] = row.pop("class")
        row.setdefault("on", "2020-09-01")
    cases = [Row.model_validate_json(json.dumps(row)) for row in rows]
    assert len({each.case for each in cases}) == len(cases)
    return cases


def asked_in(row):
    facts = household_facts(row.household, row.on, row.area, BOOK)
    return facts, criteria_of(BOOK, facts, row.on, row.criteria_of or row.area)


@pytest.mark.parametrize("row", read(), ids=lambda row: row.case)
def test_the_offices_cases(row):
    facts, criteria = asked_in(row)
    found = standing(facts, criteria)
    failed = [each.reason.rule for each in found.findings if each.reason.met is not True]

    assert (found.category, failed) == (row.found, list(row.failed))
    for each in found.findings:
        if each.remedy is not None:
            assert classify(each.remedy.apply(facts), criteria) is not None


def test_what_is_said_in_the_offices_cases_is_what_was_agreed():
    said = Said()
    for row in read():
        said.findings(row.case, standing(*asked_in(row)).findings)
    said.check(__file__)


def test_there_are_enough_of_them():
    assert len(read()) >= 90
