"""The history of household files, changes that a second person decides, and files that staff fill in for a worker

Revision: 20261125_history, after 20261125_matching

Staff see a person or a card only while a request of the kind that changes it is open within their reach. A hold on
payments is seen by every desk: whoever pays may sit under another union than the file, and it says nothing but ids.
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_history"
down_revision = "20261125_matching"
branch_labels = None
depends_on = None

DOOR = "(select current_setting('app.door', true))"
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
ORGANISATIONS = (
    "(select case when current_setting('app.door', true) = 'staff' "
    "then coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[] else '{}'::uuid[] end)"
)
IN_REACH = f"array[city_id, district_id, street_id, unit_id] && {ORGANISATIONS}"
OWN_NUMBER = f"id_number_index = (select p.id_number_index from person p where p.id = {WORKER})"
UNDER_CHANGE = (
    f"{DOOR} = 'staff' and exists (select 1 from change_request r where r.person_id = {{person}} "
    "and r.kind = '{kind}' and r.state = 'open')"
)
# It cannot ask whether a filing is open: that one's policy asks for the person, and the two would go round in circles.
ON_PAPER = f"{DOOR} = 'staff' and openid is null and id_number_index is not null"
TABLES = {
    "household_change": ("exists (select 1 from household h where h.id = household_id)", "select, insert"),
    "change_request": (f"person_id = {WORKER} or {IN_REACH}", "select, insert, update"),
    "proxy_filing": (f"({OWN_NUMBER}) or {IN_REACH}", "select, insert, update"),
}
TIERS = ("city", "district", "street", "unit")


def identified() -> list[sa.Column]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def scoped(table: str) -> list[sa.Column | sa.Constraint]:
    """The union on each tier."""
    columns = [sa.Column(f"{tier}_id", sa.Uuid(), nullable=tier != "city") for tier in TIERS]
    return [*columns, *(refers(table, f"{tier}_id", "organisation") for tier in TIERS)]


def refers(table: str, column: str, to: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def check(table: str, name: str, condition: str) -> sa.Constraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    op.add_column("household", sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
    household_change()
    change_request()
    payment_hold()
    proxy_filing()
    for table, (policy, privileges) in TABLES.items():
        op.execute(f"alter table {table} enable row level security, force row level security")
        op.execute(f"create policy api on {table} to aid_api using ({policy}) with check ({policy})")
        op.execute(f"create policy jobs on {table} to aid_jobs using (true) with check (true)")
        op.execute(f"grant {privileges} on {table} to aid_api")
        op.execute(f"grant {privileges} on {table} to aid_jobs")
    hold_wall()
    op.execute(
        "create trigger append_only before update or delete or truncate on household_change "
        "for each statement execute function refuse_change()"
    )
    staff_under_change("person", UNDER_CHANGE.format(person="person.id", kind="identity"))
    card = UNDER_CHANGE.format(person="bank_card.person_id", kind="bank_card")
    staff_under_change("bank_card", card)
    op.execute(f"create policy staff_asks on bank_card for insert to aid_api with check (state = 'pending' and {card})")
    card_states("'current','pending','replaced','refused'")
    for column in ("openid", "openid_index"):
        op.alter_column("person", column, nullable=True)
    op.create_check_constraint(op.f("ck_person_openid"), "person", "(openid is null) = (openid_index is null)")
    op.create_check_constraint(op.f("ck_person_known"), "person", "openid is not null or id_number_index is not null")
    op.execute(f"create policy staff_enters on person for insert to aid_api with check ({ON_PAPER})")


def staff_under_change(table: str, policy: str) -> None:
    op.execute(f"create policy staff_sees on {table} for select to aid_api using ({policy})")
    op.execute(f"create policy staff_changes on {table} for update to aid_api using ({policy}) with check ({policy})")


def card_states(states: str) -> None:
    op.drop_constraint(op.f("ck_bank_card_state"), "bank_card", type_="check")
    op.create_check_constraint(op.f("ck_bank_card_state"), "bank_card", f"state in ({states})")


def household_change() -> None:
    op.create_table(
        "household_change",
        *identified(),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("household_version", sa.Integer(), nullable=False),
        sa.Column("pointer", sa.String(200), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("after", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("post_role", sa.String(32), nullable=True),
        sa.Column("organisation_name", sa.String(100), nullable=True),
        check("household_change", "source", "source in ('self','staff','import','match')"),
        check("household_change", "household_version", "household_version >= 2"),
        refers("household_change", "household_id", "household"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_change")),
    )
    op.create_index("ix_household_change_page", "household_change", ["household_id", "created_at", "id"])


def change_request() -> None:
    op.create_table(
        "change_request",
        *identified(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("person_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("person_masked", sa.String(60), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        *scoped("change_request"),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("field", sa.String(100), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("wanted", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_by_number_index", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by_role", sa.String(32), nullable=True),
        sa.Column("asked_by_organisation", sa.String(100), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_number_index", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by_role", sa.String(32), nullable=True),
        sa.Column("decided_by_organisation", sa.String(100), nullable=True),
        sa.Column("decision_note", sa.LargeBinary(), nullable=True),
        check("change_request", "kind", "kind in ('bank_card','identity','household_size')"),
        check("change_request", "household", "kind = 'bank_card' or household_id is not null"),
        check("change_request", "state", "state in ('open','approved','rejected')"),
        check(
            "change_request",
            "decided",
            "(state = 'open') = (decided_at is null) and (state = 'open') = (decided_by is null) "
            "and (state = 'open') = (decided_by_number_index is null)",
        ),
        check(
            "change_request",
            "second_person",
            "decided_by not in (asked_by, person_id) and decided_by_number_index not in (asked_by_number_index, "
            "person_number_index)",
        ),
        refers("change_request", "person_id", "person"),
        refers("change_request", "household_id", "household"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_request")),
    )
    op.create_index(
        "uq_change_request_open",
        "change_request",
        ["person_id", "kind", "field"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    for tier in TIERS:
        op.create_index(f"ix_change_request_{tier}", "change_request", [f"{tier}_id", "state", "created_at", "id"])
    op.create_index(
        "ix_change_request_household",
        "change_request",
        ["household_id"],
        postgresql_where=sa.text("household_id is not null"),
    )
    op.create_index("ix_change_request_person", "change_request", ["person_id", "created_at", "id"])


def payment_hold() -> None:
    op.create_table(
        "payment_hold",
        *identified(),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        refers("payment_hold", "person_id", "person"),
        refers("payment_hold", "household_id", "household"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_hold")),
    )
    for column in ("person", "household"):
        op.create_index(
            f"ix_payment_hold_{column}",
            "payment_hold",
            [f"{column}_id"],
            postgresql_where=sa.text("released_at is null"),
        )


def hold_wall() -> None:
    request = "exists (select 1 from change_request r where r.id = payment_hold.id)"
    op.execute("alter table payment_hold enable row level security, force row level security")
    op.execute(
        f"create policy api on payment_hold for select to aid_api using (({DOOR} = 'staff' and {PERSON} is not null) or person_id = {WORKER})"
    )
    op.execute(f"create policy api_ask on payment_hold for insert to aid_api with check ({request})")
    op.execute(
        f"create policy api_release on payment_hold for update to aid_api using ({request}) with check ({request})"
    )
    op.execute("create policy jobs on payment_hold to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on payment_hold to aid_api")
    op.execute("grant select, insert, update on payment_hold to aid_jobs")


def proxy_filing() -> None:
    op.create_table(
        "proxy_filing",
        *identified(),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("id_number_index", "id_number", "name")),
        sa.Column("name_masked", sa.String(60), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_masked", sa.String(20), nullable=False),
        *scoped("proxy_filing"),
        sa.Column("division_code", sa.String(12), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("assisted_by", sa.Uuid(), nullable=False),
        sa.Column("post_role", sa.String(32), nullable=False),
        sa.Column("organisation_name", sa.String(100), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signature_file_id", sa.Uuid(), nullable=True),
        check("proxy_filing", "state", "state in ('open','confirmed')"),
        check(
            "proxy_filing",
            "ended",
            "(state = 'confirmed') = (household_id is not null and confirmed_by is not null)",
        ),
        check("proxy_filing", "second_person", "signature_file_id is null or confirmed_by <> assisted_by"),
        refers("proxy_filing", "household_id", "household"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proxy_filing")),
    )
    op.create_index(
        "uq_proxy_filing_open",
        "proxy_filing",
        ["id_number_index"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_proxy_filing_unit", "proxy_filing", ["unit_id"])


def downgrade() -> None:
    """Raises when somebody without WeChat is in the files by then: they could not be told from a mistake."""
    op.execute("drop policy staff_enters on person")
    for name in ("known", "openid"):
        op.drop_constraint(op.f(f"ck_person_{name}"), "person", type_="check")
    for column in ("openid", "openid_index"):
        op.alter_column("person", column, nullable=False)
    op.execute("update bank_card set state = 'replaced' where state = 'refused'")
    card_states("'current','pending','replaced'")
    for policy, table in (
        ("staff_sees", "person"),
        ("staff_changes", "person"),
        ("staff_sees", "bank_card"),
        ("staff_changes", "bank_card"),
        ("staff_asks", "bank_card"),
    ):
        op.execute(f"drop policy {policy} on {table}")
    for table in ("proxy_filing", "payment_hold", "change_request", "household_change"):
        op.drop_table(table)
    op.drop_column("household", "changed_at")
