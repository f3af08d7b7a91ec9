"""Evaluations by a third party, the files that are drawn for them, and how two evaluators score each blind

Revision: 20261130_evaluations, after 20261130_unions_entered

An evaluator's post opens no union, so their transactions tell of no organisations: the walls let them through by their
names on an evaluation, on its days, to the files drawn for it, and to their own scores. Auditors see how often somebody
scored, by a function, and the scores themselves only once the evaluation is closed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_evaluations"
down_revision = "20261130_unions_entered"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
ME = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
TODAY = "(now() at time zone 'Asia/Shanghai')::date"
HOLDS = (
    f"exists (select 1 from post p where p.person_id = {ME} and p.role = '{{role}}' and p.ended_at is null "
    f"and p.from_date <= {TODAY} and p.organisation_id in ({{unions}}))"
)
AUDITS = HOLDS.format(role="auditor", unions="city_id, district_id, street_id, unit_id")
NAMED = f"{ME} in (first_evaluator_id, second_evaluator_id)"
EVALUATES = f"state <> 'announced' and {NAMED} and {HOLDS.format(role='evaluator', unions='city_id')}"
WORKING = f"e.state = 'drawn' and {NAMED} and {TODAY} between e.first_day and e.last_day"
OF_EVALUATION = "exists (select 1 from evaluation e where e.id = evaluation_id and ({which}))"
POLICIES = {
    "evaluation": {
        "api": f"for select to aid_api using ({AUDITS} or ({EVALUATES}))",
        "announces": f"for insert to aid_api with check (state = 'announced' and announced_by = {ME} and {AUDITS})",
        "moves": f"for update to aid_api using ({AUDITS}) with check ({AUDITS})",
    },
    "evaluation_case": {
        "api": f"for select to aid_api using ({OF_EVALUATION.format(which=f'{AUDITS} or {WORKING}')})",
        # The list is fixed as the evaluation is drawn.
        "draws": "for insert to aid_api with check "
        f"({OF_EVALUATION.format(which=f'''e.state = 'announced' and {AUDITS}''')})",
    },
    "evaluation_score": {
        "api": "for select to aid_api using ("
        + OF_EVALUATION.format(
            which=f"({WORKING} and (person_id = {ME} or e.complete)) or (e.state = 'closed' and {AUDITS})"
        )
        + ")",
        "scores": f"for insert to aid_api with check (person_id = {ME} and {OF_EVALUATION.format(which=WORKING)})",
    },
}
GRANTS = {
    "evaluation": "select, insert, update (state, version, seed, drawn_at, drawn_by, population, population_sha256, "
    "drawn, strata, closed_at, closed_by, result)",
    "evaluation_case": "select, insert",
    "evaluation_score": "select, insert",
}
DEFINER = "security definer set search_path = pg_catalog, public"
# Who may be named: a living post at the union's city and no other, under whichever account.
EVALUATORS_OF = f"""
create function evaluators_of(asked uuid, today date) returns table (id uuid, name_masked varchar)
language sql stable {DEFINER} as $$
  select distinct h.id, h.name_masked
  from organisation u join post v on v.organisation_id = u.city_id and v.role = 'evaluator' and v.ended_at is null
    and v.from_date <= today
  join person h on h.id = v.person_id and h.closed_at is null and h.id_number_index is not null
  where u.id = asked
    and exists (select 1 from post p where p.person_id = {ME} and p.role = 'auditor' and p.ended_at is null
      and p.from_date <= today and p.organisation_id in (u.city_id, u.district_id, u.street_id, u.unit_id))
    and not exists (select 1 from post o join person q on q.id = o.person_id
      where q.id_number_index = h.id_number_index and o.role <> 'evaluator' and o.ended_at is null)
$$
"""
# Two people who are strangers to the union, by their identity numbers: two accounts may be one person's.
STARTS = """
create function evaluation_starts() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  unfit boolean;
begin
  select count(distinct h.id_number_index) < 2 into unfit
  from person h where h.id in (new.first_evaluator_id, new.second_evaluator_id);
  if unfit or exists (
    select 1 from unnest(array[new.first_evaluator_id, new.second_evaluator_id]) n
    where not exists (select 1 from evaluators_of(new.organisation_id,
      (new.created_at at time zone 'Asia/Shanghai')::date) f where f.id = n)) then
    raise exception 'two different people evaluate, who hold that post and no other'
      using errcode = 'check_violation', constraint = 'ck_evaluation_evaluators';
  end if;
  return new;
