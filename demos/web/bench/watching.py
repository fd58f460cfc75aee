"""How far each step of a running graph is, told by the run's events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from pipelines.errors import Cancelled
from pipelines.events import (
    Event,
    ModelLoaded,
    ModelLoading,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodeSkipped,
    NodeStarted,
    RunFinished,
)
from pipelines.graph import Graph

Phase: TypeAlias = Literal["waiting", "running", "done", "cached", "skipped", "stopped", "failed"]
_STEP = re.compile(r"[^/\[]+")


@dataclass(frozen=True)
class StepState:
    """One step, all its items and all nodes inside it together; `nodes` is how many stand in it.

    `part` is the share that the item under way has reported, from 0 to 1; `broken` how it ended if not well.
    """

    nodes: int = 1
    started: int = 0
    ended: int = 0
    cached: int = 0
    skipped: int = 0
    seconds: float = 0.0
    part: float | None = None
    broken: Literal["", "stopped", "failed"] = ""

    @property
    def phase(self) -> Phase:
        if self.broken:
            return self.broken
        if self.started > self.ended or 0 < self.ended + self.skipped < self.nodes:
            return "running"
        if not self.ended:
            return "skipped" if self.skipped else "waiting"
        return "cached" if self.cached == self.ended else "done"

    @property
    def words(self) -> str:
        """What is said beside the step's name."""
        match self.phase:
            case "running" if self.part is not None:
                return f"{self.part:.0%}"
            case "running":
                return f"{self.ended} done" if self.ended else "running"
            case "done":
                return f"{self.ended} × · {self.seconds:.1f} s" if self.ended > self.nodes else f"{self.seconds:.1f} s"
            case "waiting":
                return ""
            case phase:
                return phase

    def after(self, event: Event) -> StepState:
        match event:
            case NodeStarted():
                return replace(self, started=self.started + 1, part=None)
            case NodeProgress(_, done, total):
                return replace(self, part=min(1.0, done / max(1, total)))
            case NodeFinished(_, seconds, cached):
                ended, from_cache = self.ended + 1, self.cached + cached
                return replace(self, ended=ended, cached=from_cache, seconds=self.seconds + seconds, part=None)
            case NodeSkipped():
                return replace(self, skipped=self.skipped + 1)
            case NodeFailed(_, _, error):
                return replace(self, broken="stopped" if isinstance(error, Cancelled) else "failed", part=None)
        return self


@dataclass(frozen=True)
class Watch:
    """The state of every step of a graph, and which model is being loaded."""

    steps: Mapping[str, StepState]
    loading: str = ""
    over: bool = False

    @classmethod
    def of(cls, graph: Graph) -> Watch:
        """Nothing has begun."""
        return cls({name: StepState(nodes=_count(step.node)) for name, step in graph.steps.items()})

    def after(self, events: Iterable[object]) -> Watch:
        """The state when these events have happened."""
        watch = self
        for event in events:
            match event:
                case ModelLoading(family, ref):
                    watch = replace(watch, loading=f"{family} {ref}")
                case ModelLoaded():
                    watch = replace(watch, loading="")
                case RunFinished():
                    watch = replace(watch, loading="", over=True)
                case NodeStarted() | NodeProgress() | NodeFinished() | NodeSkipped() | NodeFailed():
                    watch = watch.stepped(event)
        return watch

    def stepped(self, event: NodeStarted | NodeProgress | NodeFinished | NodeSkipped | NodeFailed) -> Watch:
        name = step_of(event.node)
        if name not in self.steps:
            return self
        return replace(self, steps={**self.steps, name: self.steps[name].after(event)})

    @property
    def words(self) -> str:
        """The run in one line."""
        if self.loading:
            return f"Loading the model {self.loading} …"
        ready = sum(state.phase in ("done", "cached", "skipped") for state in self.steps.values())
        at_work = [name for name, state in self.steps.items() if state.phase == "running"]
        return f"{ready} of {len(self.steps)} steps ready{', at work: ' + ', '.join(at_work) if at_work else ''}"


def step_of(node: str) -> str:
    """The step that a node belongs to: `cut` for "cut[0]" and for "cut/inner[0]"."""
    match = _STEP.match(node)
    return match[0] if match else node


def _count(node: object) -> int:
    return sum(_count(step.node) for step in node.steps.values()) if isinstance(node, Graph) else 1
