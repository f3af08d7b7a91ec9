"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import (
    applications,
    change_requests,
    history,
    households,
    me,
    my_data,
    policies,
    proxy_filings,
    reference,
    rehearsals,
    screening,
    sessions,
    staff,
)

ROUTERS = tuple(
    module.router
    for module in (
        staff,
        applications,
        sessions,
        me,
        my_data,
        households,
        history,
        change_requests,
        proxy_filings,
        reference,
        screening,
        policies,
        rehearsals,
    )
)
