"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import (
    applications,
    change_requests,
    contact_cards,
    discrepancies,
    duplicates,
    history,
    household_cases,
    household_forms,
    households,
    matches,
    me,
    my_data,
    plans,
    policies,
    proxy_filings,
    reference,
    rehearsals,
    screening,
    sessions,
    staff,
    upkeep,
    visits,
)

ROUTERS = tuple(
    module.router
    for module in (
        staff,
        applications,
        sessions,
        me,
        my_data,
        # Before the files by their ids.
        household_forms,
        contact_cards,
        households,
        discrepancies,
        visits,
        history,
        change_requests,
        proxy_filings,
        household_cases,
        reference,
        screening,
        policies,
        rehearsals,
        duplicates,
        matches,
        plans,
        upkeep,
    )
)
