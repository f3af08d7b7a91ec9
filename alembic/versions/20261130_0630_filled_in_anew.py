"""What staff do for a worker without WeChat: fill in anew what was returned, hand in what was asked for, take back

Revision: 20261130_filled_in_anew, after 20261130_lighter_drawing

Whoever helps is kept apart from who decides in this round and all that follow, in whichever way they begin. Only what is
carried along from a round before is not looked at again: it keeps nobody from returning. The card that such a worker is
paid to is written down with the application: who has no household file has no other way.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "20261130_filled_in_anew"
down_revision = "20261130_lighter_drawing"
branch_labels: str | Sequence[str] | None = None
depends_on = None

KEEP_APART = """
create or replace function keep_apart() returns trigger language plpgsql security definer as $$
declare
  mine bytea;
  watched boolean;
  near bytea[];
begin{carried}
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
CARRIED = """
  if new.action = 'assist' and exists (select 1 from public.passage b
      where b.application_id = new.application_id and b.round < new.round and b.person_id = new.person_id
        and b.action = 'assist') then
    return new;
  end if;"""
# Whichever way a round begins: whoever helped before is held to have helped with it. Before the row, so that they take
# no step of it even in the statement that begins it.
CARRY_ON = """
create function {name}() returns trigger language plpgsql as $$
begin
  insert into {passage} (id, created_at, {of}, round, person_id, post_role, organisation_name, action, from_state,
    to_state, counts_as_review)
  select id_at(new.updated_at), new.updated_at, new.id, new.round, p.person_id, p.post_role, p.organisation_name,
    'assist', new.state, new.state, true
  from (
    select distinct on (b.person_id) b.person_id, b.post_role, b.organisation_name from {passage} b
    where b.{of} = new.id and b.action = 'assist' order by b.person_id, b.id
  ) p
  on conflict do nothing;
  return new;
end $$
"""
CARRIED_ON = {
    "application": {"name": "carry_on_assistance", "passage": "passage", "of": "application_id"},
    "household": {"name": "carry_on_file_assistance", "passage": "household_passage", "of": "household_id"},
}
SIGNED = "new.counts_as_review and new.person_id is not null"


# What somebody without WeChat brings is theirs, once it was handed in by whoever signed the round for that.
HAND_OVER = """
create function hand_over_supplement(asked uuid) returns integer language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  handed integer;
begin
  update file set person_id = s.applicant_id
  from supplement s join file_use u on u.subject_kind = 'supplement' and u.subject_id = s.id and u.living
  where s.id = asked and s.state = 'answered' and file.id = u.file_id
    and exists (select 1 from passage p where p.application_id = s.application_id and p.round = s.round
      and p.action = 'assist' and p.person_id = file.person_id)
    and not exists (select 1 from file_use o where o.file_id = file.id and o.living and o.subject_id <> s.id);
  get diagnostics handed = row_count;
  return handed;
end $$
"""
RETURNED = "state <> 'confirmed' or returned_id is null or returned_id = application_id"
BECAME = "application_id is not null"
OPEN = ["id_number_index", "kind", "period"]
TIERS = ["city_id", "district_id", "street_id", "unit_id"]
STATES = {"proxy_application": ("open", "confirmed", "declined"), "proxy_filing": ("open", "confirmed")}


def upgrade() -> None:
    kept_apart(CARRIED, SIGNED)
    for table, names in CARRIED_ON.items():
        op.execute(CARRY_ON.format(**names))
        op.execute(f"revoke execute on function {names['name']}() from public")
        op.execute(
            f"create trigger carry_on before update of round on {table} for each row when (new.round > old.round) "
            f"execute function {names['name']}()"
        )
    op.add_column("proxy_application", sa.Column("bank_card", sa.LargeBinary(), nullable=True))
    op.add_column("proxy_application", sa.Column("returned_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_proxy_application_returned_id_application"),
        "proxy_application",
        "application",
        ["returned_id"],
        ["id"],
    )
    op.create_check_constraint(op.f("ck_proxy_application_returned"), "proxy_application", RETURNED)
    became(f"{BECAME} and returned_id is null")
    # What one union has open is no business of another's.
    one_open([*OPEN, *TIERS], postgresql_nulls_not_distinct=True)
    for table, states in STATES.items():
        check_states(table, (*states, "withdrawn"))
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    op.execute(HAND_OVER)
    op.execute("revoke execute on function hand_over_supplement(uuid) from public")
    op.execute("alter function hand_over_supplement(uuid) owner to aid_jobs")
    op.execute("grant execute on function hand_over_supplement(uuid) to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def downgrade() -> None:
    for table, names in CARRIED_ON.items():
        op.execute(f"drop trigger carry_on on {table}")
        op.execute(f"drop function {names['name']}()")
    # Of several filings that became one application, the first is the one that opened it.
    seen_whole(
        "proxy_application",
        "update proxy_application set application_id = null, state = 'declined', confirmed_by = null, "
        "confirmed_role = null, signature_file_id = null where returned_id is not null and state = 'confirmed'",
    )
    op.execute("drop function hand_over_supplement(uuid)")
    seen_whole("proxy_application", "update proxy_application set state = 'declined' where state = 'withdrawn'")
    seen_whole("proxy_filing", "delete from proxy_filing where state = 'withdrawn'")
    for table, states in STATES.items():
        check_states(table, states)
    # Of those that several unions have open, the first stays.
    seen_whole(
        "proxy_application",
        "update proxy_application p set state = 'declined', ended_at = now() where p.state = 'open' and exists ("
        "select 1 from proxy_application o where o.state = 'open' and o.id < p.id and o.kind = p.kind "
        "and o.period = p.period and o.id_number_index = p.id_number_index)",
    )
    one_open(OPEN)
    became(BECAME)
    op.drop_column("proxy_application", "returned_id")
    op.drop_column("proxy_application", "bank_card")
    kept_apart("", f"{SIGNED} and (new.action <> 'assist' or new.round = 1)")


def seen_whole(table: str, statement: str) -> None:
    """By the owner, whom the wall of the table otherwise stops too."""
    op.execute(f"alter table {table} no force row level security")
    op.execute(statement)
    op.execute(f"alter table {table} force row level security")


def one_open(columns: Sequence[str], **how: bool) -> None:
    op.drop_index("uq_proxy_application_open", "proxy_application")
    op.create_index(
        "uq_proxy_application_open", "proxy_application", columns, unique=True,
        postgresql_where=sa.text("state = 'open'"), **how,
    )  # fmt: skip


def check_states(table: str, states: Sequence[str]) -> None:
    op.drop_constraint(op.f(f"ck_{table}_state"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_state"), table, f"state in ({','.join(map(repr, states))})")


def became(where: str) -> None:
    op.drop_index("uq_proxy_application_became", "proxy_application")
    op.create_index(
        "uq_proxy_application_became",
        "proxy_application",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text(where),
    )


def kept_apart(carried: str, looked_at: str) -> None:
    op.execute(KEEP_APART.replace("{carried}", carried))
    op.execute(
        "create or replace trigger keep_apart before insert on passage for each row "
        f"when ({looked_at}) execute function keep_apart()"
    )
