"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import (
    applications,
    files,
    households,
    me,
    my_data,
    policies,
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
        reference,
        screening,
        files,
        policies,
        rehearsals,
    )
)