end $$
"""
GUARD = """
create function evaluation_guard() returns trigger language plpgsql as $$
begin
  if (old.state, new.state) not in (('announced', 'drawn'), ('drawn', 'drawn'), ('drawn', 'closed'), ('closed', 'closed'))
    or old.result is not null
    or to_jsonb(old) - '{state,version,seed,drawn_at,drawn_by,population,population_sha256,drawn,strata,complete,closed_at,closed_by,result}'::text[]
      <> to_jsonb(new) - '{state,version,seed,drawn_at,drawn_by,population,population_sha256,drawn,strata,complete,closed_at,closed_by,result}'::text[]
    or (old.state <> 'announced'
      and (old.seed, old.population, old.drawn_at, old.drawn_by, old.drawn, old.strata)
        is distinct from (new.seed, new.population, new.drawn_at, new.drawn_by, new.drawn, new.strata))
    or (old.state = 'closed' and (old.closed_at, old.closed_by) is distinct from (new.closed_at, new.closed_by)) then
    raise exception 'what was said of an evaluation stays as it was said'
      using errcode = 'check_violation', constraint = 'ck_evaluation_frozen';
  end if;
  if old.state = 'drawn' and new.state = 'closed' and old.drawn > 0 and not old.complete
    and (new.closed_at at time zone 'Asia/Shanghai')::date <= old.last_day then
    raise exception 'the evaluators are still at work'
      using errcode = 'check_violation', constraint = 'ck_evaluation_underway';
  end if;
  return new;
end $$
"""
# The evaluation is held until commit: whoever closes it has seen every score, and of two last ones the second knows it.
SCORE_GUARD = """
create function evaluation_score_guard() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  e evaluation;
begin
  select * into e from evaluation where id = new.evaluation_id for update;
  if e.state is distinct from 'drawn' or e.complete
    or new.person_id not in (e.first_evaluator_id, e.second_evaluator_id)
    or (new.created_at at time zone 'Asia/Shanghai')::date not between e.first_day and e.last_day then
    raise exception 'scores are given by those who are named, on the days, until all are there'
      using errcode = 'check_violation', constraint = 'ck_evaluation_score_open';
  end if;
  if new.revision <> 1 + (select count(*) from evaluation_score s
      where s.case_id = new.case_id and s.person_id = new.person_id) then
    raise exception 'a correction follows the score before it'
      using errcode = 'check_violation', constraint = 'ck_evaluation_score_next';
  end if;
  if new.revision = 1 and 2 * e.drawn = 1 + (select count(*) from evaluation_score s
      where s.evaluation_id = e.id and s.revision = 1) then
    update evaluation set complete = true where id = e.id;
  end if;
  return new;
end $$
"""
# How many, and nothing of how: to auditors over it.
PROGRESS = f"""
create function evaluation_progress(asked uuid) returns table (stratum varchar, firsts bigint, seconds bigint,
  pairs bigint)
language sql stable {DEFINER} as $$
  select c.stratum, count(*) filter (where s.by_first), count(*) filter (where s.by_second),
    count(*) filter (where s.by_first and s.by_second)
  from evaluation e join evaluation_case c on c.evaluation_id = e.id
  cross join lateral (
    select coalesce(bool_or(x.person_id = e.first_evaluator_id), false) as by_first,
      coalesce(bool_or(x.person_id = e.second_evaluator_id), false) as by_second
    from evaluation_score x where x.case_id = c.id) s
  where e.id = asked and exists (select 1 from post p where p.person_id = {ME} and p.role = 'auditor'
    and p.ended_at is null and p.organisation_id in (e.city_id, e.district_id, e.street_id, e.unit_id))
  group by c.stratum
