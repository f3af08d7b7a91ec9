"""Plans with their measures and services, and the upkeep of household files

Revision: 20261125_plans, after 20261125_household_life

What was paid before there were plans gets one that says so: origin `backfill`, closed at once with the result
`before_plans`. A constraint that is left unchecked for the old rows would refuse every later step on them instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_plans"
down_revision = "20261125_household_life"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
PART_OF_FILE = "exists (select 1 from household h where h.id = household_id)"
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
WALLS = {
    "plan": (PART_OF_FILE, "select, insert, update"),
    "measure": (PART_OF_FILE, "select, insert, update"),
    "service": (PART_OF_FILE, "select, insert"),
    "household_verification": (PART_OF_FILE, "select, insert"),
    "watch_task": (IN_REACH, "select, update"),
    "reminder": ("false", "select"),
}
APPEND_ONLY = ("service", "household_verification")
IN_FILE = "state in ('active','annual_review','relieved')"
WATCHED = {
    "unchanged": ("changed_at", IN_FILE),
    "never_helped": ("active_at", f"{IN_FILE} and last_helped_at is null"),
    "no_plan": ("active_at", f"{IN_FILE} and not has_open_plan"),
    "overdue": ("review_due_on", IN_FILE),
}
FROZEN = """
create function measure_of_open_plan() returns trigger language plpgsql as $$
begin
  perform 1 from plan where id = new.plan_id and state = 'open' for share;
  if not found then
    raise exception 'the plan is closed' using errcode = 'check_violation', constraint = 'measure_of_open_plan';
  end if;
  return null;
end $$
"""
BACKFILL = """
with paid as (
  select distinct household_id, case when kind = 'golden_autumn' then 'schooling' when item = 'medical' then 'medical'
    else 'living_aid' end as kind
  from application where state in ('paying','paid') and household_id is not null and kind <> 'secondary_medical'
), plans as (
  insert into plan (id, created_at, household_id, state, origin, version, closed_at, result)
  select gen_random_uuid(), now(), household_id, 'closed', 'backfill', 1, now(), 'before_plans'
  from (select distinct household_id from paid) p
  returning id, household_id
)
insert into measure (id, created_at, updated_at, plan_id, household_id, kind, state, version, due_on, responsible_role,
  result)
select gen_random_uuid(), now(), now(), plans.id, paid.household_id, paid.kind, 'done', 1, current_date, 'system',
  'achieved'
from paid join plans using (household_id)
"""
POINT = """
update application a set measure_id = m.id from measure m
where m.household_id = a.household_id and a.state in ('paying','paid') and a.kind <> 'secondary_medical'
  and m.kind = case when a.kind = 'golden_autumn' then 'schooling' when a.item = 'medical' then 'medical'
    else 'living_aid' end
"""
# Nobody was reminded yet: the first verification of an old file is asked for a month ahead at the earliest.
DUE = f"""
update household set
  review_due_on = greatest((active_at at time zone 'Asia/Shanghai')::date + interval '1 year', current_date + 30)::date,
  last_helped_at = (select max(a.paid_at) from application a where a.household_id = household.id and a.state = 'paid')
