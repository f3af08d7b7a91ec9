"""The purposes that people consent to, and the exact texts they saw. Pure."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

import yaml


class Purpose(StrEnum):
    PRIVACY_POLICY = "privacy_policy"
    SENSITIVE_HEALTH = "sensitive_health"
    SENSITIVE_FINANCE = "sensitive_finance"
    IDENTITY_PHOTO = "identity_photo"
    CHILD_DATA = "child_data"
    DATA_MATCHING = "data_matching"
    PUBLIC_NOTICE = "public_notice"
    OFFICIAL_ACCOUNT = "official_account"
    PUBLICITY = "publicity"
    """To be named and shown in articles for the public."""


REQUIRED_OF_EVERYONE = (Purpose.PRIVACY_POLICY,)
"""Without these nothing about a person may be kept beyond the sign-in itself."""


@dataclass(frozen=True, slots=True)
class ConsentText:
    purpose: Purpose
    version: str
    text: str

    sha256: str
    """Of the text, in hexadecimal: what a consent is given to."""


@cache
def consent_texts() -> dict[Purpose, ConsentText]:
    """The text in use for every purpose."""
    rows = yaml.safe_load(resources.files(__package__).joinpath("consent_texts.yaml").read_text("utf-8"))
    texts = {Purpose(row["purpose"]): _text(**row) for row in rows}
    if set(texts) != set(Purpose):
        raise ValueError("consent_texts.yaml must have one text for every purpose")
    return texts


def _text(purpose: str, version: str, text: str) -> ConsentText:
    return ConsentText(Purpose(purpose), version, text, hashlib.sha256(text.encode()).hexdigest())
