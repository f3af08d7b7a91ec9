"""Ways of approval: frozen with each case, the amount that may be granted, and meetings that decide what is large

Revision: 20261130_routes, after 20261130_drafts

What is there already keeps the way it was submitted for: its columns stay empty. The indexes of open and living cases are
built anew because a case in a meeting is both. That comes first, each beside the one that it replaces: while they are built
writers wait and readers do not. Only then comes what keeps readers out, and it is short.

Who may vote is asked of `meeting_candidates`: posts and names of colleagues stay behind their walls, and the function
answers only for a case of a city that whoever asks has in reach. Who is kept from it (`is_kept_from_meeting`) is asked
once more by a trigger as members are named and as they vote.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "20261130_routes"
down_revision = "20261130_drafts"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
BEFORE = ("submitted", "unit_review", "district_review", "city_approval", "public_notice", "approved", "paying")
AFTER = (*BEFORE[:4], "meeting", *BEFORE[4:])
LATE = tuple(state for state in BEFORE if state != "public_notice")
LATE_AFTER = (*LATE[:4], "meeting", *LATE[4:])
RULES = {
    "route": "(route is null) = (route_version is null) and (route is null) = (route_fen is null)",
    "within_decision": "amount_fen <= decided_fen",
}
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
PART_OF_MEETING = "exists (select 1 from meeting m where m.id = meeting_id)"
# What the API sees, what it may write, and its privileges.
WALLS = {
    "meeting": (f"array[city_id] && {ORGANISATIONS}", None, "select, insert, update"),
    "meeting_member": (PART_OF_MEETING, None, "select, insert"),
    "meeting_vote": (PART_OF_MEETING, f"person_id = {PERSON} and {PART_OF_MEETING}", "select, insert"),
}
FREE_TO_ASK = """
    current_setting('app.door', true) = 'job' or (current_setting('app.door', true) = 'staff'
      and a.city_id = any (coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]))"""
# Who is not known by their number cannot be told from a relative.
FUNCTIONS = {
    "is_kept_from_meeting(uuid, uuid)": f"""
create function is_kept_from_meeting(asked uuid, who uuid) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  a application;
  mine bytea := (select id_number_index from person where id = who and closed_at is null);
begin
  select * into a from application where id = asked;
  return mine is null or a.id is null or not ({FREE_TO_ASK})
    or exists (select 1 from person p where p.id = a.applicant_id and (p.id = who or p.id_number_index = mine))
    or exists (select 1 from passage s left join person p on p.id = s.person_id
      where s.application_id = a.id and s.round = a.round and s.counts_as_review
        and (s.person_id = who or p.id_number_index = mine))
    or exists (select 1 from household_member m join household h on h.id = m.household_id
      where (h.id = a.household_id or h.person_id = a.applicant_id) and m.id_number_index = mine);
end $$""",
    "meeting_candidates(uuid, date)": f"""
create function meeting_candidates(asked uuid, today date)
returns table (person_id uuid, name bytea, name_masked varchar, role varchar, organisation_name varchar)
language sql stable security definer set search_path = pg_catalog, public as $$
  select m.id, m.name, m.name_masked, p.role, o.name
  from application a
  join organisation o on o.id = a.city_id
  join post p on p.organisation_id = o.id and p.ended_at is null and p.from_date <= today
  join person m on m.id = p.person_id and m.closed_at is null and m.name is not null
  where a.id = asked and ({FREE_TO_ASK}) and not is_kept_from_meeting(a.id, m.id)
  order by p.id
  limit 500
$$""",
}
REFUSE = """
create function refuse_kept_from_meeting() returns trigger language plpgsql as $$
begin
  if is_kept_from_meeting((select m.application_id from meeting m where m.id = new.meeting_id), new.person_id) then
    raise exception 'whoever is near a case does not vote on it'
      using errcode = 'check_violation', constraint = 'ck_meeting_apart';
  end if;
  return new;
