"""Posts are given and ended by two administrators

Revision: 20261130_appointments, after 20261130_files_kept_apart

The system administrator proposes, the security administrator confirms (三员分立). The API writes no post: as a change is
confirmed, the database carries it out, after another look at who confirms it.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_appointments"
down_revision = "20261130_files_kept_apart"
branch_labels = None
depends_on = None

TABLE = "post_change"
TIERS = ("city", "district", "street", "unit")
STAFF_PERSON = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
SCOPE = "(city_id, district_id, street_id, unit_id)"
OFFICER = (
    f"exists (select 1 from post p where p.person_id = {STAFF_PERSON} and p.ended_at is null and p.role in ({{roles}}) "
    f"and p.organisation_id in {SCOPE})"
)
MAY_READ = OFFICER.format(roles="'system_admin', 'security_admin', 'auditor'")
MAY_PROPOSE = OFFICER.format(roles="'system_admin'")
MAY_DECIDE = OFFICER.format(roles="'system_admin', 'security_admin'")
# To officers: whose posts they administer or audit. By name, as the document says it: masked, two may look alike.
POSTS_ADMINISTERED = f"""
create function posts_administered() returns table (id uuid, person_id uuid, organisation_id uuid, city_id uuid,
  district_id uuid, street_id uuid, unit_id uuid, role varchar, person_masked varchar, name bytea,
  organisation_code varchar, organisation_name varchar, from_date date, created_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public as $$
  with mine as materialized (
    select m.organisation_id from post m
    where m.person_id = {STAFF_PERSON} and m.ended_at is null
      and m.role in ('system_admin', 'security_admin', 'auditor')
  )
  select p.id, p.person_id, o.id, o.city_id, o.district_id, o.street_id, o.unit_id, p.role, h.name_masked, h.name,
    o.code, o.name, p.from_date, p.created_at
  from post p join organisation o on o.id = p.organisation_id join person h on h.id = p.person_id
  where p.ended_at is null and exists (
    select 1 from mine where mine.organisation_id in (o.city_id, o.district_id, o.street_id, o.unit_id))
$$
"""
# Wherever: what is incompatible is so in another district too. Codes alone, to who may propose.
ROLES_HELD = f"""
create function roles_held(asked uuid) returns table (role varchar, organisation_id uuid)
language sql stable security definer set search_path = pg_catalog, public as $$
  select p.role, p.organisation_id from post p
  where p.person_id = asked and p.ended_at is null and exists (
    select 1 from post m where m.person_id = {STAFF_PERSON} and m.ended_at is null and m.role = 'system_admin')
$$
"""
CARRY_OUT = """
create function carry_out_post_change() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if not exists (select 1 from post p where p.person_id = new.decided_by and p.role = 'security_admin'
      and p.ended_at is null and p.from_date <= (new.decided_at at time zone 'Asia/Shanghai')::date
      and p.organisation_id in (new.city_id, new.district_id, new.street_id, new.unit_id)) then
    raise exception 'whoever confirms administers the security of that union'
      using errcode = 'check_violation', constraint = 'ck_post_change_decider';
  end if;
  -- Two accounts of one number are one person.
  if (select count(distinct n.id_number_index) from person n
      where n.id in (new.person_id, new.proposed_by, new.decided_by)) < 3 then
    raise exception 'who proposes, who confirms and whose post it is are three people'
      using errcode = 'check_violation', constraint = 'ck_post_change_own';
  end if;
  if new.kind = 'end' then
    update post set ended_at = new.decided_at, note = new.basis where id = new.post_id and ended_at is null;
    if not found then
      raise exception 'the post has ended' using errcode = 'check_violation', constraint = 'ck_post_change_gone';
    end if;
    return new;
  end if;
  -- Of two posts given to one person at once, the second sees the first.
  perform 1 from person where id = new.person_id for update;
  if exists (select 1 from post p where p.person_id = new.person_id and p.ended_at is null and p.role <> new.role
      and (p.role in ('system_admin', 'security_admin', 'auditor')
        or new.role in ('system_admin', 'security_admin', 'auditor'))) then
    raise exception 'the three officers hold nothing else'
      using errcode = 'check_violation', constraint = 'ck_post_change_apart';
  end if;
  new.post_id := id_at(new.decided_at);
  insert into post (id, created_at, person_id, organisation_id, role, from_date, note)
  values (new.post_id, new.decided_at, new.person_id, new.organisation_id, new.role, new.from_date, new.basis);
  return new;
end $$
"""
FUNCTIONS = {
    "posts_administered()": (POSTS_ADMINISTERED, ("aid_api",)),
    "roles_held(uuid)": (ROLES_HELD, ("aid_api",)),
    "carry_out_post_change()": (CARRY_OUT, ()),
}
RULES = {
    "kind": "kind in ('appoint','end')",
    "state": "state in ('proposed','confirmed','refused','withdrawn')",
    "from_date": "(kind = 'appoint') = (from_date is not null)",
    "post": "(kind = 'appoint' and state <> 'confirmed') = (post_id is null)",
    "decided": "(state = 'proposed') = (decided_at is null) and (state = 'proposed') = (decided_by is null)",
    "second_person": "state not in ('confirmed','refused') or decided_by <> proposed_by",
    "own": "person_id <> proposed_by and (state <> 'confirmed' or person_id <> decided_by)",
    "refused": "state <> 'refused' or note is not null",
}


def upgrade() -> None:
    table()
    wall()
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, (body, callers) in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        for role in callers:
            op.execute(f"grant execute on function {signature} to {role}")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute(
        f"create trigger carry_out before update on {TABLE} for each row "
        "when (new.state = 'confirmed' and old.state = 'proposed') execute function carry_out_post_change()"
    )


def table() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("person_masked", sa.String(60), nullable=False),
        sa.Column("person_name", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("post_id", sa.Uuid(), nullable=True),
        sa.Column("from_date", sa.Date(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_masked", sa.String(60), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_masked", sa.String(60), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{TABLE}_{name}")) for name, rule in RULES.items()),
        *(
            sa.ForeignKeyConstraint(
                [f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_{TABLE}_{tier}_id_organisation")
            )
            for tier in (*TIERS, "organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f(f"fk_{TABLE}_person_id_person")),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f(f"fk_{TABLE}_post_id_post")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(
        f"uq_{TABLE}_proposed", TABLE, ["person_id", "role", "organisation_id"], unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )  # fmt: skip
    for tier in TIERS:
        op.create_index(f"ix_{TABLE}_{tier}", TABLE, [f"{tier}_id", "created_at", "id"])


def wall() -> None:
    op.execute(f"alter table {TABLE} enable row level security, force row level security")
    op.execute(f"create policy jobs on {TABLE} to aid_jobs using (true) with check (true)")
    op.execute(f"grant select, insert, update on {TABLE} to aid_api")
    op.execute(f"grant select, insert, update, delete on {TABLE} to aid_jobs")
    mine = f"proposed_by = {STAFF_PERSON} and state = 'proposed' and decided_by is null"
    op.execute(f"create policy api on {TABLE} for select to aid_api using ({MAY_READ})")
    own = (
        "person_id = (select case when current_setting('app.door', true) = 'worker' "
        "then nullif(current_setting('app.person', true), '')::uuid end)"
    )
    op.execute(f"create policy after_own on {TABLE} for select to aid_api using ({own})")
    op.execute(f"create policy proposes on {TABLE} for insert to aid_api with check ({mine} and {MAY_PROPOSE})")
    op.execute(
        f"create policy decides on {TABLE} for update to aid_api using (state = 'proposed' and {MAY_DECIDE}) "
        f"with check (decided_by = {STAFF_PERSON})"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
