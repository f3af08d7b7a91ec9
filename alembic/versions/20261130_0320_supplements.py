"""Supplements, what was submitted before a return, and refusals by a catalogue of reasons

Revision: 20261130_supplements, after 20261130_kept_apart

A case that waits for its applicant stays in its state: `application.supplement` says so, and no index of the queue or of
what may not be aided twice has to know. The codes that a refusal may cite are a table, which a trigger fills from the
published catalogues: a refusal without one of them cannot be written.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261130_supplements"
down_revision = "20261130_kept_apart"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
# Of an application the wall knows whose it is, and under which unions.
PART_OF_CASE = "exists (select 1 from application a where a.id = application_id)"
FORMS = ("household", "application")
EVIDENCE = (
    "household_exit", "visit", "discrepancy", "proxy_filing", "match_authorisation", "proxy_application",
    "notice_objection", "meeting",
)  # fmt: skip
KINDS = (
    "hardship_aid",
    "golden_autumn",
    "secondary_medical",
    "household_criteria",
    "minimum_living_standard",
    "home_visits",
    "household_upkeep",
    "public_notice",
    "accountability",
    "service_standard",
    "approval_route",
)
# What refusals cite by now; the catalogue that comes with the service says it again, and more.
REASONS = {
    "not_in_hardship": "家庭困难程度未达到帮扶标准",
    "facts_not_confirmed": "经核实，申报的情况与实际不符",
    "duplicate_aid": "同一事项已经得到帮扶或由其他单位解决",
    "not_covered_by_policy": "申请事项不在政策范围内",
    "documents_not_valid": "提供的材料无效或不能证明申请事项",
    "ineligible_by_policy": "按现行政策测算不符合条件",
}
REFUSED = {
    False: "action <> 'reject' or (reason_code is not null and note is not null)",
    True: "action not in ('reject','refuse_by_rule') or (reason_code is not null and note is not null)",
}
AWAITED = (
    "supplement in ('answered','lapsed','withdrawn') or supplement is null or (supplement = 'open' "
    "and state in ('submitted','unit_review','district_review','city_approval'))"
)
LIST_REASONS = """
create function list_reasons() returns trigger language plpgsql as $$
begin
  insert into application_reason (code, text)
  select reason ->> 'code', reason ->> 'text' from jsonb_array_elements(new.document -> 'reasons') as reason
  on conflict (code) do update set text = excluded.text;
  return null;
