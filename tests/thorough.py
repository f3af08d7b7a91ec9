"""How often a property is tried: a thousand times; only a few times, always the same, while the rules are mutated."""

import os

from hypothesis import HealthCheck, Phase, settings

settings.register_profile("steady", deadline=None)  # a busy machine is slow, and that is no finding
settings.load_profile("steady")
thorough = settings(deadline=None, max_examples=1000)

if os.environ.get("AID_HYPOTHESIS") == "mutation":  # `make mutate`: thousands of runs, each of which must be short
    thorough = settings(
        deadline=None,
        max_examples=25,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),  # that it fails is enough: no search for a smaller example
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.register_profile("mutation", thorough)
    settings.load_profile("mutation")
