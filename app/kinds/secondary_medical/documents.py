"""The scheme documents that come with the service: the one in force here, and those of other places. Read, not run."""

from importlib.resources import files
from typing import Final

from app.kinds.secondary_medical.scheme import Policy
from app.policy.versions import load

HERE: Final = "policy"
_PACKAGE: Final = "app.kinds.secondary_medical"


def scheme_names() -> tuple[str, ...]:
    """The names of all documents, that of this province first."""
    found = files(_PACKAGE).joinpath("schemes").iterdir()
    return (HERE, *sorted(each.name.removesuffix(".yaml") for each in found if each.name.endswith(".yaml")))


def load_scheme(name: str) -> tuple[Policy, ...]:
    """The versions of one document, oldest first. Raises InvalidPolicy or pydantic's ValidationError."""
    return load(Policy, _PACKAGE, f"{name}.yaml" if name == HERE else f"schemes/{name}.yaml")
