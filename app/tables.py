"""Imports every table once, so that the metadata is whole for Alembic, the worker and the tests."""

from app.applications import tables as applications
from app.audit import tables as audit
from app.bulk import tables as bulk
from app.calendars import tables as calendars
from app.covers import tables as covers
from app.db.base import metadata
from app.files import tables as files
from app.households import tables as households
from app.messaging import tables as messaging
from app.notices import tables as notices
from app.organisations import tables as organisations
from app.people import tables as people
from app.policies import tables as policies
from app.proxy_filings import tables as proxy_filings
from app.rehearsals import tables as rehearsals

__all__ = [
    "applications",
    "audit",
    "bulk",
    "calendars",
    "covers",
    "files",
    "households",
    "messaging",
    "metadata",
    "notices",
    "organisations",
    "people",
    "policies",
    "proxy_filings",
    "rehearsals",
]
