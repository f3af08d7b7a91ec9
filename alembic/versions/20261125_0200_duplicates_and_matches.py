"""Suspicions that two household files are one, and matching files with the registers of departments

Revision: 20261125_matching, after 20261125_visits
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_matching"
down_revision = "20261125_visits"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
EITHER_FILE = f"{STAFF} and exists (select 1 from household h where h.id = household_a_id or h.id = household_b_id)"


ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
PART_OF_FILE = "exists (select 1 from household h where h.id = household_id)"
PART_OF_BATCH = "exists (select 1 from match_batch b where b.id = batch_id)"
# The heads whose files are within the reach, and of their consents this one alone.
MATCHING_CONSENT = (
    f"{STAFF} and purpose = 'data_matching' "
    "and exists (select 1 from household h where h.person_id = consent.person_id)"
)
# table: (what the API may see and write, its privileges)
MATCH_WALLS = {
    "match_authorisation": (PART_OF_FILE, "select, insert, update"),
    "match_batch": (IN_REACH, "select, insert"),
    "match_person": (PART_OF_BATCH, "select, insert"),
    "match_return": (PART_OF_BATCH, "select, insert"),
    "match_result": (PART_OF_FILE, "select, insert"),
}
APPEND_ONLY = ("match_batch", "match_person", "match_return", "match_result")
DEPARTMENT = "department in ('civil_affairs','medical_insurance','education','human_resources')"
TIERS = ("city", "district", "street", "unit")


def upgrade() -> None:
    _duplicate_tables()
    _batch_tables()
    _answer_tables()
    _walls()


def _row() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}"))


def _batch_tables() -> None:
    op.execute("create sequence match_number")
    op.execute("grant usage on sequence match_number to aid_api, aid_jobs")
    op.create_table(
        "match_authorisation",
        *_row(),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(file_id, consent_id) = 1", name=op.f("ck_match_authorisation_evidence")),
        sa.CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_by is null)", name=op.f("ck_match_authorisation_withdrawn")
        ),
        _key("match_authorisation", "household_id", "household"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_authorisation")),
    )
    op.create_index(
        "uq_match_authorisation_in_force",
        "match_authorisation",
        ["household_id", "id_number_index"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    op.create_table(
        "match_batch",
        *_row(),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("department", sa.String(20), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("basis_code", sa.String(100), nullable=False),
        sa.Column("basis_text", sa.String(2000), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        *(sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.Column("outgoing", sa.LargeBinary(), nullable=False),
        sa.Column("outgoing_sha256", sa.String(64), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(DEPARTMENT, name=op.f("ck_match_batch_department")),
        sa.CheckConstraint("mode in ('plain','hashed')", name=op.f("ck_match_batch_mode")),
        sa.CheckConstraint(
            "purpose in ('identification','annual_review','exit_check')", name=op.f("ck_match_batch_purpose")
        ),
        sa.CheckConstraint("(mode = 'hashed') = (key is not null)", name=op.f("ck_match_batch_key")),
        sa.CheckConstraint("people > 0 and households > 0", name=op.f("ck_match_batch_people")),
        sa.CheckConstraint("length(basis_code) > 0 and length(basis_text) > 0", name=op.f("ck_match_batch_basis")),
        *(_key("match_batch", f"{tier}_id", "organisation") for tier in TIERS),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_batch")),
        sa.UniqueConstraint("number", name=op.f("uq_match_batch_number")),
    )
    for tier in ("city", "district"):
        op.create_index(f"ix_match_batch_{tier}", "match_batch", [f"{tier}_id", "created_at", "id"])
    op.create_table(
        "match_person",
        *_row(),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("person", sa.LargeBinary(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("authorisation_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("num_nonnulls(consent_id, authorisation_id) = 1", name=op.f("ck_match_person_allowed")),
        _key("match_person", "batch_id", "match_batch"),
        _key("match_person", "household_id", "household"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_person")),
    )
    op.create_index("uq_match_person_line", "match_person", ["batch_id", "line"], unique=True)
    op.create_index("ix_match_person_household", "match_person", ["household_id"])


def _answer_tables() -> None:
    op.create_table(
        "match_return",
        *_row(),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_by", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("rows", "matched", "unknown", "gone")),
        sa.Column("alert", sa.String(30), nullable=True),
        sa.CheckConstraint("alert in ('no_digest_matches')", name=op.f("ck_match_return_alert")),
        _key("match_return", "batch_id", "match_batch"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_return")),
        sa.UniqueConstraint("sha256", name=op.f("uq_match_return_sha256")),
    )
    op.create_index(op.f("ix_match_return_batch_id"), "match_return", ["batch_id"])
    op.create_table(
        "match_result",
        *_row(),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("batch_number", sa.String(40), nullable=False),
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("match_person_id", sa.Uuid(), nullable=False),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("department", sa.String(20), nullable=False),
        sa.Column("basis_text", sa.String(2000), nullable=False),
        sa.Column("field", sa.String(40), nullable=True),
        sa.Column("pointer", sa.String(100), nullable=True),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("found", sa.LargeBinary(), nullable=True),
        sa.Column("in_file", sa.LargeBinary(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("discrepancy_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(DEPARTMENT, name=op.f("ck_match_result_department")),
        sa.CheckConstraint("outcome in ('agree','disagree','no_record')", name=op.f("ck_match_result_outcome")),
        sa.CheckConstraint("(outcome = 'no_record') = (field is null)", name=op.f("ck_match_result_field")),
        sa.CheckConstraint("(outcome = 'disagree') = (discrepancy_id is not null)", name=op.f("ck_match_result_asked")),
        *(
            _key("match_result", column, other)
            for column, other in (
                ("batch_id", "match_batch"),
                ("return_id", "match_return"),
                ("household_id", "household"),
                ("match_person_id", "match_person"),
                ("discrepancy_id", "discrepancy"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_result")),
    )
    op.create_index("ix_match_result_household", "match_result", ["household_id", "created_at", "id"])
    op.create_index("ix_match_result_batch", "match_result", ["batch_id", "created_at", "id"])


def _duplicate_tables() -> None:
    op.create_table(
        "duplicate_key",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_duplicate_key_household_id_household")
        ),
        sa.PrimaryKeyConstraint("household_id", "key", name=op.f("pk_duplicate_key")),
    )
    op.create_index("ix_duplicate_key_key", "duplicate_key", ["key", "household_id"])
    op.create_table(
        "duplicate_flag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(f"household_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        *(sa.Column(f"person_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        *(sa.Column(f"organisation_{side}_id", sa.Uuid(), nullable=False) for side in "ab"),
        *(sa.Column(f"{side}_{tier}_id", sa.Uuid(), nullable=tier != "city") for side in "ab" for tier in TIERS),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("weights", sa.String(60), nullable=False),
        sa.Column("features_index", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("household_a_id < household_b_id", name=op.f("ck_duplicate_flag_ordered")),
        sa.CheckConstraint("state in ('open','same','different','cleared')", name=op.f("ck_duplicate_flag_state")),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_duplicate_flag_score")),
        sa.CheckConstraint(
            "(state in ('same','different')) = (decided_by is not null) and (decided_by is null) = (decided_at is null)",
            name=op.f("ck_duplicate_flag_decided"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{what}_{side}_id"], [f"{what}.id"], name=op.f(f"fk_duplicate_flag_{what}_{side}_id_{what}")
            )
            for what in ("household", "organisation")
            for side in "ab"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_flag")),
    )
    op.create_index("uq_duplicate_flag_pair", "duplicate_flag", ["household_a_id", "household_b_id"], unique=True)
    op.create_index("ix_duplicate_flag_b", "duplicate_flag", ["household_b_id"])
    for side in "ab":
        for tier in TIERS:
            columns = [f"{side}_{tier}_id", "state", "created_at", "id"]
            op.create_index(f"ix_duplicate_flag_{side}_{tier}", "duplicate_flag", columns)
    op.create_index(
        "ix_duplicate_flag_unseen", "duplicate_flag", ["seen_at"], postgresql_where=sa.text("state = 'open'")
    )


def _walls() -> None:
    for table in ("duplicate_key", "duplicate_flag"):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(f"create policy api on duplicate_flag to aid_api using ({EITHER_FILE}) with check ({EITHER_FILE})")
    op.execute("grant select, update on duplicate_flag to aid_api")
    for table, (policy, privileges) in MATCH_WALLS.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant select, insert on {table} to aid_jobs")
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    op.execute(f"create policy api_matching on consent for select to aid_api using ({MATCHING_CONSENT})")


def downgrade() -> None:
    op.execute("drop policy api_matching on consent")
    for table in ("match_result", "match_return", "match_person", "match_batch", "match_authorisation"):
        op.drop_table(table)
    op.execute("drop sequence match_number")
    op.drop_table("duplicate_flag")
    op.drop_table("duplicate_key")
