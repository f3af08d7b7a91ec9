"""All routers of the public pages."""

from app.http.pages import articles, home, notices, policies, progress, screening

PAGES = tuple(module.router for module in (home, notices, policies, screening, progress, articles))
