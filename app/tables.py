"""Imports every table once, so that the metadata is whole for Alembic, the worker and the tests."""

from app.applications import tables as applications
from app.audit import tables as audit
from app.calendars import tables as calendars
from app.covers import tables as covers
from app.db.base import metadata
from app.households import tables as households
from app.messaging import tables as messaging
from app.notices import tables as notices
from app.organisations import tables as organisations
from app.people import tables as people
from app.plans import tables as plans
from app.policies import tables as policies
from app.rehearsals import tables as rehearsals
from app.upkeep import tables as upkeep

__all__ = [
    "applications",
    "audit",
    "calendars",
    "covers",
    "households",
    "messaging",
    "metadata",
    "notices",
    "organisations",
    "people",
    "plans",
    "policies",
    "rehearsals",
    "upkeep",
]
