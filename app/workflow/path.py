"""A path is a table of steps. What the table does not say cannot be done. Pure.

Everything that guards a step stands in its row, so that diagrams, open actions and tests come from the
same table as the service's behaviour.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.kernel.actor import Permission
from app.kernel.errors import Conflict, FieldError, Invalid


class NotAllowedNow(Conflict):
    """当前状态下不能这样办理。"""


@dataclass(frozen=True, slots=True)
class Step:
    """One row: at a state, this action by whoever has this permission leads to that state."""

    at: str
    action: str
    to: str
    by: Permission
    needs_note: bool = False
    needs_reason: bool = False
    counts_as_review: bool = False
    """Whoever takes such a step may take no other such step on the same round of the case."""
    when: str | None = None
    """Only for a case that came here from this state: the way back from where several ways lead to."""
    opens_round: bool = False
    """What was signed before is void: the same people may sign again, and a notice is published again."""
    gates: tuple[str, ...] = ()
    """Names of what has to be so before the step; whoever keeps the path says what each of them asks."""
    carries: str | None = None
    """The name of what comes with the step, beyond note and reason."""
    optional: bool = False
    """May be taken, and nobody is waited for to take it."""
    bars_signers: bool = False
    """No review itself, and yet not for whoever took such a step on this round."""
    otherwise: str | None = None
    """Where it leads instead when there is no money for what it grants."""


@dataclass(frozen=True)
class Path:
    """The steps of one kind of case, and how many working days each state may wait."""

    steps: tuple[Step, ...]
    working_days: Mapping[str, int] = field(default_factory=dict)
    _table: dict[tuple[str, str, str | None], Step] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for step in self.steps:
            if (step.at, step.action, step.when) in self._table:
                raise ValueError(f"two steps for {step.action} at {step.at}")
            self._table[step.at, step.action, step.when] = step

    def step(self, state: str, action: str, came_from: str | None = None) -> Step:
        """The row; `came_from`: the state that the case may go back to. Raises NotAllowedNow, naming what would be."""
        found = self._table.get((state, action, came_from)) or self._table.get((state, action, None))
        if found is None:
            raise NotAllowedNow(state=state, allowed=",".join(self.actions_at(state)))
        return found

    def actions_at(self, state: str) -> tuple[str, ...]:
        found = (step.action for step in self.steps if step.at == state and step.by is not Permission.SYSTEM)
        return tuple(dict.fromkeys(found))

    def open_to(
        self,
        state: str,
        permissions: Iterable[Permission],
        *,
        signed: bool = False,
        shut: frozenset[str] = frozenset(),
    ) -> list[str]:
        """The actions that someone with these permissions may take now; `signed`: they have signed this round; `shut`:
        the gates that do not hold."""
        held = frozenset(permissions)
        at_state = (step for step in self.steps if step.at == state and step.by in held)
        steps = (step for step in at_state if not shut.intersection(step.gates))
        return list(
            dict.fromkeys(
                step.action for step in steps if not (signed and (step.counts_as_review or step.bars_signers))
            )
        )

    def waiting_for(self, permission: Permission) -> tuple[str, ...]:
        """The states in which a case waits for whoever has this permission."""
        found = (step.at for step in self.steps if step.by is permission and not step.optional)
        return tuple(dict.fromkeys(found))

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(state for step in self.steps for state in (step.at, step.to)))

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(step.action for step in self.steps))

    def mermaid(self, words: Mapping[str, str] = {}) -> str:
        """The diagram of the path (Mermaid state diagram); `words` say states, actions and permissions to people."""

        def said(code: str) -> str:
            return words.get(code, code)

        named = [f'    state "{said(state)}" as {state}' for state in self.states]
        drawn = [f"    {step.at} --> {step.to}: {said(step.action)}（{said(step.by)}）" for step in self.steps]
        drawn += [
            f"    {step.at} --> {step.otherwise}: {said(step.action)}（{said('no_room')}）"
            for step in self.steps
            if step.otherwise
        ]
        ends = [f"    {state} --> [*]" for state in self.states if all(step.at != state for step in self.steps)]
        return "\n".join(["stateDiagram-v2", *named, f"    [*] --> {self.steps[0].at}", *drawn, *ends])


def check_words(step: Step, note: str | None, reason_code: str | None, reasons: Iterable[str]) -> None:
    """Raises Invalid when the step needs a note or a known reason that was not given."""
    missing = []
    if step.needs_note and not note:
        missing.append(FieldError("/note", "note_required", "请写明意见，让申请人知道怎么做。"))
    if step.needs_reason and reason_code is None:
        missing.append(FieldError("/reason_code", "reason_required", "请选择原因。"))
    if reason_code is not None and reason_code not in set(reasons):
        missing.append(FieldError("/reason_code", "reason_unknown", "没有这个原因，请重新选择。"))
    if missing:
        raise Invalid(*missing)
