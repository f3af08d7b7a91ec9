"""People kept apart: one person under two accounts, one household, declared relatives; delegated posts; stages lifted

Revision: 20261130_kept_apart, after 20261130_routes

Who is near whom reaches further than anybody at a door can see (closed accounts, households under other unions), so it
is asked of functions that run as `aid_jobs`. A trigger asks them once more whenever somebody signs; it names its tables
with their schema instead of setting a search path, which alone would cost as much as all that it asks (see
20261125_chain_qualified).
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_kept_apart"
down_revision = "20261130_routes"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
STAFF_PERSON = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
OWN_POST = f"(select p.id from post p where p.person_id = {STAFF_PERSON} and p.ended_at is null)"
# Administrators reach no case, so their organisations are not among those that the transaction tells of.
ADMINISTERED = (
    f"exists (select 1 from post p where p.person_id = {STAFF_PERSON} and p.ended_at is null "
    "and p.role in ('system_admin', 'security_admin') "
    "and p.organisation_id in (city_id, district_id, street_id, unit_id))"
)
ME = "nullif(current_setting('app.person', true), '')::uuid"
UNIT_POSTS = "('unit_clerk', 'unit_chair')"
SCOPE = "(a.city_id, a.district_id, a.street_id, a.unit_id)"
BEHALF = "on_behalf_of is null or on_behalf_of <> person_id and said_of is not null"

# The identity numbers of somebody, of whom they live with, and of the relatives declared by either of two; null of
# somebody who has proved none. As keyed hashes, and to no role but the one that the functions below run as.
NUMBERS_NEAR = """
create function numbers_near(asked uuid) returns bytea[] language plpgsql stable security definer as $$
begin
  return (
    select array[p.id_number_index]
      || array(select m.id_number_index
        from public.household_member h join public.household_member m on m.household_id = h.household_id and m.living
        where h.id_number_index = p.id_number_index and h.living)
      || array(select r.relative_index from public.declared_relative r
        where r.number_index = p.id_number_index and r.ended_at is null)
      || array(select r.number_index from public.declared_relative r
        where r.relative_index = p.id_number_index and r.ended_at is null)
    from public.person p where p.id = asked and p.id_number_index is not null);
end $$
"""
# Most who sign are near nobody at all, and pay for reading their own row (see `MARK_NEAR`).
KEEP_APART = """
create function keep_apart() returns trigger language plpgsql security definer as $$
declare
  mine bytea;
  watched boolean;
  near bytea[];
begin
  select p.id_number_index, p.has_near into mine, watched from public.person p where p.id = new.person_id;
  if mine is null then
    raise exception 'whoever signs has proved who they are'
      using errcode = 'check_violation', constraint = 'ck_passage_known';
  end if;
  if not watched and new.on_behalf_of is null then
    return new;
  end if;
  near := public.numbers_near(new.person_id);
  if new.on_behalf_of is not null then
    if not exists (select 1 from public.delegation d join public.post p on p.id = d.post_id
        where d.to_person_id = new.person_id and d.from_person_id = new.on_behalf_of and d.ended_at is null
          and (new.created_at at time zone 'Asia/Shanghai')::date between d.starts_on and d.ends_on
          and p.role = new.post_role and p.person_id = new.on_behalf_of and p.ended_at is null) then
      raise exception 'nothing is delegated from the one to the other'
        using errcode = 'check_violation', constraint = 'ck_passage_delegated';
    end if;
    near := near || public.numbers_near(new.on_behalf_of);
  end if;
  if exists (select 1 from public.person p
      where p.id = any (
          (select array_agg(s.person_id) || array_agg(s.on_behalf_of) from public.passage s
            where s.application_id = new.application_id and s.round = new.round and s.counts_as_review
              and s.person_id <> new.person_id)
          || (select a.applicant_id from public.application a where a.id = new.application_id))
        and p.id_number_index = any (near)) then
    raise exception 'whoever signs is near somebody who signed, or the applicant'
      using errcode = 'check_violation', constraint = 'ck_passage_apart';
  end if;
  return new;
