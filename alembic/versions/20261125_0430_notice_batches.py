"""Notices are lines of frozen lists; an objection stops its line; without an ended line nobody is paid

Revision: 20261125_notice_batches, after 20261125_imports_update

What the law asks for stands here and not only in the code: a list is never changed and is what its hash says, a line says
what its list says, lasts its whole working days and ends only when they are over (`notice_guard`), and an application
becomes paying or paid only after that (`notice_before_payment`, asked of no other step). `notice_term` says whether this
database takes shorter notices; no role of the service may write it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_notice_batches"
down_revision = "20261125_imports_update"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
DOOR = "(select current_setting('app.door', true))"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
ABOVE_THE_UNIT = f"(array[city_id, district_id] && {ORGANISATIONS} and person_id is distinct from {PERSON})"
OF_INVESTIGATION = "exists (select 1 from notice_investigation i where i.id = notice_id)"
OPEN, COUNTS = "state = 'open'", "state in ('open','suspended','ended')"
KINDS = (
    "hardship_aid", "golden_autumn", "secondary_medical", "household_criteria", "minimum_living_standard", "home_visits",
    "household_upkeep",
)  # fmt: skip
SUBJECTS = (
    "household", "application", "household_exit", "visit", "discrepancy", "proxy_filing", "match_authorisation",
    "proxy_application",
)  # fmt: skip
EVIDENCE = SUBJECTS[2:]

END_OF_NOTICE = """
create function end_of_notice(start timestamptz, days int) returns timestamptz language plpgsql stable as $$
declare
  reached date := (start at time zone 'Asia/Shanghai')::date;
  missing int := days;
begin
  while missing > 0 loop
    reached := reached + 1;
    if coalesce((select c.works from calendar_day c where c.day = reached), extract(isodow from reached) < 6) then
      missing := missing - 1;
    end if;
  end loop;
  return (reached + 1)::timestamp at time zone 'Asia/Shanghai';
end $$
"""
NOTICE_GUARD = """
create function notice_guard() returns trigger language plpgsql as $$
declare
  moves constant text[] := '{state,closed_at,objections}';
  listed jsonb;
begin
  if tg_op = 'INSERT' then
    if new.state <> 'open' or new.objections <> 0 then
      raise exception 'a line begins open' using errcode = 'check_violation';
    end if;
    select convert_from(b.content, 'UTF8')::jsonb -> 'lines' -> (new.serial - 1) into listed from notice_batch b
      where b.id = new.batch_id and b.kind = new.kind and b.ends_at = new.ends_at and b.working_days = new.working_days;
    if new.batch_id is not null and listed is distinct from jsonb_build_object('serial', new.serial,
      'number', new.number, 'name_masked', new.name_masked, 'organisation', new.organisation_name,
      'amount_fen', new.amount_fen, 'amount_band', new.amount_band) then
      raise exception 'a line says what its list says' using errcode = 'check_violation';
    end if;
    if not coalesce((select may_be_short from notice_term), false) and (new.batch_id is null or new.working_days < 5
      or new.created_at < clock_timestamp() - interval '15 minutes'
      or new.ends_at < end_of_notice(new.created_at, new.working_days)) then
      raise exception 'a line lasts its whole working days' using errcode = 'check_violation';
    end if;
    return new;
  end if;
  if to_jsonb(new) - moves is distinct from to_jsonb(old) - moves then
    raise exception 'a line is never changed' using errcode = 'check_violation';
  end if;
  if not ((old.state = new.state and old.closed_at is not distinct from new.closed_at)
    or (old.state = 'open' and new.state in ('suspended', 'ended', 'withdrawn'))
    or (old.state = 'suspended' and new.state in ('renewed', 'upheld', 'withdrawn'))) then
    raise exception 'a line does not go from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  if new.state = 'ended' and old.state = 'open' and clock_timestamp() < new.ends_at then
    raise exception 'a line ends when its time is over' using errcode = 'check_violation';
  end if;
  return new;
end $$
"""
BEFORE_PAYMENT = """
create function notice_before_payment() returns trigger language plpgsql security definer
set search_path = pg_catalog, public as $$
begin
  if not exists (select 1 from notice n where n.application_id = new.id and n.round = new.round
      and n.state = 'ended' and n.ends_at <= clock_timestamp())
    or exists (select 1 from notice n where n.application_id = new.id and n.round = new.round
      and n.state in ('open', 'suspended')) then
    raise exception 'no notice of this round has ended'
      using errcode = 'check_violation', constraint = 'notice_before_payment', table = 'application';
  end if;
  return null;
