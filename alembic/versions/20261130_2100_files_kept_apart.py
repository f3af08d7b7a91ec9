"""Who signs a household file is kept apart as for an application; whoever helped somebody on paper confirms no claim

Revision: 20261130_files_kept_apart, after 20261130_on_paper_seen

As `keep_apart` does for applications: a round of a file is signed by nobody near its head, or near somebody who signed
it. Only the help that was carried along from a round before is not looked at again. Whether somebody helped lies beyond
what they see (another union's filing, a case that moved on), so it is asked of a function that runs as `aid_jobs`, and
binding an account asks it once more.
"""

from alembic import op

revision = "20261130_files_kept_apart"
down_revision = "20261130_on_paper_seen"
branch_labels = None
depends_on = None

ME = "nullif(current_setting('app.person', true), '')::uuid"
ORGANISATIONS = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"

KEEP_FILE_APART = """
create function keep_file_apart() returns trigger language plpgsql security definer as $$
declare
  mine bytea;
  watched boolean;
  near bytea[];
begin
  if new.action = 'assist' and exists (select 1 from public.household_passage b
      where b.household_id = new.household_id and b.round < new.round and b.person_id = new.person_id
        and b.action = 'assist') then
    return new;
  end if;
  select p.id_number_index, p.has_near into mine, watched from public.person p where p.id = new.person_id;
  if mine is null then
    raise exception 'whoever signs has proved who they are'
      using errcode = 'check_violation', constraint = 'ck_household_passage_known';
  end if;
  if not watched then
    return new;
  end if;
  near := public.numbers_near(new.person_id);
  if exists (select 1 from public.person p
      where p.id = any (
          (select array_agg(s.person_id) from public.household_passage s
            where s.household_id = new.household_id and s.round = new.round and s.counts_as_review
              and s.person_id <> new.person_id)
          || (select h.person_id from public.household h where h.id = new.household_id))
        and p.id_number_index = any (near)) then
    raise exception 'whoever signs is near somebody who signed, or the head'
      using errcode = 'check_violation', constraint = 'ck_household_passage_apart';
  end if;
  return new;
end $$
"""
# Yes or no, about the caller and those near to them, to who has the keyed index: whether they filled in, confirmed or
# handed in anything on paper for whoever has this identity number. What was confirmed or handed in has its passage,
# which stays when a number is put right.
HAS_HELPED = f"""
create function has_helped(asked bytea) returns boolean language plpgsql stable security definer
set search_path = pg_catalog, public as $$
declare
  me uuid := {ME};
  near uuid[] := me || array(select p.id from person p where p.id_number_index = any (numbers_near(me)));
begin
  return exists (select 1 from proxy_filing f
      where f.id_number_index = asked and (f.assisted_by = any (near) or f.confirmed_by = any (near)))
    or exists (select 1 from proxy_application f
      where f.id_number_index = asked and (f.assisted_by = any (near) or f.confirmed_by = any (near)))
    or exists (select 1 from person p join household h on h.person_id = p.id
        join household_passage s on s.household_id = h.id
      where p.id_number_index = asked and s.action = 'assist' and s.person_id = any (near))
    or exists (select 1 from person p join application a on a.applicant_id = p.id
        join passage s on s.application_id = a.id
      where p.id_number_index = asked and s.action = 'assist' and s.person_id = any (near));
end $$
"""
BIND_ACCOUNT = """
create or replace function bind_account(asked uuid, at timestamptz) returns boolean language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  door text := coalesce(current_setting('app.door', true), '');
  who uuid := nullif(current_setting('app.person', true), '')::uuid;
  claim account_claim;
begin
  select * into claim from account_claim where id = asked and state = 'open' and expires_at > at;
  -- What is unknown (a claim without a proof yet) is no yes.
  if not found or (
    (door = 'worker' and who = claim.claimant_id and claim.proof = 'phone')
    or (door = 'staff' and who not in (claim.claimant_id, claim.person_id)
      and array[claim.city_id, claim.district_id, claim.street_id, claim.unit_id] && {organisations}{apart})
  ) is not true then
    return false;
  end if;
  perform 1 from person p where p.id in (claim.claimant_id, claim.person_id) order by p.id for update;
  if not exists (select 1 from person p where p.id = claim.claimant_id and p.closed_at is null
        and p.id_number_index is null and p.openid_index = claim.openid_index)
    or not exists (select 1 from person p where p.id = claim.person_id and p.closed_at is null
        and p.openid_index is null and p.id_number_index = claim.id_number_index)
    or exists (select 1 from post where post.person_id = claim.claimant_id and post.ended_at is null)
    or exists (select 1 from household h where h.person_id = claim.claimant_id
        and h.state not in ('rejected','withdrawn','lifted','cancelled','transferred')) then
    return false;
  end if;
  update person set closed_at = at, version = version + 1 where id = claim.claimant_id;
  update person set openid = claim.openid, openid_index = claim.openid_index, unionid_index = claim.unionid_index,
    phone = coalesce(claim.phone, phone), phone_index = coalesce(claim.phone_index, phone_index),
    phone_masked = coalesce(claim.phone_masked, phone_masked), version = version + 1
  where id = claim.person_id;
  update session set person_id = claim.person_id where person_id = claim.claimant_id;
  update file set person_id = claim.person_id where person_id = claim.claimant_id;
  update consent c set person_id = claim.person_id
  where c.person_id = claim.claimant_id and not (c.withdrawn_at is null and exists (
    select 1 from consent o where o.person_id = claim.person_id and o.purpose = c.purpose
      and o.text_version = c.text_version and o.withdrawn_at is null));
  return true;
end $$
"""
APART = "\n      and not has_helped(claim.id_number_index)"
CALLERS = {"keep_file_apart()": (KEEP_FILE_APART, ()), "has_helped(bytea)": (HAS_HELPED, ("aid_api",))}


def upgrade() -> None:
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, (body, callers) in CALLERS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        for role in callers:
            op.execute(f"grant execute on function {signature} to {role}")
    bind_account(APART)
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(
        "create trigger keep_apart before insert on household_passage for each row "
        "when (new.counts_as_review and new.person_id is not null) execute function keep_file_apart()"
    )
    op.create_index("ix_proxy_filing_number", "proxy_filing", ["id_number_index"])


def downgrade() -> None:
    op.drop_index("ix_proxy_filing_number", "proxy_filing")
    op.execute("drop trigger keep_apart on household_passage")
    bind_account("")
    for signature in CALLERS:
        op.execute(f"drop function {signature}")


def bind_account(apart: str) -> None:
    """Its owner and who may call it stay what they are."""
    op.execute(BIND_ACCOUNT.format(organisations=ORGANISATIONS, apart=apart))
