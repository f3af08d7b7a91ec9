"""The whole life of a household file: its class and level, how it is left, what it came from, and moves between unions

Revision: 20261125_household_life, after 20261125_history

Three functions run as aid_jobs, because what they ask is out of the caller's sight. Each answers as little as it can:
the name of the union that keeps a member's file; the person of an identity number whose keyed index is known; and
whether a file was taken over by the union that it was offered to.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_household_life"
down_revision = "20261125_history"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
STATES = (
    "draft submitted returned withdrawn unit_review home_visit rejected district_review means_check public_notice "
    "city_approval active annual_review suspended relieved transferred cancelled exit_proposed exit_notice lifted"
).split()
LEVELS = "national provincial municipal county grassroots".split()
CLASSES = "deep relative accident dibao_household edge_household accident_household auxiliary".split()
CODES = (
    "death retired_under_social_management not_eligible duplicate left false_statement voluntary lost_contact"
).split()
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
PART_OF_FILE = "exists (select 1 from household h where h.id = household_id)"
OFFERED = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
WALLS = {"household_exit": PART_OF_FILE, "household_transfer": f"{OFFERED} or {PART_OF_FILE}"}

UNION_OF_MEMBER = """
create function union_of_member(asked bytea) returns text language sql stable security definer
set search_path = pg_catalog, public as $$
  select o.name from household_member m join household h on h.id = m.household_id
    join organisation o on o.id = coalesce(h.unit_id, h.street_id, h.district_id, h.city_id)
  where m.id_number_index = asked and m.living
$$
"""
PERSON_OF_NUMBER = """
create function person_of_number(asked bytea) returns uuid language sql stable security definer
set search_path = pg_catalog, public as $$
  select id from person where id_number_index = asked and closed_at is null and verified_at is not null
$$
"""
# The file is locked before its transfer, as everywhere else.
TAKE_OVER = """
create function take_over_household(asked uuid, at timestamptz) returns boolean language plpgsql security definer
set search_path = pg_catalog, public as $$
declare
  file uuid;
  offer household_transfer;
begin
  select household_id into file from household_transfer where id = asked;
  perform 1 from household where id = file for update;
  select * into offer from household_transfer where id = asked and state = 'proposed'
    and current_setting('app.door', true) = 'staff'
    and array[city_id, district_id, street_id, unit_id]
      && coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]
    for update;
  if not found then
    return false;
  end if;
  update household set city_id = offer.city_id, district_id = offer.district_id, street_id = offer.street_id,
    unit_id = offer.unit_id, version = version + 1, updated_at = at
  where id = offer.household_id and state in ('active', 'annual_review', 'relieved', 'suspended');
  if not found then
    return false;
  end if;
  -- What the worker asks for from now on is received there too.
  update person set organisation_id = offer.to_organisation_id, version = version + 1
  where id = (select person_id from household where id = offer.household_id)
    and organisation_id is distinct from offer.to_organisation_id;
  return true;
