"""What the database itself refuses of payments, and what it says to whoever pays

Revision: 20261130_payment_guards, after 20261130_payments
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_payment_guards"
down_revision = "20261130_payments"
branch_labels = None
depends_on = None

ME = "nullif(current_setting('app.person', true), '')::uuid"
MINE = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"
AS_STAFF = "coalesce(current_setting('app.door', true), '') = 'staff'"
DUE = "a.amount_fen - coalesce(a.paid_before_fen, 0)"

# Everything that keeps an application out of a batch and that its maker cannot see; nothing that says more than that.
STANDING = f"""
create function payment_standing(asked uuid[]) returns table (
  application_id uuid, card_id uuid, card_masked varchar, bank_name varchar, checked varchar, card_shared boolean,
  noticed boolean, appealed boolean, in_batch boolean, signed boolean, near boolean, reissue_of uuid)
language plpgsql stable security definer set search_path = pg_catalog, public as $$
declare
  me uuid := {ME};
  numbers bytea[] := coalesce(numbers_near(me), '{{}}');
  mine uuid[] := {MINE};
begin
  if not {AS_STAFF} then
    return;
  end if;
  return query
    select a.id, c.id, c.number_masked, c.bank_name, c.checked,
      exists (select 1 from bank_card o join person q on q.id = o.person_id join person p on p.id = c.person_id
        where o.number_index = c.number_index and o.state = 'current' and o.person_id <> c.person_id
          and not exists (select 1 from household_member x join household_member y on y.household_id = x.household_id
            where x.living and y.living and x.id_number_index = p.id_number_index
              and y.id_number_index = q.id_number_index)),
      a.kind = 'secondary_medical' or (
        exists (select 1 from notice n where n.application_id = a.id and n.round = a.round and n.state = 'ended')
        and not exists (select 1 from notice n where n.application_id = a.id and n.round = a.round
          and n.state in ('open', 'suspended'))),
      exists (select 1 from appeal l where l.application_id = a.id and l.state in ('at_district', 'at_city')),
      exists (select 1 from payment_line l where l.application_id = a.id and l.state in ('waiting', 'sent')),
      exists (select 1 from passage s where s.application_id = a.id and s.round = a.round and s.counts_as_review
        and me in (s.person_id, s.on_behalf_of) and s.action not in ('start_payment', 'check_payment')),
      exists (select 1 from passage s join person p on p.id in (s.person_id, s.on_behalf_of)
        where s.application_id = a.id and s.round = a.round and s.counts_as_review
          and p.id <> me and p.id_number_index = any (numbers)),
      (select l.id from payment_line l where l.application_id = a.id and l.state in ('failed', 'returned')
        and not exists (select 1 from payment_line n where n.reissue_of = l.id and n.state <> 'dropped')
        order by l.created_at desc, l.id desc limit 1)
    from unnest(asked) as each (id) join application a on a.id = each.id
    left join bank_card c on c.person_id = a.applicant_id and c.state = 'current'
    where array[a.city_id, a.district_id, a.street_id, a.unit_id] && mine;
end $$
"""
# The sealed number and name of each card of a batch, to its maker as the file is written and to nobody else.
CARDS_OF_BATCH = f"""
create function cards_of_batch(asked uuid) returns table (
  line_id uuid, card_id uuid, holder bytea, number bytea, branch varchar)
language sql stable security definer set search_path = pg_catalog, public as $$
  select l.id, c.id, c.holder, c.number, c.branch
  from payment_batch b join payment_line l on l.batch_id = b.id join bank_card c on c.id = l.card_id
  where b.id = asked and b.state = 'confirmed' and b.maker_id = {ME} and {AS_STAFF}
