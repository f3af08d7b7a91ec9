"""The tables of the first floor

Revision: 20261123_tables, the first
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_tables"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject_kind", sa.String(30), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("subject_person_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        "ix_audit_entry_person",
        "audit_entry",
        ["person_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("person_id is not null"),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject_id", "created_at"], unique=False)
    op.create_index(
        "ix_audit_entry_subject_person", "audit_entry", ["subject_person_id", "created_at", "id"], unique=False
    )
    op.create_index("uq_audit_entry_chain", "audit_entry", ["shard", "sequence"], unique=True)
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_year")),
    )
    op.create_table(
        "keyed_answer",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(40), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "key", name=op.f("pk_keyed_answer")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("division_code", sa.String(12), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True),
        sa.Column("street_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("receives_unattached", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "level in ('city','district','industry','street','unit')", name=op.f("ck_organisation_level")
        ),
        sa.CheckConstraint("tier in ('city','district','street','unit')", name=op.f("ck_organisation_tier")),
        sa.ForeignKeyConstraint(["city_id"], ["organisation.id"], name=op.f("fk_organisation_city_id_organisation")),
        sa.ForeignKeyConstraint(
            ["district_id"], ["organisation.id"], name=op.f("fk_organisation_district_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["organisation.id"], name=op.f("fk_organisation_parent_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["street_id"], ["organisation.id"], name=op.f("fk_organisation_street_id_organisation")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["organisation.id"], name=op.f("fk_organisation_unit_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("code", name=op.f("uq_organisation_code")),
    )
    op.create_index(op.f("ix_organisation_parent_id"), "organisation", ["parent_id"], unique=False)
    op.create_table(
        "out_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("relayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_out_message")),
    )
    op.create_index(
        "ix_out_message_waiting", "out_message", ["id"], unique=False, postgresql_where=sa.text("relayed_at is null")
    )
    op.create_table(
        "cover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True),
        sa.Column("street_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("is_renewal", sa.Boolean(), nullable=False),
        sa.Column("enrolled_by", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_cover_term")),
        sa.ForeignKeyConstraint(["city_id"], ["organisation.id"], name=op.f("fk_cover_city_id_organisation")),
        sa.ForeignKeyConstraint(["district_id"], ["organisation.id"], name=op.f("fk_cover_district_id_organisation")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_cover_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["street_id"], ["organisation.id"], name=op.f("fk_cover_street_id_organisation")),
        sa.ForeignKeyConstraint(["unit_id"], ["organisation.id"], name=op.f("fk_cover_unit_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cover")),
        sa.UniqueConstraint("id_number_index", "starts_on", name=op.f("uq_cover_id_number_index_starts_on")),
    )
    op.create_index("ix_cover_holder", "cover", ["id_number_index", "ends_on"], unique=False)
    op.create_index(op.f("ix_cover_organisation_id"), "cover", ["organisation_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("openid_index", sa.LargeBinary(), nullable=False),
        sa.Column("openid", sa.LargeBinary(), nullable=False),
        sa.Column("unionid_index", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("name_masked", sa.String(60), nullable=True),
        sa.Column("id_number", sa.LargeBinary(), nullable=True),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("phone_masked", sa.String(20), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_person_organisation_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_index(op.f("ix_person_organisation_id"), "person", ["organisation_id"], unique=False)
    op.create_index(
        "uq_person_id_number", "person", ["id_number_index"], unique=True, postgresql_where=sa.text("closed_at is null")
    )
    op.create_index(
        "uq_person_openid", "person", ["openid_index"], unique=True, postgresql_where=sa.text("closed_at is null")
    )
    op.create_table(
        "bank_card",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("number_masked", sa.String(30), nullable=False),
        sa.Column("bank_name", sa.String(100), nullable=False),
        sa.Column("branch", sa.String(100), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.CheckConstraint("state in ('current','pending','replaced')", name=op.f("ck_bank_card_state")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_bank_card_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_card")),
    )
    op.create_index(op.f("ix_bank_card_person_id"), "bank_card", ["person_id"], unique=False)
    op.create_index(
        "uq_bank_card_current", "bank_card", ["person_id"], unique=True, postgresql_where=sa.text("state = 'current'")
    )
    op.create_index(
        "uq_bank_card_pending", "bank_card", ["person_id"], unique=True, postgresql_where=sa.text("state = 'pending'")
    )
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("text_version", sa.String(16), nullable=False),
        sa.Column("text_sha256", sa.String(64), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(op.f("ix_consent_person_id"), "consent", ["person_id"], unique=False)
    op.create_index(
        "uq_consent_in_force",
        "consent",
        ["person_id", "purpose", "text_version"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    op.create_table(
        "household",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True),
        sa.Column("street_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("head_masked", sa.String(60), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("round >= 1", name=op.f("ck_household_round")),
        sa.ForeignKeyConstraint(["city_id"], ["organisation.id"], name=op.f("fk_household_city_id_organisation")),
        sa.ForeignKeyConstraint(
            ["district_id"], ["organisation.id"], name=op.f("fk_household_district_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_household_person_id_person")),
        sa.ForeignKeyConstraint(["street_id"], ["organisation.id"], name=op.f("fk_household_street_id_organisation")),
        sa.ForeignKeyConstraint(["unit_id"], ["organisation.id"], name=op.f("fk_household_unit_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        sa.UniqueConstraint("number", name=op.f("uq_household_number")),
    )
    op.create_index(
        "ix_household_open_city",
        "household",
        ["city_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.create_index(
        "ix_household_open_district",
        "household",
        ["district_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.create_index(
        "ix_household_open_street",
        "household",
        ["street_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.create_index(
        "ix_household_open_unit",
        "household",
        ["unit_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.create_index(op.f("ix_household_person_id"), "household", ["person_id"], unique=False)
    op.create_index(
        "uq_household_living",
        "household",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('rejected','withdrawn','lifted','cancelled','transferred')"),
    )
    op.create_table(
        "post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_post_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_post_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
    )
    op.create_index(op.f("ix_post_organisation_id"), "post", ["organisation_id"], unique=False)
    op.create_index(op.f("ix_post_person_id"), "post", ["person_id"], unique=False)
    op.create_index(
        "uq_post_person_role_organisation",
        "post",
        ["person_id", "role", "organisation_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(32), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_session_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    op.create_index(op.f("ix_session_person_id"), "session", ["person_id"], unique=False)
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        sa.Column("applicant_masked", sa.String(60), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("city_id", sa.Uuid(), nullable=False),
        sa.Column("district_id", sa.Uuid(), nullable=True),
        sa.Column("street_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=True),
        sa.Column("facts_sha256", sa.String(64), nullable=True),
        sa.Column("decision", sa.LargeBinary(), nullable=True),
        sa.Column("policy_version", sa.String(60), nullable=True),
        sa.Column("code_sha256", sa.String(64), nullable=True),
        sa.Column("subject_index", sa.LargeBinary(), nullable=True),
        sa.Column("item", sa.String(20), nullable=True),
        sa.Column("cover_id", sa.Uuid(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'draft') = (submitted_at is null) or state = 'withdrawn'", name=op.f("ck_application_submitted")
        ),
        sa.CheckConstraint(
            "kind in ('hardship_aid','golden_autumn','secondary_medical')", name=op.f("ck_application_kind")
        ),
        sa.CheckConstraint("state <> 'paid' or paid_at is not null", name=op.f("ck_application_paid")),
        sa.CheckConstraint(
            "state not in ('paying','paid') or approved_at is not null", name=op.f("ck_application_approved_first")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_application_amount")),
        sa.ForeignKeyConstraint(["applicant_id"], ["person.id"], name=op.f("fk_application_applicant_id_person")),
        sa.ForeignKeyConstraint(["city_id"], ["organisation.id"], name=op.f("fk_application_city_id_organisation")),
        sa.ForeignKeyConstraint(["cover_id"], ["cover.id"], name=op.f("fk_application_cover_id_cover")),
        sa.ForeignKeyConstraint(
            ["district_id"], ["organisation.id"], name=op.f("fk_application_district_id_organisation")
        ),
        sa.ForeignKeyConstraint(["household_id"], ["household.id"], name=op.f("fk_application_household_id_household")),
        sa.ForeignKeyConstraint(["street_id"], ["organisation.id"], name=op.f("fk_application_street_id_organisation")),
        sa.ForeignKeyConstraint(["unit_id"], ["organisation.id"], name=op.f("fk_application_unit_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("number", name=op.f("uq_application_number")),
    )
    op.create_index(
        "ix_application_cover",
        "application",
        ["cover_id"],
        unique=False,
        postgresql_where=sa.text("cover_id is not null"),
    )
    op.create_index(
        "ix_application_household",
        "application",
        ["household_id", "submitted_at"],
        unique=False,
        postgresql_where=sa.text("household_id is not null"),
    )
    op.create_index(
        "ix_application_open_city",
        "application",
        ["city_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.create_index(
        "ix_application_open_district",
        "application",
        ["district_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.create_index(
        "ix_application_open_street",
        "application",
        ["street_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.create_index(
        "ix_application_open_unit",
        "application",
        ["unit_id", "state", "submitted_at", "id"],
        unique=False,
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.create_index("ix_application_own", "application", ["applicant_id", "created_at", "id"], unique=False)
    op.create_index(
        "ix_application_temporary",
        "application",
        ["applicant_id", "submitted_at"],
        unique=False,
        postgresql_where=sa.text("item = 'temporary'"),
    )
    op.create_index(
        "uq_application_open_draft",
        "application",
        ["applicant_id", "kind", "period"],
        unique=True,
        postgresql_where=sa.text("state in ('draft','returned')"),
    )
    op.create_index(
        "uq_application_subject",
        "application",
        ["kind", "subject_index"],
        unique=True,
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying','paid') and subject_index is not null"
        ),
    )
    op.create_table(
        "household_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("id_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("relation", sa.String(20), nullable=False),
        sa.Column("living", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_household_member_household_id_household")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_member")),
    )
    op.create_index(op.f("ix_household_member_household_id"), "household_member", ["household_id"], unique=False)
    op.create_index(
        "uq_household_member_living",
        "household_member",
        ["id_number_index"],
        unique=True,
        postgresql_where=sa.text("living"),
    )
    op.create_table(
        "household_passage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("post_role", sa.String(32), nullable=True),
        sa.Column("organisation_name", sa.String(100), nullable=True),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("from_state", sa.String(20), nullable=False),
        sa.Column("to_state", sa.String(20), nullable=False),
        sa.Column("counts_as_review", sa.Boolean(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_household_passage_household_id_household")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_passage")),
    )
    op.create_index(op.f("ix_household_passage_household_id"), "household_passage", ["household_id"], unique=False)
    op.create_index(
        "uq_household_passage_reviewer",
        "household_passage",
        ["household_id", "round", "person_id"],
        unique=True,
        postgresql_where=sa.text("counts_as_review"),
    )
    op.create_table(
        "refresh_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_refresh_token_session_id_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_token_token_hash")),
    )
    op.create_index(op.f("ix_refresh_token_session_id"), "refresh_token", ["session_id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at > created_at", name=op.f("ck_notice_period")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_notice_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("application_id", "round", name=op.f("uq_notice_application_id_round")),
    )
    op.create_index("ix_notice_due", "notice", ["ends_at"], unique=False, postgresql_where=sa.text("closed_at is null"))
    op.create_index(
        "ix_notice_published",
        "notice",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("post_role", sa.String(32), nullable=True),
        sa.Column("organisation_name", sa.String(100), nullable=True),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("from_state", sa.String(20), nullable=False),
        sa.Column("to_state", sa.String(20), nullable=False),
        sa.Column("counts_as_review", sa.Boolean(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("reason_code", sa.String(40), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "action <> 'reject' or (reason_code is not null and note is not null)", name=op.f("ck_passage_reason")
        ),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_passage_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passage")),
    )
    op.create_index("ix_passage_application", "passage", ["application_id", "created_at"], unique=False)
    op.create_index(
        "uq_passage_reviewer",
        "passage",
        ["application_id", "round", "person_id"],
        unique=True,
        postgresql_where=sa.text("counts_as_review"),
    )


def downgrade() -> None:
    op.drop_index("uq_passage_reviewer", table_name="passage", postgresql_where=sa.text("counts_as_review"))
    op.drop_index("ix_passage_application", table_name="passage")
    op.drop_table("passage")
    op.drop_index("ix_notice_published", table_name="notice", postgresql_where=sa.text("closed_at is null"))
    op.drop_index("ix_notice_due", table_name="notice", postgresql_where=sa.text("closed_at is null"))
    op.drop_table("notice")
    op.drop_index(op.f("ix_refresh_token_session_id"), table_name="refresh_token")
    op.drop_table("refresh_token")
    op.drop_index(
        "uq_household_passage_reviewer", table_name="household_passage", postgresql_where=sa.text("counts_as_review")
    )
    op.drop_index(op.f("ix_household_passage_household_id"), table_name="household_passage")
    op.drop_table("household_passage")
    op.drop_index("uq_household_member_living", table_name="household_member", postgresql_where=sa.text("living"))
    op.drop_index(op.f("ix_household_member_household_id"), table_name="household_member")
    op.drop_table("household_member")
    op.drop_index(
        "uq_application_subject",
        table_name="application",
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying','paid') and subject_index is not null"
        ),
    )
    op.drop_index(
        "uq_application_open_draft", table_name="application", postgresql_where=sa.text("state in ('draft','returned')")
    )
    op.drop_index("ix_application_temporary", table_name="application", postgresql_where=sa.text("item = 'temporary'"))
    op.drop_index("ix_application_own", table_name="application")
    op.drop_index(
        "ix_application_open_unit",
        table_name="application",
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.drop_index(
        "ix_application_open_street",
        table_name="application",
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.drop_index(
        "ix_application_open_district",
        table_name="application",
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.drop_index(
        "ix_application_open_city",
        table_name="application",
        postgresql_where=sa.text(
            "state in ('submitted','unit_review','district_review','city_approval','public_notice','approved','paying')"
        ),
    )
    op.drop_index(
        "ix_application_household", table_name="application", postgresql_where=sa.text("household_id is not null")
    )
    op.drop_index("ix_application_cover", table_name="application", postgresql_where=sa.text("cover_id is not null"))
    op.drop_table("application")
    op.drop_index(op.f("ix_session_person_id"), table_name="session")
    op.drop_table("session")
    op.drop_index("uq_post_person_role_organisation", table_name="post", postgresql_where=sa.text("ended_at is null"))
    op.drop_index(op.f("ix_post_person_id"), table_name="post")
    op.drop_index(op.f("ix_post_organisation_id"), table_name="post")
    op.drop_table("post")
    op.drop_index(
        "uq_household_living",
        table_name="household",
        postgresql_where=sa.text("state not in ('rejected','withdrawn','lifted','cancelled','transferred')"),
    )
    op.drop_index(op.f("ix_household_person_id"), table_name="household")
    op.drop_index(
        "ix_household_open_unit",
        table_name="household",
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.drop_index(
        "ix_household_open_street",
        table_name="household",
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.drop_index(
        "ix_household_open_district",
        table_name="household",
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.drop_index(
        "ix_household_open_city",
        table_name="household",
        postgresql_where=sa.text("state in ('submitted','district_review')"),
    )
    op.drop_table("household")
    op.drop_index("uq_consent_in_force", table_name="consent", postgresql_where=sa.text("withdrawn_at is null"))
    op.drop_index(op.f("ix_consent_person_id"), table_name="consent")
    op.drop_table("consent")
    op.drop_index("uq_bank_card_pending", table_name="bank_card", postgresql_where=sa.text("state = 'pending'"))
    op.drop_index("uq_bank_card_current", table_name="bank_card", postgresql_where=sa.text("state = 'current'"))
    op.drop_index(op.f("ix_bank_card_person_id"), table_name="bank_card")
    op.drop_table("bank_card")
    op.drop_index("uq_person_openid", table_name="person", postgresql_where=sa.text("closed_at is null"))
    op.drop_index("uq_person_id_number", table_name="person", postgresql_where=sa.text("closed_at is null"))
    op.drop_index(op.f("ix_person_organisation_id"), table_name="person")
    op.drop_table("person")
    op.drop_index(op.f("ix_cover_organisation_id"), table_name="cover")
    op.drop_index("ix_cover_holder", table_name="cover")
    op.drop_table("cover")
    op.drop_index("ix_out_message_waiting", table_name="out_message", postgresql_where=sa.text("relayed_at is null"))
    op.drop_table("out_message")
    op.drop_index(op.f("ix_organisation_parent_id"), table_name="organisation")
    op.drop_table("organisation")
    op.drop_table("keyed_answer")
    op.drop_table("calendar_year")
    op.drop_table("calendar_day")
    op.drop_index("uq_audit_entry_chain", table_name="audit_entry")
    op.drop_index("ix_audit_entry_subject_person", table_name="audit_entry")
    op.drop_index("ix_audit_entry_subject", table_name="audit_entry")
    op.drop_index("ix_audit_entry_person", table_name="audit_entry", postgresql_where=sa.text("person_id is not null"))
    op.drop_table("audit_entry")
    op.drop_table("audit_chain")