end $$
"""
FUNCTIONS = {
    "union_of_member(bytea)": UNION_OF_MEMBER,
    "person_of_number(bytea)": PERSON_OF_NUMBER,
    "take_over_household(uuid, timestamptz)": TAKE_OVER,
}


def upgrade() -> None:
    _columns()
    _indexes()
    _exits()
    _transfers()
    for table, policy in WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    _notices()
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def _columns() -> None:
    for column in (
        sa.Column("state_before", sa.String(20)),
        sa.Column("category", sa.String(20)),
        sa.Column("archive_level", sa.String(12)),
        sa.Column("cohort_2016", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("cohort_fixed_on", sa.Date()),
        sa.Column("previous_id", sa.Uuid()),
        sa.Column("merged_into_id", sa.Uuid()),
        sa.Column("split_from_id", sa.Uuid()),
        sa.Column("cancel_code", sa.String(40)),
        sa.Column("left_at", sa.DateTime(timezone=True)),
        sa.Column("relieved_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("household", column)
    for name in ("previous_id", "merged_into_id", "split_from_id"):
        op.create_foreign_key(op.f(f"fk_household_{name}_household"), "household", "household", [name], ["id"])
    for name, condition in (
        ("state", f"state in ({_listed(STATES)})"),
        ("archive_level", f"archive_level in ({_listed(LEVELS)})"),
        ("category", f"category in ({_listed(CLASSES)})"),
        ("cohort", "cohort_2016 = (cohort_fixed_on is not null)"),
        ("cancel_code", f"cancel_code in ({_listed(CODES)})"),
        ("cancelled", "(state = 'cancelled') = (cancel_code is not null)"),
        ("merged", "merged_into_id is null or cancel_code = 'duplicate'"),
        ("state_before", "state_before is null or state in ('suspended','exit_proposed','exit_notice')"),
    ):
        op.create_check_constraint(op.f(f"ck_household_{name}"), "household", condition)


def _listed(words: list[str]) -> str:
    return ",".join(f"'{word}'" for word in words)


def _indexes() -> None:
    submitted = sa.text("submitted_at is not null")
    for tier in TIERS:
        op.drop_index(f"ix_household_open_{tier}", "household")
        op.create_index(
            f"ix_household_file_{tier}", "household", [f"{tier}_id", "submitted_at", "id"], postgresql_where=submitted
        )
        op.create_index(
            f"ix_household_state_{tier}",
            "household",
            [f"{tier}_id", "state", "submitted_at", "id"],
            postgresql_where=submitted,
        )
    op.create_index(
        "ix_household_previous", "household", ["previous_id"], postgresql_where=sa.text("previous_id is not null")
    )


def _exits() -> None:
    op.create_table(
        "household_exit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("code", sa.String(40), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.Column("decision", sa.LargeBinary(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('lifted','relieved','cancelled')", name=op.f("ck_household_exit_kind")),
        sa.CheckConstraint("(kind = 'cancelled') = (code is not null)", name=op.f("ck_household_exit_code")),
        sa.CheckConstraint("state in ('open','ended','dropped')", name=op.f("ck_household_exit_state")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_household_exit_household_id_household")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_exit")),
    )
    op.create_index(
        "uq_household_exit_open",
        "household_exit",
        ["household_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_household_exit_household", "household_exit", ["household_id", "created_at"])


def _transfers() -> None:
    unions = ("from_organisation_id", "to_organisation_id", *(f"{tier}_id" for tier in TIERS))
    needed = ("from_organisation_id", "to_organisation_id", "city_id")
    op.create_table(
        "household_transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("head_masked", sa.String(60), nullable=False),
        sa.Column("from_organisation_name", sa.String(100), nullable=False),
        sa.Column("to_organisation_name", sa.String(100), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=name not in needed) for name in unions),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('proposed','accepted','refused','withdrawn')", name=op.f("ck_household_transfer_state")
        ),
        sa.CheckConstraint("(state = 'proposed') = (ended_at is null)", name=op.f("ck_household_transfer_ended")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_household_transfer_household_id_household")
        ),
        *(
            sa.ForeignKeyConstraint(
                [name], ["organisation.id"], name=op.f(f"fk_household_transfer_{name}_organisation")
            )
            for name in unions
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_transfer")),
    )
    proposed = sa.text("state = 'proposed'")
    op.create_index(op.f("ix_household_transfer_household_id"), "household_transfer", ["household_id"])
    op.create_index(
        "uq_household_transfer_open", "household_transfer", ["household_id"], unique=True, postgresql_where=proposed
    )
    for tier in TIERS:
        op.create_index(
            f"ix_household_transfer_{tier}",
            "household_transfer",
            [f"{tier}_id", "created_at", "id"],
            postgresql_where=proposed,
        )


def _notices() -> None:
    op.add_column("notice", sa.Column("household_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_notice_household_id_household"), "notice", "household", ["household_id"], ["id"])
    op.alter_column("notice", "application_id", nullable=True)
    op.alter_column("notice", "amount_fen", nullable=True)
    op.create_check_constraint(
        op.f("ck_notice_subject"), "notice", "(application_id is null) <> (household_id is null)"
    )
    op.create_check_constraint(op.f("ck_notice_amount"), "notice", "(household_id is null) = (amount_fen is not null)")
    op.create_index(
        "uq_notice_household",
        "notice",
        ["household_id", "round", "kind"],
        unique=True,
        postgresql_where=sa.text("household_id is not null"),
    )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
    op.drop_index("uq_notice_household", "notice")
    op.execute("delete from notice where household_id is not null")
    op.drop_constraint(op.f("ck_notice_amount"), "notice")
    op.drop_constraint(op.f("ck_notice_subject"), "notice")
    op.alter_column("notice", "amount_fen", nullable=False)
    op.alter_column("notice", "application_id", nullable=False)
    op.drop_column("notice", "household_id")
    op.drop_table("household_transfer")
    op.drop_table("household_exit")
    op.drop_index("ix_household_previous", "household")
    for tier in TIERS:
        op.drop_index(f"ix_household_state_{tier}", "household")
        op.drop_index(f"ix_household_file_{tier}", "household")
        op.create_index(
            f"ix_household_open_{tier}",
            "household",
            [f"{tier}_id", "state", "submitted_at", "id"],
            postgresql_where=sa.text("state in ('submitted','district_review')"),
        )
    op.drop_constraint(op.f("ck_household_state"), "household")
    for name in (
        "state_before category archive_level cohort_2016 cohort_fixed_on previous_id merged_into_id split_from_id "
        "cancel_code left_at relieved_at"
    ).split():
        op.drop_column("household", name)
