"""What opens a wall a little further for a few is asked in a function, after the usual has said no

Revision: 20261125_walls_last, after 20261125_bulk

A policy is part of every statement on its table: the tables that it looks into, and their policies, are made ready each
time, also where nobody needs them. A submission was a third slower. A function is made ready only when it is called, and
permissive policies are asked in the order of their names: `api` first.
"""

from alembic import op

revision = "20261125_walls_last"
down_revision = "20261125_bulk"
branch_labels = None
depends_on = None

STAFF = "coalesce(current_setting('app.door', true), '') = 'staff'"
PERSON = "nullif(current_setting('app.person', true), '')::uuid"
ORGANISATIONS = "coalesce(nullif(current_setting('app.organisations', true), ''), '{}')::uuid[]"
VISITING_ROLES = (
    "('home_visitor', 'unit_clerk', 'unit_chair', 'street_reviewer', 'district_reviewer', 'district_leader')"
)
# policy, table: (the function and what it is called with, its parameters, what it says)
ASKED_LAST = {
    ("visited", "household"): (
        "is_visited_by_me(id)",
        "asked uuid",
        f"""exists (select 1 from visit v where v.household_id = asked and {PERSON} = any(v.visitor_ids)
              and v.state in ('planned', 'started'))""",
    ),
    ("may_be_sent", "post"): (
        "may_be_sent(role, ended_at, organisation_id)",
        "role text, ended_at timestamptz, organisation_id uuid",
        f"""role in {VISITING_ROLES} and ended_at is null and (
              exists (select 1 from organisation o where o.id = may_be_sent.organisation_id
                and array[o.city_id, o.district_id, o.street_id, o.unit_id] && {ORGANISATIONS})
              or exists (select 1 from organisation mine where array[mine.id] && {ORGANISATIONS}
                and may_be_sent.organisation_id in (mine.city_id, mine.district_id, mine.street_id, mine.unit_id)))""",
    ),
    ("colleague", "person"): (
        "is_colleague(id)",
        "asked uuid",
        "exists (select 1 from post p where p.person_id = asked)",
    ),
    ("staff_sees", "person"): (
        "is_under_change(id, 'identity')",
        "asked uuid, what text",
        "exists (select 1 from change_request r where r.person_id = asked and r.kind = what and r.state = 'open')",
    ),
    ("api_matching", "consent"): (
        "is_of_file(person_id, purpose)",
        "asked uuid, purpose text",
        "purpose = 'data_matching' and exists (select 1 from household h where h.person_id = asked)",
    ),
}
_IDENTITY_CHANGES = (
    "(select coalesce(current_setting('app.door', true), '')) = 'staff' and exists (select 1 from change_request r "
    "where r.person_id = person.id and r.kind = 'identity' and r.state = 'open')"
)
WERE = {
    ("staff_sees", "person"): _IDENTITY_CHANGES,
    ("visited", "household"): "exists (select 1 from visit v where v.household_id = household.id and (select case when "
    "current_setting('app.door', true) = 'staff' then nullif(current_setting('app.person', true), '')::uuid end) "
    "= any(v.visitor_ids) and v.state in ('planned', 'started'))",
    ("may_be_sent", "post"): f"role in {VISITING_ROLES} and ended_at is null and (exists (select 1 from organisation o "
    f"where o.id = organisation_id and array[o.city_id, o.district_id, o.street_id, o.unit_id] && "
    f"(select case when {STAFF} then {ORGANISATIONS} else '{{}}'::uuid[] end)) or exists (select 1 from organisation "
    f"mine where array[mine.id] && (select case when {STAFF} then {ORGANISATIONS} else '{{}}'::uuid[] end) "
    "and organisation_id in (mine.city_id, mine.district_id, mine.street_id, mine.unit_id)))",
    ("colleague", "person"): "(select case when current_setting('app.door', true) = 'staff' then "
    "nullif(current_setting('app.person', true), '')::uuid end) is not null "
    "and exists (select 1 from post p where p.person_id = person.id)",
    ("api_matching", "consent"): f"(select {STAFF}) and purpose = 'data_matching' "
    "and exists (select 1 from household h where h.person_id = consent.person_id)",
}


def upgrade() -> None:
    for (policy, table), (call, parameters, says) in ASKED_LAST.items():
        name = call.partition("(")[0]
        op.execute(
            f"create function {name}({parameters}) returns boolean language plpgsql stable as $$ "
            f"begin if not {STAFF} then return false; end if; return {says}; end $$"
        )
        op.execute(f"revoke execute on function {name} from public")
        op.execute(f"grant execute on function {name} to aid_api")
        replace(policy, table, call)
    change_of_person("is_under_change(id, 'identity')")


def downgrade() -> None:
    change_of_person(_IDENTITY_CHANGES)
    for (policy, table), condition in WERE.items():
        replace(policy, table, condition)
        op.execute(f"drop function {ASKED_LAST[policy, table][0].partition('(')[0]}")


def replace(policy: str, table: str, condition: str) -> None:
    op.execute(f"drop policy {policy} on {table}")
    op.execute(f"create policy {policy} on {table} for select to aid_api using ({condition})")


def change_of_person(condition: str) -> None:
    op.execute("drop policy staff_changes on person")
    op.execute(
        f"create policy staff_changes on person for update to aid_api using ({condition}) with check ({condition})"
    )
