"""What waits for somebody without WeChat is seen by those who may help, and never waits for nobody

Revision: 20261130_on_paper_seen, after 20261130_filled_in_anew

Such a worker can do nothing themselves when something comes back to them. And where everybody at a stage helped them
fill in their papers, the level above takes the step, as where everybody is related to them. Whoever has WeChat sees the
documents that staff uploaded for them before they confirm.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_on_paper_seen"
down_revision = "20261130_filled_in_anew"
branch_labels = None
depends_on = None

# Ids alone, to staff, of what waits and of what is filled in for it by now: what they may see of them, the walls of the
# tables say.
CASES_ON_PAPER = """
create function cases_on_paper() returns table (id uuid, filing_id uuid) language sql stable rows 100
security definer set search_path = pg_catalog, public as $$
  with someone as (
    select p.id, p.id_number_index from person p
    where p.openid_index is null and p.closed_at is null and current_setting('app.door', true) = 'staff'
  )
  select a.id, (select f.id from proxy_application f where f.returned_id = a.id and f.state = 'open' limit 1)
  from someone s join application a on a.applicant_id = s.id
  where a.state = 'returned' or a.supplement = 'open'
  union all
  select h.id, (
    select f.id from proxy_filing f where f.id_number_index = s.id_number_index and f.state = 'open'
      and (f.city_id, f.district_id, f.street_id, f.unit_id)
        is not distinct from (h.city_id, h.district_id, h.street_id, h.unit_id) limit 1)
  from someone s join household h on h.person_id = s.id
  where h.state = 'returned'
$$
"""
SCOPE = "(a.city_id, a.district_id, a.street_id, a.unit_id)"
# Whether everybody with one of these roles over a case must stand aside, at least one of them for being related to the
# applicant, or for having helped (they, or somebody near to them): a post that nobody holds, or whose holder has only
# signed already, lifts nothing.
STAGE_IS_STUCK = f"""
create or replace function stage_is_stuck(asked uuid, wanted text[], today date) returns boolean language plpgsql stable
security definer set search_path = pg_catalog, public as $$
begin
  return (
    select coalesce(bool_or(held.recused{{or_helped}}), false)
      and coalesce(bool_and(held.recused or held.signed), false)
    from (
      select is_recused(w.person_id, a.id) as recused, exists (
          select 1 from passage s join person q on q.id in (s.person_id, s.on_behalf_of)
          where s.application_id = a.id and s.round = a.round and s.counts_as_review
            and (q.id = w.person_id or q.id_number_index = any (numbers_near(w.person_id)))) as signed{{helped}}
      from application a join lateral (
        select distinct p.person_id from post p
        where p.organisation_id in {SCOPE} and p.role = any (wanted) and p.ended_at is null and p.from_date <= today
      ) w on true
      where a.id = asked
    ) held);
end $$
"""
# Yes or no, to staff: whether somebody is left to take up what is handed in under these unions, beside some people and
# whoever is near to them.
IS_ANYBODY_LEFT = """
create function is_anybody_left(unions uuid[], roles text[], beside uuid[], today date) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, public as $$
begin
  return current_setting('app.door', true) = 'staff' and exists (
    select 1 from post p
    where p.organisation_id = any (unions) and p.role = any (roles) and p.ended_at is null and p.from_date <= today
      and not exists (select 1 from person q where q.id = any (beside)
        and (q.id = p.person_id or q.id_number_index = any (numbers_near(p.person_id)))));
end $$
"""
# What staff uploaded for a worker who has to confirm it: the walls of what names it say whether it is theirs.
FILLED_IN = """
create function is_filled_in_for_me(asked uuid) returns boolean language plpgsql stable as $$
begin
  return current_setting('app.door', true) = 'worker' and exists (
    select 1 from file_use u where u.file_id = asked and u.living
      and u.subject_kind in ('proxy_application', 'proxy_filing'));
end $$
"""
HELPED = """, exists (
          select 1 from passage s join person q on q.id = s.person_id
          where s.application_id = a.id and s.round = a.round and s.action = 'assist'
            and (q.id = w.person_id or q.id_number_index = any (numbers_near(w.person_id)))) as helped"""

DEFINERS = {
    "cases_on_paper()": CASES_ON_PAPER,
    "is_anybody_left(uuid[], text[], uuid[], date)": IS_ANYBODY_LEFT,
}


def upgrade() -> None:
    # Whoever has no WeChat are few, and so are those who helped with a case.
    op.create_index(
        "ix_person_on_paper", "person", ["id"], postgresql_where=sa.text("openid_index is null and closed_at is null")
    )
    # What a worker declined is nobody's any more, as what was withdrawn.
    op.execute("alter table file_use no force row level security")
    op.execute("alter table proxy_application no force row level security")
    op.execute(
        "update file_use set living = false where subject_kind = 'proxy_application' and living "
        "and subject_id in (select id from proxy_application where state = 'declined')"
    )
    op.execute("alter table proxy_application force row level security")
    op.execute("alter table file_use force row level security")
    op.create_index("ix_passage_helped", "passage", ["person_id"], postgresql_where=sa.text("action = 'assist'"))
    stuck(" or held.helped", HELPED)
    op.execute(FILLED_IN)
    op.execute("revoke execute on function is_filled_in_for_me(uuid) from public")
    op.execute("grant execute on function is_filled_in_for_me(uuid) to aid_api")
    op.execute("create policy after_filled_in on file for select to aid_api using (is_filled_in_for_me(id))")
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in DEFINERS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def downgrade() -> None:
    for signature in DEFINERS:
        op.execute(f"drop function {signature}")
    op.execute("drop policy after_filled_in on file")
    op.execute("drop function is_filled_in_for_me(uuid)")
    stuck("", "")
    op.drop_index("ix_passage_helped", "passage")
    op.drop_index("ix_person_on_paper", "person")


def stuck(or_helped: str, helped: str) -> None:
    op.execute(STAGE_IS_STUCK.format(or_helped=or_helped, helped=helped))
