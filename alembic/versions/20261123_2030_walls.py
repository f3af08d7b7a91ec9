"""The second wall, the append-only trails and the number sequences

Revision: 20261123_walls, after 20261123_tables

The first wall is the WHERE that every query gets from the actor. This is the second: row-level security
reads who is looking from settings that live as long as the transaction (app.db.transaction.Sight).
A policy must not be indexable, or the planner prefers it to the index of the queue: the overlap of a
row's ancestors with the actor's organisations never is.
"""

from alembic import op

revision = "20261123_walls"
down_revision = "20261123_tables"
branch_labels = None
depends_on = None

DOOR = "(select current_setting('app.door', true))"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
SIGNING_IN = f"{DOOR} = 'sign_in'"
OWN_NUMBER = f"id_number_index = (select p.id_number_index from person p where p.id = {WORKER})"

CASE = f"applicant_id = {WORKER} or {IN_REACH}"
FILE = f"person_id = {WORKER} or {IN_REACH}"
PART_OF_CASE = "exists (select 1 from application a where a.id = application_id)"
PART_OF_FILE = "exists (select 1 from household h where h.id = household_id)"

# table: (what the API may see and write, its privileges)
WALLS: dict[str, tuple[str, str]] = {
    "organisation": ("true", "select"),
    "post": (f"{SIGNING_IN} or person_id = {PERSON}", "select"),
    "person": (f"{SIGNING_IN} or id = {PERSON}", "select, insert, update"),
    "bank_card": (f"person_id = {WORKER}", "select, insert, update"),
    "session": (f"{SIGNING_IN} or person_id = {PERSON}", "select, insert, update"),
    "refresh_token": (SIGNING_IN, "select, insert, update"),
    "consent": (f"{SIGNING_IN} or person_id = {PERSON}", "select, insert, update"),
    "household": (FILE, "select, insert, update"),
    "household_member": (PART_OF_FILE, "select, insert, update"),
    "household_passage": (PART_OF_FILE, "select, insert"),
    "application": (CASE, "select, insert, update"),
    "passage": (PART_OF_CASE, "select, insert"),
    "notice": ("closed_at is null", "select"),
    "cover": (f"({OWN_NUMBER}) or {IN_REACH}", "select, insert"),
    "keyed_answer": (f"person_id = {PERSON}", "select, insert"),
    "calendar_day": ("true", "select"),
    "calendar_year": ("true", "select"),
}
JOBS_ONLY_READ_BY_API = {
    "audit_entry": f"person_id = {PERSON} or subject_person_id = {PERSON}",
    "out_message": "false",
}
APPEND_ONLY = ("audit_entry", "passage", "household_passage")

ROLES = """
do $$ begin
  if not exists (select 1 from pg_roles where rolname = 'aid_api') then create role aid_api nologin nobypassrls; end if;
  if not exists (select 1 from pg_roles where rolname = 'aid_jobs') then create role aid_jobs nologin nobypassrls; end if;
exception when duplicate_object or unique_violation then null;
end $$
"""
GRANT_MEMBERSHIP = """
do $$ begin
  if not (pg_has_role(current_user, 'aid_api', 'member') and pg_has_role(current_user, 'aid_jobs', 'member')) then
    execute format('grant aid_api, aid_jobs to %I', current_user);
  end if;
end $$
"""
REFUSE_CHANGE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$
"""
# The chain of a backend is locked by nobody else in the same transaction, so chains never wait long
# and never deadlock. The content of an entry is spelt the same way in app.audit.chain.
CHAIN = """
create function audit_chain_append() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  new.shard := pg_backend_pid() % 64;
  update audit_chain set length = length + 1, updated_at = new.created_at,
    head = sha256(head || convert_to(concat_ws(chr(31), new.id::text,
      (extract(epoch from new.created_at) * 1000000)::bigint::text, coalesce(new.person_id::text, ''), new.action,
      new.subject_kind, new.subject_id::text, coalesce(new.subject_person_id::text, ''), new.details::text), 'UTF8'))
    where shard = new.shard returning length, head into new.sequence, new.hash;
  return new;