$$
"""
# Cards that a payment waits for, or soon will, within the reach of whoever asks: masked, as a case shows them.
CARDS_TO_CHECK = f"""
create function cards_to_check(asked uuid[], after_at timestamptz, after_id uuid, size int) returns table (
  card_id uuid, person_id uuid, card_masked varchar, bank_name varchar, branch varchar, checked varchar,
  application_id uuid, number varchar, applicant_masked varchar, organisation_name varchar, submitted_at timestamptz,
  city_id uuid, district_id uuid, street_id uuid, unit_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, public as $$
declare
  mine uuid[] := {MINE};
begin
  if not {AS_STAFF} then
    return;
  end if;
  return query
    select c.id, c.person_id, c.number_masked, c.bank_name, c.branch, c.checked, a.id, a.number, a.applicant_masked,
      a.organisation_name, a.submitted_at, a.city_id, a.district_id, a.street_id, a.unit_id
    from application a join bank_card c on c.person_id = a.applicant_id and c.state = 'current'
    where a.state in ('public_notice', 'approved', 'payment_failed')
      and (a.city_id = any (mine) or a.district_id = any (mine) or a.street_id = any (mine) or a.unit_id = any (mine))
      and c.checked is distinct from 'passed' and a.applicant_id <> {ME}
      and (asked is null or c.id = any (asked))
      and (after_id is null or (a.submitted_at, a.id) > (after_at, after_id))
    order by a.submitted_at, a.id limit size;
end $$
"""
IS_SENT = """
create function is_payment_sent(asked uuid) returns boolean language sql stable security definer
set search_path = pg_catalog, public as $$
  select exists (select 1 from payment_line l where l.application_id = asked and l.state = 'sent')
$$
"""
# What a bank has been told is not taken back by a step: whoever tries was overtaken.
KEEP_SENT = """
create function keep_sent_payment() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if exists (select 1 from payment_line l where l.application_id = new.id and l.state = 'sent') then
    raise exception 'a bank has been told of this payment'
      using errcode = 'check_violation', constraint = 'payment_sent', table = 'application';
  end if;
  return new;
end $$
"""
BATCH_GUARD = f"""
create function payment_batch_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  moves text[] := array['state', 'version', 'content', 'sha256', 'frozen_at', 'confirmed_at', 'checker_id',
    'checker_role', 'checker_organisation', 'checker_for', 'checker_said', 'file', 'file_sha256', 'exported_at',
    'settled_at', 'cancelled_at'];
  near bytea[];
begin
  if tg_op = 'INSERT' then
    if new.state <> 'built' or {AS_STAFF} and new.maker_id is distinct from {ME} then
      raise exception 'a batch is built by its maker' using errcode = 'check_violation', constraint = 'ck_payment_batch_path';
    end if;
    return new;
  end if;
  if to_jsonb(new) - moves is distinct from to_jsonb(old) - moves
    or old.content is not null and (new.content, new.sha256) is distinct from (old.content, old.sha256)
    or old.checker_id is not null and (new.checker_id, new.checker_for) is distinct from (old.checker_id, old.checker_for)
    or old.file is not null and (new.file, new.file_sha256) is distinct from (old.file, old.file_sha256) then
    raise exception 'any change makes a new batch'
      using errcode = 'check_violation', constraint = 'ck_payment_batch_unchanged';
  end if;
  if (old.state, new.state) not in (('built', 'frozen'), ('frozen', 'confirmed'), ('confirmed', 'exported'),
      ('exported', 'settled'), ('built', 'cancelled'), ('frozen', 'cancelled'), ('confirmed', 'cancelled')) then
    raise exception 'a batch does not go from % to %', old.state, new.state
      using errcode = 'check_violation', constraint = 'ck_payment_batch_path';
  end if;
  if new.state = 'frozen' and (select (count(*), sum(l.amount_fen)::bigint) from payment_line l
      where l.batch_id = new.id and l.state = 'waiting') is distinct from (new.line_count::bigint, new.total_fen) then
    raise exception 'a batch is the sum of its lines'
      using errcode = 'check_violation', constraint = 'ck_payment_batch_sum';
  end if;
  if new.state = 'confirmed' then
    if {AS_STAFF} and new.checker_id is distinct from {ME} then
      raise exception 'a batch is confirmed by its checker'
        using errcode = 'check_violation', constraint = 'ck_payment_batch_path';
    end if;
    near := numbers_near(new.checker_id);
    if near is null then
      raise exception 'whoever signs has proved who they are'
        using errcode = 'check_violation', constraint = 'ck_passage_known';
    end if;
    near := near || coalesce(numbers_near(new.checker_for), '{{}}');
    if exists (select 1 from person p where p.id in (new.maker_id, new.maker_for) and p.id_number_index = any (near)) then
      raise exception 'whoever confirms is near whoever made it'
        using errcode = 'check_violation', constraint = 'ck_passage_apart';
    end if;
  end if;
  return new;
end $$
"""
LINE_GUARD = f"""
create function payment_line_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  moves text[] := array['state', 'version', 'sent_at', 'answered_at', 'return_code', 'remedy'];
  batch_state text := (select b.state from payment_batch b where b.id = new.batch_id);
  due record;
begin
  if tg_op = 'UPDATE' then
    if to_jsonb(new) - moves is distinct from to_jsonb(old) - moves then
      raise exception 'a line is never changed' using errcode = 'check_violation', constraint = 'ck_payment_line_path';
    end if;
    if not coalesce(case old.state
        when 'waiting' then new.state = 'sent' and batch_state = 'exported'
          or new.state = 'dropped' and batch_state = 'cancelled'
        when 'sent' then new.state in ('paid', 'failed') and batch_state = 'exported'
        when 'paid' then new.state = 'returned'
        when 'failed' then new.state = 'written_off'
        when 'returned' then new.state = 'written_off' end, false) then
      raise exception 'a line does not go from % to %', old.state, new.state
        using errcode = 'check_violation', constraint = 'ck_payment_line_path';
    end if;
  elsif new.state <> 'waiting' or batch_state is distinct from 'built' then
    raise exception 'a line begins in a batch that is being built'
      using errcode = 'check_violation', constraint = 'ck_payment_line_path';
  end if;
  if new.state in ('waiting', 'sent') then
    select a.state, a.round, {DUE} as fen, a.amount_fen as granted, a.applicant_id into due
      from application a where a.id = new.application_id;
    if due.state is distinct from (case new.state when 'sent' then 'paying' else 'approved' end)
      or due.round <> new.round or due.fen is distinct from new.amount_fen then
      raise exception 'a line pays what was approved and is still to be paid'
        using errcode = 'check_violation', constraint = 'ck_payment_line_due';
    end if;
    if new.amount_fen + coalesce((select sum(l.amount_fen) from payment_line l
        where l.application_id = new.application_id and l.state = 'paid'), 0) > due.granted then
      raise exception 'never more than was approved'
        using errcode = 'check_violation', constraint = 'ck_payment_line_total';
    end if;
    if not exists (select 1 from bank_card c where c.id = new.card_id and c.person_id = due.applicant_id
        and c.state = 'current' and c.checked = 'passed') then
      raise exception 'paid to a card that was checked, of whoever applied'
        using errcode = 'check_violation', constraint = 'ck_payment_line_card';
    end if;
  end if;
  return new;
end $$
"""
CARD_GUARD = """
create function bank_card_guard() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and (new.person_id, new.number_index) is distinct from (old.person_id, old.number_index) then
    raise exception 'another number is another card' using errcode = 'check_violation';
  end if;
  if current_user = 'aid_api' and new.checked is distinct from (case tg_op when 'UPDATE' then old.checked end) then
    raise exception 'a card is checked by two of finance' using errcode = 'check_violation';
  end if;
  return new;
end $$
"""
CHECK_GUARD = f"""
create function card_check_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  moves text[] := array['state', 'decided_at', 'decided_by'];
  signer uuid := case tg_op when 'INSERT' then new.entered_by else new.decided_by end;
  near bytea[];
begin
  if tg_op = 'INSERT' and (new.state <> 'entered' or not exists (
      select 1 from bank_card c where c.id = new.card_id and c.person_id = new.person_id and c.state = 'current'))
    or tg_op = 'UPDATE' and (old.state <> 'entered' or new.state = 'entered'
      or to_jsonb(new) - moves is distinct from to_jsonb(old) - moves)
    or {AS_STAFF} and signer is distinct from {ME} then
    raise exception 'a check is entered and then decided, once'
      using errcode = 'check_violation', constraint = 'ck_card_check_path';
  end if;
  near := numbers_near(signer);
  if near is null then
    raise exception 'whoever signs has proved who they are'
      using errcode = 'check_violation', constraint = 'ck_passage_known';
  end if;
  if exists (select 1 from person p where p.id_number_index = any (near)
      and p.id in (new.person_id, case tg_op when 'UPDATE' then new.entered_by end)) then
    raise exception 'whoever checks a card is apart from its holder, and from whoever entered it'
      using errcode = 'check_violation', constraint = 'ck_passage_apart';
  end if;
  if new.state = 'confirmed' then
    update bank_card set checked = new.outcome where id = new.card_id;
  end if;
  return new;
end $$
"""
FUNCTIONS = {
    "payment_standing(uuid[])": (STANDING, ("aid_api",)),
    "cards_of_batch(uuid)": (CARDS_OF_BATCH, ("aid_api",)),
    "cards_to_check(uuid[], timestamptz, uuid, int)": (CARDS_TO_CHECK, ("aid_api",)),
    "is_payment_sent(uuid)": (IS_SENT, ("aid_api", "aid_jobs")),
    "keep_sent_payment()": (KEEP_SENT, ()),
    "payment_batch_guard()": (BATCH_GUARD, ()),
    "payment_line_guard()": (LINE_GUARD, ()),
    "card_check_guard()": (CHECK_GUARD, ()),
}
"""With those who may ask them."""
TRIGGERS = (
    "guard before insert or update on payment_batch for each row execute function payment_batch_guard()",
    "guard before insert or update on payment_line for each row execute function payment_line_guard()",
    "guard before insert or update on card_check for each row execute function card_check_guard()",
    "guard before insert or update on bank_card for each row execute function bank_card_guard()",
    "keep_sent before update of state on application for each row "
    "when (old.state = 'paying' and new.state = 'approved') execute function keep_sent_payment()",
)
FOLLOW = "follow_file(uuid, uuid, bytea[], timestamptz)"
EVERY = "order by a.id for update"
UNSENT = f"and not (a.state = 'paying' and into_file <> left_file and is_payment_sent(a.id)) {EVERY}"
"""What a bank has been told of stays with the file under whose plan it is paid."""


def upgrade() -> None:
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, (body, callers) in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        for role in callers:
            op.execute(f"grant execute on function {signature} to {role}")
    follow(EVERY, UNSENT)
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(CARD_GUARD)
    for trigger in TRIGGERS:
        op.execute(f"create trigger {trigger}")


def follow(before: str, after: str) -> None:
    """As it stands, but for this: other revisions change it as well."""
    body = op.get_bind().scalar(sa.text(f"select pg_get_functiondef('{FOLLOW}'::regprocedure)"))
    assert before in body
    op.get_bind().exec_driver_sql(body.replace(before, after))


def downgrade() -> None:
    op.execute("grant create on schema public to aid_jobs")
    follow(UNSENT, EVERY)
    op.execute("revoke create on schema public from aid_jobs")
    for trigger in TRIGGERS:
        name, _, rest = trigger.partition(" ")
        op.execute(f"drop trigger {name} on {rest.partition(' on ')[2].partition(' ')[0]}")
    op.execute("drop function bank_card_guard()")
    for signature in reversed(FUNCTIONS):
        op.execute(f"drop function {signature}")
