"""What a household file tells the rules: its figures summed, its declarations as they are. Pure; amounts in fen.

The form is read as the plain JSON it is kept as (app.households.forms): it was checked when it was submitted.
"""

from collections.abc import Mapping
from typing import Any

from app.households.forms import DECLARED, SPENDING_KINDS
from app.kernel.money import Fen

Form = Mapping[str, Any]


def spent_on(form: Form) -> dict[str, Fen]:
    """The year's rigid spending by kind, 0 where there is none."""
    spent: dict[str, Fen] = dict.fromkeys(SPENDING_KINDS, 0)
    for each in form["rigid_spending"]:
        spent[each["kind"]] += each["amount_fen"]
    return spent


def told_by(form: Form) -> dict[str, Any]:
    """The fields of HouseholdFacts that the file itself tells."""
    spent = spent_on(form)
    circumstances = _circumstances(form)
    return {
        "income_fen_yearly": form["income_fen_yearly"],
        "rigid_spending_fen": sum(spent.values()),
        "necessary_work_cost_fen": spent["necessary_work_cost"],
        "members": len({form["head"]["id_number"], *(member["id_number"] for member in form["members"])}),
        "primary_cause": form["primary_cause"],
        "circumstances": tuple(sorted(circumstances)),
        "accident_cost_fen": spent["accident"],
        "grave_illness_cost_fen": spent["illness"] if "serious_illness" in circumstances else 0,
        **{name: form.get(name) for name in DECLARED},
    }


def _circumstances(form: Form) -> set[str]:
    """The causes, and what the members' health and the spending say besides."""
    found: set[str] = {form["primary_cause"], *form.get("secondary_causes", ())}
    health = {form["head"]["health"], *(member["health"] for member in form["members"])}
    spending = {each["kind"] for each in form["rigid_spending"]}
    if "disabled" in health or "disability" in spending:
        found.add("disability")
    if "illness" in spending or health & {"chronic_illness", "serious_illness"}:
        found.add("illness")
    if "schooling" in spending:
        found.add("child_schooling")
    if "serious_illness" in health:
        found.add("serious_illness")
    if form.get("single_parent"):
        found.add("single_parent")
    return found
