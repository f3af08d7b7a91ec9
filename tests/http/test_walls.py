"""Every route, as every role: what is not under one's union does not exist, in lists, counts, ids and words alike.

The cases and the oracle stand in tests/http/matrix.py; nothing of them is read from the service's own rules.
"""

import re
from itertools import product

import httpx

from app.http.routing import api_routes
from tests import make
from tests.http.matrix import Actor, Matrix, each, get
from tests.http.walled_routes import (
    CASES_BY_ID,
    DISCREPANCIES_BY_ID,
    EVERYONES,
    FILES_BY_ID,
    LISTS,
    OWN_ACTS,
    OWN_BY_ID,
    OWN_LISTS,
    VISITS_BY_ID,
)
from tests.make import Guild

V1 = "/api/v1"
CHANGES = {
    ("GET", "/staff/change_requests"),
    ("GET", "/staff/change_requests/count"),
    ("POST", "/staff/change_requests/{}/actions"),
    ("POST", "/staff/change_requests/{}/withdraw"),
    ("POST", "/me/household/change_requests/{}/withdraw"),
    ("POST", "/staff/households/{}/change_requests"),
    ("POST", "/staff/applications/{}/change_requests"),
    ("GET", "/staff/proxy_households"),
    ("POST", "/staff/proxy_households"),
    ("POST", "/staff/proxy_households/{}/confirm_on_paper"),
    ("GET", "/staff/account_claims"),
    ("POST", "/staff/account_claims/{}/actions"),
    ("POST", "/me/account_claims"),
    ("GET", "/staff/proxy_applications"),
    ("GET", "/staff/proxy_applications/{}"),
    ("GET", "/staff/proxy_households/{}"),
    ("GET", "/staff/paper_tasks"),
    ("POST", "/staff/proxy_applications"),
    ("POST", "/staff/proxy_applications/{}/confirm_on_paper"),
    ("POST", "/me/proxy_applications/{}/confirm"),
    ("POST", "/me/proxy_applications/{}/decline"),
}
"""Who sees and does what with these stands in test_change_requests.py, test_proxy_filings.py,
test_proxy_applications.py, test_paper_tasks.py and test_account_claims.py."""
APPOINTMENTS = {
    ("GET", "/staff/posts"),
    ("POST", "/staff/posts"),
    ("POST", "/staff/posts/{}/end"),
    ("GET", "/staff/post_changes"),
    ("POST", "/staff/post_changes/{}/confirm"),
    ("POST", "/staff/post_changes/{}/refuse"),
    ("POST", "/staff/post_changes/{}/withdraw"),
}
"""Posts are nobody's case; who sees and gives them stands in tests/appointments."""
POLICIES = {
    ("GET", "/staff/policies"),
    ("POST", "/staff/policies"),
    ("GET", "/staff/policies/{}"),
    ("POST", "/staff/policies/{}/publish"),
    ("POST", "/staff/policies/{}/withdraw"),
    ("POST", "/staff/policies/{}/rehearsals"),
    ("GET", "/staff/policies/{}/rehearsals"),
    ("GET", "/staff/policies/{}/rehearsals/{}"),
    ("GET", "/staff/policies/{}/rehearsals/{}/lines"),
}
"""Policy belongs to no union and to nobody's case: who may do what with it, by role, stands in test_policies.py."""
POLICY_READERS = {
    "district_reviewer",
    "district_leader",
    "city_reviewer",
    "city_leader",
    "mutual_aid_officer",
    "auditor",
}
NOBODYS = {("POST", "/screening"), ("POST", "/public/objections/status")}
"""They read nothing of anybody's, but for who holds the code of a receipt: test_objection_receipts.py."""
NOBODYS |= {("GET", "/wechat/{}/callback"), ("POST", "/wechat/{}/callback"), ("GET", "/staff/wechat")}
"""WeChat's own calls, and whether WeChat works: tests/wechat."""
MATCHES_AND_DUPLICATES = {
    ("GET", "/staff/duplicates"),
    ("GET", "/staff/duplicates/count"),
    ("GET", "/staff/duplicates/{}"),
    ("POST", "/staff/duplicates/{}/actions"),
    ("GET", "/staff/matches"),
    ("POST", "/staff/matches"),
    ("GET", "/staff/matches/{}"),
    ("GET", "/staff/matches/{}/file"),
    ("POST", "/staff/matches/{}/key"),
    ("GET", "/staff/matches/{}/results"),
    ("POST", "/staff/matches/{}/results"),
    ("POST", "/staff/households/{}/match_authorisations"),
    ("POST", "/me/household/match_authorisations"),
    ("POST", "/me/household/match_authorisations/{}/withdraw"),
}
"""Pairs and batches of files: who sees which stands in test_duplicates.py and test_matches.py, and below."""
REUSES_AND_CARDS = {
    ("GET", "/staff/reuses"),
    ("GET", "/staff/reuses/count"),
    ("GET", "/staff/reuses/{}"),
    ("POST", "/staff/reuses/{}/actions"),
    ("GET", "/staff/card_alerts"),
}
"""Pairs of claims and of people: who sees which stands in test_walls_reuses.py."""
DELIVERIES = {
    ("GET", "/staff/deliveries"),
    ("GET", "/staff/deliveries/count"),
    ("POST", "/staff/deliveries/{}/retry"),
    ("POST", "/staff/deliveries/{}/told"),
}
"""Whom messages did not reach: who sees and does what stands in test_deliveries.py."""
BATCHES = {("POST", "/staff/batch_actions/preview"), ("POST", "/staff/batch_actions")}
"""Who sees and does what with many cases at once stands in test_walls_batches.py."""
APPEALS_AND_LOOKS = {
    ("GET", "/staff/appeals"),
    ("GET", "/staff/appeals/count"),
    ("GET", "/staff/appeals/{}"),
    ("POST", "/staff/appeals/{}/actions"),
    ("POST", "/applications/{}/appeals/{}/withdraw"),
    ("POST", "/staff/applications/{}/reveal"),
    ("GET", "/applications/{}/rating"),
    ("GET", "/staff/ratings"),
}
"""Who sees and does what with these stands in tests/appeals, tests/access and tests/ratings."""
KEPT_APART = {
    ("GET", "/me/relatives"),
    ("POST", "/me/relatives"),
    ("POST", "/me/relatives/{}/end"),
    ("GET", "/staff/conflicts"),
    ("GET", "/staff/delegates"),
    ("GET", "/staff/delegations"),
    ("POST", "/staff/delegations"),
    ("POST", "/staff/delegations/{}/end"),
}
"""Who declares, delegates and reads what stands in tests/relatives and tests/delegations."""
MONEY = {
    ("GET", "/staff/funds"),
    ("POST", "/staff/funds"),
    ("GET", "/staff/funds/{}"),
    ("POST", "/staff/funds/{}/receipts"),
    ("GET", "/staff/funds/{}/statement"),
    ("GET", "/staff/budgets"),
    ("GET", "/staff/allocations"),
    ("POST", "/staff/allocations"),
    ("POST", "/staff/allocations/{}/actions"),
    ("GET", "/staff/reservations"),
    ("GET", "/staff/waiting_list"),
}
"""Who sees and does what with money stands in tests/funds/test_allocations.py."""
MEETINGS = {
    ("GET", "/staff/meetings"),
    ("POST", "/staff/meetings"),
    ("GET", "/staff/meetings/{}"),
    ("POST", "/staff/meetings/{}/votes"),
    ("POST", "/staff/meetings/{}/minutes"),
    ("POST", "/staff/meetings/{}/conclude"),
    ("POST", "/staff/meetings/{}/cancel"),
    ("GET", "/staff/applications/{}/meeting_candidates"),
}
"""Who sees and does what with these stands in tests/meetings."""
UNIONS = {
    ("GET", "/staff/organisations"),
    ("POST", "/staff/organisations"),
    ("POST", "/staff/organisations/{}/rename"),
    ("POST", "/staff/organisations/{}/receive_unattached"),
}
"""Who keeps which unions stands in tests/organisations/test_entering.py."""
ARTICLES = {
    ("GET", "/staff/articles"),
    ("POST", "/staff/articles"),
    ("POST", "/staff/articles/progress"),
    ("GET", "/staff/articles/{}"),
    ("PUT", "/staff/articles/{}"),
    ("GET", "/staff/articles/{}/preview"),
    ("POST", "/staff/articles/{}/previews"),
    ("POST", "/staff/articles/{}/people"),
    ("DELETE", "/staff/articles/{}/people/{}"),
    ("POST", "/staff/articles/{}/actions"),
}
"""Who sees and does what with articles stands in tests/articles/test_steps.py."""
PAYMENTS = {
    ("POST", "/staff/batches/preview"),
    ("POST", "/staff/batches"),
    ("GET", "/staff/batches"),
    ("GET", "/staff/batches/{}"),
    ("GET", "/staff/batches/{}/lines"),
    ("GET", "/staff/batches/{}/breaks"),
    ("POST", "/staff/batches/{}/actions"),
    ("GET", "/staff/batches/{}/file"),
    ("POST", "/staff/batches/{}/results"),
    ("POST", "/staff/batches/{}/lines/{}/actions"),
    ("GET", "/staff/bank_cards"),
    ("POST", "/staff/bank_cards/checks"),
    ("POST", "/staff/bank_cards/checks/decisions"),
}
"""Their walls are tried in tests/payments."""
RECONCILIATIONS = {
    (method, f"/staff/reconciliations{path}")
    for method, path in (
        ("POST", "/statements"), ("GET", "/statements"), ("GET", "/statements/{}/lines"), ("GET", "/breaks"),
        ("GET", "/breaks/count"), ("GET", "/breaks/{}"), ("POST", "/breaks/{}/actions"), ("GET", "/parity"),
        ("GET", "/closings"), ("POST", "/closings"), ("POST", ""), ("GET", ""), ("GET", "/{}"),
    )
}  # fmt: skip
"""Their walls are tried in tests/reconciliations."""
SUPERVISION = {
    ("GET", "/staff/samples"),
    ("POST", "/staff/samples"),
    ("GET", "/staff/samples/{}"),
    ("POST", "/staff/samples/{}/draw"),
    ("GET", "/staff/samples/{}/population"),
    ("GET", "/staff/samples/{}/checks"),
    ("GET", "/staff/samples/{}/checks/{}"),
    ("POST", "/staff/samples/{}/checks/{}/actions"),
    ("GET", "/staff/applications/{}/money_trail"),
    ("GET", "/staff/funds/{}/trail"),
    ("GET", "/staff/fund_table"),
    ("POST", "/staff/fund_table/exports"),
    ("GET", "/staff/fund_picture"),
    ("GET", "/staff/donor_reports"),
    ("POST", "/staff/donor_reports"),
    ("GET", "/staff/donor_reports/{}"),
    ("GET", "/staff/donor_reports/{}/pdf"),
    ("POST", "/staff/donor_reports/{}/actions"),
}
"""Who sees and does what with these stands in tests/supervision."""
EVALUATIONS = {
    (method, f"/staff/evaluations{path}")
    for method, path in (
        ("GET", ""), ("POST", ""), ("GET", "/evaluators"), ("GET", "/{}"), ("POST", "/{}/draw"), ("POST", "/{}/close"),
        ("GET", "/{}/population"), ("GET", "/{}/cases"), ("GET", "/{}/cases/{}"), ("POST", "/{}/cases/{}/scores"),
        ("GET", "/{}/disagreements"),
    )
}  # fmt: skip
"""Who sees and does what with evaluations stands in tests/evaluations."""
ELSEWHERE = {
    ("POST", "/staff/applications/{}/supplement_on_paper"),
    ("POST", "/staff/proxy_applications/{}/withdraw"),
    ("POST", "/staff/proxy_households/{}/withdraw"),
    ("PUT", "/staff/households/{}/responsible"),
    ("GET", "/staff/households/{}/responsible/candidates"),
    ("GET", "/staff/households/{}/register_form"),
    ("GET", "/staff/households/summary_form"),
    ("GET", "/staff/households/notice_form"),
    ("GET", "/staff/discrepancies"),
    ("GET", "/staff/discrepancies/count"),
    ("POST", "/me/discrepancies/{}/answer"),
    ("GET", "/staff/visits"),
    ("GET", "/staff/visits/count"),
    ("POST", "/staff/visits/{}/conflicts/{}"),
    ("GET", "/staff/households/{}/visitors"),
    ("POST", "/staff/households/{}/visits"),
    ("POST", "/me/visits/{}/confirm"),
    ("GET", "/me/household/plan"),
    ("GET", "/staff/households/lists/{}"),
    ("GET", "/staff/households/lists/{}/count"),
    ("POST", "/staff/households/{}/verifications"),
    ("POST", "/staff/plans/{}/measures"),
    ("POST", "/staff/plans/{}/close"),
    ("PUT", "/staff/measures/{}"),
    ("POST", "/staff/measures/{}/services"),
    ("POST", "/staff/watch_tasks/{}/complete"),
    ("GET", "/staff/calendar/{}"),
    ("POST", "/staff/calendar/{}"),
    ("POST", "/staff/calendar/days/{}"),
    ("GET", "/staff/calendar/changes"),
    ("POST", "/staff/calendar/changes/{}/confirm"),
    ("POST", "/staff/calendar/changes/{}/withdraw"),
    ("POST", "/staff/covers"),
    ("POST", "/staff/covers/enrolments"),
    ("POST", "/staff/households/transfers/{}/actions"),
    ("POST", "/me/consents/{}/withdraw"),
    ("GET", "/public/notices/{}"),
    ("POST", "/public/notices/{}/objections"),
    ("GET", "/public/notice_batches/{}"),
    ("GET", "/public/notice_batches/{}/page"),
    ("GET", "/public/notice_batches/{}/print"),
    ("GET", "/staff/notices"),
    ("GET", "/staff/notices/investigations"),
    ("GET", "/staff/notices/investigations/count"),
    ("GET", "/staff/notices/investigations/{}"),
    ("POST", "/staff/notices/investigations/{}/actions"),
    ("POST", "/files"),
    ("GET", "/staff/imports/template"),
    ("POST", "/staff/imports"),
    ("POST", "/staff/imports/{}/corrections"),
    ("GET", "/staff/imports/{}"),
    ("GET", "/staff/imports/{}/errors"),
    ("GET", "/staff/imports/{}/units"),
    ("GET", "/staff/imports/{}/changes"),
    ("POST", "/me/messages/{}/read"),
    ("GET", "/staff/imports/{}/file"),
    ("POST", "/staff/imports/{}/commit"),
    ("POST", "/staff/exports"),
    ("GET", "/staff/exports/{}"),
    ("GET", "/staff/exports/{}/file"),
    ("GET", "/files/{}"),
    ("POST", "/sessions"),
    ("POST", "/sessions/refresh"),
    ("DELETE", "/sessions/current"),
    ("DELETE", "/me"),
}


