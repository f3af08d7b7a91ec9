"""How Schemathesis asks here: which of its checks are on, and how long it waits."""

import os

import schemathesis
from schemathesis.specs.openapi import checks

from tests.contract import document

SEED = int(os.environ.get("AID_SCHEMATHESIS_SEED", "20161031"))
PATIENCE_SECONDS = 10
UNFIT = [
    # A form that its schema allows may still be refused: an id number has a check digit, a draft exists already.
    checks.positive_data_acceptance,
]
"""All others are on."""
REFUSALS = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428]
CONFIG = schemathesis.Config.from_dict(
    {
        # Unknown parameters in an address are ignored, as they are on the web; unknown fields of a body are refused.
        "generation": {"allow-extra-parameters": False},
        "seed": SEED,
        "checks": {
            "negative_data_rejection": {"expected-statuses": REFUSALS},
            "missing_required_header": {"expected-statuses": REFUSALS},
        },
        # What follows what is said by the contract itself (app/http/links.py), not guessed.
        "phases": {"stateful": {"inference": {"algorithms": []}}},
    }
)
contract = schemathesis.openapi.from_dict(document(), config=CONFIG)