end $$
"""
# Whom a member of staff may sign no round with (`near`), in which households these live (`homes`), and whose cases, or
# which households', are none of theirs to deal with (`away`): also of whoever holds a post at the unit whose clerk or
# chair they are.
KEPT_APART_FROM = f"""
create function kept_apart_from(asked uuid) returns jsonb language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  numbers bytea[] := numbers_near(asked);
  near uuid[] := array(select p.id from person p where p.id_number_index = any (numbers) and p.id <> asked);
  homes uuid[] := array(
    select distinct m.household_id from household_member m where m.id_number_index = any (numbers) and m.living);
begin
  return jsonb_build_object('near', near, 'homes', homes, 'away', near || homes || array(
    select distinct theirs.person_id from post mine join post theirs on theirs.organisation_id = mine.organisation_id
    where mine.person_id = asked and mine.role in {UNIT_POSTS} and mine.ended_at is null
      and theirs.ended_at is null and theirs.person_id <> asked));
end $$
"""
# All that a door needs to know of a member of staff beside their posts; asked with them, while nobody is known yet.
FACTS_OF_STAFF = """
create function facts_of_staff(asked uuid, today date) returns jsonb language plpgsql stable security definer
set search_path = pg_catalog, public as $$
begin
  if current_setting('app.door', true) is distinct from 'sign_in' then
    return null;
  end if;
  return kept_apart_from(asked) || jsonb_build_object(
    'lent', coalesce((
      select jsonb_agg(jsonb_build_object('delegation', d.id, 'role', p.role, 'id', o.id, 'code', o.code,
        'name', o.name, 'level', o.level, 'tier', o.tier, 'by', d.from_person_id,
        'said', d.to_masked || ' 代 ' || d.from_masked, 'kinds', d.kinds, 'permissions', d.permissions,
        'apart', kept_apart_from(d.from_person_id)) order by d.id)
      from delegation d join post p on p.id = d.post_id join organisation o on o.id = p.organisation_id
      where d.to_person_id = asked and d.ended_at is null and today between d.starts_on and d.ends_on
        and p.person_id = d.from_person_id and p.ended_at is null and p.from_date <= today
        and exists (select 1 from post q where q.person_id = asked and q.ended_at is null and q.from_date <= today
          and q.organisation_id in (o.city_id, o.district_id, o.street_id, o.unit_id))), '[]'::jsonb),
    'lifted', coalesce((
      select jsonb_agg(distinct l.application_id)
      from post p join lifted_stage l on p.role = any (l.roles)
        and p.organisation_id in (l.city_id, l.district_id, l.street_id, l.unit_id)
      join application a on a.id = l.application_id and a.version = l.version
      where p.person_id = asked and p.ended_at is null and p.from_date <= today), '[]'::jsonb));
end $$
"""
ACTOR_OF_SESSION = """
create function actor_of_session(asked uuid, at timestamptz, today date)
returns table (person_id uuid, posts jsonb{column}) language plpgsql as $$
declare before text := coalesce(current_setting('app.door', true), '');
begin
  perform set_config('app.door', 'sign_in', true);
  return query
    select s.person_id, held.posts{value}
    from session s join person on person.id = s.person_id
    cross join lateral (
      select coalesce((
        select jsonb_agg(jsonb_build_object('role', p.role, 'id', o.id, 'code', o.code, 'name', o.name,
          'level', o.level, 'tier', o.tier) order by p.id)
        from post p join organisation o on o.id = p.organisation_id
        where p.person_id = s.person_id and p.ended_at is null and p.from_date <= today), '[]'::jsonb) as posts
      offset 0
    ) held
    where s.id = asked and s.ended_at is null and s.expires_at > at and person.closed_at is null;
  perform set_config('app.door', before, true);
end $$
"""
FACTS = {
    "column": ", facts jsonb",
    "value": ", case when held.posts <> '[]'::jsonb then facts_of_staff(s.person_id, today) end",
}
IS_RECUSED = f"""
create function is_recused(who uuid, asked uuid) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  numbers bytea[] := numbers_near(who);
begin
  return exists (select 1 from application a join person p on p.id = a.applicant_id
      where a.id = asked and (p.id = who or p.id_number_index = any (numbers)))
    or exists (select 1 from application a join household_member m on m.household_id = a.household_id and m.living
      where a.id = asked and m.id_number_index = any (numbers))
    or exists (select 1 from application a join post theirs on theirs.person_id = a.applicant_id
      join post mine on mine.organisation_id = theirs.organisation_id
      where a.id = asked and theirs.ended_at is null and mine.ended_at is null
        and mine.person_id = who and mine.role in {UNIT_POSTS});
