"""The graph at work as a row of steps, for people who have never seen a graph."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from demos.web.bench.watching import StepState, Watch, step_of
from demos.web.running import News, Waiting
from pipelines.events import Event
from pipelines.graph import Graph

# What only serves other steps is not shown; what may follow if nothing good comes of the first tries, only if it does.
_HIDDEN = frozenset({"look", "tries", "again"})
_MAYBE = frozenset({"repaint", "reseen", "better"})
_LABELS = {
    "plan": "Read the sentence",
    "found": "Find",
    "sure": "Make sure",
    "cut": "Cut out",
    "mend": "Mend",
    "add": "Add",
    "kept": "Leave out",
    "meant": "Choose",
    "paint": "Paint",
    "seen": "Look again",
    "best": "Keep the best",
    "repaint": "Paint wider",
    "reseen": "Look again",
    "better": "Keep the best",
}
_PHASES = {
    "waiting": "to come",
    "running": "at work",
    "done": "done",
    "cached": "as before",
    "skipped": "not needed",
    "stopped": "stopped",
    "failed": "failed",
}


@dataclass(frozen=True)
class StepRow:
    """How far a graph is, in two runs at the most: what the first has done, the second finds in the cache."""

    watch: Watch
    settled: frozenset[str] = frozenset()
    ahead: int = 0

    @classmethod
    def of(cls, graph: Graph) -> StepRow:
        """Nothing has begun."""
        return cls(Watch.of(graph))

    def after(self, news: News) -> StepRow:
        """When this has happened as well."""
        waiting = [event.ahead for event in news if isinstance(event, Waiting)]
        events = [event for event in news if not isinstance(event, Waiting) and not self._is_settled(event)]
        ahead = 0 if events else (waiting[-1] if waiting else self.ahead)
        return StepRow(self.watch.after(events), self.settled, ahead)

    def settle(self) -> StepRow:
        """The first run has ended well: its steps stay as they are."""
        return StepRow(self.watch, frozenset(name for name, state in self.watch.steps.items() if state.ended))

    @property
    def words(self) -> str:
        """What happens now, in one line."""
        if self.ahead:
            return f"Waiting: {self.ahead} before you."
        if self.watch.loading:
            return f"Loading the model {self.watch.loading}. This happens once."
        at_work = [
            _label(name) for name, state in self.watch.steps.items() if state.phase == "running" and name not in _HIDDEN
        ]
        return f"{at_work[-1]} …" if at_work else "At work …"

    def html(self) -> str:
        """The row as a list, an item a step."""
        shown = [(name, state) for name, state in self.watch.steps.items() if _is_shown(name, state)]
        return f'<ol class="steps" aria-label="Steps">{"".join(_item(name, state) for name, state in shown)}</ol>'

    def _is_settled(self, event: Event) -> bool:
        return step_of(getattr(event, "node", "")) in self.settled


def _is_shown(name: str, state: StepState) -> bool:
    return name not in _HIDDEN and (name not in _MAYBE or state.phase not in ("waiting", "skipped"))


def _item(name: str, state: StepState) -> str:
    phase = state.phase
    part = state.part if state.part is not None else 0.0 if phase == "running" else 1.0
    return (
        f'<li class="{phase}" style="--part: {part:.2f}"><span class="mark" aria-hidden="true"></span>'
        f"<b>{escape(_label(name))}</b><small>{escape(_aside(state))}</small></li>"
    )


def _label(name: str) -> str:
    return _LABELS[name.partition("_")[0]]


def _aside(state: StepState) -> str:
    """What is said below a step's name."""
    match state.phase:
        case "running" if state.ended:
            return f"{state.ended} done"
        case "running" if state.part is not None:
            return f"{state.part:.0%}"
        case "done":
            return f"{state.seconds:.1f} s"
        case phase:
            return _PHASES[phase]
