"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import applications, households, me, my_data, reference, sessions, staff

ROUTERS = tuple(module.router for module in (staff, applications, sessions, me, my_data, households, reference))