end $$
"""
# Whether everybody with one of these roles over a case must stand aside, at least one of them for being related to the
# applicant: a post that nobody holds, or whose holder has only signed already, lifts nothing.
STAGE_IS_STUCK = f"""
create function stage_is_stuck(asked uuid, wanted text[], today date) returns boolean language plpgsql stable
security definer set search_path = pg_catalog, public as $$
begin
  return (
    select coalesce(bool_or(held.recused), false) and coalesce(bool_and(held.recused or held.signed), false)
    from (
      select is_recused(w.person_id, a.id) as recused, exists (
          select 1 from passage s join person q on q.id in (s.person_id, s.on_behalf_of)
          where s.application_id = a.id and s.round = a.round and s.counts_as_review
            and (q.id = w.person_id or q.id_number_index = any (numbers_near(w.person_id)))) as signed
      from application a join lateral (
        select distinct p.person_id from post p
        where p.organisation_id in {SCOPE} and p.role = any (wanted) and p.ended_at is null and p.from_date <= today
      ) w on true
      where a.id = asked
    ) held);
end $$
"""
# Yes or no, about the caller alone, to who has the keyed index of an identity number.
IS_NEAR_NUMBER = f"""
create function is_near_number(asked bytea) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
begin
  return coalesce(asked = any (numbers_near({ME})), false);
end $$
"""
# Who may be given a post of the caller's own: whoever holds one at the same organisation or above it.
DELEGATES_OF = f"""
create function delegates_of(asked uuid, today date)
returns table (person_id uuid, name bytea, role varchar, organisation_name varchar) language sql stable
security definer set search_path = pg_catalog, public as $$
  select m.id, m.name, q.role, u.name
  from post p join organisation o on o.id = p.organisation_id
  join organisation u on u.id in (o.city_id, o.district_id, o.street_id, o.unit_id)
  join post q on q.organisation_id = u.id and q.ended_at is null and q.from_date <= today
  join person m on m.id = q.person_id and m.closed_at is null and m.name is not null
  where p.id = asked and p.person_id = {ME} and p.ended_at is null and current_setting('app.door', true) = 'staff'
    and m.id <> p.person_id
  order by array_position(array['unit', 'street', 'district', 'city'], u.tier::text), q.id
  limit 500
$$
"""
IS_NEAR_CASE = f"""
create or replace function is_near_case(asked uuid) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  me uuid := {ME};
  numbers bytea[] := numbers_near(me);
begin
  return numbers is null
    or exists (select 1 from application a join person p on p.id = a.applicant_id
      where a.id = asked and (p.id = me or p.id_number_index = any (numbers)))
    or exists (select 1 from passage s join person p on p.id in (s.person_id, s.on_behalf_of)
      where s.application_id = asked and (p.id = me or p.id_number_index = any (numbers)))
    or exists (select 1 from household_member m join household h on h.id = m.household_id
      join application a on a.household_id = h.id or a.applicant_id = h.person_id
      where a.id = asked and (m.id_number_index = numbers[1] or m.living and m.id_number_index = any (numbers)));
end $$
"""
IS_NEAR_CASE_BEFORE = f"""
create or replace function is_near_case(asked uuid) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  me uuid := {ME};
  mine bytea := (select id_number_index from person where id = me);
begin
  return mine is null
    or exists (select 1 from application a join person p on p.id = a.applicant_id
      where a.id = asked and (p.id = me or p.id_number_index = mine))
    or exists (select 1 from passage s left join person p on p.id = s.person_id
      where s.application_id = asked and (s.person_id = me or p.id_number_index = mine))
    or exists (select 1 from household_member m join household h on h.id = m.household_id
      join application a on a.household_id = h.id or a.applicant_id = h.person_id
      where a.id = asked and m.id_number_index = mine);
