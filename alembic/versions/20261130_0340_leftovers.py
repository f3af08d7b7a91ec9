"""Receipts of objections, appeals that are taken back or step up, a calendar that two people change, and what was left

Revision: 20261130_leftovers, after 20261130_batch_actions

A contact card is drawn when its transaction is over: its hash comes later, and what draws it is written down. What staff
uploaded for a worker's household file is handed over as what they uploaded for an application is. Telephones that were
kept before their index are found by an index of their own, which is empty once a job has filled them in.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_leftovers"
down_revision = "20261130_batch_actions"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
# Runs as aid_jobs, for who has the keyed index of a receipt: nobody at the public door sees an objection. It tells
# nothing of who is concerned, and of what was said only the reply that is meant for those who objected.
OBJECTION_OF_RECEIPT = """
create function objection_of_receipt(asked bytea) returns table (investigation_id uuid, received_at timestamptz,
  number text, kind text, state text, due_on date, decided_at timestamptz, organisation_name text, reply bytea)
language sql stable security definer set search_path = pg_catalog, public as $$
  select i.id, o.created_at, i.number, i.kind, i.state, i.due_on, i.decided_at, i.organisation_name, i.reply
  from notice_objection o join notice_investigation i on i.id = o.notice_id
  where o.receipt_index = asked
$$
"""
# Runs as aid_jobs, and answers yes or no: whether somebody holds one of these posts over a case and is not near it. It
# asks the one function that says who is near, as each of them.
APPEAL_HAS_DECIDER = """
create function appeal_has_decider(asked uuid, roles text[], today date) returns boolean language plpgsql
security definer set search_path = pg_catalog, public as $$
declare
  before text := coalesce(current_setting('app.person', true), '');
  candidate uuid;
  free boolean := false;
begin
  for candidate in
    select distinct p.person_id from application a
      join post p on p.organisation_id in (a.city_id, a.district_id, a.street_id, a.unit_id)
      join person h on h.id = p.person_id and h.closed_at is null
    where a.id = asked and p.role = any(roles) and p.ended_at is null and p.from_date <= today
      and p.person_id <> a.applicant_id
  loop
    perform set_config('app.person', candidate::text, true);
    free := not is_near_case(asked);
    exit when free;
  end loop;
  perform set_config('app.person', before, true);
  return free;
end $$
"""
# Runs as aid_jobs, as `hand_over_files` does for applications: what staff uploaded for a worker is the worker's from
# their confirmation on; not where it is named by something else as well.
HAND_OVER_HOUSEHOLD_FILES = """
create function hand_over_household_files(asked uuid) returns integer language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  handed integer;
begin
  update file set person_id = h.person_id
  from proxy_filing p join household h on h.id = p.household_id
    join file_use u on u.subject_kind = 'proxy_filing' and u.subject_id = p.id and u.living
  where p.id = asked and p.state = 'confirmed' and file.id = u.file_id and file.person_id = p.assisted_by
    and not exists (select 1 from file_use o where o.file_id = file.id and o.living
      and o.subject_id not in (p.id, h.id));
  get diagnostics handed = row_count;
  return handed;