end $$
"""
# The one look that happens before it is known who is there: one round trip, and its settings end with it.
ACTOR_OF_SESSION = """
create function actor_of_session(asked uuid, at timestamptz, today date)
returns table (person_id uuid, posts jsonb) language plpgsql as $$
begin
  perform set_config('app.door', 'sign_in', true);
  return query
    select s.person_id, coalesce((
      select jsonb_agg(jsonb_build_object('role', p.role, 'id', o.id, 'code', o.code, 'name', o.name, 'level', o.level,
        'tier', o.tier) order by p.id)
      from post p join organisation o on o.id = p.organisation_id
      where p.person_id = s.person_id and p.ended_at is null and p.from_date <= today), '[]'::jsonb)
    from session s join person on person.id = s.person_id
    where s.id = asked and s.ended_at is null and s.expires_at > at and person.closed_at is null;
end $$
"""


def upgrade() -> None:
    op.execute(ROLES)
    op.execute(GRANT_MEMBERSHIP)
    op.execute("grant usage on schema public to aid_api, aid_jobs")
    for table, (policy, privileges) in WALLS.items():
        raise_wall(table, policy)
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table, readable in JOBS_ONLY_READ_BY_API.items():
        raise_wall(table, readable, check="true")
        op.execute(f"grant select, insert on {table} to aid_api")
    op.execute("grant select, insert on audit_entry to aid_jobs")
    op.execute("grant select, insert, update, delete on out_message to aid_jobs")
    op.execute("revoke update, delete on passage, household_passage from aid_jobs")
    op.execute(REFUSE_CHANGE)
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    op.execute("alter table audit_chain enable row level security, force row level security")
    op.execute("create policy chain on audit_chain using (true) with check (true)")
    op.execute("grant select on audit_chain to aid_jobs")
    op.execute("insert into audit_chain (shard, length, head) select n, 0, ''::bytea from generate_series(0, 63) n")
    op.execute("alter table audit_chain set (fillfactor = 20)")
    op.execute(CHAIN)
    op.execute("create trigger chain before insert on audit_entry for each row execute function audit_chain_append()")
    op.execute(ACTOR_OF_SESSION)
    op.execute("revoke execute on function actor_of_session(uuid, timestamptz, date) from public")
    op.execute("grant execute on function actor_of_session(uuid, timestamptz, date) to aid_api")
    for sequence in ("application_number", "household_number"):
        op.execute(f"create sequence {sequence}")
        op.execute(f"grant usage on sequence {sequence} to aid_api, aid_jobs")


def raise_wall(table: str, policy: str, check: str | None = None) -> None:
    op.execute(f"alter table {table} enable row level security, force row level security")
    op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({check or policy})")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")


def downgrade() -> None:
    op.execute("drop function actor_of_session(uuid, timestamptz, date)")
    for sequence in ("application_number", "household_number"):
        op.execute(f"drop sequence {sequence}")
    op.execute("drop trigger chain on audit_entry")
    op.execute("drop function audit_chain_append()")
    op.execute("drop policy chain on audit_chain")
    op.execute("revoke all on audit_chain from aid_jobs")
    op.execute("alter table audit_chain disable row level security, no force row level security")
    op.execute("delete from audit_chain")
    for table in APPEND_ONLY:
        op.execute(f"drop trigger append_only on {table}")
    op.execute("drop function refuse_change()")
    for table in (*WALLS, *JOBS_ONLY_READ_BY_API):
        op.execute(f"drop policy api on {table}")
        op.execute(f"drop policy jobs on {table}")
        op.execute(f"alter table {table} disable row level security, no force row level security")
        op.execute(f"revoke all on {table} from aid_api, aid_jobs")
    op.execute("revoke usage on schema public from aid_api, aid_jobs")
    # The roles belong to the whole server, where other databases may use them: they stay.
