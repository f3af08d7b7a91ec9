"""What a case holds of the funds follows from its state, by a trigger

Revision: 20261130_money_moves, after 20261130_funds

Whoever moves a case, by whichever statement, moves its money with it: from nothing to reserved, committed, spent, and
back. It is the last thing that the statement of a step does, so that the row of a budget is locked for as short as can
be. Where there is no room the whole statement is refused (`budget_room`), and the case waits instead.

Rows of budgets are locked in the order of their ids, by whoever locks more than one.
"""

from alembic import op

revision = "20261130_money_moves"
down_revision = "20261130_funds"
branch_labels = None
depends_on = None

DEFINER = "security definer set search_path = pg_catalog, public"
MONEY_CLASS = """
create function money_class(state text) returns text language sql immutable parallel safe as $$
  select case when state in ('public_notice', 'approved', 'payment_failed') then 'reserved'
    when state = 'paying' then 'committed' when state = 'paid' then 'spent' end
$$
"""
# A budget is open to a case of its kind under its union, whose household its fund is for.
SUITS = """
create function fund_suits(f fund, category text, archive_level text) returns boolean language sql immutable as $$
  select coalesce((f.categories is null or category = any(f.categories))
    and (f.archive_levels is null or archive_level = any(f.archive_levels)), false)
$$
"""
# In the order in which they are drawn: by source, the older fund first, the nearest union first. Whatever somebody who
# waits ahead may draw on is theirs. The order of the sources is of the version in force on the day, the city's own before
# its province's: as `app.policy.versions.in_force`. Whoever asks keeps the plan: the function is written into the query.
OPEN_TO = """
create function budgets_open_to(asked uuid, at timestamptz)
returns table (id uuid, room bigint, fund_id uuid, fund_name varchar) language sql stable as $$
  select b.id, b.allocated_fen - b.reserved_fen - b.committed_fen - b.spent_fen, f.id, f.name
  from application a
  left join household h on h.id = a.household_id
  left join waiting mine on mine.id = a.id
  cross join lateral (
    select array(select jsonb_array_elements_text(p.document->'order')) as sources from policy_version p
    where p.kind = 'fund_order' and p.state = 'published'
      and p.in_force_from <= (at at time zone 'Asia/Shanghai')::date and p.area in ('440500', '440000')
    order by p.area desc, p.in_force_from desc limit 1
  ) first
  join budget b on b.organisation_id in (a.unit_id, a.street_id, a.district_id, a.city_id) and b.kind = a.kind
    and b.year = extract(year from at at time zone 'Asia/Shanghai')::smallint
    and b.allocated_fen - b.reserved_fen - b.committed_fen - b.spent_fen > 0
  join fund f on f.id = b.fund_id and fund_suits(f, h.category, h.archive_level) and f.source = any(first.sources)
  where a.id = asked
    and not exists (select 1 from waiting w
      where w.kind = a.kind and (w.waits_from, w.id) < (coalesce(mine.waits_from, a.submitted_at), a.id)
        and (w.city_id = b.organisation_id or w.district_id = b.organisation_id or w.street_id = b.organisation_id
          or w.unit_id = b.organisation_id)
        and fund_suits(f, w.category, w.archive_level))
  order by array_position(first.sources, f.source::text), f.year,
    array_position(array[a.unit_id, a.street_id, a.district_id, a.city_id], b.organisation_id), b.id
$$
"""
# What is planned without a lock is looked at again under it, and planned anew when others were faster.
DRAW = """
create function draw_funds(asked uuid, asked_round integer, needed bigint, at timestamptz) returns boolean
language plpgsql as $$
declare
  each record;
  budgets uuid[];
  funds uuid[];
  names text[];
  takes bigint[];
  missing bigint;
begin
  for attempt in 1..20 loop
    budgets := '{}'; funds := '{}'; names := '{}'; takes := '{}'; missing := needed;
    for each in select o.id, o.room, o.fund_id, o.fund_name from budgets_open_to(asked, at) o loop
      exit when missing = 0;
      budgets := budgets || each.id; funds := funds || each.fund_id; names := names || each.fund_name::text;
      takes := takes || least(missing, each.room);
      missing := missing - least(missing, each.room);
    end loop;
    if missing > 0 then
      return false;
    end if;
    if cardinality(budgets) > 1 then
      perform 1 from budget b where b.id = any(budgets) order by b.id for no key update;
    end if;
    if has_taken(budgets, takes) then
      insert into drawing (id, created_at, application_id, budget_id, fund_id, fund_name, round, amount_fen, state,
        returned)
      select id_at(at), at, asked, t.budget_id, t.fund_id, t.fund_name, asked_round, t.fen, 'reserved', false
      from unnest(budgets, funds, names, takes) as t(budget_id, fund_id, fund_name, fen)
      on conflict (application_id, budget_id, round, returned) where state in ('reserved', 'committed')
      do update set amount_fen = drawing.amount_fen + excluded.amount_fen;
      return true;
    end if;
  end loop;
  return false;
end $$
"""
# All or nothing. Of one budget it is one conditional update; of several the caller has the rows locked, in their order.
TAKEN = """
create function has_taken(budgets uuid[], takes bigint[]) returns boolean language plpgsql as $$
begin
  if cardinality(budgets) > 1 and exists (select 1 from budget b join unnest(budgets, takes) as t(id, fen) on t.id = b.id
      where b.reserved_fen + b.committed_fen + b.spent_fen + t.fen > b.allocated_fen) then
    return false;
  end if;
  for n in 1..cardinality(budgets) loop
    update budget b set reserved_fen = b.reserved_fen + takes[n]
    where b.id = budgets[n] and b.reserved_fen + b.committed_fen + b.spent_fen + takes[n] <= b.allocated_fen;
    if not found then
      return false;
    end if;
  end loop;
  return true;
end $$
"""
SHIFT = """
create function shift_drawings(asked uuid, was text[], becomes text, of_round integer, at timestamptz,
  event text, came_back boolean)
returns void language plpgsql as $$
declare
  posted uuid;
begin
  perform 1 from budget b where b.id in (
    select d.budget_id from drawing d
    where d.application_id = asked and d.state = any(was) and (of_round is null or d.round = of_round)
  ) order by b.id for no key update;
  if event is not null then
    posted := post_drawings(asked, was, becomes, of_round, at, event, came_back);
  end if;
  with before as (
    select d.id, d.state from drawing d
    where d.application_id = asked and d.state = any(was) and (of_round is null or d.round = of_round)
  ), moved as (
    update drawing d set state = becomes, returned = case when came_back then true
      when becomes = 'spent' then false else d.returned end
    from before where before.id = d.id
    returning d.budget_id, d.amount_fen, before.state as was
  ), sums as (
    select m.budget_id, sum(m.amount_fen) as fen,
      coalesce(sum(m.amount_fen) filter (where m.was = 'reserved'), 0) as reserved,
      coalesce(sum(m.amount_fen) filter (where m.was = 'committed'), 0) as committed,
      coalesce(sum(m.amount_fen) filter (where m.was = 'spent'), 0) as spent
    from moved m group by m.budget_id
  )
  update budget b set
    reserved_fen = b.reserved_fen - s.reserved + case when becomes = 'reserved' then s.fen else 0 end,
    committed_fen = b.committed_fen - s.committed + case when becomes = 'committed' then s.fen else 0 end,
    spent_fen = b.spent_fen - s.spent + case when becomes = 'spent' then s.fen else 0 end
  from sums s where b.id = s.budget_id;
end $$
"""
# What is paid goes from the budget's hands to who was granted it; what comes back is held apart until it is paid again
# or written off.
POST = """
create function post_drawings(asked uuid, was text[], becomes text, of_round integer, at timestamptz, event text,
  came_back boolean)
returns uuid language plpgsql as $$
declare
  posted uuid := id_at(at);
  on_day date := (at at time zone 'Asia/Shanghai')::date;
  kind_ text := case when came_back then 'return' when becomes = 'spent' then 'payment' else 'write_off' end;
begin
  if kind_ = 'write_off' and not exists (select 1 from drawing d
      where d.application_id = asked and d.state = any(was) and d.returned) then
    return null;
  end if;
  insert into ledger_transaction (id, created_at, event_key, kind, day, application_id)
  values (posted, at, kind_ || ':' || event, kind_, on_day, asked);
  insert into ledger_entry (id, created_at, transaction_id, fund_id, organisation_id, account, amount_fen, day)
  select id_at(at), at, posted, l.fund_id, l.organisation_id, l.account, sum(l.fen), on_day
  from (
    select b.fund_id, b.organisation_id, side.account, side.sign * d.amount_fen as fen
    from drawing d join budget b on b.id = d.budget_id
    cross join lateral (values
      (case when kind_ = 'return' then 'granted' when d.returned then 'returned' else 'allocated' end, -1),
      (case kind_ when 'return' then 'returned' when 'payment' then 'granted' else 'allocated' end, 1)
    ) as side(account, sign)
    where d.application_id = asked and d.state = any(was) and (of_round is null or d.round = of_round)
      and (kind_ <> 'write_off' or d.returned)
  ) l
  group by l.fund_id, l.organisation_id, l.account;
  return posted;
end $$
"""
MOVE = f"""
create function move_money() returns trigger language plpgsql {DEFINER} as $$
declare
  was text := money_class(old.state);
  becomes text := money_class(new.state);
  at timestamptz;
  event text;
  paid_before bigint;
  held bigint := 0;
begin
  -- Looked at here and not as a condition of the trigger, which the database would read anew with every update.
  if was is not distinct from becomes and old.state <> 'waiting_funds' and new.state <> 'waiting_funds'
      and (becomes is null or old.amount_fen is not distinct from new.amount_fen and old.round = new.round) then
    return null;
  end if;
  at := new.updated_at;
  event := new.id || ':' || new.version;
  paid_before := paid_of(old, new);
  if becomes is null then
    perform shift_drawings(new.id, array['reserved', 'committed'], 'released', null, at, event, false);
    if new.state = 'waiting_funds' then
      insert into waiting (id, created_at, kind, city_id, district_id, street_id, unit_id, category, archive_level,
        needed_fen, waits_from, resumes)
      select new.id, at, new.kind, new.city_id, new.district_id, new.street_id, new.unit_id, h.category,
        h.archive_level, new.amount_fen - paid_before,
        case when was is not null and old.round = new.round then at else new.submitted_at end,
        case when new.kind = 'secondary_medical' or (was is not null and old.round = new.round) then 'approved'
          else 'public_notice' end
      from (select 1) one left join household h on h.id = new.household_id
      on conflict (id) do update set needed_fen = excluded.needed_fen, city_id = excluded.city_id,
        district_id = excluded.district_id, street_id = excluded.street_id, unit_id = excluded.unit_id;
    end if;
  else
    if was = 'spent' and new.state = 'payment_failed' then
      perform shift_drawings(new.id, array['spent'], 'reserved', new.round, at, event, true);
    elsif was = 'committed' and becomes = 'reserved' then
      perform shift_drawings(new.id, array['committed'], 'reserved', null, at, null, false);
    end if;
    if not (was = 'spent' and becomes = 'spent') then
      if was is not null then
        update drawing d set round = new.round
        where d.application_id = new.id and d.state in ('reserved', 'committed') and d.round <> new.round;
        held := coalesce((select sum(d.amount_fen) from drawing d
          where d.application_id = new.id and d.state in ('reserved', 'committed')), 0);
      end if;
      if held > new.amount_fen - paid_before then
        perform shift_drawings(new.id, array['reserved', 'committed'], 'released', null, at, null, false);
        held := 0;
      end if;
      if held < new.amount_fen - paid_before
          and not draw_funds(new.id, new.round, new.amount_fen - paid_before - held, at) then
        raise exception 'no budget has room for it' using errcode = 'check_violation', constraint = 'budget_room';
      end if;
    end if;
    if becomes = 'committed' then
      perform shift_drawings(new.id, array['reserved'], 'committed', null, at, null, false);
    elsif becomes = 'spent' and was is distinct from 'spent' then
      perform shift_drawings(new.id, array['reserved', 'committed'], 'spent', null, at, event, false);
    end if;
  end if;
  if old.state = 'waiting_funds' and new.state <> 'waiting_funds' then
    delete from waiting w where w.id = new.id;
  end if;
  return null;
end $$
"""
PAID_OF = """
create function paid_of(old application, new application) returns bigint language sql immutable as $$
  select coalesce(case when old.state = 'paid' and new.state not in ('paid', 'payment_failed') then old.amount_fen end,
    new.paid_before_fen, 0)
$$
"""
# Of the cases of one city and kind: a number, and nothing of anybody.
PLACE = f"""
create function waiting_place(asked uuid) returns integer language sql stable {DEFINER} as $$
  select (count(*) filter (where (w.waits_from, w.id) < (p.waits_from, p.id)) + 1)::int
  from (
    select a.id, a.kind, a.city_id, coalesce(m.waits_from, a.submitted_at) as waits_from
    from application a left join waiting m on m.id = a.id where a.id = asked
  ) p left join waiting w on w.city_id = p.city_id and w.kind = p.kind
  group by p.id
$$
"""
# Before many cases are moved in one transaction: every row that they may touch, in the order in which all lock them.
HOLD = f"""
create function hold_budgets(asked uuid[], at timestamptz) returns void language sql volatile {DEFINER} as $$
  select null::void from (
    select b.id from budget b where b.id in (
      select d.budget_id from drawing d
      where d.application_id = any(asked) and d.state in ('reserved', 'committed', 'spent')
      union
      select o.id from unnest(asked) as each(id) cross join lateral budgets_open_to(each.id, at) o
    ) order by b.id for no key update of b
  ) held
$$
"""
FUNCTIONS = {
    "money_class(text)": MONEY_CLASS,
    "fund_suits(fund, text, text)": SUITS,
    "budgets_open_to(uuid, timestamptz)": OPEN_TO,
    "has_taken(uuid[], bigint[])": TAKEN,
    "draw_funds(uuid, integer, bigint, timestamptz)": DRAW,
    "post_drawings(uuid, text[], text, integer, timestamptz, text, boolean)": POST,
    "shift_drawings(uuid, text[], text, integer, timestamptz, text, boolean)": SHIFT,
    "paid_of(application, application)": PAID_OF,
    "move_money()": MOVE,
    "waiting_place(uuid)": PLACE,
    "hold_budgets(uuid[], timestamptz)": HOLD,
}
OF_API = ("waiting_place(uuid)", "hold_budgets(uuid[], timestamptz)")


def upgrade() -> None:
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    for signature in (*OF_API, "money_class(text)"):
        op.execute(f"grant execute on function {signature} to aid_api")
    columns = "state, amount_fen, round, city_id, district_id, street_id, unit_id"
    op.execute(
        f"create trigger money after update of {columns} on application for each row execute function move_money()"
    )


def downgrade() -> None:
    op.execute("drop trigger money on application")
    for signature in reversed(FUNCTIONS):
        op.execute(f"drop function {signature}")
