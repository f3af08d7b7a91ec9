"""What the templates of WeChat can hold."""

from datetime import UTC, datetime

from app.wechat.templates import BY_KIND, TEMPLATES


def test_every_title_fits_and_no_kind_goes_by_two_templates() -> None:
    kinds = [kind for template in TEMPLATES.values() for kind in template.kinds]
    assert len(kinds) == len(set(kinds)) == len(BY_KIND)
    for template in TEMPLATES.values():
        assert template.data("题" * 40, datetime.now(UTC))["thing1"].endswith("…")
        assert len(TEMPLATES) <= 3, "more than three are not asked for at once"
