"""The second wall: what stands in the database itself, whatever a query forgets."""

import asyncpg

from tests.db.lots import PERSONAL

OUTSIDE = {"alembic_version"}
"""Without a policy, because neither role may come near it at all."""


async def test_every_table_has_a_wall_that_even_its_owner_cannot_pass(owner: asyncpg.Connection) -> None:
    tables = await owner.fetch(
        "select relname, relrowsecurity and relforcerowsecurity as walled from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
    )
    assert {table["relname"] for table in tables} > set(PERSONAL)
    assert {table["relname"] for table in tables if not table["walled"]} == OUTSIDE
    for role in ("aid_api", "aid_jobs"):
        for table in OUTSIDE:
            assert not await owner.fetchval(
                "select has_table_privilege($1, $2, 'select, insert, update, delete')", role, table
            )


async def test_neither_role_may_pass_walls_own_tables_or_sign_in(owner: asyncpg.Connection) -> None:
    roles = await owner.fetch("select * from pg_roles where rolname in ('aid_api', 'aid_jobs')")
    assert len(roles) == 2
    for role in roles:
        powers = [role[f"rol{power}"] for power in ("super", "bypassrls", "createrole", "createdb", "canlogin")]
        assert powers == [False] * 5, role["rolname"]
        assert await owner.fetchval("select count(*) from pg_auth_members where member = $1", role["oid"]) == 0
        assert await owner.fetchval("select count(*) from pg_class where relowner = $1", role["oid"]) == 0


async def test_no_view_or_function_opens_a_door_in_the_wall(owner: asyncpg.Connection) -> None:
    assert await owner.fetchval("select count(*) from pg_views where schemaname = 'public'") == 0
    definers = await owner.fetch(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef order by 1"
    )
    # What `staff_over` lets through is tried in tests/http/test_contact_cards.py.
    assert [function["proname"] for function in definers] == [
        "audit_chain_append",
        "person_of_number",  # an id, to who has the keyed index of an identity number
        "staff_over",  # tried in tests/http/test_contact_cards.py
        "take_over_household",  # a file that was offered to the caller's own union
        "union_of_member",  # the name of a union, to who has the keyed index
    ]


async def test_the_api_deletes_nothing_anywhere(owner: asyncpg.Connection) -> None:
    grants = await owner.fetch(
        "select table_name, privilege_type from information_schema.role_table_grants where grantee = 'aid_api'"
    )
    assert {grant["privilege_type"] for grant in grants} == {"SELECT", "INSERT", "UPDATE"}
