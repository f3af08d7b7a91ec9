"""Dealings with WeChat: the shared token, pauses, pushes, subscriptions, messages on their way, jobs, followers

Revision: 20261130_wechat, after 20261130_guards

The door `wechat` is that of the callbacks and of the access token: it sees these tables and nothing of anybody's case.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_wechat"
down_revision = "20261130_guards"
branch_labels = None
depends_on = None

WECHAT = "(select current_setting('app.door', true)) = 'wechat'"
STAFF = "(select current_setting('app.door', true)) = 'staff'"
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
WALLS = {
    "wechat_token": (WECHAT, "select, insert, update"),
    "wechat_nonce": (WECHAT, "select, insert"),
    "wechat_push": (WECHAT, "select, insert"),
    "wechat_pause": (STAFF, "select"),
    "wechat_grant": (f"person_id = {WORKER}", "select, insert, update"),
    "message_sending": (f"person_id = {WORKER}", "select"),
}
JOBS_ALONE = ("wechat_task", "wechat_follower")


def upgrade() -> None:
    tables()
    for table in (*WALLS, *JOBS_ALONE):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table, (policy, privileges) in WALLS.items():
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"grant {privileges} on {table} to aid_api")


def tables() -> None:
    op.create_table(
        "wechat_follower",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("openid_index", sa.LargeBinary(), nullable=False),
        sa.Column("openid", sa.LargeBinary(), nullable=True),
        sa.Column("follows", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_follower")),
    )
    op.create_index("uq_wechat_follower", "wechat_follower", ["openid_index"], unique=True)
    op.create_table(
        "wechat_nonce",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_nonce")),
    )
    op.create_index("ix_wechat_nonce_at", "wechat_nonce", ["created_at"], unique=False)
    op.create_index("uq_wechat_nonce", "wechat_nonce", ["account", "signed"], unique=True)
    op.create_table(
        "wechat_pause",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("call", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("account in ('miniprogram','official')", name=op.f("ck_wechat_pause_account")),
        sa.CheckConstraint("kind in ('quota','operator')", name=op.f("ck_wechat_pause_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_pause")),
    )
    op.create_index(
        "uq_wechat_pause_open",
        "wechat_pause",
        ["account", "call"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_table(
        "wechat_push",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account", sa.String(12), nullable=False),
        sa.Column("once", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(24), nullable=True),
        sa.CheckConstraint("account in ('miniprogram','official')", name=op.f("ck_wechat_push_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_push")),
    )
    op.create_index("ix_wechat_push_at", "wechat_push", ["created_at"], unique=False)
    op.create_index("uq_wechat_push_once", "wechat_push", ["account", "once"], unique=True)
    op.create_table(
        "wechat_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("asked_for", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reference", sa.String(128), nullable=True),
        sa.Column("said", sa.String(60), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_again", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("kind in ('media_check','publish','mass_send')", name=op.f("ck_wechat_task_kind")),
        sa.CheckConstraint(
            "state in ('asking','unknown','accepted','done','failed','undone')", name=op.f("ck_wechat_task_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_task")),
    )
    op.create_index(
        "ix_wechat_task_open",
        "wechat_task",
        ["moved_at"],
        unique=False,
        postgresql_where=sa.text("state in ('asking','unknown','accepted')"),
    )
    op.create_index("uq_wechat_task_asked", "wechat_task", ["kind", "asked_for"], unique=True)
    op.create_index(
        "uq_wechat_task_reference",
        "wechat_task",
        ["kind", "reference"],
        unique=True,
        postgresql_where=sa.text("reference is not null"),
    )
    op.create_table(
        "wechat_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("appid", sa.String(40), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetching_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetches", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.String(40), nullable=True),
        sa.Column("failure_code", sa.Integer(), nullable=True),
        sa.Column("failure_reason", sa.String(200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_token")),
    )
    op.create_index("uq_wechat_token", "wechat_token", ["appid"], unique=True)
    op.create_table(
        "wechat_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.String(20), nullable=False),
        sa.Column("lasting", sa.Boolean(), nullable=False),
        sa.Column("hinted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("hinted_at is not null or confirmed_at is not null", name=op.f("ck_wechat_grant_came_from")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_wechat_grant_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wechat_grant")),
    )
    op.create_index(
        "ix_wechat_grant_open",
        "wechat_grant",
        ["person_id", "template", "created_at"],
        unique=False,
        postgresql_where=sa.text("used_at is null and revoked_at is null"),
    )
    op.create_index("ix_wechat_grant_person", "wechat_grant", ["person_id", "template", "created_at"], unique=False)
    op.create_table(
        "message_sending",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.String(20), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.String(64), nullable=True),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state in ('queued','sending','sent','delivered','refused','no_credit','in_app','failed','unknown','timed_out')",
            name=op.f("ck_message_sending_state"),
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_message_sending_message_id_message")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_message_sending_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_sending")),
    )
    op.create_index(
        "ix_message_sending_due",
        "message_sending",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_message_sending_open",
        "message_sending",
        ["moved_at"],
        unique=False,
        postgresql_where=sa.text("state in ('queued','sending','sent','unknown')"),
    )
    op.create_index("ix_message_sending_person", "message_sending", ["person_id", "created_at"], unique=False)
    op.create_index(
        "uq_message_sending_at_once",
        "message_sending",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("uq_message_sending_message", "message_sending", ["message_id"], unique=True)
    op.create_index(
        "uq_message_sending_reference",
        "message_sending",
        ["reference"],
        unique=True,
        postgresql_where=sa.text("reference is not null"),
    )


def downgrade() -> None:
    for table in ("message_sending", *(each for each in WALLS if each != "message_sending"), *JOBS_ALONE):
        op.drop_table(table)
