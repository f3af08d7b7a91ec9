"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import (
    applications,
    discrepancies,
    households,
    me,
    my_data,
    policies,
    reference,
    rehearsals,
    screening,
    sessions,
    staff,
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
        households,
        discrepancies,
        visits,
        reference,
        screening,
        policies,
        rehearsals,
    )
)