where {IN_FILE} and active_at is not null
"""


def upgrade() -> None:
    _columns()
    _plans()
    _upkeep()
    for table, (policy, privileges) in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f"grant {rights} on {table} to aid_jobs")
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    # The owner's own rows are behind the wall too: for as long as this takes it stands aside.
    behind = ("application", "household", "plan", "measure")
    for table in behind:
        op.execute(f"alter table {table} no force row level security")
    op.execute(BACKFILL)
    op.execute(POINT)
    op.execute(DUE)
    op.execute("update household set changed_at = submitted_at where changed_at is null and submitted_at is not null")
    for table in behind:
        op.execute(f"alter table {table} force row level security")
    op.create_check_constraint(
        op.f("ck_application_measure"),
        "application",
        "state not in ('paying','paid') or household_id is null or kind = 'secondary_medical' "
        "or measure_id is not null",
    )
    op.execute(FROZEN)
    op.execute(
        "create trigger frozen after insert or update on measure for each row execute function measure_of_open_plan()"
    )


def _columns() -> None:
    op.add_column("household", sa.Column("review_due_on", sa.Date(), nullable=True))
    op.add_column("household", sa.Column("last_helped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "household", sa.Column("has_open_plan", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for name, (by, which) in WATCHED.items():
        for tier in TIERS:
            op.create_index(
                f"ix_household_{name}_{tier}", "household", [f"{tier}_id", by, "id"], postgresql_where=sa.text(which)
            )
    op.create_index("ix_household_review_due", "household", ["review_due_on", "id"], postgresql_where=sa.text(IN_FILE))


def _row(*columns: sa.Column) -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *columns,
    ]


def _plans() -> None:
    op.create_table(
        "plan",
        *_row(
            sa.Column("household_id", sa.Uuid(), nullable=False),
            sa.Column("state", sa.String(10), nullable=False),
            sa.Column("origin", sa.String(10), nullable=False),
            sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
            sa.Column("opened_by", sa.Uuid(), nullable=True),
            sa.Column("post_role", sa.String(32), nullable=True),
            sa.Column("organisation_name", sa.String(100), nullable=True),
            sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("closed_by", sa.Uuid(), nullable=True),
            sa.Column("result", sa.String(20), nullable=True),
            sa.Column("result_note", sa.LargeBinary(), nullable=True),
        ),
        sa.CheckConstraint("state in ('open','closed')", name=op.f("ck_plan_state")),
        sa.CheckConstraint("origin in ('staff','system','backfill')", name=op.f("ck_plan_origin")),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at is not null) and (state = 'closed') = (result is not null)",
            name=op.f("ck_plan_closed"),
        ),
        sa.CheckConstraint(
            "result in ('achieved','partly','not_achieved','replaced','left','before_plans')",
            name=op.f("ck_plan_result"),
        ),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_plan_household_id_household")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("id", "household_id", name=op.f("uq_plan_id_household_id")),
    )
    op.create_index("uq_plan_open", "plan", ["household_id"], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_index("ix_plan_household", "plan", ["household_id", "created_at"])
    op.create_table(
        "measure",
        *_row(
            sa.Column("plan_id", sa.Uuid(), nullable=False),
            sa.Column("household_id", sa.Uuid(), nullable=False),
            sa.Column("kind", sa.String(20), nullable=False),
            sa.Column("state", sa.String(10), nullable=False),
            sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
            sa.Column("due_on", sa.Date(), nullable=True),
            sa.Column("responsible_id", sa.Uuid(), nullable=True),
            sa.Column("responsible_name", sa.LargeBinary(), nullable=True),
            sa.Column("responsible_role", sa.String(32), nullable=True),
            sa.Column("responsible_organisation", sa.String(100), nullable=True),
            sa.Column("result", sa.String(20), nullable=True),
            sa.Column("note", sa.LargeBinary(), nullable=True),
            sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        ),
        sa.CheckConstraint(
            "kind in ('living_aid','employment','training','yuan_dream','medical','schooling','dibao_docking','legal',"
            "'counselling')",
            name=op.f("ck_measure_kind"),
        ),
        sa.CheckConstraint("state in ('proposed','running','done','dropped')", name=op.f("ck_measure_state")),
        sa.CheckConstraint("result in ('achieved','partly','not_achieved')", name=op.f("ck_measure_result")),
        sa.CheckConstraint("(state in ('done','dropped')) = (result is not null)", name=op.f("ck_measure_ended")),
        sa.CheckConstraint(
            "state = 'proposed' or (due_on is not null and responsible_role is not null)",
            name=op.f("ck_measure_responsible"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "household_id"], ["plan.id", "plan.household_id"], name=op.f("fk_measure_plan_id_plan")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measure")),
        sa.UniqueConstraint("id", "household_id", name=op.f("uq_measure_id_household_id")),
    )
    op.create_index(
        "uq_measure_open",
        "measure",
        ["plan_id", "kind"],
        unique=True,
        postgresql_where=sa.text("state in ('proposed','running')"),
    )
    op.create_index("ix_measure_plan", "measure", ["plan_id", "id"])
    op.create_table(
        "service",
        *_row(
            sa.Column("measure_id", sa.Uuid(), nullable=False),
            sa.Column("household_id", sa.Uuid(), nullable=False),
            sa.Column("given_on", sa.Date(), nullable=False),
            sa.Column("provider", sa.String(100), nullable=False),
            sa.Column("quantity", sa.Integer(), nullable=False),
            sa.Column("unit", sa.String(12), nullable=False),
            sa.Column("note", sa.LargeBinary(), nullable=True),
            sa.Column("person_id", sa.Uuid(), nullable=False),
            sa.Column("post_role", sa.String(32), nullable=False),
            sa.Column("organisation_name", sa.String(100), nullable=False),
        ),
        sa.CheckConstraint("quantity between 1 and 10000", name=op.f("ck_service_quantity")),
        sa.CheckConstraint("unit in ('session','place','hour','person_time','item')", name=op.f("ck_service_unit")),
        sa.ForeignKeyConstraint(
            ["measure_id", "household_id"],
            ["measure.id", "measure.household_id"],
            name=op.f("fk_service_measure_id_measure"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
    )
    op.create_index("ix_service_measure", "service", ["measure_id", "given_on", "id"])
    op.add_column("application", sa.Column("measure_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_application_measure_id_measure"),
        "application",
        "measure",
        ["measure_id", "household_id"],
        ["id", "household_id"],
    )
    op.create_index(
        "ix_application_measure", "application", ["measure_id"], postgresql_where=sa.text("measure_id is not null")
    )


def _upkeep() -> None:
    op.create_table(
        "household_verification",
        *_row(
            sa.Column("household_id", sa.Uuid(), nullable=False),
            sa.Column("way", sa.String(12), nullable=False),
            sa.Column("reference", sa.String(100), nullable=False),
            sa.Column("verified_on", sa.Date(), nullable=False),
            sa.Column("finding", sa.String(12), nullable=False),
            sa.Column("note", sa.LargeBinary(), nullable=True),
            sa.Column("next_due_on", sa.Date(), nullable=False),
            sa.Column("person_id", sa.Uuid(), nullable=False),
            sa.Column("post_role", sa.String(32), nullable=False),
            sa.Column("organisation_name", sa.String(100), nullable=False),
        ),
        sa.CheckConstraint("way in ('visit','match','declaration')", name=op.f("ck_household_verification_way")),
        sa.CheckConstraint(
            "finding in ('unchanged','changed','may_leave')", name=op.f("ck_household_verification_finding")
        ),
        sa.CheckConstraint("next_due_on > verified_on", name=op.f("ck_household_verification_next_due")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_household_verification_household_id_household")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_verification")),
    )
    op.create_index(
        "ix_household_verification_household", "household_verification", ["household_id", "verified_on", "id"]
    )
    op.create_table(
        "reminder",
        *_row(
            sa.Column("household_id", sa.Uuid(), nullable=False),
            sa.Column("about", sa.String(10), nullable=False),
            sa.Column("due_on", sa.Date(), nullable=False),
            sa.Column("days", sa.Integer(), nullable=False),
        ),
        sa.CheckConstraint("about in ('review','watch')", name=op.f("ck_reminder_about")),
        sa.CheckConstraint("days in (30,7,0)", name=op.f("ck_reminder_days")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_reminder_household_id_household")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
    )
    op.create_index("uq_reminder", "reminder", ["household_id", "about", "due_on", "days"], unique=True)
    op.create_table(
        "watch_task",
        *_row(
            sa.Column("household_id", sa.Uuid(), nullable=False),
            sa.Column("head_id", sa.Uuid(), nullable=False),
            sa.Column("head_masked", sa.String(60), nullable=False),
            sa.Column("city_id", sa.Uuid(), nullable=False),
            *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=True) for tier in TIERS[1:]),
            sa.Column("months", sa.Integer(), nullable=False),
            sa.Column("due_on", sa.Date(), nullable=False),
            sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
            sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("outcome", sa.String(12), nullable=True),
            sa.Column("note", sa.LargeBinary(), nullable=True),
            sa.Column("done_by", sa.Uuid(), nullable=True),
            sa.Column("post_role", sa.String(32), nullable=True),
            sa.Column("organisation_name", sa.String(100), nullable=True),
        ),
        sa.CheckConstraint("months in (6,12)", name=op.f("ck_watch_task_months")),
        sa.CheckConstraint("outcome in ('stable','relapse_risk','unreachable')", name=op.f("ck_watch_task_outcome")),
        sa.CheckConstraint("(done_at is null) = (outcome is null)", name=op.f("ck_watch_task_done")),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_watch_task_household_id_household")),
        sa.ForeignKeyConstraint(["head_id"], ["person.id"], name=op.f("fk_watch_task_head_id_person")),
        *(
            sa.ForeignKeyConstraint(
                [f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_watch_task_{tier}_id_organisation")
            )
            for tier in TIERS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_task")),
    )
    op.create_index("uq_watch_task", "watch_task", ["household_id", "months"], unique=True)
    open_ = sa.text("done_at is null")
    for tier in TIERS:
        op.create_index(
            f"ix_watch_task_open_{tier}", "watch_task", [f"{tier}_id", "due_on", "id"], postgresql_where=open_
        )
    op.create_index("ix_watch_task_due", "watch_task", ["due_on", "id"], postgresql_where=open_)


def downgrade() -> None:
    for table in ("watch_task", "reminder", "household_verification", "service"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_application_measure"), "application")
    op.drop_index("ix_application_measure", "application")
    op.drop_constraint(op.f("fk_application_measure_id_measure"), "application")
    op.drop_column("application", "measure_id")
    op.drop_table("measure")
    op.execute("drop function measure_of_open_plan()")
    op.drop_table("plan")
    op.drop_index("ix_household_review_due", "household")
    for name in WATCHED:
        for tier in TIERS:
            op.drop_index(f"ix_household_{name}_{tier}", "household")
    for column in ("has_open_plan", "last_helped_at", "review_due_on"):
        op.drop_column("household", column)
