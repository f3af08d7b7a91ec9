"""Changes that are taken back, and consents to matching that members give from their own accounts

Revision: 20261125_paper, after 20261125_files_named
"""

import sqlalchemy as sa
from alembic import op

revision = "20261125_paper"
down_revision = "20261125_files_named"
branch_labels = None
depends_on = None

ORGANISATIONS = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"
# Runs as aid_jobs: whether a member has an account at all is out of the caller's sight. It answers the one consent that
# a list for a department needs, of members of living files within the reach alone.
CONSENTS_OF_NUMBERS = f"""
create function consents_of_numbers(asked bytea[], wanted text) returns table (id_number_index bytea, consent_id uuid)
language sql stable security definer set search_path = pg_catalog, public as $$
  select p.id_number_index, c.id
  from person p join consent c on c.person_id = p.id
  where current_setting('app.door', true) = 'staff' and p.id_number_index = any(asked)
    and p.closed_at is null and p.verified_at is not null
    and c.purpose = 'data_matching' and c.withdrawn_at is null and c.text_sha256 = wanted
    and exists (
      select 1 from household_member m join household h on h.id = m.household_id
      where m.id_number_index = p.id_number_index and m.living
        and array[h.city_id, h.district_id, h.street_id, h.unit_id] && {ORGANISATIONS})
$$
"""
FUNCTIONS = {
    "consents_of_numbers(bytea[], text)": CONSENTS_OF_NUMBERS,
}
UNDECIDED = "(state in ('open','withdrawn'))"


def upgrade() -> None:
    op.add_column("change_request", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    check("change_request", "state", "state in ('open','approved','rejected','withdrawn')")
    check("change_request", "decided", decided(UNDECIDED))
    op.create_check_constraint(
        op.f("ck_change_request_withdrawn"), "change_request", "(state = 'withdrawn') = (withdrawn_at is not null)"
    )
    check("bank_card", "state", "state in ('current','pending','replaced','refused','withdrawn')")
    attempts()
    functions()


def attempts() -> None:
    """Counts of keyed hashes, which say nothing of anybody; every door counts, also before it is known who is there."""
    op.create_table(
        "attempt",
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_attempt_count")),
        sa.PrimaryKeyConstraint("kind", "subject_index", name=op.f("pk_attempt")),
    )
    op.execute("alter table attempt enable row level security, force row level security")
    op.execute("create policy api on attempt to aid_api using (true) with check (true)")
    op.execute("create policy jobs on attempt to aid_jobs using (true) with check (true)")
    op.execute("grant select, insert, update on attempt to aid_api")
    op.execute("grant select, insert, update, delete on attempt to aid_jobs")


def functions() -> None:
    # To be given a function, a role must be able to create one: for the length of this migration.
    op.execute("grant create on schema public to aid_jobs")
    for signature, body in FUNCTIONS.items():
        op.execute(body)
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"alter function {signature} owner to aid_jobs")
        op.execute(f"grant execute on function {signature} to aid_api")
    op.execute("revoke create on schema public from aid_jobs")


def seen_whole(table: str, statement: str) -> None:
    """By the owner, whom the wall of the table otherwise stops too."""
    op.execute(f"alter table {table} no force row level security")
    op.execute(statement)
    op.execute(f"alter table {table} force row level security")


def decided(undecided: str) -> str:
    columns = ("decided_at", "decided_by", "decided_by_number_index")
    return " and ".join(f"{undecided} = ({column} is null)" for column in columns)


def check(table: str, name: str, condition: str) -> None:
    """The check of this name says this from now on."""
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    """What was taken back goes: without a decider it cannot be told as refused."""
    for signature in FUNCTIONS:
        op.execute(f"drop function {signature}")
    op.drop_table("attempt")
    taken_back = "(select id from change_request where state = 'withdrawn')"
    seen_whole("bank_card", "update bank_card set state = 'refused' where state = 'withdrawn'")
    seen_whole("payment_hold", f"delete from payment_hold where id in {taken_back}")
    seen_whole("change_request", "delete from change_request where state = 'withdrawn'")
    check("bank_card", "state", "state in ('current','pending','replaced','refused')")
    op.drop_constraint(op.f("ck_change_request_withdrawn"), "change_request", type_="check")
    check("change_request", "decided", decided("(state = 'open')"))
    check("change_request", "state", "state in ('open','approved','rejected')")
    op.drop_column("change_request", "withdrawn_at")