end $$
"""
# Whoever may be near somebody is marked, by their number, and stays so: a mark says no more than that it is worth asking.
MARK_NEAR = """
create function mark_near() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
begin
  if tg_table_name = 'declared_relative' then
    update person set has_near = true
    where id_number_index in (new.number_index, new.relative_index) and not has_near;
  elsif tg_table_name = 'household_member' or exists (
      select 1 from person p where p.id_number_index = new.id_number_index and p.id <> new.id) or exists (
      select 1 from household_member m where m.id_number_index = new.id_number_index and m.living) or exists (
      select 1 from declared_relative r where r.number_index = new.id_number_index and r.ended_at is null) or exists (
      select 1 from declared_relative r where r.relative_index = new.id_number_index and r.ended_at is null) then
    update person set has_near = true where id_number_index = new.id_number_index and not has_near;
  end if;
  return null;
end $$
"""
MARK_ALL = """
update person p set has_near = true where p.id_number_index is not null and (
  exists (select 1 from household_member m where m.id_number_index = p.id_number_index and m.living)
  or exists (select 1 from person o where o.id_number_index = p.id_number_index and o.id <> p.id))
"""
# Of two who give the same person something at once the second sees what the first gave.
DELEGATION_GUARD = """
create function delegation_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('delegation ' || new.to_person_id::text, 0));
  if exists (select 1 from delegation d
      where d.post_id = new.post_id and d.to_person_id = new.to_person_id and d.ended_at is null
        and daterange(d.starts_on, d.ends_on, '[]') && daterange(new.starts_on, new.ends_on, '[]')) then
    raise exception 'this post is delegated to this person on some of these days already'
      using errcode = 'check_violation', constraint = 'ck_delegation_once';
  end if;
  if exists (
    select 1 from (values ('payment:start', 'payment:confirm', 'finance_checker'),
      ('payment:confirm', 'payment:start', 'finance_maker')) as pair (given, other, role)
    where pair.given = any (new.permissions) and (
      exists (select 1 from post p
        where p.person_id = new.to_person_id and p.role = pair.role and p.ended_at is null)
      or exists (select 1 from delegation d
        where d.to_person_id = new.to_person_id and d.ended_at is null and pair.other = any (d.permissions)
          and daterange(d.starts_on, d.ends_on, '[]') && daterange(new.starts_on, new.ends_on, '[]')))) then
    raise exception 'nobody is given both halves of a payment'
      using errcode = 'check_violation', constraint = 'ck_delegation_payment_pair';
  end if;
  -- Whoever gives a post is asked about: what was signed for them, they signed.
  update person set has_near = true where id = new.from_person_id and not has_near;
  return new;
end $$
"""
DELEGATIONS_END_WITH_POST = """
create function delegations_end_with_post() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  update delegation set ended_at = coalesce(new.ended_at, now()), ended_by = old.person_id
  where post_id = old.id and ended_at is null;
  return null;
end $$
"""
# A number that was wrong is put right: what was declared of it stays declared.
RELATIVES_FOLLOW = """
create function relatives_follow() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  update declared_relative r set number_index = new.id_number_index
  where r.number_index = old.id_number_index and r.relative_index <> new.id_number_index and not exists (
    select 1 from declared_relative o where o.number_index = new.id_number_index
      and o.relative_index = r.relative_index and o.ended_at is null);
  update declared_relative r set relative_index = new.id_number_index
  where r.relative_index = old.id_number_index and r.number_index <> new.id_number_index and not exists (
    select 1 from declared_relative o where o.relative_index = new.id_number_index
      and o.number_index = r.number_index and o.ended_at is null);
  return null;
