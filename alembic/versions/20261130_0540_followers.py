"""Who was not reached and by whom they were told, text messages, the copy of the list of followers and its tags

Revision: 20261130_followers, after 20261130_pages

Staff see what became of a message to somebody of their own unions, as they stood when it was told: its title, never its
text, and never what was merely on its way.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "20261130_followers"
down_revision = "20261130_pages"
branch_labels = None
depends_on = None

STAFF = "(select current_setting('app.door', true)) = 'staff'"
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
TIERS = ("city", "district", "street", "unit")
MISSED = "state in ('refused','no_credit','in_app','failed','unknown','timed_out') and told_at is null"
POLICY = "text_messages"


def upgrade() -> None:
    deliveries()
    texts()
    followers()
    kinds = policy_kinds()
    if POLICY not in kinds:
        allow_policies(*kinds, POLICY)


def deliveries() -> None:
    for tier in TIERS:
        op.add_column("message_sending", sa.Column(f"{tier}_id", sa.Uuid(), nullable=True))
    op.add_column("message_sending", sa.Column("person_masked", sa.String(60), nullable=True))
    op.add_column("message_sending", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message_sending", sa.Column("told_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_message_sending_told_by_person"), "message_sending", "person", ["told_by"], ["id"])
    op.execute("alter table message_sending no force row level security")
    op.execute(
        "update message_sending s set city_id = o.city_id, district_id = o.district_id, street_id = o.street_id, "
        "unit_id = o.unit_id, person_masked = p.name_masked "
        "from person p left join organisation o on o.id = p.organisation_id where p.id = s.person_id"
    )
    op.execute("alter table message_sending force row level security")
    for tier in TIERS:
        op.create_index(
            f"ix_message_sending_missed_{tier}",
            "message_sending",
            [f"{tier}_id", "created_at", "id"],
            postgresql_where=sa.text(MISSED),
        )
    op.create_index("ix_message_sending_missed", "message_sending", ["created_at"], postgresql_where=sa.text(MISSED))
    op.execute("drop policy api on message_sending")
    op.execute(f"create policy api on message_sending for select to aid_api using (person_id = {WORKER})")
    op.execute(f"create policy after_staff on message_sending for select to aid_api using ({IN_REACH})")
    op.execute(
        f"create policy after_staff_moves on message_sending for update to aid_api "
        f"using ({IN_REACH}) with check ({IN_REACH})"
    )
    op.execute("grant update (state, due_at, moved_at, told_at, told_by) on message_sending to aid_api")
    # Of a message staff see what they see the way of, and the page that shows it shows no text.
    op.execute(
        f"create policy after_staff on message for select to aid_api "
        f"using ({STAFF} and exists (select 1 from message_sending s where s.message_id = message.id))"
    )


def texts() -> None:
    op.create_table(
        "text_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reference", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "state in ('queued','sending','sent','refused','unknown','lapsed')", name=op.f("ck_text_message_state")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_text_message_message_id_message")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_text_message_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_message")),
    )
    op.create_index("uq_text_message_message", "text_message", ["message_id"], unique=True)
    op.create_index("ix_text_message_person", "text_message", ["person_id"])
    op.create_index(
        "ix_text_message_open", "text_message", ["due_at"], postgresql_where=sa.text("state in ('queued','sending')")
    )
    op.execute("alter table text_message enable row level security, force row level security")
    op.execute("create policy jobs on text_message to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update, delete on text_message to aid_jobs")
    op.execute(f"create policy api on text_message for select to aid_api using (person_id = {WORKER})")
    op.execute(
        f"create policy after_staff on text_message for select to aid_api "
        f"using ({STAFF} and exists (select 1 from message_sending s where s.message_id = text_message.message_id))"
    )
    op.execute("grant select on text_message to aid_api")


def followers() -> None:
    for name in ("seen_at", "asked_at"):
        op.add_column("wechat_follower", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("wechat_follower", sa.Column("unionid_index", sa.LargeBinary(), nullable=True))
    op.add_column(
        "wechat_follower",
        sa.Column("tagged", sa.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("wechat_follower", sa.Column("retag", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index("ix_wechat_follower_retag", "wechat_follower", ["id"], postgresql_where=sa.text("retag"))
    op.create_index(
        "ix_wechat_follower_unionid",
        "wechat_follower",
        ["unionid_index"],
        postgresql_where=sa.text("unionid_index is not null"),
    )
    op.create_index(
        "ix_person_unionid",
        "person",
        ["unionid_index"],
        postgresql_where=sa.text("unionid_index is not null and closed_at is null"),
    )
    op.create_table(
        "wechat_sync",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phase", sa.String(8), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in ("total", "listed", "gone", "asked", "joined", "tagged", "stopped")
        ),
        sa.Column("after_openid", sa.LargeBinary(), nullable=True),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("phase in ('list','gone','ask','tag','done','given_up')", name=op.f("ck_wechat_sync_phase")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_sync")),
    )
    op.execute("create unique index uq_wechat_sync_open on wechat_sync ((ended_at is null)) where ended_at is null")
    op.create_index("ix_wechat_sync_at", "wechat_sync", ["created_at"])
    op.create_table(
        "wechat_tag",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("name", sa.String(30), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_tag")),
    )
    op.create_index("uq_wechat_tag_key", "wechat_tag", ["key"], unique=True)
    for table in ("wechat_sync", "wechat_tag"):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    op.execute(f"create policy api on wechat_sync for select to aid_api using ({STAFF})")
    counts = "total, listed, gone, asked, joined, tagged"
    op.execute(f"grant select (id, created_at, phase, {counts}, moved_at, ended_at) on wechat_sync to aid_api")


def policy_kinds() -> list[str]:
    """Those of which a version may be kept, as the database has it now."""
    definition = op.get_bind().scalar(
        sa.text("select pg_get_constraintdef(oid) from pg_constraint where conname = 'ck_policy_version_kind'")
    )
    return re.findall(r"'([a-z_]+)'", str(definition))


def allow_policies(*kinds: str) -> None:
    op.execute("alter table policy_version drop constraint ck_policy_version_kind")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"alter table policy_version add constraint ck_policy_version_kind check (kind in ({listed}))")


def downgrade() -> None:
    op.execute("alter table policy_version disable trigger user")
    op.execute("alter table policy_version no force row level security")
    op.execute(f"delete from policy_version where kind = '{POLICY}'")
    op.execute("alter table policy_version force row level security")
    op.execute("alter table policy_version enable trigger user")
    allow_policies(*(kind for kind in policy_kinds() if kind != POLICY))
    op.drop_table("wechat_tag")
    op.drop_table("wechat_sync")
    op.drop_index("ix_person_unionid", "person")
    op.drop_index("ix_wechat_follower_unionid", "wechat_follower")
    op.drop_index("ix_wechat_follower_retag", "wechat_follower")
    for name in ("retag", "tagged", "unionid_index", "asked_at", "seen_at"):
        op.drop_column("wechat_follower", name)
    op.drop_table("text_message")
    op.execute("drop policy after_staff on message")
    op.execute("revoke update (state, due_at, moved_at, told_at, told_by) on message_sending from aid_api")
    for policy in ("after_staff_moves", "after_staff", "api"):
        op.execute(f"drop policy {policy} on message_sending")
    op.execute(
        f"create policy api on message_sending to aid_api using (person_id = {WORKER}) with check (person_id = {WORKER})"
    )
    op.drop_index("ix_message_sending_missed", "message_sending")
    for tier in TIERS:
        op.drop_index(f"ix_message_sending_missed_{tier}", "message_sending")
    for name in ("told_by", "told_at", "person_masked", *(f"{tier}_id" for tier in TIERS)):
        op.drop_column("message_sending", name)
