"""Imports every table once, so that the metadata is whole for Alembic, the worker and the tests."""

from app.access import tables as access
from app.appeals import tables as appeals
from app.applications import tables as applications
from app.applications.assisting import tables as assisting
from app.applications.batches import tables as batches
from app.applications.escalations import tables as escalations
from app.applications.lifting import tables as lifting
from app.applications.reasons import tables as reasons
from app.applications.resubmissions import tables as resubmissions
from app.applications.supplements import tables as supplements
from app.appointments import tables as appointments
from app.articles import tables as articles
from app.audit import tables as audit
from app.bulk import tables as bulk
from app.calendars import tables as calendars
from app.change_requests import tables as change_requests
from app.contact_cards import tables as contact_cards
from app.covers import tables as covers
from app.db.base import metadata
from app.delegations import tables as delegations
from app.discrepancies import tables as discrepancies
from app.duplicates import tables as duplicates
from app.figures import tables as figures
from app.files import tables as files
from app.funds import tables as funds
from app.households import tables as households
from app.matching import tables as matching
from app.meetings import tables as meetings
from app.messaging import tables as messaging
from app.notices import tables as notices
from app.organisations import tables as organisations
from app.payments import tables as payments
from app.people import tables as people
from app.people.claiming import tables as claiming
from app.plans import tables as plans
from app.policies import tables as policies
from app.proxy_filings import tables as proxy_filings
from app.ratings import tables as ratings
from app.reaching import tables as reaching
from app.reconciliations import tables as reconciliations
from app.rehearsals import tables as rehearsals
from app.relatives import tables as relatives
from app.reuse import tables as reuse
from app.supervision import tables as supervision
from app.supervision.evaluations import tables as evaluations
from app.upkeep import tables as upkeep
from app.visits import tables as visits
from app.wechat import tables as wechat

__all__ = [
    "access",
    "appeals",
    "applications",
    "appointments",
    "articles",
    "assisting",
    "audit",
    "batches",
    "bulk",
    "calendars",
    "change_requests",
    "claiming",
    "contact_cards",
    "covers",
    "delegations",
    "discrepancies",
    "duplicates",
    "escalations",
    "evaluations",
    "figures",
    "files",
    "funds",
    "households",
    "lifting",
    "matching",
    "meetings",
    "messaging",
    "metadata",
    "notices",
    "organisations",
    "payments",
    "people",
    "plans",
    "policies",
    "proxy_filings",
    "ratings",
    "reaching",
    "reasons",
    "reconciliations",
    "rehearsals",
    "relatives",
    "resubmissions",
    "reuse",
    "supervision",
    "supplements",
    "upkeep",
    "visits",
    "wechat",
]
