"""Filing on paper and what follows: applications for a worker, accounts taken over, attempts counted, changes taken back

Revision: 20261125_paper, after 20261125_loose_ends
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_paper"
down_revision = "20261125_loose_ends"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
OWN_NUMBER = f"id_number_index = (select p.id_number_index from person p where p.id = {WORKER})"
IN_REACH = (
    "array[city_id, district_id, street_id, unit_id] && (select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
FORMS = ("household", "application")
EVIDENCE = ("household_exit", "visit", "discrepancy", "proxy_filing", "match_authorisation")
ORGANISATIONS = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"
# Runs as aid_jobs: whether a member has an account at all is out of the caller's sight. It answers the one consent that
# a list for a department needs, of members of living files within the reach alone.
CONSENTS_OF_NUMBERS = f"""
create function consents_of_numbers(asked bytea[], wanted text) returns table (id_number_index bytea, consent_id uuid)
language sql stable security definer set search_path = pg_catalog, public as $$
  select p.id_number_index, c.id
  from person p join consent c on c.person_id = p.id
  where current_setting('app.door', true) = 'staff' and p.id_number_index = any(asked)
    and p.closed_at is null and p.verified_at is not null
    and c.purpose = 'data_matching' and c.withdrawn_at is null and c.text_sha256 = wanted
    and exists (
      select 1 from household_member m join household h on h.id = m.household_id
      where m.id_number_index = p.id_number_index and m.living
        and array[h.city_id, h.district_id, h.street_id, h.unit_id] && {ORGANISATIONS})
$$
"""
# Runs as aid_jobs, for who has the keyed index of an identity number: what is sealed stays sealed. The row is held, so
# that of two who want it the second sees what the first did with it.
PERSON_ON_PAPER = """
create function person_on_paper(asked bytea) returns table (id uuid, name bytea, phone bytea, organisation_id uuid)
language sql security definer set search_path = pg_catalog, public as $$
  select p.id, p.name, p.phone, p.organisation_id from person p
  where p.id_number_index = asked and p.openid_index is null and p.closed_at is null and p.verified_at is not null
  for update
$$
"""
# Runs as aid_jobs: what staff uploaded for a worker is the worker's from their confirmation on; not where it is named
# by something else as well.
HAND_OVER_FILES = """
create function hand_over_files(asked uuid) returns integer language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  handed integer;
begin
  update file set person_id = a.applicant_id
  from proxy_application p join application a on a.id = p.application_id
    join file_use u on u.subject_kind = 'proxy_application' and u.subject_id = p.id and u.living
  where p.id = asked and p.state = 'confirmed' and file.id = u.file_id and file.person_id = p.assisted_by
    and not exists (select 1 from file_use o where o.file_id = file.id and o.living
      and o.subject_id not in (p.id, a.id));
  get diagnostics handed = row_count;
  return handed;