end $$
"""
FUNCTIONS = {
    "objection_of_receipt(bytea)": OBJECTION_OF_RECEIPT,
    "appeal_has_decider(uuid, text[], date)": APPEAL_HAS_DECIDER,
    "hand_over_household_files(uuid)": HAND_OVER_HOUSEHOLD_FILES,
}
WAITING = "state in ('at_district','at_city')"
CONFIRMED = "exists (select 1 from calendar_change c where c.state = 'confirmed' and"
OF_CALENDAR = {
    "calendar_day": (
        f"{CONFIRMED} c.about in (to_char(day, 'YYYY-MM-DD'), to_char(day, 'YYYY'))"
        " and (c.days ->> to_char(day, 'YYYY-MM-DD'))::boolean = works)"
    ),
    "calendar_year": f"{CONFIRMED} c.about = year::text)",
}
RULES = {
    "about": "about ~ '^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$'",
    "state": "state in ('proposed','confirmed','withdrawn')",
    "second_person": "state <> 'confirmed' or decided_by <> proposed_by",
    "decided": "(state = 'proposed') = (decided_at is null) and (state = 'proposed') = (decided_by is null)",
}


def upgrade() -> None:
    cards()
    objections()
    appeals()
    calendar()
    op.create_index(
        "ix_person_phone_unfound",
        "person",
        ["id"],
        postgresql_where=sa.text("phone is not null and phone_index is null"),
    )
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def cards() -> None:
    op.add_column("contact_card", sa.Column("drawn_by", sa.String(64), nullable=True))
    op.create_check_constraint(op.f("ck_contact_card_drawn_by"), "contact_card", "drawn_by ~ '^[0-9a-f]{64}$'")
    op.alter_column("contact_card", "sha256", nullable=True)


def objections() -> None:
    op.add_column("notice_investigation", sa.Column("reply", sa.LargeBinary(), nullable=True))
    op.execute("grant update (reply) on notice_investigation to aid_api")
    op.create_check_constraint(
        op.f("ck_notice_investigation_reply"), "notice_investigation", "reply is null or state <> 'open'"
    )
    op.add_column("notice_objection", sa.Column("receipt_index", sa.LargeBinary(), nullable=True))
    op.create_index(
        "uq_notice_objection_receipt",
        "notice_objection",
        ["receipt_index"],
        unique=True,
        postgresql_where=sa.text("receipt_index is not null"),
    )


def appeals() -> None:
    for column in ("stepped_up_at", "withdrawn_at"):
        op.add_column("appeal", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    check("appeal", "state", "state in ('at_district','at_city','upheld','changed','withdrawn')")
    check("appeal", "waiting", f"({WAITING}) = (decided_at is null and withdrawn_at is null)")
    op.create_check_constraint(
        op.f("ck_appeal_withdrawn"), "appeal", "(state = 'withdrawn') = (withdrawn_at is not null)"
    )


def calendar() -> None:
    table = "calendar_change"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("about", sa.String(10), nullable=False),
        sa.Column("days", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in RULES.items()),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_calendar_change_proposed", table, ["about"], unique=True, postgresql_where=sa.text("state = 'proposed'")
    )
    op.create_index("ix_calendar_change_list", table, ["created_at", "id"])
    op.create_index("ix_calendar_change_about", table, ["about"])
    op.execute(f"alter table {table} enable row level security, force row level security")
    op.execute(f"create policy api on {table} to aid_api using ({STAFF}) with check ({STAFF})")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
    op.execute(f"grant select, insert, update on {table} to aid_api")
    op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    # The database itself takes no day from staff that two of them did not agree on.
    for name, confirmed in OF_CALENDAR.items():
        op.execute(f"alter policy api on {name} using (true) with check ({STAFF} and {confirmed})")


def check(table: str, name: str, condition: str) -> None:
    """The check of this name says this from now on."""
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    """A card that nobody has drawn is issued anew when it is printed; an appeal that was taken back goes."""
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
    op.drop_index("ix_person_phone_unfound", "person")
    for name in OF_CALENDAR:
        op.execute(f"alter policy api on {name} using (true) with check ({STAFF})")
    op.drop_table("calendar_change")
    seen_whole("appeal", "delete from appeal where state = 'withdrawn'")
    op.drop_constraint(op.f("ck_appeal_withdrawn"), "appeal")
    check("appeal", "waiting", f"({WAITING}) = (decided_at is null)")
    check("appeal", "state", "state in ('at_district','at_city','upheld','changed')")
    for column in ("withdrawn_at", "stepped_up_at"):
        op.drop_column("appeal", column)
    op.drop_index("uq_notice_objection_receipt", "notice_objection")
    op.drop_column("notice_objection", "receipt_index")
    op.drop_constraint(op.f("ck_notice_investigation_reply"), "notice_investigation")
    op.drop_column("notice_investigation", "reply")
    seen_whole("contact_card", "delete from contact_card where sha256 is null")
    op.alter_column("contact_card", "sha256", nullable=False)
    op.drop_constraint(op.f("ck_contact_card_drawn_by"), "contact_card")
    op.drop_column("contact_card", "drawn_by")


def seen_whole(table: str, statement: str) -> None:
    """By the owner, whom the wall of the table otherwise stops too."""
    op.execute(f"alter table {table} no force row level security")
    op.execute(statement)
    op.execute(f"alter table {table} force row level security")
