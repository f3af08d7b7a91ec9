"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import (
    applications,
    bulk,
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

_MODULES = (
    staff,
    applications,
    sessions,
    me,
    my_data,
    households,
    reference,
    screening,
    files,
    bulk,
    policies,
    rehearsals,
)
ROUTERS = (*(module.router for module in _MODULES), bulk.uploads)
