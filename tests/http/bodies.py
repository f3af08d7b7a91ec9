"""A body that each operation of the contract would read; tests/http/test_every_field.py names what is missing here."""

from typing import Any

from app.people.consents import Purpose, consent_texts
from tests import make
from tests.http.judging import SOMEBODY
from tests.policies.making import proposal

NUMBER = make.id_number()
UPLOAD = "01a2087f-0000-7000-8000-00000000000f"
"""Stands for a file of the caller's."""
SCREENING: dict[str, Any] = {
    "household": {"file_active": True, "income_fen_yearly": 1, "rigid_spending_fen": 0, "members": 1},
    "medical": {"self_paid_fen": 1, "mutual_aid_paid_fen": 0, "settled_on": "2026-10-01"},
    "accident": {"caused_fen": 1, "happened_on": "2026-10-01"},
    "student": {"stage": "undergraduate"},
    "claim": {
        "form": make.secondary_medical(),
        "cover": {"starts_on": "2026-01-01", "ends_on": "2026-12-31", "joining": "new"},
    },
}
AUTHORISATION = {"member": 0, "file_id": UPLOAD, "signed_on": "2026-01-01"}
BATCH = {
    "organisation_code": "U-1", "kinds": ["hardship_aid"], "approved_until": "2026-01-01T00:00:00+08:00", "bank": "x",
}  # fmt: skip
ARTICLE = {
    "title": "好", "signed": "好", "digest": "好", "cover_file_id": UPLOAD, "cover_nobody": True,
    "cover_people": [UPLOAD],
    "blocks": [{"type": "paragraph", "text": "好"}], "cleared": [{"name": "陈小明", "reason": "同名"}],
}  # fmt: skip
VALID: dict[str, dict[str, Any]] = {
    "POST /sessions": {"code": "sim:nasty"},
    "POST /sessions/refresh": {"refresh_token": "a" * 40},
    "PUT /me/identity": {"name": "陈小明", "id_number": NUMBER},
    "PUT /me/phone": {"code": "simphone:13800000000"},
    "PUT /me/bank_card": {"holder": "陈小明", "number": "6222020000000000000", "bank_name": "工商银行", "branch": "x"},
    "PUT /me/organisation": {"organisation_code": "U-1"},
    "POST /me/consents": {"purpose": "privacy_policy", "sha256": consent_texts()[Purpose.PRIVACY_POLICY].sha256},
    "PUT /me/household": {"head": {"name": "陈小明"}},
    "POST /applications": {"kind": "hardship_aid", "form": {}},
    "PUT /applications/{application_id}": {"form": {}},
    "POST /staff/applications/{application_id}/actions": {
        "action": "accept", "note": "好", "reason_code": "x", "amount_fen": 1,
    },
    "POST /staff/batch_actions/preview": {
        "action": "return", "items": [{"application_id": SOMEBODY, "version": 1}], "note": "好",
        "reason_code": "documents_not_valid",
    },
    "POST /staff/batch_actions": {"token": SOMEBODY, "action": "approve"},
    "POST /staff/applications/{application_id}/supplements": {"documents": ["x"], "others": ["好"], "text": "好"},
    "POST /applications/{application_id}/supplement": {
        "file_ids": [UPLOAD], "answers": [{"item": "x", "text": "好", "file_ids": [UPLOAD]}], "note": "好",
    },
    "POST /staff/applications/{application_id}/supplement_on_paper": {
        "file_ids": [UPLOAD], "answers": [{"item": "x", "text": "好", "file_ids": [UPLOAD]}], "note": "好",
        "signature_file_id": UPLOAD,
    },
    "POST /staff/meetings": {"application_id": SOMEBODY, "member_ids": [SOMEBODY]},
    "POST /staff/meetings/{meeting_id}/votes": {"choice": "for", "note": "好"},
    "POST /staff/meetings/{meeting_id}/minutes": {"file_id": UPLOAD},
    "POST /staff/meetings/{meeting_id}/conclude": {"note": "好", "reason_code": "x"},
    "POST /staff/meetings/{meeting_id}/cancel": {"note": "好"},
    "POST /applications/{application_id}/appeals": {"reason": "好", "file_ids": [UPLOAD]},
    "POST /applications/{application_id}/rating": {"score": 5, "text": "好"},
    "POST /staff/appeals/{appeal_id}/actions": {"action": "uphold", "note": "好", "amount_fen": 1},
    "POST /me/relatives": {"name": "陈小明", "id_number": NUMBER, "relation": "spouse"},
    "POST /me/relatives/{relative_id}/end": {"note": "好"},
    "POST /staff/delegations": {
        "role": "unit_chair", "organisation_code": "U-1", "to_person_id": UPLOAD, "starts_on": "2026-01-01",
        "ends_on": "2026-01-02", "kinds": ["hardship_aid"], "permissions": ["case:review:unit"], "reason": "好",
    },
    "POST /staff/organisations": {
        "code": "U-9", "name": "新工会", "level": "unit", "parent_code": "S-1", "division_code": "440507",
    },
    "POST /staff/organisations/{organisation_id}/rename": {"name": "新工会"},
    "POST /staff/applications/{application_id}/reveal": {"field": "phone", "reason": "好"},
    "PUT /staff/households/{household_id}/responsible": {"person_id": SOMEBODY, "phone": "0754-88123456"},
    "POST /me/discrepancies/{discrepancy_id}/answer": {"text": "好", "file_ids": [UPLOAD]},
    "POST /staff/discrepancies/{discrepancy_id}/actions": {"action": "resolve", "outcome": "explained", "note": "好"},
    "POST /staff/households/{household_id}/visits": {
        "purpose": "spot", "planned_on": "2050-01-01", "visitor_ids": [SOMEBODY],
    },
    "POST /staff/visits/{visit_id}/actions": {
        "action": "start", "note": "好", "position": {"latitude_e6": 1, "longitude_e6": 1}, "position_agreed": True,
    },
    "POST /staff/visits/{visit_id}/operations": {
        "operations": [{"operation_id": SOMEBODY, "field": "/answers/lives_here", "value": True, "base_version": 1}],
    },
    "POST /staff/visits/{visit_id}/conflicts/{operation_id}": {"choose": "mine", "theirs_version": 1},
    "POST /me/visits/{visit_id}/confirm": {"agrees": True, "text": "好"},
    "POST /staff/duplicates/{duplicate_id}/actions": {"action": "same", "note": "好"},
    "POST /staff/deliveries/{delivery_id}/told": {"how": "phone"},
    "POST /staff/reuses/{reuse_id}/actions": {"action": "same", "note": "好"},
    "POST /me/household/match_authorisations": AUTHORISATION,
    "POST /staff/households/{household_id}/match_authorisations": AUTHORISATION,
    "POST /staff/matches": {
        "department": "education", "purpose": "identification", "basis": {"code": "x", "text": "x"}, "mode": "plain",
        "household_ids": [SOMEBODY],
    },
    "POST /staff/matches/{match_id}/results": {"sha256": "0" * 64, "content": "QUJD"},
    "POST /staff/households/{household_id}/actions": {
        "action": "approve", "note": "好", "reason_code": "x",
        "exit": {"kind": "lifted", "file_ids": [UPLOAD], "income_fen_yearly": 1},
        "merge": {"household_id": SOMEBODY, "version": 1, "head_relation": "sibling"},
    },
    "PUT /staff/households/{household_id}/form": {"form": {}, "reason": "更正"},
    "PUT /staff/households/{household_id}/class": {"category": "deep", "archive_level": "county", "note": "好"},
    "PUT /staff/households/{household_id}/cohort": {"fixed_on": "2016-10-31", "note": "好"},
    "POST /staff/households/{household_id}/split": {"head": 0, "members": [1], "note": "分户"},
    "POST /staff/households/{household_id}/transfers": {"organisation_code": "U-1", "note": "调动"},
    "POST /staff/households/transfers/{transfer_id}/actions": {"action": "refuse", "note": "好"},
    "POST /staff/covers/enrolments": {
        "organisation_code": "U-1", "staff_count": 1, "starts_on": "2026-01-01", "id_numbers": [NUMBER],
    },
    "POST /staff/covers": {
        "id_number": NUMBER, "organisation_code": "U-1", "starts_on": "2026-01-01", "ends_on": "2026-12-31",
        "is_renewal": False,
    },
    "POST /me/household/change_requests": {"kind": "household_size", "reason": "好", "member_joins": make.member()},
    "POST /staff/households/{household_id}/change_requests": {
        "kind": "household_size", "reason": "好", "member_joins": make.member(),
    },
    "POST /staff/applications/{application_id}/change_requests": {
        "reason": "好",
        "bank_card": {"holder": "林阿伯", "number": "6222021234567890128", "bank_name": "中国银行"},
    },
    "POST /staff/evaluations": {
        "organisation_code": "U-1", "title": "好", "basis": "好", "first_day": "2050-01-01", "last_day": "2050-01-02",
        "sizes": {"never_archived": 1, "not_lifted": 1, "lifted": 1, "cancelled": 1},
        "first_evaluator_id": UPLOAD, "second_evaluator_id": SOMEBODY,
    },
    "POST /staff/evaluations/{evaluation_id}/cases/{case_id}/scores": {"verdict": "right", "reasons": "好"},
    "POST /staff/posts": {
        "name": "林小雁",
        "id_number": make.id_number(),
        "role": "unit_clerk",
        "organisation_code": "440507-S01-U01",
        "basis": "汕工任〔2026〕12号",
    },
    "POST /staff/posts/{post_id}/end": {"basis": "汕工免〔2026〕3号"},
    "POST /staff/post_changes/{change_id}/refuse": {"note": "文件上不是这个人"},
    "POST /staff/change_requests/{request_id}/actions": {"action": "approve", "note": "好"},
    "POST /staff/proxy_households": {
        "name": "陈小明", "id_number": NUMBER, "phone": "13800138000", "organisation_code": "U-1", "household": {},
    },
    "POST /staff/proxy_households/{filing_id}/confirm_on_paper": {"signature_file_id": UPLOAD},
    "POST /me/account_claims": {"name": "陈小明", "id_number": NUMBER},
    "POST /staff/account_claims/{claim_id}/actions": {"action": "confirm", "code": "123456", "id_number": NUMBER},
    "POST /staff/proxy_applications": {
        "name": "陈小明", "id_number": NUMBER, "phone": "13800138000", "organisation_code": "U-1",
        "kind": "hardship_aid", "form": {}, "returned_application_id": None,
        "bank_card": {"number": "6222020000000000000", "bank_name": "工商银行", "branch": "x"},
    },
    "POST /staff/proxy_applications/{filing_id}/confirm_on_paper": {
        "signature_file_id": UPLOAD, "consents": ["privacy_policy"],
    },
    "POST /staff/households/{household_id}/plans": {
        "measures": [{"kind": "living_aid", "due_on": "2026-12-31", "take": True}],
        "replaces": {"plan_id": SOMEBODY, "result": "achieved", "note": "好"},
    },
    "POST /staff/plans/{plan_id}/measures": {"kind": "legal", "due_on": "2026-12-31", "take": True},
    "POST /staff/plans/{plan_id}/close": {"result": "achieved", "note": "好"},
    "PUT /staff/measures/{measure_id}": {
        "state": "running", "due_on": "2026-12-31", "result": None, "note": "好", "take": True,
    },
    "POST /staff/measures/{measure_id}/services": {
        "given_on": "2026-01-01", "provider": "职业培训学校", "quantity": 1, "unit": "place", "note": "好",
    },
    "POST /staff/households/{household_id}/verifications": {
        "way": "visit", "reference": "RH-1", "verified_on": "2026-01-01", "finding": "unchanged", "note": "好",
    },
    "POST /staff/watch_tasks/{task_id}/complete": {"outcome": "stable", "note": "好"},
    "POST /public/notices/{notice_id}/objections": {
        "text": "好", "contact": "好", "anonymous": True, "file_ids": [UPLOAD],
    },
    "POST /staff/notices/investigations/{investigation_id}/actions": {"action": "dismiss", "note": "好", "reply": "好"},
    "POST /public/objections/status": {"receipt_code": "0000-0000-0000-0000"},
    "POST /staff/policies": proposal(),
    "POST /staff/calendar/{year}": {"source": "国办发明电〔2026〕1号", "days": [{"day": "2099-02-16", "works": False}]},
    "POST /staff/calendar/days/{day}": {"works": False, "source": "国办发明电〔2026〕1号"},
    "POST /staff/imports/{import_id}/commit": {"dry_run": "0" * 64, "rows": "valid"},
    "POST /staff/exports": {"reason": "年度核查", "filter": {"states": ["active"]}},
    "POST /screening": SCREENING,
    "PUT /me/subscriptions": {"results": {"progress": "accept"}},
    "POST /staff/articles": {"kind": "policy", "content": ARTICLE},
    "POST /staff/articles/progress": {"year": 2026, "target": 10},
    "PUT /staff/articles/{article_id}": {"content": ARTICLE},
    "POST /staff/articles/{article_id}/previews": {"openid": "oSomebody"},
    "POST /staff/articles/{article_id}/people": {"id_number": NUMBER},
    "POST /staff/articles/{article_id}/actions": {
        "action": "schedule", "note": "好", "way": "mass_send", "tag_id": 1, "publish_at": "2026-12-01T08:00:00+08:00",
    },
    "POST /staff/funds": {
        "code": "ZX-1", "name": "工会经费", "source": "union", "year": 2026, "organisation_code": "U-1",
        "kinds": ["hardship_aid"], "categories": ["deep"], "archive_levels": ["county"], "intent": "好",
        "carry_over_years": 0,
    },
    "POST /staff/funds/{fund_id}/receipts": {"amount_fen": 1, "reference": "R-1"},
    "POST /staff/allocations": {
        "fund_id": SOMEBODY, "kind": "hardship_aid", "year": 2026, "from_organisation_code": "U-1",
        "to_organisation_code": "U-2", "amount_fen": 1, "reason": "好",
    },
    "POST /staff/allocations/{allocation_id}/actions": {"action": "refuse", "note": "好"},
    "POST /staff/reconciliations": {
        "organisation_code": "U-1", "first_day": "2026-01-01", "last_day": "2026-01-31", "batch_id": SOMEBODY,
    },
    "POST /staff/reconciliations/closings": {"organisation_code": "U-1", "month": "2026-01"},
    "POST /staff/reconciliations/breaks/{break_id}/actions": {"action": "explain", "reason": "好"},
    "POST /staff/batches/preview": BATCH,
    "POST /staff/batches": BATCH,
    "POST /staff/batches/{batch_id}/actions": {"action": "freeze"},
    "POST /staff/batches/{batch_id}/lines/{line_id}/actions": {"action": "reissue", "note": "好"},
    "POST /staff/bank_cards/checks": {
        "method": "name_check", "items": [{"card_id": SOMEBODY, "outcome": "passed"}],
    },
    "POST /staff/bank_cards/checks/decisions": {"action": "confirm", "check_ids": [SOMEBODY]},
    "POST /staff/samples": {
        "organisation_code": "U-1", "since": "2026-01-01T00:00:00+08:00", "until": "2099-01-01T00:00:00+08:00",
        "size": 5,
    },
    "POST /staff/samples/{sample_id}/checks/{check_id}/actions": {
        "action": "close", "reached": "yes", "arrived": "yes", "amount": "right", "papers": "complete", "note": "好",
    },
    "POST /staff/fund_table/exports": {
        "organisation_code": "U-1", "year": 2026, "quarter": 1, "source": "union", "kind": "hardship_aid",
        "format": "xlsx", "reason": "上报",
    },
    "POST /staff/donor_reports": {"fund_id": SOMEBODY, "first_day": "2026-01-01", "last_day": "2026-01-31"},
    "POST /staff/donor_reports/{report_id}/actions": {"action": "release"},
}  # fmt: skip
