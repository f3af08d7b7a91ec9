"""Articles for the official account: written, reviewed, sent, read by everyone, withdrawn

Revision: 20261130_articles, after 20261130_late_payments

A publicity post opens no subtree of cases: the wall of an article asks for a post at its own place. Whoever wrote any
of an article does not review it, under whichever account.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261130_articles"
down_revision = "20261130_late_payments"
branch_labels = None
depends_on = None

TIERS = ("city", "district", "street", "unit")
STAFF = "(select current_setting('app.door', true)) = 'staff'"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
ME = "nullif(current_setting('app.person', true), '')::uuid"
MINE = (
    f"{STAFF} and exists (select 1 from post p where p.person_id = {PERSON} and p.ended_at is null "
    "and p.organisation_id = any (array[city_id, district_id, street_id, unit_id]))"
)
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
PART = "exists (select 1 from article a where a.id = article_id)"
PUBLISHED = "exists (select 1 from article a where a.id = published_article.id)"
WALLS = {
    "article": (MINE, "select, insert, update"),
    "article_revision": (PART, "select, insert"),
    "article_step": (PART, "select, insert"),
    # Whoever is shown sees that they are, in the copy of their data.
    "article_person": (f"person_id = {WORKER} or {PART}", "select, insert, update"),
    "article_sending": (PART, "select"),
    "article_preview": (PART, "select, insert"),
    "published_article": (f"withdrawn_at is null or {PUBLISHED}", "select"),
}
JOBS_ALONE = ("article_picture", "known_name")
APPEND_ONLY = ("article_revision", "article_step")
WRITTEN = "state in ('draft','in_review','returned')"
STATES = (
    "state in ('draft','in_review','returned','approved','scheduled','publishing','unknown','published',"
    "'failed','withdrawn')"
)
KINDS = "kind in ('policy', 'progress', 'story')"
DEFINER = "security definer set search_path = pg_catalog, public"
FUNCTIONS = {
    # A trigger: it answers nothing, and refuses.
    "article_reviewer()": f"""
      returns trigger language plpgsql {DEFINER} as $$
      begin
        if new.reviewed_by is distinct from {ME} or exists (
          select 1 from article_revision r join person w on w.id = r.person_id join person p on p.id = new.reviewed_by
          where r.article_id = new.id and (w.id = p.id or w.id_number_index = p.id_number_index)) then
          raise exception 'whoever wrote of an article does not review it'
            using errcode = 'check_violation', constraint = 'ck_article_second_person';
        end if;
        return new;
      end $$""",
    # Whoever consents to this text of publicity, and their sealed name, to who has their number.
    "consenting_to_publicity(asked bytea[], sha256 text)": f"""
      returns table (number_index bytea, person_id uuid, name bytea) language sql stable {DEFINER} as $$
        select p.id_number_index, p.id, p.name from person p
        where p.id_number_index = any (asked) and p.closed_at is null and p.name is not null
          and coalesce(current_setting('app.door', true), '') = 'staff'
          and exists (select 1 from consent c where c.person_id = p.id and c.purpose = 'publicity'
            and c.text_sha256 = sha256 and c.withdrawn_at is null) $$""",
    # Yes or no for each keyed hash, to who has them.
    "known_to_service(names bytea[], numbers bytea[])": f"""
      returns setof bytea language sql stable {DEFINER} as $$
        select k.name_index from known_name k where k.name_index = any (names)
        union select p.id_number_index from person p where p.id_number_index = any (numbers)
        union select m.id_number_index from household_member m where m.id_number_index = any (numbers) $$""",
    # Counts and sums of a union, to whoever has a post there; who is told how little is app/articles/progress.py.
    "progress_figures(asked uuid, begins timestamptz, ends timestamptz)": f"""
      returns table (what text, kind varchar, count bigint, fen bigint) language plpgsql stable {DEFINER} as $$
      begin
        if coalesce(current_setting('app.door', true), '') <> 'staff' or not exists (select 1 from post p
            where p.person_id = {ME} and p.ended_at is null and p.organisation_id = asked) then
          return;
        end if;
        return query
          with mine as (select * from household h
            where asked in (h.city_id, h.district_id, h.street_id, h.unit_id)),
          paid as (select * from application a where a.state = 'paid' and a.paid_at >= begins and a.paid_at < ends
            and asked in (a.city_id, a.district_id, a.street_id, a.unit_id))
          select 'in_file'::text, null::varchar, count(*), 0::bigint from mine m
            where m.active_at < begins and (m.left_at is null or m.left_at >= begins)
          union all select 'opened', null, count(*), 0 from mine m where m.active_at >= begins and m.active_at < ends
          union all select 'lifted', null, count(*), 0 from mine m
            where m.state = 'lifted' and m.left_at >= begins and m.left_at < ends
          union all select 'relieved', null, count(*), 0 from mine m
            where m.relieved_at >= begins and m.relieved_at < ends
          union all select 'helped', null, count(distinct d.applicant_id), 0 from paid d
          union all select 'paid', d.kind, count(distinct d.applicant_id), sum(d.amount_fen)::bigint from paid d
            group by d.kind;
      end $$""",
}
CALLED = ("consenting_to_publicity", "known_to_service", "progress_figures")


def upgrade() -> None:
    articles()
    parts()
    sending()
    published()
    for table in (*WALLS, *JOBS_ALONE):
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to aid_jobs")
    for table, (policy, privileges) in WALLS.items():
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"grant {privileges} on {table} to aid_api")
    # Staff take down at once what everyone reads, and change nothing else of it.
    op.execute("grant update (withdrawn_at) on published_article to aid_api")
    for table in APPEND_ONLY:
        op.execute(f"revoke update, delete on {table} from aid_jobs")
        op.execute(
            f"create trigger append_only before update or delete or truncate on {table} "
            "for each statement execute function refuse_change()"
        )
    functions()
    op.execute(
        "create trigger reviewer before update of reviewed_by on article for each row "
        "when (new.reviewed_by is not null) execute function article_reviewer()"
    )
    file_uses(*evidence(), "article")


def functions() -> None:
    op.execute("grant create on schema public to aid_jobs")
    for function, body in FUNCTIONS.items():
        op.execute(f"create function {function} {body}")
        op.execute(f"revoke execute on function {function.partition('(')[0]} from public")
        op.execute(f"alter function {function.partition('(')[0]} owner to aid_jobs")
    op.execute("revoke create on schema public from aid_jobs")
    for function in CALLED:
        op.execute(f"grant execute on function {function} to aid_api")


def evidence() -> tuple[str, ...]:
    """What names files besides forms; read, not written down: other revisions add kinds as well."""
    kinds = op.get_bind().scalar(
        sa.text("select pg_get_constraintdef(oid) from pg_constraint where conname = 'ck_file_use_subject_kind'")
    )
    return tuple(kind for kind in kinds.split("'")[1::2] if kind not in ("household", "application"))


def file_uses(*kinds: str) -> None:
    """What may name files, and who sees by that what it names."""
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    named = ("household", "application", *kinds)
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in {named})")
    branches = " ".join(
        f"when '{kind}' then return exists (select 1 from {kind} s where s.id = asked);" for kind in kinds
    )
    op.execute(
        "create or replace function is_evidence_i_see(asked_kind text, asked uuid) returns boolean language plpgsql "
        f"stable as $$ begin case asked_kind {branches} else return false; end case; end $$"
    )


def columns(*given: sa.Column[object], row: bool = True) -> list[sa.Column[object]]:
    return [*([uuid("id"), at("created_at")] if row else []), *given]


def uuid(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def keys(table: str, **references: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
        for column, to in references.items()
    ]


def articles() -> None:
    checks = {
        "kind": KINDS,
        "state": STATES,
        "way": "way in ('publish','mass_send')",
        "second_person": "reviewed_by <> author_id",
        "reviewed": "(reviewed_by is null) = (reviewed_at is null) "
        "and (reviewed_by is null) = (reviewed_revision is null)",
        "as_reviewed": f"{WRITTEN} or reviewed_revision is not distinct from revision",
        "sent": f"{WRITTEN} or state = 'approved' or (way is not null and publish_at is not null)",
        "tag": "tag_id is null or way = 'mass_send'",
        "withdrawn": "(state = 'withdrawn') = (withdrawn_at is not null)",
        "taken_down": "taken_down_at is null or withdrawn_at is not null",
        "platform_check": "platform_check in ('pass','review','risky','unavailable')",
    }
    op.create_table(
        "article",
        *columns(*(uuid(f"{tier}_id", nullable=tier != "city") for tier in TIERS)),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("title", sa.LargeBinary(), nullable=False),
        uuid("author_id"),
        at("updated_at"),
        uuid("reviewed_by", nullable=True),
        at("reviewed_at", nullable=True),
        sa.Column("reviewed_revision", sa.Integer(), nullable=True),
        sa.Column("way", sa.String(10), nullable=True),
        sa.Column("tag_id", sa.Integer(), nullable=True),
        at("publish_at", nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure", sa.String(60), nullable=True),
        sa.Column("wechat_id", sa.String(128), nullable=True),
        sa.Column("wechat_url", sa.String(500), nullable=True),
        *(sa.Column(f"{each}_count", sa.Integer(), nullable=True) for each in ("total", "filter", "sent", "error")),
        *(at(name, nullable=True) for name in ("withdrawal_asked_at", "withdrawn_at", "taken_down_at")),
        sa.Column("platform_check", sa.String(11), nullable=True),
        sa.Column("checked_revision", sa.Integer(), nullable=True),
        *(sa.CheckConstraint(check, name=op.f(f"ck_article_{name}")) for name, check in checks.items()),
        *keys("article", **{f"{tier}_id": "organisation" for tier in TIERS}, author_id="person", reviewed_by="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
    )
    for tier in TIERS:
        where = sa.text(f"{tier}_id is not null")
        op.create_index(f"ix_article_{tier}", "article", [f"{tier}_id", "created_at", "id"], postgresql_where=where)
    due = sa.text("state in ('scheduled','publishing')")
    op.create_index("ix_article_due", "article", ["publish_at"], postgresql_where=due)
    still = sa.text("taken_down_at is null and withdrawn_at is not null")
    op.create_index("ix_article_take_down", "article", ["withdrawn_at"], postgresql_where=still)


def parts() -> None:
    op.create_table(
        "article_revision",
        *columns(uuid("article_id"), sa.Column("revision", sa.Integer(), nullable=False), uuid("person_id")),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_article_revision_sha256")),
        *keys("article_revision", article_id="article", person_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_revision")),
    )
    op.create_index("uq_article_revision", "article_revision", ["article_id", "revision"], unique=True)
    op.create_table(
        "article_step",
        *columns(uuid("article_id"), sa.Column("revision", sa.Integer(), nullable=False)),
        uuid("person_id", nullable=True),
        sa.Column("post_role", sa.String(32), nullable=True),
        sa.Column("organisation_name", sa.String(100), nullable=True),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("from_state", sa.String(10), nullable=False),
        sa.Column("to_state", sa.String(10), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        *keys("article_step", article_id="article", person_id="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_step")),
    )
    op.create_index("ix_article_step_article", "article_step", ["article_id", "created_at", "id"])
    op.create_table(
        "article_person",
        *columns(uuid("article_id"), uuid("person_id")),
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        uuid("added_by"),
        at("removed_at", nullable=True),
        *keys("article_person", article_id="article", person_id="person", added_by="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_person")),
    )
    there = sa.text("removed_at is null")
    op.create_index(
        "uq_article_person", "article_person", ["article_id", "person_id"], unique=True, postgresql_where=there
    )
    op.create_index("ix_article_person_person", "article_person", ["person_id"], postgresql_where=there)


def sending() -> None:
    op.create_table(
        "article_picture",
        *columns(uuid("article_id"), uuid("file_id"), row=False),
        sa.Column("url", sa.String(2048), nullable=False),
        *keys("article_picture", article_id="article", file_id="file"),
        sa.PrimaryKeyConstraint("article_id", "file_id", name=op.f("pk_article_picture")),
    )
    op.create_table(
        "article_sending",
        *columns(uuid("article_id"), sa.Column("attempt", sa.Integer(), nullable=False)),
        sa.Column("thumb_media_id", sa.String(128), nullable=True),
        sa.Column("draft_media_id", sa.String(128), nullable=True),
        at("taken_until", nullable=True),
        *keys("article_sending", article_id="article"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_sending")),
    )
    op.create_index("uq_article_sending", "article_sending", ["article_id", "attempt"], unique=True)
    op.create_table(
        "article_preview",
        *columns(uuid("article_id"), sa.Column("revision", sa.Integer(), nullable=False), uuid("asked_by")),
        sa.Column("openid", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(6), nullable=False),
        sa.Column("failure", sa.String(60), nullable=True),
        sa.CheckConstraint("state in ('asked','sent','failed')", name=op.f("ck_article_preview_state")),
        sa.CheckConstraint("(state = 'asked') = (openid is not null)", name=op.f("ck_article_preview_openid")),
        *keys("article_preview", article_id="article", asked_by="person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article_preview")),
    )
    op.create_index("ix_article_preview_article", "article_preview", ["article_id", "created_at", "id"])
    asked = sa.text("state = 'asked'")
    op.create_index("ix_article_preview_asked", "article_preview", ["created_at"], postgresql_where=asked)
    op.create_table(
        "known_name",
        uuid("subject_id"),
        sa.Column("name_index", sa.LargeBinary(), nullable=False),
        sa.Column("of_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "name_index", name=op.f("pk_known_name")),
    )
    op.create_index("ix_known_name_name", "known_name", ["name_index"])


def published() -> None:
    op.create_table(
        "published_article",
        *columns(sa.Column("organisation_name", sa.String(100), nullable=False)),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("title", sa.String(32), nullable=False),
        sa.Column("signed", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wechat_url", sa.String(500), nullable=True),
        at("published_at"),
        at("withdrawn_at", nullable=True),
        sa.CheckConstraint(KINDS, name=op.f("ck_published_article_kind")),
        *keys("published_article", id="article"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_article")),
    )
    shown = sa.text("withdrawn_at is null")
    op.create_index("ix_published_article_shown", "published_article", ["published_at", "id"], postgresql_where=shown)


def downgrade() -> None:
    op.execute("alter table file_use no force row level security")
    op.execute("delete from file_use where subject_kind = 'article'")
    op.execute("alter table file_use force row level security")
    file_uses(*(kind for kind in evidence() if kind != "article"))
    for table in (
        "published_article",
        *JOBS_ALONE,
        "article_preview",
        "article_sending",
        "article_person",
        *APPEND_ONLY,
        "article",
    ):
        op.drop_table(table)
    for function in FUNCTIONS:
        op.execute(f"drop function {function.partition('(')[0]}")
