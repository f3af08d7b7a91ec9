"""Every document that rests on uploaded files names them, and lets them be seen by those who may see it

Revision: 20261125_files_named, after 20261125_walls_last

What is rarely asked stands in functions, as in the revision before: a submission names files too.
"""

from alembic import op

revision = "20261125_files_named"
down_revision = "20261125_walls_last"
branch_labels = None
depends_on = None

WORKER = (
    "(select case when current_setting('app.door', true) = 'worker' "
    "then nullif(current_setting('app.person', true), '')::uuid end)"
)
PERSON = "(select nullif(current_setting('app.person', true), '')::uuid)"
STAFF = "(select current_setting('app.door', true)) = 'staff'"
NAMED_TO_STAFF = f"({STAFF} and exists (select 1 from file_use u where u.file_id = file.id and u.living))"
# Each kind is called as its table, whose own wall says who may see what it names.
FORMS = ("household", "application")
EVIDENCE = ("household_exit", "visit", "discrepancy", "proxy_filing", "match_authorisation")
SEEN = " ".join(f"when '{kind}' then exists (select 1 from {kind} s where s.id = subject_id)" for kind in FORMS)
BRANCHES = " ".join(
    f"when '{kind}' then return exists (select 1 from {kind} s where s.id = asked);" for kind in EVIDENCE
)
# Name and parameters of a function, and its body.
FUNCTIONS = {
    "is_evidence_i_see(asked_kind text, asked uuid)": f"case asked_kind {BRANCHES} else return false; end case;",
    "is_file_i_see(asked uuid)": "return asked is not null and exists (select 1 from household h where h.id = asked);",
}


def upgrade() -> None:
    for function, body in FUNCTIONS.items():
        op.execute(f"create function {function} returns boolean language plpgsql stable as $$ begin {body} end $$")
        op.execute(f"revoke execute on function {function.partition('(')[0]} from public")
        op.execute(f"grant execute on function {function.partition('(')[0]} to aid_api")
    subjects((*FORMS, *EVIDENCE), "is_evidence_i_see(subject_kind, subject_id)")
    # Staff upload evidence too, and name it through the staff door.
    op.execute(f"alter policy api on file using (person_id = {PERSON} or {NAMED_TO_STAFF})")
    # A paper that stands for a signature goes with the file that it opened, to whichever union has that now.
    op.execute("create policy opened on proxy_filing for select to aid_api using (is_file_i_see(household_id))")


def subjects(kinds: tuple[str, ...], otherwise: str) -> None:
    op.execute("alter table file_use drop constraint ck_file_use_subject_kind")
    op.execute(f"alter table file_use add constraint ck_file_use_subject_kind check (subject_kind in {kinds})")
    policy = f"case subject_kind {SEEN} else {otherwise} end"
    op.execute(f"alter policy api on file_use using ({policy}) with check ({policy})")


def downgrade() -> None:
    op.execute("drop policy opened on proxy_filing")
    op.execute(f"alter policy api on file using (person_id = {WORKER} or {NAMED_TO_STAFF})")
    op.execute("alter table file_use no force row level security")
    op.execute(f"delete from file_use where subject_kind not in {FORMS}")
    op.execute("alter table file_use force row level security")
    subjects(FORMS, "false")
    for function in FUNCTIONS:
        op.execute(f"drop function {function.partition('(')[0]}")
