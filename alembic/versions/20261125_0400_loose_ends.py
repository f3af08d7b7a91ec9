"""What was still loose in the life of household files: dated limits, applications that follow their file, covers that
follow a corrected number, and the signature of every visitor

Revision: 20261125_loose_ends, after 20261125_chain_qualified

The functions run as aid_jobs, because an application or a cover may lie out of the caller's sight. Each can only do
what a merge, a split, a transfer or a request for a change that is being decided has made right: it looks for it itself.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_loose_ends"
down_revision = "20261125_chain_qualified"
branch_labels = None
depends_on = None

KINDS = (
    "hardship_aid", "golden_autumn", "secondary_medical", "household_criteria", "minimum_living_standard",
    "home_visits",
)  # fmt: skip
NEW_KIND = "household_upkeep"
ENDED = "('paid', 'rejected', 'withdrawn')"
DEAD = "('rejected', 'withdrawn', 'lifted', 'cancelled', 'transferred')"
# An id that sorts by its instant, as those that the service gives.
ID_AT = """
create function id_at(at timestamptz) returns uuid language sql volatile set search_path = pg_catalog, public as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$
"""
FOLLOW = f"""
create function follow_file(left_file uuid, into_file uuid, numbers bytea[], at timestamptz)
returns table (application_id uuid, person_id uuid) language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  file household;
  keeper text;
  each application;
begin
  select * into file from household h where h.id = into_file;
  if not (into_file = left_file or file.split_from_id is not distinct from left_file or exists (
    select 1 from household h where h.id = left_file and h.merged_into_id = into_file)) then
    return;
  end if;
  select o.name into keeper from organisation o
    where o.id = coalesce(file.unit_id, file.street_id, file.district_id, file.city_id);
  for each in
    select * from application a where a.household_id = left_file and a.state not in {ENDED}
      and (numbers is null or exists (
        select 1 from person p where p.id = a.applicant_id and p.id_number_index = any(numbers)))
    order by a.id for update
  loop
    if each.state = 'paying' and into_file <> left_file then
      -- Nothing is paid on the word of another file's plan: it is started again, under a measure of this one's.
      insert into passage (id, created_at, application_id, round, action, from_state, to_state, counts_as_review)
      values (id_at(at), at, each.id, each.round, 'stop_payment', 'paying', 'approved', false);
      insert into out_message (id, created_at, name, body)
      values (id_at(at), at, 'ApplicationMoved', jsonb_build_object('application_id', each.id, 'kind', each.kind,
        'action', 'stop_payment', 'from_state', 'paying', 'to_state', 'approved', 'round', each.round::text));
      each.state := 'approved';
    end if;
    update application a set household_id = into_file, state = each.state, organisation_name = keeper,
      measure_id = case when into_file = left_file then a.measure_id end, city_id = file.city_id,
      district_id = file.district_id, street_id = file.street_id, unit_id = file.unit_id,
      version = a.version + 1, updated_at = at
    where a.id = each.id;
    insert into passage (id, created_at, application_id, round, action, from_state, to_state, counts_as_review)
    values (id_at(at + interval '1 millisecond'), at, each.id, each.round, 'follow_file', each.state, each.state,
      false);
    application_id := each.id;
    person_id := each.applicant_id;
    return next;
  end loop;
end $$
"""
# What is aid from the file: the insurance is not, and what was not submitted asks for nothing yet.
AWAITED = """
create function awaits_aid(asked uuid) returns boolean language sql stable security definer
set search_path = pg_catalog, public as $$
  select exists (select 1 from application where household_id = asked and kind <> 'secondary_medical'
    and state not in ('draft', 'returned', 'paid', 'rejected', 'withdrawn'))
$$
"""
LET_GO = f"""
create function let_go_of_file(asked uuid) returns void language sql security definer
set search_path = pg_catalog, public as $$
  update application set household_id = null, measure_id = null
  where household_id = asked and (state in ('draft', 'returned') or kind = 'secondary_medical' and state not in {ENDED})
    and exists (select 1 from household h where h.id = asked and h.state in {DEAD})
$$
"""
COVERS = """
create function covers_follow(request uuid, was bytea, becomes bytea) returns setof uuid language sql
security definer set search_path = pg_catalog, public as $$
  update cover c set id_number_index = becomes
  where c.id_number_index = was and was <> becomes
    and exists (select 1 from change_request r where r.id = request and r.kind = 'identity' and r.state = 'open')
    -- The number was that of somebody else after all: theirs stay theirs.
    and not exists (select 1 from person p where p.id_number_index = was and p.closed_at is null)
    and not exists (select 1 from household_member m where m.id_number_index = was and m.living)
    -- Enrolled under both: the one that is right is enough.
    and not exists (select 1 from cover o where o.id_number_index = becomes and o.area = c.area
      and daterange(o.starts_on, o.ends_on, '[]') && daterange(c.starts_on, c.ends_on, '[]'))
  returning c.id
$$
"""
UNPAYABLE = f"""
create function file_takes_payment() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if exists (select 1 from household h where h.id = new.household_id and h.state in {DEAD}) then
    raise exception 'the household file is closed' using errcode = 'check_violation', constraint = 'file_takes_payment';
  end if;
  return null;
end $$
"""
FUNCTIONS = {
    "follow_file(uuid, uuid, bytea[], timestamptz)": FOLLOW,
    "awaits_aid(uuid)": AWAITED,
    "let_go_of_file(uuid)": LET_GO,
    "covers_follow(uuid, bytea, bytea)": COVERS,
    "file_takes_payment()": UNPAYABLE,
}


def upgrade() -> None:
    policy_kinds(*KINDS, NEW_KIND)
    op.execute(ID_AT)
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(
        "create trigger living_file after update of state on application for each row when (new.state = 'paying' "
        "and new.household_id is not null and new.kind <> 'secondary_medical') execute function file_takes_payment()"
    )
    _signatures()


def _signatures() -> None:
    op.add_column(
        "visit", sa.Column("signatures_needed", sa.SmallInteger(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column(
        "visit",
        sa.Column("signed_by", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    )
    # What was ended under the rule of then stays ended.
    op.execute(
        "update visit set signed_by = case when ended_by is null then '{}' else array[ended_by] end, "
        "signatures_needed = case when ended_by is null then 0 else 1 end where state in ('ended', 'confirmed')"
    )
    op.create_check_constraint(
        op.f("ck_visit_signed"), "visit", "state <> 'confirmed' or cardinality(signed_by) >= signatures_needed"
    )


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_visit_signed"), "visit")
    op.drop_column("visit", "signed_by")
    op.drop_column("visit", "signatures_needed")
    op.execute("drop trigger living_file on application")
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
    op.execute("drop function id_at(timestamptz)")
    op.execute("alter table policy_version disable trigger guard")
    op.execute(f"delete from policy_version where kind = '{NEW_KIND}'")
    op.execute("alter table policy_version enable trigger guard")
    policy_kinds(*KINDS)
