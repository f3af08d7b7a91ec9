"""Whether the conditions of a benefit line hold for a claim, and what the facts would be if they did. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from app.kinds.secondary_medical.benefits import Conditions
from app.kinds.secondary_medical.facts import CAUSES, HOSPITAL_LEVELS, TREATMENTS, WARDS, Facts


def days_in_hospital(facts: Facts, both_ends: bool = False) -> int:
    """Days of the stay: the day of admission counts, that of discharge only with `both_ends`; at least one."""
    days = (facts.discharged_on - facts.admitted_on).days
    return days + 1 if both_ends else days or 1


def holds(when: Conditions, facts: Facts) -> bool | None:
    """Whether all hold. None: what is known does, and something that is asked is not known."""
    if facts.treatment not in when.treatments or facts.cause not in when.causes:
        return False
    if when.asks_no_more:
        return True
    if when.min_days is not None and days_in_hospital(facts) < when.min_days:
        return False
    if when.events and not any(event in facts.events for event in when.events):
        return False
    if facts.hospital_level is not None and when.hospital_levels and facts.hospital_level not in when.hospital_levels:
        return False
    if facts.ward in when.excluded_wards or (when.archived_only and facts.in_archive is False):
        return False
    return None if unknown(when, facts) else True


def unknown(when: Conditions, facts: Facts) -> tuple[str, ...]:
    """What is asked and not known, in words."""
    if not (when.hospital_levels or when.excluded_wards or when.archived_only):
        return ()
    asked = (
        (bool(when.hospital_levels) and facts.hospital_level is None, "医院等级"),
        (bool(when.excluded_wards) and facts.ward is None, "病房类别"),
        (when.archived_only and facts.in_archive is None, "是否已建立困难职工档案"),
    )
    return tuple(name for is_unknown, name in asked if is_unknown)


def made_known(when: Conditions, facts: Facts) -> Facts:
    """The facts with what is not known as the line wants it."""
    if when.hospital_levels and facts.hospital_level is None:
        facts = replace(facts, hospital_level=max(when.hospital_levels))
    if when.excluded_wards and facts.ward is None:
        facts = replace(facts, ward="general")
    if when.archived_only and facts.in_archive is None:
        facts = replace(facts, in_archive=True)
    return facts


def made_to_hold(when: Conditions, facts: Facts) -> Facts:
    """The facts with every condition met."""
    if facts.treatment not in when.treatments:
        facts = replace(facts, treatment=when.treatments[0])
    if facts.cause not in when.causes:
        facts = replace(facts, cause=when.causes[0])
    if when.events and not any(event in facts.events for event in when.events):
        facts = replace(facts, events=(*facts.events, when.events[0]))
    if when.hospital_levels and facts.hospital_level not in when.hospital_levels:
        facts = replace(facts, hospital_level=max(when.hospital_levels))
    if when.excluded_wards and (facts.ward is None or facts.ward in when.excluded_wards):
        facts = replace(facts, ward="general")
    if when.archived_only:
        facts = replace(facts, in_archive=True)
    return stayed_at_least(facts, when.min_days or 0)


def stayed_at_least(facts: Facts, days: int) -> Facts:
    """The facts with a stay of so many days, discharged, settled and claimed no earlier than it ends."""
    if days <= (facts.discharged_on - facts.admitted_on).days:
        return facts
    left = facts.admitted_on + timedelta(days=days)
    settlement = replace(facts.settlement, settled_on=max(facts.settlement.settled_on, left))
    applied_on = max(facts.applied_on, settlement.settled_on)
    return replace(facts, discharged_on=left, settlement=settlement, applied_on=applied_on)


def condition_text(when: Conditions) -> str:
    """The conditions as an official reads them."""
    parts = ["或".join(TREATMENTS[each] for each in when.treatments)]
    if len(when.causes) == 1:
        parts.append(f"因{CAUSES[when.causes[0]]}")
    if when.min_days is not None:
        parts.append(f"连续住院至少{when.min_days}天")
    if when.hospital_levels:
        parts.append("限" + "、".join(HOSPITAL_LEVELS[each] for each in sorted(when.hospital_levels)))
    if when.excluded_wards:
        parts.append("不含" + "、".join(WARDS[each] for each in when.excluded_wards))
    if when.archived_only:
        parts.append("限已建档的困难职工")
    return "，".join(parts)


def given_text(facts: Facts, asked: Conditions) -> str:
    """What the claim says of all that is asked; `asked`: the conditions of every line in one (`all_asked`)."""
    text = f"{TREATMENTS[facts.treatment]}，因{CAUSES[facts.cause]}，{days_in_hospital(facts)}天"
    if asked.hospital_levels:
        text += f"，{HOSPITAL_LEVELS[facts.hospital_level]}"
    if asked.excluded_wards:
        text += f"，{WARDS[facts.ward]}"
    if asked.archived_only:
        text += "，" + {True: "已建档", False: "没有建档", None: "暂时查不到是否建档"}[facts.in_archive]
    return text


def all_asked(conditions: Iterable[Conditions]) -> Conditions:
    """One that asks whatever any of them asks about hospital, ward and archive; only for telling what was given."""
    given = tuple(conditions)
    return Conditions(
        hospital_levels=next((when.hospital_levels for when in given if when.hospital_levels), None),
        excluded_wards=next((when.excluded_wards for when in given if when.excluded_wards), ()),
        archived_only=any(when.archived_only for when in given),
    )