end $$
"""


def upgrade() -> None:
    policy_kinds(*KINDS, "application_reasons")
    reasons()
    op.add_column("application", sa.Column("supplement", sa.String(10), nullable=True))
    op.create_check_constraint(op.f("ck_application_supplement"), "application", AWAITED)
    supplements()
    earlier_submissions()
    file_uses(*EVIDENCE, "supplement")


def reasons() -> None:
    op.create_table(
        "application_reason",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.CheckConstraint(
            "length(text) > 0 and text !~ '[a-z]+_[a-z_]+'", name=op.f("ck_application_reason_plain_text")
        ),
        sa.CheckConstraint("code ~ '^[a-z][a-z_]*$'", name=op.f("ck_application_reason_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_application_reason")),
    )
    listed = sa.table("application_reason", sa.column("code"), sa.column("text"))
    op.bulk_insert(listed, [{"code": code, "text": text} for code, text in REASONS.items()])
    op.execute("alter table application_reason enable row level security, force row level security")
    op.execute(f"create policy api on application_reason to aid_api using (true) with check ({STAFF})")
    op.execute("create policy jobs on application_reason to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on application_reason to aid_api, aid_jobs")
    op.execute(LIST_REASONS)
    op.execute(
        "create trigger list_reasons after insert or update on policy_version for each row "
        "when (new.kind = 'application_reasons' and new.state = 'published') execute function list_reasons()"
    )
    refusals(by_catalogue=True)
    op.create_foreign_key(
        op.f("fk_passage_reason_code_application_reason"), "passage", "application_reason", ["reason_code"], ["code"]
    )


def refusals(*, by_catalogue: bool) -> None:
    op.drop_constraint(op.f("ck_passage_reason"), "passage")
    op.create_check_constraint(op.f("ck_passage_reason"), "passage", REFUSED[by_catalogue])


def supplements() -> None:
    table = "supplement"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        sa.Column("at_state", sa.String(20), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_by_role", sa.String(32), nullable=False),
        sa.Column("asked_by_organisation", sa.String(100), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state in ('open','answered','lapsed','withdrawn')", name=op.f("ck_supplement_state")),
        sa.CheckConstraint("(state = 'open') = (closed_at is null)", name=op.f("ck_supplement_closed")),
        sa.CheckConstraint("(state = 'answered') = (answer is not null)", name=op.f("ck_supplement_answered")),
        sa.CheckConstraint("due_at > created_at", name=op.f("ck_supplement_due")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_supplement_application_id_application")
        ),
        sa.ForeignKeyConstraint(["applicant_id"], ["person.id"], name=op.f("fk_supplement_applicant_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplement")),
    )
    waiting = sa.text("state = 'open'")
    op.create_index("uq_supplement_open", table, ["application_id"], unique=True, postgresql_where=waiting)
    op.create_index("ix_supplement_application", table, ["application_id", "created_at", "id"])
    op.create_index("ix_supplement_due", table, ["due_at", "id"], postgresql_where=waiting)
    raise_wall(table, "select, insert, update")


def earlier_submissions() -> None:
    table = "earlier_submission"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("decision", sa.LargeBinary(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["application.id"], name=op.f("fk_earlier_submission_application_id_application")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earlier_submission")),
    )
    op.create_index("uq_earlier_submission_round", table, ["application_id", "round"], unique=True)
    raise_wall(table, "select, insert")
    op.execute(f"revoke update, delete on {table} from aid_jobs")
    op.execute(
        f"create trigger append_only before update or delete or truncate on {table} "
        "for each statement execute function refuse_change()"
    )


def raise_wall(table: str, privileges: str) -> None:
    op.execute(f"alter table {table} enable row level security, force row level security")
    op.execute(f"create policy api on {table} to aid_api using ({PART_OF_CASE}) with check ({PART_OF_CASE})")
    op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
    op.execute(f"grant {privileges} on {table} to aid_api")
    op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")


def file_uses(*kinds: str) -> None:
    """What may name files, and who sees by that what it names."""
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    named = (*FORMS, *kinds)
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in {named})")
    branches = " ".join(
        f"when '{kind}' then return exists (select 1 from {kind} s where s.id = asked);" for kind in kinds
    )
    op.execute(
        "create or replace function is_evidence_i_see(asked_kind text, asked uuid) returns boolean language plpgsql "
        f"stable as $$ begin case asked_kind {branches} else return false; end case; end $$"
    )


def policy_kinds(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    op.execute("alter table file_use no force row level security")
    op.execute("delete from file_use where subject_kind = 'supplement'")
    op.execute("alter table file_use force row level security")
    file_uses(*EVIDENCE)
    op.drop_table("earlier_submission")
    op.drop_table("supplement")
    op.drop_constraint(op.f("ck_application_supplement"), "application")
    op.drop_column("application", "supplement")
    op.drop_constraint(op.f("fk_passage_reason_code_application_reason"), "passage")
    refusals(by_catalogue=False)
    op.execute("drop trigger list_reasons on policy_version")
    op.execute("drop function list_reasons()")
    op.drop_table("application_reason")
    op.execute("alter table policy_version disable trigger user")
    op.execute("alter table policy_version no force row level security")
    op.execute("delete from policy_version where kind = 'application_reasons'")
    op.execute("alter table policy_version force row level security")
    op.execute("alter table policy_version enable trigger user")
    policy_kinds(*KINDS)