end $$
"""


def upgrade() -> None:
    indexes(AFTER)
    for name, of in (("route", sa.String(60)), ("route_version", sa.String(60))):
        op.add_column("application", sa.Column(name, of, nullable=True))
    for name in ("route_fen", "decided_fen"):
        op.add_column("application", sa.Column(name, sa.BigInteger(), nullable=True))
    for name, rule in RULES.items():
        op.create_check_constraint(op.f(f"ck_application_{name}"), "application", rule)
    late(LATE_AFTER)
    policy_kinds([*policy_kinds_now(), "approval_route"])
    meetings()
    for table, (seen, written, privileges) in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({seen}) with check ({written or seen})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table in ("meeting_member", "meeting_vote"):
        op.execute(f"revoke update, delete on {table} from aid_jobs")
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    functions()
    for table in ("meeting_member", "meeting_vote"):
        op.execute(
            f"create trigger apart before insert on {table} for each row execute function refuse_kept_from_meeting()"
        )
    evidence([*evidence_now(), "meeting"])


def indexes(states: tuple[str, ...]) -> None:
    is_open = f"state in ({', '.join(repr(state) for state in states)})"
    living = f"state in ({', '.join(repr(state) for state in (*states, 'paid'))}) and subject_index is not null"
    made = {f"ix_application_open_{tier}": ([f"{tier}_id", "state", "submitted_at", "id"], is_open) for tier in TIERS}
    made["uq_application_subject"] = (["kind", "subject_index"], living)
    for name, (columns, where) in made.items():
        unique = name.startswith("uq")
        op.create_index(f"{name}_new", "application", columns, unique=unique, postgresql_where=sa.text(where))
    for name in made:
        op.drop_index(name, "application")
        op.execute(f"alter index {name}_new rename to {name}")


def late(states: tuple[str, ...]) -> None:
    op.execute("alter table case_escalation drop constraint ck_case_escalation_state")
    listed = ", ".join(f"'{state}'" for state in states)
    op.execute(f"alter table case_escalation add constraint ck_case_escalation_state check (state in ({listed}))")


def meetings() -> None:
    op.create_table(
        "meeting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("majority", sa.String(12), nullable=False),
        sa.Column("policy_version", sa.String(60), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_role", sa.String(32), nullable=False),
        sa.Column("opened_organisation", sa.String(100), nullable=False),
        sa.Column("minutes_file_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_role", sa.String(32), nullable=True),
        sa.Column("ended_organisation", sa.String(100), nullable=True),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state in ('open','carried','turned_down','cancelled')", name=op.f("ck_meeting_state")),
        sa.CheckConstraint(
            "members between 1 and 50 and quorum between 1 and members", name=op.f("ck_meeting_quorum")
        ),
        sa.CheckConstraint("majority in ('of_members','of_votes')", name=op.f("ck_meeting_majority")),
        sa.CheckConstraint(
            "(state = 'open') = (ended_at is null) and (ended_at is null) = (ended_by is null)",
            name=op.f("ck_meeting_ended"),
        ),
        sa.CheckConstraint(
            "state not in ('carried','turned_down') or minutes_file_id is not null", name=op.f("ck_meeting_minutes")
        ),
        sa.CheckConstraint(
            "state <> 'turned_down' or (reason_code is not null and note is not null)", name=op.f("ck_meeting_reason")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_meeting_{column}_{to}"))
            for column, to in (
                ("application_id", "application"), ("city_id", "organisation"), ("opened_by", "person"),
                ("minutes_file_id", "file"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
    )  # fmt: skip
    op.create_index(
        "uq_meeting_round", "meeting", ["application_id", "round"], unique=True,
        postgresql_where=sa.text("state <> 'cancelled'"),
    )  # fmt: skip
    op.create_index("ix_meeting_city", "meeting", ["city_id", "created_at", "id"])
    op.create_table(
        "meeting_member",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("post_role", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.ForeignKeyConstraint(["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_member_meeting_id_meeting")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_meeting_member_person_id_person")),
        sa.PrimaryKeyConstraint("meeting_id", "person_id", name=op.f("pk_meeting_member")),
    )
    op.create_table(
        "meeting_vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("choice", sa.String(8), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("choice in ('for','against','abstain')", name=op.f("ck_meeting_vote_choice")),
        sa.ForeignKeyConstraint(
            ["meeting_id", "person_id"],
            ["meeting_member.meeting_id", "meeting_member.person_id"],
            name=op.f("fk_meeting_vote_meeting_id_meeting_member"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting_vote")),
    )
    op.create_index("uq_meeting_vote_member", "meeting_vote", ["meeting_id", "person_id"], unique=True)


def functions() -> None:
    for name, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {name} from public")
        # It looks with the eyes of the jobs, who may own it only while they may create.
        op.execute("grant create on schema public to aid_jobs")
        op.execute(f"alter function {name} owner to aid_jobs")
        op.execute("revoke create on schema public from aid_jobs")
        op.execute(f"grant execute on function {name} to aid_api")
    op.execute(REFUSE)


def policy_kinds_now() -> list[str]:
    """In their order; read, not written down: other revisions add kinds as well."""
    return re.findall(r"'([a-z_]+)'", constraint("ck_policy_version_kind"))


def policy_kinds(kinds: list[str]) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def evidence_now() -> list[str]:
    """What names files, in its order; read for the same reason."""
    return re.findall(r"'([a-z_]+)'", constraint("ck_file_use_subject_kind"))


def evidence(kinds: list[str]) -> None:
    """What may name files, and who sees by that what it names."""
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in ({listed}))")
    branches = " ".join(
        f"when '{kind}' then return exists (select 1 from {kind} s where s.id = asked);"
        for kind in kinds
        if kind not in ("household", "application")
    )
    op.execute(
        "create or replace function is_evidence_i_see(asked_kind text, asked uuid) returns boolean language plpgsql "
        f"stable as $$ begin case asked_kind {branches} else return false; end case; end $$"
    )


def constraint(name: str) -> str:
    definition: str = op.get_bind().scalar(
        sa.text("select pg_get_constraintdef(oid) from pg_constraint where conname = :name"), {"name": name}
    )
    return definition


def downgrade() -> None:
    op.execute("alter table file_use no force row level security")
    op.execute("delete from file_use where subject_kind = 'meeting'")
    op.execute("alter table file_use force row level security")
    evidence([kind for kind in evidence_now() if kind != "meeting"])
    for table in ("meeting_vote", "meeting_member", "meeting"):
        op.drop_table(table)
    for name in ("refuse_kept_from_meeting()", *reversed(FUNCTIONS)):
        op.execute(f"drop function {name}")
    op.execute("alter table policy_version disable trigger guard")
    op.execute("delete from policy_version where kind = 'approval_route'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds([kind for kind in policy_kinds_now() if kind != "approval_route"])
    # Whoever waits for a meeting waits for the city again, who may approve it without.
    op.execute("alter table application no force row level security")
    op.execute("update application set state = 'city_approval' where state = 'meeting'")
    op.execute("alter table application force row level security")
    op.execute("alter table case_escalation no force row level security")
    op.execute("delete from case_escalation where state = 'meeting'")
    op.execute("alter table case_escalation force row level security")
    late(LATE)
    indexes(BEFORE)
    for name in RULES:
        op.execute(f"alter table application drop constraint ck_application_{name}")
    for name in ("decided_fen", "route_fen", "route_version", "route"):
        op.drop_column("application", name)