end $$
"""
FUNCTIONS = {
    "numbers_near(uuid)": (NUMBERS_NEAR, ()),
    "keep_apart()": (KEEP_APART, ()),
    "mark_near()": (MARK_NEAR, ()),
    "kept_apart_from(uuid)": (KEPT_APART_FROM, ("aid_jobs",)),
    "facts_of_staff(uuid, date)": (FACTS_OF_STAFF, ("aid_api",)),
    "is_recused(uuid, uuid)": (IS_RECUSED, ()),
    "stage_is_stuck(uuid, text[], date)": (STAGE_IS_STUCK, ("aid_api", "aid_jobs")),
    "is_near_number(bytea)": (IS_NEAR_NUMBER, ("aid_api",)),
    "delegates_of(uuid, date)": (DELEGATES_OF, ("aid_api",)),
    "delegation_guard()": (DELEGATION_GUARD, ()),
    "delegations_end_with_post()": (DELEGATIONS_END_WITH_POST, ()),
    "relatives_follow()": (RELATIVES_FOLLOW, ()),
}
TRIGGERS = (
    # What is carried into a later round by a return keeps nobody from returning it.
    "keep_apart before insert on passage for each row when (new.counts_as_review and new.person_id is not null "
    "and (new.action <> 'assist' or new.round = 1)) execute function keep_apart()",
    "guard before insert on delegation for each row execute function delegation_guard()",
    "delegations_end after update of person_id, role, organisation_id, ended_at on post for each row "
    "execute function delegations_end_with_post()",
    "mark_near after insert or update of id_number_index on person for each row "
    "when (new.id_number_index is not null) execute function mark_near()",
    "mark_near after insert or update of id_number_index, living on household_member for each row "
    "when (new.living) execute function mark_near()",
    "mark_near after insert or update of number_index, relative_index on declared_relative for each row "
    "execute function mark_near()",
    "relatives_follow after update of id_number_index on person for each row "
    "when (old.id_number_index is distinct from new.id_number_index) execute function relatives_follow()",
)

DROPPED = (
    ("keep_apart", "passage"),
    ("delegations_end", "post"),
    ("relatives_follow", "person"),
    ("mark_near", "person"),
    ("mark_near", "household_member"),
)
"""The others go with their tables."""


def upgrade() -> None:
    op.add_column("passage", sa.Column("on_behalf_of", sa.Uuid(), nullable=True))
    op.add_column("passage", sa.Column("said_of", sa.String(140), nullable=True))
    op.create_check_constraint(op.f("ck_passage_behalf"), "passage", BEHALF)
    op.create_index("ix_person_number", "person", ["id_number_index"])
    op.add_column("person", sa.Column("has_near", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    mark_all()
    relatives()
    crossings()
    delegations()
    lifted()
    functions()
    for trigger in TRIGGERS:
        op.execute(f"create trigger {trigger}")


def mark_all() -> None:
    """By the owner, whom the walls of both tables otherwise stop too."""
    for force in ("no force", "force"):
        for table in ("person", "household_member"):
            op.execute(f"alter table {table} {force} row level security")
        if force == "no force":
            op.execute(MARK_ALL)


def relatives() -> None:
    table = "declared_relative"
    op.create_table(
        table,
        *identified(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("number_index", "relative_index", "name")),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("relation", sa.String(12), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_note", sa.LargeBinary(), nullable=True),
        checked(table, "relation", "relation in ('spouse','lineal','collateral','in_law','other')"),
        checked(table, "another", "number_index <> relative_index"),
        checked(table, "ended", "(ended_at is null) = (end_note is null)"),
        refers(table, "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    living = sa.text("ended_at is null")
    both = ["number_index", "relative_index"]
    op.create_index(f"uq_{table}_living", table, both, unique=True, postgresql_where=living)
    op.create_index(f"ix_{table}_relative", table, ["relative_index"], postgresql_where=living)
    op.create_index(f"ix_{table}_person", table, ["person_id", "created_at", "id"])
    wall(table, "select, insert, update")
    own = f"person_id = {WORKER}"
    op.execute(f"create policy api on {table} to aid_api using ({own}) with check ({own})")


def crossings() -> None:
    table = "crossing"
    op.create_table(
        table,
        *identified(),
        sa.Column("relative_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("passage_id", sa.Uuid(), nullable=False),
        sa.Column("across", sa.String(12), nullable=False),
        sa.Column("relation", sa.String(12), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signer_masked", sa.String(60), nullable=True),
        *scoped(table),
        checked(table, "across", "across in ('applicant','household','signer')"),
        refers(table, "relative_id", "declared_relative"),
        refers(table, "application_id", "application"),
        refers(table, "passage_id", "passage"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"uq_{table}", table, ["relative_id", "passage_id"], unique=True)
    in_order(table)
    wall(table, "select")
    op.execute(f"create policy api on {table} for select to aid_api using ({IN_REACH})")
    op.execute(f"revoke update, delete on {table} from aid_jobs")
    op.execute(
        f"create trigger append_only before update or delete or truncate on {table} "
        "for each statement execute function refuse_change()"
    )


def delegations() -> None:
    table = "delegation"
    op.create_table(
        table,
        *identified(),
        sa.Column("post_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("from_person_id", sa.Uuid(), nullable=False),
        sa.Column("from_masked", sa.String(60), nullable=False),
        sa.Column("to_person_id", sa.Uuid(), nullable=False),
        sa.Column("to_masked", sa.String(60), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("kinds", sa.ARRAY(sa.String(20)), nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.String(32)), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        *scoped(table),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        checked(table, "another", "from_person_id <> to_person_id"),
        checked(table, "days", "ends_on >= starts_on and ends_on - starts_on < 30"),
        checked(table, "kinds", "cardinality(kinds) > 0"),
        checked(table, "permissions", "cardinality(permissions) > 0"),
        checked(table, "one_of_payment", "not permissions @> array['payment:start','payment:confirm']::varchar[]"),
        checked(table, "ended", "(ended_at is null) = (ended_by is null)"),
        refers(table, "post_id", "post"),
        refers(table, "from_person_id", "person"),
        refers(table, "to_person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    living = sa.text("ended_at is null")
    op.create_index(f"ix_{table}_to", table, ["to_person_id", "ends_on"], postgresql_where=living)
    op.create_index(f"ix_{table}_to_person", table, ["to_person_id", "created_at", "id"])
    op.create_index(f"ix_{table}_from_person", table, ["from_person_id", "created_at", "id"])
    in_order(table)
    wall(table, "select, insert, update")
    mine = f"from_person_id = {STAFF_PERSON} or to_person_id = {STAFF_PERSON}"
    op.execute(f"create policy api on {table} for select to aid_api using ({mine})")
    op.execute(f"create policy after_administrators on {table} for select to aid_api using ({ADMINISTERED})")
    op.execute(
        f"create policy gives on {table} for insert to aid_api "
        f"with check (from_person_id = {STAFF_PERSON} and ended_at is null and post_id in {OWN_POST})"
    )
    op.execute(
        f"create policy ends on {table} for update to aid_api "
        f"using ({mine} or {ADMINISTERED}) with check (ended_by = {STAFF_PERSON})"
    )


def lifted() -> None:
    table = "lifted_stage"
    op.create_table(
        table,
        *identified(),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.String(32)), nullable=False),
        *scoped(table),
        refers(table, "application_id", "application"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"uq_{table}", table, ["application_id"], unique=True)
    wall(table, "select")
    op.execute(f"create policy api on {table} for select to aid_api using ({IN_REACH})")


def functions() -> None:
    op.execute("drop function actor_of_session(uuid, timestamptz, date)")
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, (body, callers) in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        for role in callers:
            op.execute(f"grant execute on function {signature} to {role}")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(IS_NEAR_CASE)
    op.execute(ACTOR_OF_SESSION.format(**FACTS))
    actor_of_session_is_for_the_api()


def actor_of_session_is_for_the_api() -> None:
    op.execute("revoke execute on function actor_of_session(uuid, timestamptz, date) from public")
    op.execute("grant execute on function actor_of_session(uuid, timestamptz, date) to aid_api")


def identified() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def scoped(table: str) -> list[sa.Column | sa.Constraint]:
    """The union on each tier."""
    columns = [sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS]
    return [*columns, *(refers(table, f"{tier}_id", "organisation") for tier in TIERS)]


def refers(table: str, column: str, to: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def checked(table: str, name: str, condition: str) -> sa.Constraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def in_order(table: str) -> None:
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"])


def wall(table: str, privileges: str) -> None:
    op.execute(f"alter table {table} enable row level security, force row level security")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
    op.execute(f"grant {privileges} on {table} to aid_api")
    op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")


def downgrade() -> None:
    for name, table in DROPPED:
        op.execute(f"drop trigger {name} on {table}")
    op.execute("drop function actor_of_session(uuid, timestamptz, date)")
    op.execute(ACTOR_OF_SESSION.format(column="", value=""))
    actor_of_session_is_for_the_api()
    op.execute(IS_NEAR_CASE_BEFORE)
    for table in ("lifted_stage", "delegation", "crossing", "declared_relative"):
        op.drop_table(table)
    for signature in reversed(FUNCTIONS):
        op.execute(f"drop function {signature}")
    op.drop_column("person", "has_near")
    op.drop_index("ix_person_number", "person")
    op.drop_constraint(op.f("ck_passage_behalf"), "passage", type_="check")
    op.drop_column("passage", "said_of")
    op.drop_column("passage", "on_behalf_of")
