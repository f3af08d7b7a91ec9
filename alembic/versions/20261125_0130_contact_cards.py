"""Who is responsible for a household, and the contact cards that name them

Revision: 20261125_contact_cards, after 20261125_submission_no

Who may be named is asked of `staff_over`: the posts and names of colleagues stay behind their walls, and the function
answers only for a household that whoever asks has in reach.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_contact_cards"
down_revision = "20261125_submission_no"
branch_labels = None
depends_on = None

PART_OF_FILE = "exists (select 1 from household h where h.id = household_id)"
STAFF_OVER = """
create function staff_over(asked uuid, today date)
returns table (person_id uuid, name bytea, role varchar, organisation_id uuid, organisation_name varchar, tier varchar)
language sql stable security definer set search_path = pg_catalog, public as $$
  select m.id, m.name, p.role, o.id, o.name, o.tier
  from household h
  join organisation o on o.id in (h.unit_id, h.street_id, h.district_id, h.city_id)
  join post p on p.organisation_id = o.id and p.ended_at is null and p.from_date <= today
  join person m on m.id = p.person_id and m.closed_at is null and m.name is not null
  where h.id = asked and m.id <> h.person_id and current_setting('app.door', true) = 'staff'
    and array[h.city_id, h.district_id, h.street_id, h.unit_id]
      && coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]
  order by array_position(array['unit', 'street', 'district', 'city'], o.tier::text), p.id
  limit 500
$$
"""


def upgrade() -> None:
    op.create_table(
        "responsible_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.Column("assigned_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_responsible_person_sequence")),
        sa.CheckConstraint("until_date >= from_date", name=op.f("ck_responsible_person_term")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_responsible_person_household_id_household")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responsible_person")),
        sa.UniqueConstraint("household_id", "sequence", name=op.f("uq_responsible_person_household_id_sequence")),
    )
    op.create_index("ix_responsible_person_person_id", "responsible_person", ["person_id"])
    op.create_index(
        "uq_responsible_person_now",
        "responsible_person",
        ["household_id"],
        unique=True,
        postgresql_where=sa.text("until_date is null"),
    )
    op.create_table(
        "contact_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("serial", sa.String(50), nullable=False),
        sa.Column("responsible_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_contact_card_sequence")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_contact_card_sha256")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_contact_card_household_id_household")
        ),
        sa.ForeignKeyConstraint(
            ["responsible_id"],
            ["responsible_person.id"],
            name=op.f("fk_contact_card_responsible_id_responsible_person"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_card")),
        sa.UniqueConstraint("serial", name=op.f("uq_contact_card_serial")),
        sa.UniqueConstraint("household_id", "sequence", name=op.f("uq_contact_card_household_id_sequence")),
    )
    op.create_index(
        "uq_contact_card_now",
        "contact_card",
        ["household_id"],
        unique=True,
        postgresql_where=sa.text("superseded_at is null"),
    )
    for table in ("responsible_person", "contact_card"):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({PART_OF_FILE}) with check ({PART_OF_FILE})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update on {table} to aid_api")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(STAFF_OVER)
    op.execute("revoke execute on function staff_over(uuid, date) from public")
    # It looks with the eyes of the jobs, who may own it only while they may create.
    op.execute("grant create on schema public to aid_jobs")
    op.execute("alter function staff_over(uuid, date) owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    op.execute("grant execute on function staff_over(uuid, date) to aid_api")


def downgrade() -> None:
    op.execute("drop function staff_over(uuid, date)")
    op.drop_table("contact_card")
    op.drop_table("responsible_person")
