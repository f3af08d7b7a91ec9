"""The templates of subscribe messages (templates.yaml): which message goes by which, and what is written into it.

Of a message only its title and its time go to WeChat, never its text: what somebody applied for, for whom and how much
stays in the app.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from app.gateways.wechat.fields import fitted, kind_of
from app.kernel.business_time import SHANGHAI


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    key: str
    name: str
    lasting: bool
    page: str
    fields: Mapping[str, str]
    hint: str
    kinds: tuple[str, ...]

    def data(self, title: str, at: datetime) -> dict[str, str]:
        """What stands in the fields. Raises ValueDoesNotFit."""
        local = at.astimezone(SHANGHAI)
        given = {"title": title, "time": f"{local:%Y-%m-%d %H:%M}", "hint": self.hint}
        return {name: fitted(name, given[source]) for name, source in self.fields.items()}


def _read(text: str) -> dict[str, MessageTemplate]:
    """Raises ValueError for a template that could not be filled in."""
    found = {}
    for key, given in yaml.safe_load(text).items():
        made: dict[str, Any] = given | {"key": key, "kinds": tuple(given["kinds"])}
        template = MessageTemplate(**made)
        for name, source in template.fields.items():
            kind_of(name)
            if source not in ("title", "time", "hint"):
                raise ValueError(f"{key}: {source} is nothing that a message has")
        found[key] = template
    return found


TEMPLATES: Final = _read((Path(__file__).parent / "templates.yaml").read_text())
BY_KIND: Final = {kind: template for template in TEMPLATES.values() for kind in template.kinds}
"""By the kind of message."""
