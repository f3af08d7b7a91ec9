"""What is shown of a meeting: to those who hold it, to its members, and to whoever reads cases of the city."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.applications.path import Kind, State
from app.applications.reasons.rules import reasons_on
from app.db.scope import permissions_over
from app.db.sealing import Keyring
from app.db.transaction import Record
from app.db.work import Work
from app.http.views.applications import instant
from app.kernel.actor import Actor, Role
from app.kernel.business_time import business_date
from app.meetings.commands import NOTE, VOTE_NOTE
from app.meetings.path import PATH, Choice, MeetingAction, MeetingState
from app.meetings.queries import Candidate, stands
from app.meetings.rules import Tally, outcome, tally_of


class CandidateView(BaseModel):
    """可以列名参加表决的人。"""

    person_id: str
    name: str
    role: Role
    organisation: str


class CandidateList(BaseModel):
    items: list[CandidateView]


class MemberView(BaseModel):
    """列名参加表决的人。"""

    person_id: str
    name_masked: str
    role: Role
    organisation: str
    voted: bool
    choice: Choice | None = Field(description="会议结束后才能看到")
    note: str | None = Field(description="会议结束后才能看到")


class TallyView(BaseModel):
    """票数；会议结束前只有已表决的人数。"""

    members: int
    cast: int
    in_favour: int | None
    against: int | None
    abstained: int | None


class MeetingLine(BaseModel):
    """会议列表中的一行。"""

    id: str
    application_id: str
    number: str
    kind: Kind
    applicant_masked: str
    organisation: str
    amount_fen: int = Field(description="提交会议的金额")
    state: MeetingState
    stands: bool = Field(description="申请还在等这次会议；false 的已结束，或申请已经离开这个环节")
    members: int
    votes_cast: int
    quorum: int = Field(description="法定人数")
    created_at: str
    ended_at: str | None
    version: int


class MeetingPage(BaseModel):
    items: list[MeetingLine]
    next_cursor: str | None


class MeetingView(MeetingLine):
    """一次会议。"""

    case_state: State
    case_version: int
    round: int
    majority: Literal["of_members", "of_votes"] = Field(description="赞成票要超过全体列名的人，或实际表决的人的半数")
    policy_version: str = Field(description="依据的审批环节版本")
    opened_by_role: Role
    opened_by_organisation: str
    members_named: list[MemberView]
    tally: TallyView
    minutes_file_id: str | None
    ended_by_role: Role | None
    ended_by_organisation: str | None
    reason_code: str | None
    reason_text: str | None
    note: str | None
    open_actions: list[MeetingAction]


class MeetingMoved(BaseModel):
    """办理之后的状态。"""

    id: str
    state: MeetingState
    version: int


def candidate(each: Candidate) -> dict[str, Any]:
    return {
        "person_id": str(each.person_id),
        "name": each.name,
        "role": each.role,
        "organisation": each.organisation_name,
    }


def line(row: Record) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "application_id": str(row["application_id"]),
        "number": row["number"],
        "kind": row["kind"],
        "applicant_masked": row["applicant_masked"],
        "organisation": row["organisation_name"],
        "amount_fen": row["amount_fen"],
        "state": row["state"],
        "stands": stands(row),
        "members": row["members"],
        "votes_cast": row["votes_cast"],
        "quorum": row["quorum"],
        "created_at": instant(row["created_at"]),
        "ended_at": instant(row["ended_at"]),
        "version": row["version"],
    }


def whole(row: Record, members: Sequence[Record], actor: Actor, work: Work) -> dict[str, Any]:
    """Until it has ended nobody is told how another voted, nor how it stands."""
    ended = row["state"] != MeetingState.OPEN
    tally = tally_of(len(members), (each["choice"] for each in members if each["choice"] is not None))
    code, keyring = row["reason_code"], work.keyring
    reason = reasons_on(work.policies, business_date(row["ended_at"])).get(code) if code else None
    return line(row) | {
        "case_state": row["case_state"],
        "case_version": row["case_version"],
        "round": row["round"],
        "majority": row["majority"],
        "policy_version": row["policy_version"],
        "opened_by_role": row["opened_role"],
        "opened_by_organisation": row["opened_organisation"],
        "members_named": [_member(each, keyring, told=ended) for each in members],
        "tally": {
            "members": tally.members,
            "cast": tally.cast,
            "in_favour": tally.in_favour if ended else None,
            "against": tally.against if ended else None,
            "abstained": tally.abstained if ended else None,
        },
        "minutes_file_id": str(row["minutes_file_id"]) if row["minutes_file_id"] else None,
        "ended_by_role": row["ended_role"],
        "ended_by_organisation": row["ended_organisation"],
        "reason_code": code,
        "reason_text": reason.text if reason else None,
        "note": keyring.open_text(NOTE, row["id"], row["note"]) if row["note"] else None,
        "open_actions": _open_actions(row, members, actor, tally),
    }


def _member(row: Record, keyring: Keyring, *, told: bool) -> dict[str, Any]:
    note = row["note"] if told else None
    return {
        "person_id": str(row["person_id"]),
        "name_masked": row["name_masked"],
        "role": row["post_role"],
        "organisation": row["organisation_name"],
        "voted": row["vote_id"] is not None,
        "choice": row["choice"] if told else None,
        "note": keyring.open_text(VOTE_NOTE, row["vote_id"], note) if note else None,
    }


def _open_actions(row: Record, members: Sequence[Record], actor: Actor, tally: Tally) -> list[str]:
    """What the actor may do now; an end only where the votes and the minutes are there for it."""
    here = stands(row)
    counted = outcome(tally, row["quorum"], row["majority"]) if here and row["minutes_file_id"] else None
    own = next((each for each in members if each["person_id"] == actor.person_id), None)
    waits = {
        MeetingAction.VOTE: here and own is not None and own["vote_id"] is None,
        MeetingAction.CARRY: counted == MeetingAction.CARRY,
        MeetingAction.TURN_DOWN: counted == MeetingAction.TURN_DOWN,
    }
    allowed = PATH.open_to(row["state"], permissions_over(actor, row))
    return [action for action in allowed if waits.get(MeetingAction(action), True)]
