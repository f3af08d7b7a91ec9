"""Makes what a test needs, and says only what matters to it: a town, people with posts, households, covers.

Everything is written as the jobs' role would, with the same columns as the commands of the service write. What a test
speaks of and the forms that it fills in have files of their own, and are found here too: `make` is all a test needs.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from app.applications.commands import DECISION, FORM
from app.applications.measures import measure_kind
from app.applications.path import Action, Kind, State
from app.applications.standards import ServiceStandard
from app.applications.steps import NOTE
from app.applications.tables import Application, Passage
from app.covers.tables import Cover
from app.db.statements import statement
from app.db.transaction import Sight
from app.files.tables import File
from app.households.path import DEAD_STATES
from app.households.tables import Household, HouseholdMember
from app.kernel.actor import Role
from app.kernel.ids import new_id
from app.kernel.masking import mask_name
from app.notices.tables import Notice
from app.organisations.tables import Post
from app.people.consents import Purpose, consent_texts
from app.people.tables import Consent, Person, Session
from app.people.tokens import issue
from app.plans.tables import Measure, Plan
from app.programmes import shipped
from app.settings import DEMO_TOKEN_KEY
from tests.forms import (
    FORMS,
    REGISTER,
    REGISTER_OF_HEAD,
    decision,
    golden_autumn,
    household_form,
    living_aid,
    member,
    registered,
    secondary_medical,
)
from tests.people_and_places import AMOUNT_FEN, NOW, TODAY, Case, Guild, Someone, Town, id_number, keyed, unique
from tests.towns import Towns

__all__ = [
    "AMOUNT_FEN",
    "FORMS",
    "NOW",
    "REGISTER",
    "REGISTER_OF_HEAD",
    "STANDARD",
    "TODAY",
    "Case",
    "Guild",
    "Someone",
    "Town",
    "World",
    "decision",
    "golden_autumn",
    "household_form",
    "id_number",
    "keyed",
    "living_aid",
    "member",
    "registered",
    "secondary_medical",
    "unique",
]
(*_, STANDARD) = shipped().of("service_standard", ServiceStandard)
GRANTED = (State.APPROVED, State.PAYING, State.PAID, State.PAYMENT_FAILED)
STANDING = ("active", "annual_review", "relieved", "suspended", "exit_proposed", "exit_notice", "lifted", "cancelled")


_BECOMES = statement(text("update application set state = :state where id = :row_id"))
_NOTICE_OVER = statement(text("update notice set state = 'ended', closed_at = :now where id = :row_id"))


@dataclass(frozen=True)
class World(Towns):
    """Makes rows in the database of the tests."""

    measures: dict[tuple[UUID, str], UUID] = field(default_factory=dict)
    """The running measures of the households made here."""

    async def person(
        self,
        *,
        name: str = "陈小明",
        home: Guild | None = None,
        posts: tuple[tuple[Role, Guild], ...] = (),
        verified: bool = True,
        consents: tuple[Purpose, ...] = tuple(Purpose),
        born: date = date(1980, 1, 1),
    ) -> Someone:
        person_id, number = new_id(), id_number(born)
        seal, index = self.keyring.seal_text, self.keyring.blind_index
        openid = unique("o-")
        await self.insert(
            Person,
            id=person_id,
            created_at=NOW,
            openid_index=index("person.openid", openid),
            openid=seal("person.openid", person_id, openid),
            name=seal("person.name", person_id, name) if verified else None,
            name_masked=mask_name(name) if verified else None,
            id_number=seal("person.id_number", person_id, number) if verified else None,
            id_number_index=index("person.id_number", number) if verified else None,
            organisation_id=home.id if home else None,
            verified_at=NOW if verified else None,
            version=1,
        )
        for role, union in posts:
            await self.insert(
                Post, id=new_id(), created_at=NOW, person_id=person_id, organisation_id=union.id, role=role,
                from_date=date(2020, 1, 1),
            )  # fmt: skip
        for purpose in consents:
            text = consent_texts()[purpose]
            await self.insert(
                Consent, id=new_id(), created_at=NOW, person_id=person_id, purpose=purpose,
                text_version=text.version, text_sha256=text.sha256,
            )  # fmt: skip
        session_id = await self.session(person_id)
        token = issue(DEMO_TOKEN_KEY, person_id, session_id, datetime.now(UTC))
        return Someone(person_id, name, number, session_id, token, home)

    async def session(self, person_id: UUID) -> UUID:
        session_id = new_id()
        await self.insert(
            Session, id=session_id, created_at=NOW, person_id=person_id, expires_at=NOW + timedelta(days=30)
        )
        return session_id

    async def staff(self, role: Role, union: Guild, **given: Any) -> Someone:
        return await self.person(posts=((role, union),), **given)

    async def file(self, someone: Someone, *, state: str = "clean", sha256: str = "ab" * 32) -> UUID:
        """The row of somebody's upload; there is no content in the store."""
        file_id = new_id()
        await self.insert(
            File, id=file_id, created_at=NOW, person_id=someone.id, sha256=bytes.fromhex(sha256),
            media_type="image/jpeg", size=1_000, state=state, purpose="other",
        )  # fmt: skip
        return file_id

    async def household(
        self,
        someone: Someone,
        home: Guild,
        *,
        state: str = "active",
        members: list[dict[str, Any]] | None = None,
        plan: tuple[str, ...] | None = ("living_aid", "medical", "schooling"),
        columns: dict[str, Any] | None = None,
        **given: Any,
    ) -> UUID:
        """A whole household file; by default a deeply poor one of three. One in force has a plan with these measures
        running. `columns`: as they should be."""
        household_id, planned = new_id(), plan is not None and state == "active"
        columns = columns or {}
        if state == "cancelled":
            columns = {"cancel_code": "voluntary"} | columns
        if state in ("exit_proposed", "exit_notice", "suspended"):
            columns = {"state_before": "active"} | columns
        if state in STANDING:
            columns = {"category": "deep", "archive_level": "municipal"} | columns
        form = household_form(someone, members=members, **given)
        await self.insert(
            Household,
            id=household_id,
            created_at=NOW,
            number=unique("DA-"),
            person_id=someone.id,
            state=state,
            round=1,
            version=1,
            form=self.keyring.seal("household.form", household_id, orjson.dumps(form)),
            head_masked=mask_name(someone.name),
            **{
                "submitted_at": None if state == "draft" else NOW,
                "changed_at": None if state == "draft" else NOW,
                "updated_at": NOW,
                "active_at": NOW if state in STANDING else None,
                "review_due_on": TODAY + timedelta(days=300) if state in STANDING else None,
                "last_helped_at": None,
                "has_open_plan": planned,
            }
            | {f"{t}_id": home.ancestors[t] for t in home.ancestors}
            | columns,
        )
        if planned:
            await self.plan(household_id, plan or ())
        for number in {form["head"]["id_number"], *(m["id_number"] for m in form["members"])}:
            await self.insert(
                HouseholdMember, id=new_id(), created_at=NOW, household_id=household_id, relation="other",
                living=state not in DEAD_STATES,
                id_number_index=self.keyring.blind_index("person.id_number", number),
            )  # fmt: skip
        return household_id

    async def plan(self, household_id: UUID, kinds: tuple[str, ...]) -> UUID:
        """An open plan whose measures somebody has taken on."""
        plan_id = new_id()
        await self.insert(
            Plan, id=plan_id, created_at=NOW, household_id=household_id, state="open", origin="staff", version=1
        )
        for kind in kinds:
            self.measures[household_id, kind] = measure_id = new_id()
            await self.insert(
                Measure, id=measure_id, created_at=NOW, updated_at=NOW, plan_id=plan_id, household_id=household_id,
                kind=kind, state="running", version=1, due_on=TODAY + timedelta(days=90), responsible_role="unit_clerk",
            )  # fmt: skip
        return plan_id

    async def application(
        self,
        applicant: Someone,
        home: Guild,
        *,
        kind: Kind = Kind.HARDSHIP_AID,
        state: State = State.SUBMITTED,
        form: dict[str, Any] | None = None,
        note: str = "",
        submitted_at: datetime | None = NOW,
        **given: Any,
    ) -> Case:
        """An application with its decision and the step that filed it; a draft has neither."""
        application_id, number = new_id(), given.pop("number", unique("BF-").upper())
        filed = None if state is State.DRAFT else submitted_at
        columns: dict[str, Any] = {
            "number": number,
            "kind": kind,
            "period": unique(),
            "applicant_id": applicant.id,
            "applicant_masked": mask_name(applicant.name),
            "household_id": None,
            "organisation_name": home.name,
            "state": state,
            "round": 1,
            "version": 1,
            "form": self.keyring.seal_document(FORM, application_id, form or FORMS[kind]()),
            "decision": self.keyring.seal_document(DECISION, application_id, decision(kind)) if filed else None,
            "amount_fen": AMOUNT_FEN if filed else None,
            "submitted_at": filed,
            "due_at": filed + timedelta(days=7) if filed and STANDARD.days_at(state) else None,
            "approved_at": filed if state in GRANTED else None,
            "paid_at": filed if state is State.PAID else None,
        }
        wanted = measure_kind(kind, given.get("item"))
        paid_for = state in (State.PAYING, State.PAID)
        paid_to = given.get("household_id") if paid_for else None
        columns["measure_id"] = self.measures.get((paid_to, wanted)) if paid_to and wanted else None
        columns |= {f"{t}_id": union_id for t, union_id in home.ancestors.items()} | given
        over = kind is not Kind.SECONDARY_MEDICAL and state in GRANTED
        was = State.APPROVED if over else state
        await self.insert(
            Application, id=application_id, created_at=filed or NOW, updated_at=filed or NOW, **columns | {"state": was}
        )
        if over:
            await self.noticed(application_id, applicant, home, kind)
        if was is not state:  # who is paid had their notice before
            async with self.jobs.begin(Sight("job")) as transaction:
                await transaction.run(_BECOMES, row_id=application_id, state=state)
        if filed:
            passage_id = new_id()
            await self.insert(
                Passage, id=passage_id, created_at=filed, application_id=application_id, round=1,
                person_id=applicant.id, action=Action.SUBMIT, from_state=State.DRAFT, to_state=State.SUBMITTED,
                counts_as_review=False, note=self.keyring.seal_text(NOTE, passage_id, note) if note else None,
            )  # fmt: skip
        return Case(application_id, number, kind, state, applicant, home, filed)

    async def noticed(self, application_id: UUID, applicant: Someone, home: Guild, kind: Kind, round: int = 1) -> UUID:
        """The line of an application whose notice is over, without objection."""
        notice_id, ended = new_id(), NOW - timedelta(hours=1)
        await self.insert(
            Notice, id=notice_id, created_at=ended - timedelta(days=9), application_id=application_id,
            person_id=applicant.id, signer_ids=[], agreed=True, city_id=home.ancestors["city"],
            district_id=home.ancestors["district"], round=round, number=str(application_id), kind=kind,
            name_masked=mask_name(applicant.name), organisation_name=home.name, amount_fen=AMOUNT_FEN, working_days=5,
            ends_at=ended, state="open", objections=0,
        )  # fmt: skip
        async with self.jobs.begin(Sight("job")) as transaction:
            await transaction.run(_NOTICE_OVER, row_id=notice_id, now=NOW)
        return notice_id

    async def cover(
        self, someone: Someone, home: Guild, *, starts_on: date | None = None, renewal: bool = True
    ) -> UUID:
        """A running one, if nothing else is said: it began half a year ago, long before the stay of the claims."""
        cover_id, start = new_id(), starts_on or (TODAY - timedelta(days=200)).replace(day=1)
        await self.insert(
            Cover,
            id=cover_id,
            created_at=NOW,
            id_number_index=self.keyring.blind_index("person.id_number", someone.id_number),
            organisation_id=home.id,
            starts_on=start,
            ends_on=date(start.year + 1, start.month, start.day) - timedelta(days=1),
            is_renewal=renewal,
            enrolled_by=someone.id,
            **{f"{t}_id": home.ancestors[t] for t in home.ancestors},
        )
        return cover_id

    async def worker(self, home: Guild, *, members: list[dict[str, Any]] | None = None, **given: Any) -> Someone:
        """A worker who may be granted every kind of aid: identity, consents, active household, cover."""
        someone = await self.person(home=home, **given)
        await self.household(someone, home, members=members)
        await self.cover(someone, home)
        return someone