end $$
"""


def upgrade() -> None:
    batches()
    lines()
    objections()
    walls()
    op.execute(END_OF_NOTICE)
    op.execute(NOTICE_GUARD)
    op.execute(BEFORE_PAYMENT)
    op.execute("revoke execute on function notice_before_payment() from public")
    op.execute("create trigger guard before insert or update on notice for each row execute function notice_guard()")
    op.execute(
        "create trigger notice_before_payment after insert or update of state, round, kind on application "
        "for each row when (new.state in ('paying', 'paid') and new.kind <> 'secondary_medical') "
        "execute function notice_before_payment()"
    )
    for table in ("notice_batch", "notice_objection"):
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    policy_kinds(*KINDS, "public_notice")
    evidence(*EVIDENCE, "notice_objection")


def batches() -> None:
    op.create_table(
        "notice_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("policy_version", sa.String(60), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("level in ('unit','district','city')", name=op.f("ck_notice_batch_level")),
        sa.CheckConstraint("sha256 = encode(sha256(content), 'hex')", name=op.f("ck_notice_batch_sha256")),
        sa.CheckConstraint("ends_at > created_at", name=op.f("ck_notice_batch_period")),
        sa.CheckConstraint("working_days >= 5", name=op.f("ck_notice_batch_working_days")),
        *(
            sa.ForeignKeyConstraint([column], ["organisation.id"], name=op.f(f"fk_notice_batch_{column}_organisation"))
            for column in ("organisation_id", *(f"{tier}_id" for tier in TIERS))
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_batch")),
    )
    for tier in TIERS:
        op.create_index(f"ix_notice_batch_{tier}", "notice_batch", [f"{tier}_id", "created_at", "id"])
    op.create_table(
        "notice_term",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("may_be_short", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_term")),
    )
    op.execute("insert into notice_term (id, may_be_short) values (1, false)")


def lines() -> None:
    for index in ("ix_notice_due", "ix_notice_published", "uq_notice_household"):
        op.drop_index(index, "notice")
    op.drop_constraint("uq_notice_application_id_round", "notice")
    op.drop_constraint("ck_notice_amount", "notice")
    op.add_column("notice", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.add_column("notice", sa.Column("serial", sa.Integer(), nullable=True))
    op.add_column("notice", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.add_column("notice", sa.Column("signer_ids", postgresql.ARRAY(sa.Uuid()), nullable=True))
    op.add_column("notice", sa.Column("agreed", sa.Boolean(), nullable=True))
    op.add_column("notice", sa.Column("city_id", sa.Uuid(), nullable=True))
    op.add_column("notice", sa.Column("district_id", sa.Uuid(), nullable=True))
    op.add_column("notice", sa.Column("amount_band", sa.String(60), nullable=True))
    op.add_column("notice", sa.Column("state", sa.String(10), nullable=True))
    op.add_column("notice", sa.Column("objections", sa.Integer(), nullable=True))
    _fill_lines()
    for column in ("person_id", "signer_ids", "agreed", "city_id", "state", "objections"):
        op.alter_column("notice", column, nullable=False)
    op.create_foreign_key(op.f("fk_notice_batch_id_notice_batch"), "notice", "notice_batch", ["batch_id"], ["id"])
    op.create_foreign_key(op.f("fk_notice_person_id_person"), "notice", "person", ["person_id"], ["id"])
    for tier in ("city", "district"):
        op.create_foreign_key(
            op.f(f"fk_notice_{tier}_id_organisation"), "notice", "organisation", [f"{tier}_id"], ["id"]
        )
    checks = {
        "amount": "household_id is null or amount_fen is null",
        "state": "state in ('open','suspended','ended','renewed','upheld','withdrawn')",
        "closed": "(closed_at is null) = (state in ('open','suspended'))",
        "ended": "state <> 'ended' or closed_at >= ends_at",
        "objections": "objections >= 0 and (state <> 'suspended' or objections > 0)",
    }
    for name, condition in checks.items():
        op.create_check_constraint(op.f(f"ck_notice_{name}"), "notice", condition)
    op.create_unique_constraint(op.f("uq_notice_batch_id_serial"), "notice", ["batch_id", "serial"])
    op.create_index("ix_notice_due", "notice", ["ends_at"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_notice_published", "notice", ["created_at", "id"], postgresql_where=sa.text(OPEN))
    op.create_index("ix_notice_application", "notice", ["application_id", "round"])
    op.create_index("ix_notice_person", "notice", ["person_id"], postgresql_where=sa.text(OPEN))
    for subject, columns in (
        ("application", ["application_id", "round"]),
        ("household", ["household_id", "round", "kind"]),
    ):
        op.create_index(
            f"uq_notice_{subject}", "notice", columns, unique=True,
            postgresql_where=sa.text(f"{subject}_id is not null and {COUNTS}"),
        )  # fmt: skip


def _fill_lines() -> None:
    """Of notices that were published before. The owner of the tables is held by their walls, too."""
    tables = ("notice", "application", "household")
    for table in tables:
        op.execute(f"alter table {table} no force row level security")
    op.execute(
        "update notice n set person_id = a.applicant_id, city_id = a.city_id, district_id = a.district_id "
        "from application a where a.id = n.application_id"
    )
    op.execute(
        "update notice n set person_id = h.person_id, city_id = h.city_id, district_id = h.district_id "
        "from household h where h.id = n.household_id"
    )
    op.execute(
        "update notice set signer_ids = '{}', agreed = true, objections = 0, state = case when closed_at is null then 'open' "
        "when closed_at >= ends_at then 'ended' else 'withdrawn' end"
    )
    for table in tables:
        op.execute(f"alter table {table} force row level security")


def objections() -> None:
    op.create_table(
        "notice_investigation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("signer_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("post_role", sa.String(32), nullable=True),
        sa.Column("organisation_name", sa.String(100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open','upheld','dismissed')", name=op.f("ck_notice_investigation_state")),
        sa.CheckConstraint(
            "(state = 'open') = (decided_by is null) and (state = 'open') = (decided_at is null)"
            " and (state = 'open') = (note is null)",
            name=op.f("ck_notice_investigation_decided"),
        ),
        sa.CheckConstraint(
            "decided_by <> person_id and decided_by <> all (signer_ids)",
            name=op.f("ck_notice_investigation_kept_apart"),
        ),
        # Under the id of its line: two objections at once make one of it.
        sa.ForeignKeyConstraint(["id"], ["notice.id"], name=op.f("fk_notice_investigation_id_notice")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_notice_investigation_person_id_person")),
        *(
            sa.ForeignKeyConstraint(
                [f"{tier}_id"], ["organisation.id"], name=op.f(f"fk_notice_investigation_{tier}_id_organisation")
            )
            for tier in ("city", "district")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_investigation")),
    )
    for tier in ("city", "district"):
        op.create_index(
            f"ix_notice_investigation_open_{tier}", "notice_investigation", [f"{tier}_id", "created_at", "id"],
            postgresql_where=sa.text(OPEN),
        )  # fmt: skip
    op.create_table(
        "notice_objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("objector_id", sa.Uuid(), nullable=True),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column("objector_masked", sa.String(60), nullable=True),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("objector_id is not null or anonymous", name=op.f("ck_notice_objection_anonymous")),
        sa.CheckConstraint("anonymous = (objector_masked is null)", name=op.f("ck_notice_objection_masked")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_objection_notice_id_notice")),
        sa.ForeignKeyConstraint(["objector_id"], ["person.id"], name=op.f("fk_notice_objection_objector_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_objection")),
    )
    op.create_index("ix_notice_objection_line", "notice_objection", ["notice_id", "id"])
    op.create_index(
        "uq_notice_objection_objector", "notice_objection", ["notice_id", "objector_id"], unique=True,
        postgresql_where=sa.text("objector_id is not null"),
    )  # fmt: skip


def walls() -> None:
    for table in ("notice_batch", "notice_term", "notice_investigation", "notice_objection"):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
    # Everyone reads a line until it is over, and may stop it; the guards of the database read all.
    op.execute("drop policy api on notice")
    op.execute("create policy api on notice for select to aid_api using (closed_at is null)")
    op.execute(
        "create policy objected on notice for update to aid_api using (closed_at is null) "
        "with check (state = 'suspended')"
    )
    op.execute("create policy guard on notice for select to current_user using (true)")
    op.execute("grant update (state, objections) on notice to aid_api")
    op.execute("revoke delete on notice from aid_jobs")
    op.execute(f"create policy api on notice_batch for select to aid_api using (ends_at > now() or {IN_REACH})")
    op.execute("grant select on notice_batch to aid_api")
    op.execute("grant select, insert on notice_batch to aid_jobs")
    op.execute("create policy api on notice_term for select to aid_api using (true)")
    op.execute("create policy owner on notice_term to current_user using (true) with check (true)")
    op.execute("grant select on notice_term to aid_api, aid_jobs")
    table = "notice_investigation"
    op.execute(f"create policy api on {table} for select to aid_api using ({ABOVE_THE_UNIT})")
    op.execute(
        f"create policy decided on {table} for update to aid_api using ({ABOVE_THE_UNIT}) with check ({ABOVE_THE_UNIT})"
    )
    op.execute(f"create policy objected on {table} for insert to aid_api with check ({DOOR} = 'public' and {OPEN})")
    op.execute(f"grant select, insert on {table} to aid_api")
    op.execute(
        f"grant update (state, version, note, decided_by, post_role, organisation_name, decided_at) on {table} to aid_api"
    )
    op.execute(f"grant select on {table} to aid_jobs")
    op.execute(
        "create policy api on notice_objection for select to aid_api "
        f"using (objector_id = {PERSON} or {OF_INVESTIGATION})"
    )
    op.execute(f"create policy objected on notice_objection for insert to aid_api with check ({DOOR} = 'public')")
    op.execute("grant select, insert on notice_objection to aid_api")
    op.execute("grant select on notice_objection to aid_jobs")


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def evidence(*kinds: str) -> None:
    """What may name files, and who sees by that what it names: as in the revision before, and objections."""
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    named = (*SUBJECTS[:2], *kinds)
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in {named})")
    branches = " ".join(
        f"when '{kind}' then return exists (select 1 from {kind} s where s.id = asked);" for kind in kinds
    )
    op.execute(
        "create or replace function is_evidence_i_see(asked_kind text, asked uuid) returns boolean language plpgsql "
        f"stable as $$ begin case asked_kind {branches} else return false; end case; end $$"
    )


def downgrade() -> None:
    op.execute("alter table file_use no force row level security")
    op.execute("delete from file_use where subject_kind = 'notice_objection'")
    op.execute("alter table file_use force row level security")
    evidence(*EVIDENCE)
    op.execute("alter table policy_version disable trigger user")
    op.execute("alter table policy_version no force row level security")
    op.execute("delete from policy_version where kind = 'public_notice'")
    op.execute("alter table policy_version force row level security")
    op.execute("alter table policy_version enable trigger user")
    policy_kinds(*KINDS)
    op.execute("drop trigger notice_before_payment on application")
    op.execute("drop trigger guard on notice")
    for function in ("notice_before_payment()", "notice_guard()", "end_of_notice(timestamptz, int)"):
        op.execute(f"drop function {function}")
    op.drop_table("notice_objection")
    op.drop_table("notice_investigation")
    _as_they_were()
    op.drop_table("notice_term")
    op.drop_table("notice_batch")


def _as_they_were() -> None:
    """One line of each subject and round, with its amount: what had none, or was published again, is gone."""
    for policy in ("guard", "objected", "api"):
        op.execute(f"drop policy {policy} on notice")
    op.execute("alter table notice no force row level security")
    op.execute(
        "delete from notice n where (household_id is null and amount_fen is null) or exists (select 1 from notice later "
        "where later.id > n.id and later.round = n.round and later.kind = n.kind and (later.application_id = "
        "n.application_id or later.household_id = n.household_id))"
    )
    op.execute("alter table notice force row level security")
    for index in ("ix_notice_due", "ix_notice_published", "ix_notice_application", "ix_notice_person", "uq_notice_application",
                  "uq_notice_household"):  # fmt: skip
        op.drop_index(index, "notice")
    op.drop_constraint("uq_notice_batch_id_serial", "notice")
    for check in ("amount", "state", "closed", "ended", "objections"):
        op.drop_constraint(f"ck_notice_{check}", "notice")
    for column in ("batch_id", "serial", "person_id", "signer_ids", "agreed", "city_id", "district_id", "amount_band", "state",
                   "objections"):  # fmt: skip
        op.drop_column("notice", column)
    op.create_check_constraint(op.f("ck_notice_amount"), "notice", "(household_id is null) = (amount_fen is not null)")
    op.create_unique_constraint(op.f("uq_notice_application_id_round"), "notice", ["application_id", "round"])
    still_open = sa.text("closed_at is null")
    op.create_index("ix_notice_due", "notice", ["ends_at"], postgresql_where=still_open)
    op.create_index("ix_notice_published", "notice", ["created_at", "id"], postgresql_where=still_open)
    op.create_index(
        "uq_notice_household", "notice", ["household_id", "round", "kind"], unique=True,
        postgresql_where=sa.text("household_id is not null"),
    )  # fmt: skip
    op.execute("create policy api on notice to aid_api using (closed_at is null) with check (closed_at is null)")
    op.execute("grant delete on notice to aid_jobs")