end $$
"""
# Whoever assisted has signed the round that a return opens as well: of the index of reviews, one per person and round.
CARRY_ASSISTANCE = """
create function carry_assistance() returns trigger language plpgsql as $$
begin
  insert into passage (id, created_at, application_id, round, person_id, post_role, organisation_name, action,
    from_state, to_state, counts_as_review)
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(int8send(
      floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid,
    new.created_at, p.application_id, new.round + 1, p.person_id, p.post_role, p.organisation_name, 'assist',
    new.to_state, new.to_state, true
  from passage p
  where p.application_id = new.application_id and p.round = new.round and p.action = 'assist'
  order by p.id;
  return null;
end $$
"""
# Runs as aid_jobs, for the claimant with the phone on file or for staff of the person's union who saw them, and does
# nothing unless the one has no identity, no post and no file, and the other no WeChat. Both are held: of two claims the
# second finds the person bound. What was the claimant's is the person's from then on.
BIND_ACCOUNT = f"""
create function bind_account(asked uuid, at timestamptz) returns boolean language plpgsql security definer
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
      and array[claim.city_id, claim.district_id, claim.street_id, claim.unit_id] && {ORGANISATIONS})
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
# Runs as aid_jobs, and says yes or no to who has the keyed index of a phone number.
IS_PHONE_OF_ANOTHER = """
create function is_phone_of_another(asked bytea, claimant uuid, person uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, public as $$
  select exists (select 1 from public.person p where p.phone_index = asked and p.closed_at is null
    and p.id not in (claimant, is_phone_of_another.person))
$$
"""
FUNCTIONS = {
    "bind_account(uuid, timestamptz)": BIND_ACCOUNT,
    "is_phone_of_another(bytea, uuid, uuid)": IS_PHONE_OF_ANOTHER,
    "person_on_paper(bytea)": PERSON_ON_PAPER,
    "hand_over_files(uuid)": HAND_OVER_FILES,
    "consents_of_numbers(bytea[], text)": CONSENTS_OF_NUMBERS,
}
UNDECIDED = "(state in ('open','withdrawn'))"


def upgrade() -> None:
    op.add_column("change_request", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    check("change_request", "state", "state in ('open','approved','rejected','withdrawn')")
    check("change_request", "decided", decided(UNDECIDED))
    op.create_check_constraint(
        op.f("ck_change_request_withdrawn"), "change_request", "(state = 'withdrawn') = (withdrawn_at is not null)"
    )
    check("bank_card", "state", "state in ('current','pending','replaced','refused','withdrawn')")
    attempts()
    proxy_applications()
    account_claims()
    # What was written down of a household that was lifted is in the copy of its head's data.
    op.execute(f"create policy own on watch_task for select to aid_api using (head_id = {WORKER})")
    functions()


def attempts() -> None:
    """Counts of keyed hashes, which say nothing of anybody; every door counts, also before it is known who is there."""
    op.create_table(
        "attempt",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_attempt_count")),
        sa.PrimaryKeyConstraint("kind", "subject_index", name=op.f("pk_attempt")),
    )
    op.execute("alter table attempt enable row level security, force row level security")
    op.execute("create policy api on attempt to aid_api using (true) with check (true)")
    op.execute("create policy jobs on attempt to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on attempt to aid_api")
    op.execute("grant select, insert, update, delete on attempt to aid_jobs")


def proxy_applications() -> None:
    table = "proxy_application"
    op.create_table(
        table,
        *identified(),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("id_number_index", "id_number", "name")),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_masked", sa.String(20), nullable=False),
        *scoped(table),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("assisted_by", sa.Uuid(), nullable=False),
        sa.Column("post_role", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_role", sa.String(32), nullable=True),
        sa.Column("confirmed_organisation", sa.String(100), nullable=True),
        sa.Column("signature_file_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        checked(table, "kind", "kind in ('hardship_aid','golden_autumn','secondary_medical')"),
        checked(table, "state", "state in ('open','confirmed','declined')"),
        checked(
            table,
            "confirmed",
            "(state = 'confirmed') = (application_id is not null and confirmed_by is not null)",
        ),
        checked(table, "ended", "(state = 'open') = (ended_at is null)"),
        checked(
            table,
            "second_person",
            "signature_file_id is null or (confirmed_by <> assisted_by and confirmed_role is not null)",
        ),
        refers(table, "application_id", "application"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        f"uq_{table}_open", table, ["id_number_index", "kind", "period"], unique=True, postgresql_where=is_open
    )
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"], postgresql_where=is_open)
    op.create_index(
        f"uq_{table}_became", table, ["application_id"], unique=True,
        postgresql_where=sa.text("application_id is not null"),
    )  # fmt: skip
    op.create_index(f"ix_{table}_number", table, ["id_number_index"])
    wall(table, f"({OWN_NUMBER}) or {IN_REACH}")
    op.execute(CARRY_ASSISTANCE)
    op.execute("revoke execute on function carry_assistance() from public")
    op.execute(
        "create trigger carry_assistance after insert on passage for each row when (new.action = 'return') "
        "execute function carry_assistance()"
    )
    evidence((*EVIDENCE, table))
    file_uses((*FORMS, *EVIDENCE, table))


def account_claims() -> None:
    op.add_column("person", sa.Column("phone_index", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_person_phone", "person", ["phone_index"],
        postgresql_where=sa.text("closed_at is null and phone_index is not null"),
    )  # fmt: skip
    table = "account_claim"
    op.create_table(
        table,
        *identified(),
        sa.Column("claimant_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("person_masked", sa.String(60), nullable=False),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=False),
        *scoped(table),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("openid", "openid_index")),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("unionid_index", "phone", "phone_index")),
        sa.Column("phone_masked", sa.String(20), nullable=True),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("proof", sa.String(8), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_role", sa.String(32), nullable=True),
        sa.Column("decided_organisation", sa.String(100), nullable=True),
        checked(table, "state", "state in ('open','bound','refused','replaced')"),
        checked(table, "proof", "proof in ('phone','staff')"),
        checked(table, "ended", "(state = 'open') = (ended_at is null)"),
        checked(table, "proved", "state <> 'bound' or proof is not null"),
        checked(table, "decided", "proof is distinct from 'staff' or decided_by is not null"),
        checked(table, "second_person", "decided_by not in (claimant_id, person_id)"),
        refers(table, "claimant_id", "person"),
        refers(table, "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(f"uq_{table}_open", table, ["claimant_id"], unique=True, postgresql_where=is_open)
    op.create_index(f"uq_{table}_bound", table, ["person_id"], unique=True, postgresql_where=sa.text("state = 'bound'"))
    op.create_index(f"ix_{table}_person", table, ["person_id"])
    op.create_index(f"ix_{table}_claimant", table, ["claimant_id", "created_at", "id"])
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"], postgresql_where=is_open)
    wall(table, f"claimant_id = {WORKER} or person_id = {WORKER} or {IN_REACH}")


def evidence(kinds: tuple[str, ...]) -> None:
    """Each kind is called as its table, whose own wall says who may see what it names."""
    branches = " ".join(
        f"when '{kind}' then return exists (select 1 from {kind} s where s.id = asked);" for kind in kinds
    )
    op.execute(
        "create or replace function is_evidence_i_see(asked_kind text, asked uuid) returns boolean "
        f"language plpgsql stable as $$ begin case asked_kind {branches} else return false; end case; end $$"
    )


def file_uses(kinds: tuple[str, ...]) -> None:
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in {kinds})")


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


def wall(table: str, policy: str) -> None:
    op.execute(f"alter table {table} enable row level security, force row level security")
    op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
    op.execute(f"grant select, insert, update on {table} to aid_api, aid_jobs")


def functions() -> None:
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def seen_whole(table: str, statement: str) -> None:
    """By the owner, whom the wall of the table otherwise stops too."""
    op.execute(f"alter table {table} no force row level security")
    op.execute(statement)
    op.execute(f"alter table {table} force row level security")


def decided(undecided: str) -> str:
    columns = ("decided_at", "decided_by", "decided_by_number_index")
    return " and ".join(f"{undecided} = ({column} is null)" for column in columns)


def check(table: str, name: str, condition: str) -> None:
    """The check of this name says this from now on."""
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    """What was taken back goes: without a decider it cannot be told as refused."""
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
    op.execute("drop policy own on watch_task")
    op.drop_table("account_claim")
    op.drop_index("ix_person_phone", "person")
    op.drop_column("person", "phone_index")
    op.drop_table("attempt")
    op.execute("drop trigger carry_assistance on passage")
    op.execute("drop function carry_assistance()")
    seen_whole("file_use", "delete from file_use where subject_kind = 'proxy_application'")
    file_uses((*FORMS, *EVIDENCE))
    evidence(EVIDENCE)
    op.drop_table("proxy_application")
    taken_back = "(select id from change_request where state = 'withdrawn')"
    seen_whole("bank_card", "update bank_card set state = 'refused' where state = 'withdrawn'")
    seen_whole("payment_hold", f"delete from payment_hold where id in {taken_back}")
    seen_whole("change_request", "delete from change_request where state = 'withdrawn'")
    check("bank_card", "state", "state in ('current','pending','replaced','refused')")
    op.drop_constraint(op.f("ck_change_request_withdrawn"), "change_request", type_="check")
    check("change_request", "decided", decided("(state = 'open')"))
    check("change_request", "state", "state in ('open','approved','rejected')")
    op.drop_column("change_request", "withdrawn_at")