def test_the_matrix_knows_every_route() -> None:
    by_id = {**CASES_BY_ID, **FILES_BY_ID, **DISCREPANCIES_BY_ID, **VISITS_BY_ID, **OWN_BY_ID, **OWN_ACTS}
    known = {*by_id, *LISTS, *OWN_LISTS, *POLICIES, *EVERYONES, *NOBODYS, *ELSEWHERE}
    known |= {*CHANGES, *MATCHES_AND_DUPLICATES, *APPEALS_AND_LOOKS, *KEPT_APART, *MEETINGS, *BATCHES}
    known |= {*MONEY, *PAYMENTS, *REUSES_AND_CARDS, *RECONCILIATIONS, *SUPERVISION, *ARTICLES, *DELIVERIES}
    known |= {*APPOINTMENTS, *UNIONS, *EVALUATIONS}
    routes = {(m, re.sub(r"\{\w+\}", "{}", path.removeprefix(V1))) for path, r in api_routes() for m in r.methods or ()}
    assert routes == known


async def test_a_list_is_enrolled_only_for_a_union_within_reach(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def enrol(actor: Actor, code: str) -> httpx.Response:
        body = {"organisation_code": code, "staff_count": 1_000_000, "starts_on": "2050-01-01",
                "id_numbers": [make.id_number()]}  # fmt: skip
        headers = actor.someone.headers | make.keyed() | {"X-Request-Id": "same"}
        return await client.post("/staff/covers/enrolments", json=body, headers=headers)

    async def check(actor: Actor, union: Guild) -> None:
        answer = await enrol(actor, union.code)
        if actor.enrols_at(union):
            assert answer.status_code == 422, (actor.name, answer.text)  # one of a million
        else:
            assert answer.status_code == (404 if actor.enrols else 403), (actor.name, union.name)
            assert answer.content == (await enrol(actor, "NO-SUCH-UNION")).content

    await each(check, product(matrix.actors, matrix.unions))


async def test_a_cover_is_enrolled_only_for_a_union_within_reach(client: httpx.AsyncClient, matrix: Matrix) -> None:
    async def enrol(actor: Actor, code: str) -> httpx.Response:
        body = {"id_number": make.id_number(), "organisation_code": code, "is_renewal": False,
                "starts_on": "2026-01-01", "ends_on": "2026-12-31"}  # fmt: skip
        headers = actor.someone.headers | make.keyed() | {"X-Request-Id": "same"}
        return await client.post("/staff/covers", json=body, headers=headers)

    async def check(actor: Actor, union: Guild) -> None:
        answer = await enrol(actor, union.code)
        if actor.enrols_at(union):
            assert answer.status_code == 201, (actor.name, answer.text)
        else:
            assert answer.status_code == (404 if actor.enrols else 403), (actor.name, union.name)
            assert answer.content == (await enrol(actor, "NO-SUCH-UNION")).content

    await each(check, product(matrix.actors, matrix.unions))


async def test_the_policies_betray_nobody_and_are_read_by_those_who_decide(
    client: httpx.AsyncClient, matrix: Matrix
) -> None:
    async def check(actor: Actor) -> None:
        reads = any(role.value in POLICY_READERS for role, _ in actor.posts)
        listed_ = await get(client, actor, "/staff/policies", limit=100)
        assert listed_.status_code == (200 if reads else 403), actor.name
        assert matrix.strangers(actor, listed_.text, own=False) == set(), actor.name
        for thing in (actor.case, actor.file):
            answer = await get(client, actor, f"/staff/policies/{thing.id}")
            assert answer.status_code == (404 if reads else 403), actor.name

    await each(check, ((actor,) for actor in matrix.actors))


async def test_what_everyone_may_read_betrays_nobody(client: httpx.AsyncClient, matrix: Matrix) -> None:
    for _, path in sorted(EVERYONES):
        for headers in ({}, *(actor.someone.headers for actor in matrix.usual)):
            said = await client.get(path, headers=headers)
            assert said.status_code == 200
            assert matrix.strangers(matrix.usual[-1], said.text, own=False) == set(), path
    for thing in (*matrix.cases[:20], *matrix.files[:20]):
        assert (await client.get(f"/public/notices/{thing.id}")).status_code == 404
