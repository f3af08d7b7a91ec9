"""The routes that several walls are tried on, and what they answer to somebody who sees the thing they name."""

CASES_BY_ID = {
    ("GET", "/staff/applications/{}"): 200,
    ("POST", "/staff/applications/{}/actions"): 412,
    ("POST", "/staff/applications/{}/supplements"): 412,
}
"""What a version that never was is told, and by it that the case was found: nothing moves while we ask."""
FILES_BY_ID = {
    ("GET", "/staff/households/{}"): 200,
    ("GET", "/staff/households/{}/responsible"): 200,
    ("GET", "/staff/households/{}/contact_card"): 409,
    ("GET", "/staff/households/{}/visits"): 200,
    ("GET", "/staff/households/{}/changes"): 200,
}
DISCREPANCIES_BY_ID = {
    ("GET", "/staff/discrepancies/{}"): 200,
    ("POST", "/staff/discrepancies/{}/actions"): 412,
}
VISITS_BY_ID = {
    ("GET", "/staff/visits/{}"): 200,
    ("POST", "/staff/visits/{}/actions"): 412,
    ("POST", "/staff/visits/{}/operations"): 403,
}
"""Who may see a visit and is not sent on it fills in nothing."""
FILES_BY_ID |= {
    (method, f"/staff/households/{{}}/{what}"): 412
    for method, what in (
        ("POST", "actions"), ("PUT", "form"), ("PUT", "class"), ("PUT", "cohort"), ("POST", "split"),
        ("POST", "transfers"),
    )
}  # fmt: skip
FILES_BY_ID |= {
    ("GET", "/staff/households/{}/plans"): 200,
    ("POST", "/staff/households/{}/plans"): 409,
    ("GET", "/staff/households/{}/verifications"): 200,
    ("GET", "/staff/households/{}/relapse"): 200,
}
"""That a plan replaces one that never was is told only where the file is seen."""
OWN_BY_ID = {
    ("GET", "/applications/{}"): 200,
    ("PUT", "/applications/{}"): 412,
    ("POST", "/applications/{}/preview"): 200,
    ("POST", "/applications/{}/submit"): 412,
    ("POST", "/applications/{}/withdraw"): 412,
    ("GET", "/applications/{}/appeals"): 200,
    ("POST", "/applications/{}/appeals"): 412,
    ("POST", "/applications/{}/supplement"): 412,
    ("POST", "/applications/{}/rating"): 409,
}
OWN_LISTS = {
    ("GET", "/applications"),
    ("GET", "/me/household"),
    ("GET", "/me/export"),
    ("GET", "/me/household/discrepancies"),
    ("GET", "/me/visits"),
    ("GET", "/me/household/matches"),
    ("GET", "/me/household/match_authorisations"),
    ("GET", "/me/household/change_requests"),
    ("GET", "/me/household/changes"),
    ("GET", "/me/proxy_applications"),
    ("GET", "/me/account_claims"),
} | {("GET", path) for path in ("/me", "/me/consents", "/me/access_log", "/me/household/responsible")}
OWN_LISTS |= {("GET", "/me/messages"), ("GET", "/me/messages/count"), ("GET", "/me/subscriptions")}
LISTS = {("GET", "/staff/tasks"), ("GET", "/staff/tasks/count"), ("GET", "/staff/households/tasks")} | {
    ("GET", path) for path in ("/staff/households", "/staff/households/count", "/staff/households/transfers")
}
LISTS |= {("GET", path) for path in ("/staff/watch_tasks", "/staff/watch_tasks/count")}
LISTS |= {("GET", path) for path in ("/staff/escalations", "/staff/escalations/count")}
OWN_ACTS = {
    ("POST", "/applications"): 201,
    ("PUT", "/me/identity"): 200,
    ("PUT", "/me/phone"): 200,
    ("PUT", "/me/bank_card"): 200,
    ("PUT", "/me/organisation"): 200,
    ("PUT", "/me/subscriptions"): 422,
    ("POST", "/me/consents"): 422,
    ("PUT", "/me/household"): 412,
    ("POST", "/me/household/submit"): 403,
    ("POST", "/me/household/confirm_proxy"): 403,
    ("POST", "/me/household/change_requests"): 201,
    ("POST", "/me/household/withdraw"): 412,
    ("GET", "/me/household/contact_card"): 409,
    ("GET", "/me/household/register_form"): 200,
}
EVERYONES = {
    ("GET", path)
    for path in ("/consents", "/programmes", "/organisations", "/public/notices", "/reference/dictionaries")
}
