"""Who filed, reviewed and entered a file, as its history tells."""

from typing import Any
from uuid import UUID

from app.households.printed.queries import Signed, signed_boxes, signers

CLERK, CHAIR, DISTRICT, CITY, WORKER, HELPER = (UUID(int=n) for n in range(1, 7))
NAMES = {CLERK: "陈冬梅", CHAIR: "王主席", DISTRICT: "林楚鑫", CITY: "苏映彤", HELPER: "郑雪芬"}


def step(action: str, person: UUID | None, role: str | None, union: str | None, at: str = "x") -> dict[str, Any]:
    return {"action": action, "person_id": person, "post_role": role, "organisation_name": union, "from_state": at}


SUBMIT = step("submit", WORKER, None, None)
ACCEPT = step("accept", CLERK, "unit_clerk", "甲厂工会", "submitted")
AT_UNIT = step("approve", CHAIR, "unit_chair", "甲厂工会", "unit_review")
AT_DISTRICT = step("approve", DISTRICT, "district_reviewer", "龙湖区总工会", "district_review")
AT_CITY = step("approve", CITY, "city_reviewer", "市总工会", "city_approval")
WAY = [SUBMIT, ACCEPT, AT_UNIT, AT_DISTRICT, step("end_notice", None, None, None, "public_notice"), AT_CITY]


def boxes(passages: list[dict[str, Any]], *, by_name: bool = True, submitted: bool = True) -> dict[str, str]:
    return signed_boxes(signers(passages), NAMES if by_name else None, submitted=submitted)


def test_filed_by_who_accepted_reviewed_by_who_let_it_pass_entered_by_the_worker() -> None:
    assert boxes(WAY) == {"opened_by": "陈冬梅", "reviewed_by": "王主席、林楚鑫、苏映彤", "entered_by": "本人"}


def test_the_workers_own_copy_names_unions_and_no_officer() -> None:
    assert boxes(WAY, by_name=False) == {
        "opened_by": "甲厂工会",
        "reviewed_by": "甲厂工会、龙湖区总工会、市总工会",
        "entered_by": "本人",
    }


def test_whoever_filled_it_in_for_the_worker_entered_it_once_in_however_many_rounds() -> None:
    helped = step("assist", HELPER, "unit_clerk", "甲厂工会", "draft")
    assert boxes([helped, *WAY, helped])["entered_by"] == "郑雪芬"


def test_on_paper_the_one_who_filed_it_is_told_until_somebody_accepts() -> None:
    on_paper = step("submit", HELPER, "unit_clerk", "甲厂工会", "draft")
    assert boxes([on_paper])["opened_by"] == "郑雪芬"
    assert boxes([on_paper, ACCEPT])["opened_by"] == "陈冬梅"


def test_another_round_makes_void_what_was_signed_before() -> None:
    assert boxes([*WAY[:4], SUBMIT]) == {"opened_by": "", "reviewed_by": "", "entered_by": "本人"}


def test_whoever_approved_an_exit_has_not_reviewed_the_admission() -> None:
    leaving = step("approve", HELPER, "district_leader", "龙湖区总工会", "exit_proposed")
    assert boxes([*WAY, leaving]) == boxes(WAY)


def test_who_cannot_be_named_is_told_by_their_union_and_a_mere_draft_by_nobody() -> None:
    stranger = step("accept", UUID(int=99), "unit_clerk", "乙厂工会", "submitted")
    assert boxes([SUBMIT, stranger])["opened_by"] == "乙厂工会"
    assert set(boxes([], submitted=False).values()) == {""}
    assert signers([ACCEPT])["opened_by"] == [Signed(CLERK, "甲厂工会")]
