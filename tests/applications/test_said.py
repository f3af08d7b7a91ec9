"""What workers and staff read about reasons and supplements, held word by word to said.txt."""

from datetime import date

from app.applications.path import Kind
from app.applications.reasons.rules import ReasonCatalogue
from app.applications.standards import SUPPLEMENT
from app.applications.supplements.rules import asking, closed_for_staff, lapsed_for_worker, reminding
from app.http.views.clock import said
from app.programmes import KINDS, shipped
from app.workflow.clock import Clock
from tests.kinds.cases import check_text_is_plain
from tests.said import hold

NUMBER, DAY = "BF-440507-2026-000123", date(2026, 12, 14)


def reasons() -> list[str]:
    (*_, catalogue) = shipped().of("application_reasons", ReasonCatalogue)
    lines = []
    for kind in Kind:
        lines += ["", KINDS[kind].name]
        for each in catalogue.reasons:
            if each.kinds is None or kind in each.kinds:
                lines += [f"  {each.text}（{each.code}，{'、'.join(each.used_for)}）", f"    {each.cure_for(kind)}"]
                check_text_is_plain(each.text)
                check_text_is_plain(each.cure_for(kind))
    return lines


def supplements() -> list[str]:
    words = (
        asking(NUMBER, DAY),
        reminding(NUMBER, DAY),
        lapsed_for_worker(NUMBER),
        closed_for_staff(NUMBER, "answered"),
        closed_for_staff(NUMBER, "lapsed"),
    )
    for each in words:
        assert len(each.title) <= 60
        assert len(each.text) <= 300
    paused = Clock(6, 15, "you", "等申请人补充材料", None, 0, False)
    clocks = [said(paused, "applicant", SUPPLEMENT), said(paused, "staff", SUPPLEMENT)]
    return [line for each in words for line in (each.title, f"  {each.text}")] + clocks


def test_what_is_said_of_reasons_and_supplements() -> None:
    hold("\n".join(["不予通过和退回的理由", *reasons(), "", "补充材料", *supplements(), ""]), __file__)
