"""The policies that come with the service, without the kinds' commands: rules and cases need no database."""

from app.households.criteria import CategoryPolicy
from app.kinds.golden_autumn.policy import Policy as GoldenAutumnPolicy
from app.kinds.hardship_aid.policy import Policy as HardshipAidPolicy
from app.policy.book import PolicyBook
from app.policy.reference import StandardVersion
from app.policy.versions import load

BOOK = PolicyBook(
    {
        "household_criteria": load(CategoryPolicy, "app.households"),
        "golden_autumn": load(GoldenAutumnPolicy, "app.kinds.golden_autumn"),
        "hardship_aid": load(HardshipAidPolicy, "app.kinds.hardship_aid"),
        "minimum_living_standard": load(StandardVersion, "app.policy", "minimum_living_standard.yaml"),
    }
)
