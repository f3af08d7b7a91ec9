"""What a likeness is worth: dated data with its source (weights.yaml), read once. Pure."""

from datetime import date
from functools import cache
from typing import Annotated

from pydantic import Field

from app.policy.versions import Version, load

Points = Annotated[int, Field(ge=0, le=100)]


class Weights(Version):
    """Points for each reason, and how many make a suspicion."""

    threshold: Points
    same_number: Points
    near_number_same_name: Points
    near_number_sounding_name: Points
    near_number_near_name: Points
    near_serial_sounding_name: Points
    """The numbers differ in the serial of the day alone, and the names are only pronounced alike: twins are so too."""
    birth_same_name: Points
    birth_sounding_name: Points
    birth_near_name: Points
    further_person_percent: Points
    """What each further person counts, in percent of the points."""
    phone: Points
    card: Points
    address: Points
    paper: Points
    without_a_person: Points
    """The most that phone, card and address count while no person of the two files is alike: kin share all three."""
    crowd: Annotated[int, Field(ge=2, le=10_000)]
    """A key that more files than this share tells nothing: a dormitory, a telephone of an office."""


@cache
def all_weights() -> tuple[Weights, ...]:
    return load(Weights, __package__, "weights.yaml")


def weights_on(day: date) -> Weights:
    """The weights in force on a day; before the first, the first."""
    versions = all_weights()
    return next((each for each in reversed(versions) if each.in_force_from <= day), versions[0])
