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


async def test_what_few_need_is_asked_when_the_usual_has_said_no(owner: asyncpg.Connection) -> None:
    """PostgreSQL asks permissive policies in the reverse order of their names, and a function costs as much as all
    else: on a list it would be called for every row."""
    late = await owner.fetch(
        """
        select c.relname, p.polname from pg_policy p join pg_class c on c.oid = p.polrelid
        where p.polcmd in ('r', '*') and p.polname > 'api' and p.polname <> 'jobs'
          and pg_get_expr(p.polqual, p.polrelid) ~ '(is|may)_[a-z_]+[(]'
          and exists (select 1 from pg_policy o where o.polrelid = p.polrelid and o.polname = 'api')
        """
    )
    assert [tuple(each) for each in late] == []
    plan = await owner.fetch("select polname from pg_policy where polrelid = 'household'::regclass order by polname")
    assert [each["polname"] for each in plan] == ["after_visited", "api", "jobs"]


async def test_no_view_or_function_opens_a_door_in_the_wall(owner: asyncpg.Connection) -> None:
    assert await owner.fetchval("select count(*) from pg_views where schemaname = 'public'") == 0
    definers = await owner.fetch(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef order by 1"
    )
    # What `staff_over` lets through is tried in tests/http/test_contact_cards.py.
    assert [function["proname"] for function in definers] == [
        "appeal_has_decider",  # yes or no, of a case: tests/appeals/test_withdrawn_and_stuck.py
        "article_reviewer",  # a trigger: answers nothing, and refuses (tests/articles/test_steps.py)
        "audit_chain_append",
        "awaits_aid",  # yes or no, of a file
        "bank_statement_month_guard",  # a trigger: answers nothing, and refuses (tests/reconciliations)
        "bind_account",  # to the claimant with the phone on file, or to staff: tests/http/test_account_claims.py
        "books_of_cases",  # the ledger of cases in the caller's reach, to staff: tests/supervision
        "break_explanation_guard",  # a trigger: answers nothing, and refuses (tests/reconciliations)
        "card_check_guard",  # a trigger: answers nothing, and refuses
        "cards_of_batch",  # to the maker of a batch that is confirmed, as its file is written: tests/payments
        "cards_to_check",  # masked, within the reach of whoever pays: tests/payments
        "carry_out_post_change",  # a trigger: gives and ends posts, once confirmed (tests/appointments)
        "cases_on_paper",  # ids, to staff: tests/http/test_paper_tasks.py
        "consenting_to_publicity",  # who agreed to be shown, to staff with their keyed number: tests/articles
        "consents_of_numbers",  # tried in tests/http/test_matches_consented.py
        "covers_follow",  # only by a request for a change of identity that is open
        "delegates_of",  # of a post of the caller's own: tests/delegations/test_delegating.py
        "delegation_guard",  # a trigger: answers nothing, and refuses
        "delegations_end_with_post",  # a trigger on posts: tests/delegations/test_acting.py
        "evaluation_progress",  # counts, to an auditor over the union: tests/evaluations
        "evaluation_score_guard",  # a trigger: answers nothing, and refuses (tests/evaluations)
        "evaluation_starts",  # a trigger: answers nothing, and refuses (tests/evaluations)
        "evaluators_of",  # who may be named, masked, to an auditor over the union: tests/evaluations
        "facts_of_staff",  # only while somebody comes in; ids: tests/db/test_second_wall_kept_apart.py
        "file_takes_payment",  # a trigger: no money to a closed file
        "follow_file",  # only into the file that another was merged into or split from, or its own union
        "hand_over_files",  # of a filing that its worker has just confirmed: tests/http/test_proxy_applications.py
        "hand_over_household_files",  # the same of a household file: tests/http/test_proxy_filings.py
        "hand_over_supplement",  # to the applicant: tests/http/test_supplements_on_paper.py
        "has_helped",  # yes or no, about the caller, to who has the keyed index: tests/http/test_account_claims.py
        "hold_budgets",  # locks, and answers nothing
        "is_anybody_left",  # yes or no, of posts under unions, to staff: tests/http/test_paper_tasks.py
        "is_kept_from_meeting",  # yes or no, to the city of the case: tests/meetings/test_desks.py
        "is_near_case",  # yes or no, about the caller alone; tried in tests/appeals/test_kept_apart.py
        "is_near_number",  # yes or no, about the caller alone, to who has the keyed index
        "is_payment_sent",  # yes or no, of a case
        "is_phone_of_another",  # yes or no, to who has the keyed index: tests/http/test_account_claims.py
        "is_recused",  # to no role but the one that it runs as
        "keep_apart",  # a trigger: answers nothing, and refuses (tests/relatives/test_signing.py)
        "keep_file_apart",  # a trigger: answers nothing, and refuses (tests/relatives/test_signing_files.py)
        "keep_household_cap",  # a trigger: answers nothing, and refuses; tests/applications/test_household_caps.py
        "keep_sent_payment",  # a trigger: answers nothing, and refuses
        "kept_apart_from",  # to no role but the one that it runs as
        "known_to_service",  # yes or no, for each keyed hash, to who has it: tests/articles/test_gate.py
        "ledger_balances",  # a trigger: answers nothing, and refuses (tests/funds/test_ledger.py)
        "ledger_month_guard",  # a trigger: answers nothing, and refuses (tests/reconciliations)
        "let_go_of_file",  # only of a file that has ended
        "lines_of_cases",  # payments of cases in the caller's reach, masked, to staff: tests/supervision
        "mark_near",  # a trigger: that it is worth asking about somebody
        "mass_sends_between",  # a count, of the account's month, to staff: tests/articles/test_mended.py
        "meeting_candidates",  # colleagues with a voting post, to the city of the case: tests/meetings/test_desks.py
        "money_elsewhere",  # sums by kind, of a case in the caller's reach: tests/http/test_case_view.py
        "money_figures",  # sums, of a union in the caller's reach: tests/reconciliations
        "money_granted",  # payments under a union of the caller's, or of its fund: tests/supervision
        "month_closing_guard",  # a trigger: answers nothing, and refuses (tests/reconciliations)
        "move_money",  # a trigger: answers nothing; only it writes drawings (tests/funds/test_reserving.py)
        "notice_before_payment",  # a trigger: answers nothing, and refuses (tests/db/test_payment_after_notice.py)
        "notices_of_cases",  # that cases in the caller's reach were published: tests/supervision
        "numbers_near",  # to no role but the one that it runs as
        "objection_of_receipt",  # to who has the keyed index of a receipt: tests/http/test_objection_receipts.py
        "payment_batch_guard",  # a trigger: answers nothing, and refuses
        "payment_line_guard",  # a trigger: answers nothing, and refuses
        "payment_standing",  # of approved cases in the caller's reach, to staff: tests/payments
        "payments_made",  # lines paid under a union of the caller's, nothing personal: tests/supervision
        "person_of_number",  # an id, to who has the keyed index of an identity number
        "person_on_paper",  # an id and what is sealed, to who has the keyed index: tests/http/test_account_claims.py
        "posts_administered",  # posts under a union of an officer's, masked: tests/appointments
        "progress_figures",  # counts and sums of a union, to who has a post there: tests/articles/test_progress.py
        "relatives_follow",  # a trigger on people: tests/relatives/test_signing.py
        "roles_held",  # codes, to a system administrator: tests/appointments
        "staff_over",  # tried in tests/http/test_contact_cards.py
        "stage_is_stuck",  # yes or no, of a case: tests/applications/test_recusal.py
        "take_over_household",  # a file that was offered to the caller's own union
        "temporary_aid_elsewhere",  # a sum, to whose own it is: tests/http/test_paid_once.py
        "union_of_member",  # the name of a union, to who has the keyed index
        "waiting_place",  # a number, and nothing of anybody: tests/funds/test_reserving.py
    ]


async def test_the_api_deletes_nothing_anywhere(owner: asyncpg.Connection) -> None:
    grants = await owner.fetch(
        "select table_name, privilege_type from information_schema.role_table_grants where grantee = 'aid_api'"
    )
    assert {grant["privilege_type"] for grant in grants} == {"SELECT", "INSERT", "UPDATE"}
