"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import (
    applications,
    households,
    me,
    my_data,
    plans,
    policies,
    reference,
    rehearsals,
    screening,
    sessions,
    staff,
    upkeep,
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
        reference,
        screening,
        policies,
        rehearsals,
        plans,
        upkeep,
    )
)
