"""Meetings of the city (主席办公会): who was named, who voted how, and what came of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field

from app.db.base import Named, Row, instant, sealed, version_column


class Meeting(Row, table=True):
    """One application in one round, decided by several together. Its version grows with every vote, so that whoever
    concludes it has seen them all."""

    __tablename__ = "meeting"
    __table_args__ = (
        Index(
            "uq_meeting_round", "application_id", "round", unique=True, postgresql_where=text("state <> 'cancelled'")
        ),
        Index("ix_meeting_city", "city_id", "created_at", "id"),
        CheckConstraint("state in ('open','carried','turned_down','cancelled')", name="state"),
        CheckConstraint("members between 1 and 50 and quorum between 1 and members", name="quorum"),
        CheckConstraint("majority in ('of_members','of_votes')", name="majority"),
        CheckConstraint(
            "(state = 'open') = (ended_at is null) and (ended_at is null) = (ended_by is null)", name="ended"
        ),
        CheckConstraint("state not in ('carried','turned_down') or minutes_file_id is not null", name="minutes"),
        CheckConstraint("state <> 'turned_down' or (reason_code is not null and note is not null)", name="reason"),
    )

    application_id: UUID = Field(foreign_key="application.id")
    round: int
    city_id: UUID = Field(foreign_key="organisation.id")
    amount_fen: int = Field(sa_type=BigInteger)
    """What it votes on."""
    members: int
    quorum: int
    """How many of these members have to vote."""
    majority: str = Field(max_length=12)
    policy_version: str = Field(max_length=60)
    state: str = Field(max_length=12)
    version: int = version_column()
    opened_by: UUID = Field(foreign_key="person.id")
    opened_role: str = Field(max_length=32)
    opened_organisation: str = Field(max_length=100)
    minutes_file_id: UUID | None = Field(default=None, foreign_key="file.id")
    ended_at: datetime | None = instant(nullable=True)
    ended_by: UUID | None = None
    ended_role: str | None = Field(default=None, max_length=32)
    ended_organisation: str | None = Field(default=None, max_length=100)
    reason_code: str | None = Field(default=None, max_length=40)
    note: bytes | None = sealed()


class MeetingMember(Named, table=True):
    """Somebody who is to vote. Who is kept from it the database refuses (alembic/versions: `is_kept_from_meeting`)."""

    __tablename__ = "meeting_member"

    meeting_id: UUID = Field(primary_key=True, foreign_key="meeting.id")
    person_id: UUID = Field(primary_key=True, foreign_key="person.id")
    serial: int
    name_masked: str = Field(max_length=60)
    post_role: str = Field(max_length=32)
    organisation_name: str = Field(max_length=100)


class MeetingVote(Row, table=True):
    """How a member voted. Appended, never changed; each once."""

    __tablename__ = "meeting_vote"
    __table_args__ = (
        Index("uq_meeting_vote_member", "meeting_id", "person_id", unique=True),
        ForeignKeyConstraint(["meeting_id", "person_id"], ["meeting_member.meeting_id", "meeting_member.person_id"]),
        CheckConstraint("choice in ('for','against','abstain')", name="choice"),
    )

    meeting_id: UUID
    person_id: UUID
    choice: str = Field(max_length=8)
    note: bytes | None = sealed()
