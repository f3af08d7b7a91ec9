"""All routers of the API, busiest first (a request is matched in this order)."""

from app.http.routes import applications, households, me, reference, sessions, staff

PREFIX = "/api/v1"
ROUTERS = (staff.router, applications.router, sessions.router, me.router, households.router, reference.router)