$$
"""
FUNCTIONS = {
    "evaluators_of(uuid, date)": (EVALUATORS_OF, ("aid_api",)),
    "evaluation_starts()": (STARTS, ()),
    "evaluation_score_guard()": (SCORE_GUARD, ()),
    "evaluation_progress(uuid)": (PROGRESS, ("aid_api",)),
}


def upgrade() -> None:
    evaluations()
    cases()
    scores()
    for table, policies in POLICIES.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        for name, policy in policies.items():
            op.execute(f"create policy {name} on {table} {policy}")
        op.execute(f"grant {GRANTS[table]} on {table} to aid_api")
    op.execute("grant select, insert, update on evaluation to aid_jobs")
    op.execute("grant select, insert on evaluation_case, evaluation_score to aid_jobs")
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, (body, callers) in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        for role in callers:
            op.execute(f"grant execute on function {signature} to {role}")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(GUARD)
    for trigger, event, function in (
        ("starts", "insert on evaluation", "evaluation_starts"),
        ("guard", "update on evaluation", "evaluation_guard"),
        ("guard", "insert on evaluation_score", "evaluation_score_guard"),
    ):
        op.execute(f"create trigger {trigger} before {event} for each row execute function {function}()")
    for table in ("evaluation_case", "evaluation_score"):
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )


def identified() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def referring(table: str, **to: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))
        for column, other in to.items()
    ]


def constrained(table: str, **rules: str) -> list[sa.schema.SchemaItem]:
    checked = [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in rules.items()]
    return [*checked, sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))]


def words(name: str, length: int, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def at(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def row_id(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def evaluations() -> None:
    table = "evaluation"
    people = ("first_evaluator_id", "second_evaluator_id", "announced_by", "drawn_by", "closed_by")
    unions = ("organisation_id", *(f"{tier}_id" for tier in TIERS))
    drawn = ("seed", "population", "population_sha256", "drawn_at", "drawn_by", "drawn", "strata")
    op.create_table(
        table,
        *identified(),
        row_id("organisation_id"),
        words("organisation_name", 100),
        *(row_id(f"{tier}_id", nullable=tier != "city") for tier in TIERS),
        words("title", 100),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("sizes", postgresql.JSONB(), nullable=False),
        row_id("first_evaluator_id"),
        words("first_masked", 60),
        row_id("second_evaluator_id"),
        words("second_masked", 60),
        words("state", 10),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        row_id("announced_by"),
        words("seed_sha256", 64),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        words("seed", 64, nullable=True),
        at("drawn_at"),
        row_id("drawn_by", nullable=True),
        sa.Column("population", sa.LargeBinary(), nullable=True),
        words("population_sha256", 64, nullable=True),
        sa.Column("drawn", sa.Integer(), nullable=True),
        sa.Column("strata", postgresql.JSONB(), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        at("closed_at"),
        row_id("closed_by", nullable=True),
        sa.Column("result", postgresql.JSONB(), nullable=True),
        *referring(table, **dict.fromkeys(unions, "organisation"), **dict.fromkeys(people, "person")),
        *constrained(
            table,
            state="state in ('announced','drawn','closed')",
            days="last_day between first_day and first_day + 179",
            two_evaluators="first_evaluator_id <> second_evaluator_id",
            seed="seed_sha256 = encode(sha256(seed::bytea), 'hex')",
            population="population_sha256 = encode(sha256(population), 'hex')",
            drawn=" and ".join(f"(state = 'announced') = ({name} is null)" for name in drawn),
            closed="(state = 'closed') = (closed_at is not null) and (closed_at is null) = (closed_by is null) "
            "and (result is null or state = 'closed')",
        ),
    )
    op.create_index(f"uq_{table}_days", table, ["organisation_id", "first_day", "last_day"], unique=True)
    for place in ("first", "second"):
        op.create_index(f"ix_{table}_{place}", table, [f"{place}_evaluator_id", "created_at", "id"])
    for tier in TIERS:
        op.create_index(f"ix_{table}_{tier}", table, [f"{tier}_id", "created_at", "id"])


def cases() -> None:
    table = "evaluation_case"
    op.create_table(
        table,
        *identified(),
        row_id("evaluation_id"),
        sa.Column("serial", sa.Integer(), nullable=False),
        words("stratum", 16),
        row_id("household_id"),
        row_id("person_id"),
        words("number", 40),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        *referring(table, evaluation_id="evaluation", household_id="household", person_id="person"),
        sa.UniqueConstraint("id", "evaluation_id", name=f"uq_{table}_evaluation"),
        *constrained(table, stratum="stratum in ('never_archived','not_lifted','lifted','cancelled')"),
    )
    op.create_index(f"uq_{table}_household", table, ["evaluation_id", "household_id"], unique=True)
    op.create_index(f"ix_{table}_page", table, ["evaluation_id", "created_at", "id"])
    op.create_index(f"ix_{table}_household", table, ["household_id"])


def scores() -> None:
    table = "evaluation_score"
    op.create_table(
        table,
        *identified(),
        row_id("evaluation_id"),
        row_id("case_id"),
        row_id("person_id"),
        sa.Column("revision", sa.Integer(), nullable=False),
        words("verdict", 8),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        *referring(table, evaluation_id="evaluation", person_id="person"),
        sa.ForeignKeyConstraint(
            ["case_id", "evaluation_id"],
            ["evaluation_case.id", "evaluation_case.evaluation_id"],
            name=f"fk_{table}_case_id_evaluation_case",
        ),
        *constrained(table, verdict="verdict in ('right','wrong')", revision="revision >= 1"),
    )
    op.create_index(f"uq_{table}_revision", table, ["case_id", "person_id", "revision"], unique=True)
    op.create_index(f"ix_{table}_evaluation", table, ["evaluation_id"])


def downgrade() -> None:
    for table in ("evaluation_score", "evaluation_case", "evaluation"):
        op.drop_table(table)
    for signature in ("evaluation_guard()", *FUNCTIONS):
        op.execute(f"drop function {signature}")
