"""One visitor's work on pictures: what was found, what was painted, what came before; and the runs that do it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demos.web.editing.downloads import write_mask_files
from demos.web.editing.graphs import inputs_of, looking, painting
from demos.web.editing.outcome import Attempt, attempts_of, not_found, trace_rows
from demos.web.editing.pictures import Shown, found_things, show
from demos.web.editing.steps import StepRow
from demos.web.editing.turns import Turns
from demos.web.editing.wish import Wish
from demos.web.handover import Offer
from demos.web.running import Run
from demos.web.studio import Studio
from demos.web.visits import Visit
from pipelines.nodes.selection import names_of
from pipelines.runner import RunResult
from pipelines.values import Detections, EditPlan, Image
from plugins.stable_diffusion.editing import can_be_done

_MOST_PAST = 24


@dataclass(frozen=True, eq=False)
class Seen:
    """What the first half of the graph gave: the plan, and all things, drawn into the picture.

    The first `found` of the things, by `names` and `scores`, were found, the others added. `missing` says why nothing
    can be painted, if so.
    """

    plan: EditPlan
    names: tuple[str, ...]
    scores: tuple[float, ...]
    found: int
    shown: Shown
    missing: str


@dataclass(frozen=True, eq=False)
class Painted:
    """What the second half gave. `before` is the picture as the page shows it; one attempt is `chosen`."""

    attempts: tuple[Attempt, ...]
    before: Shown
    masks: Path
    told: Mapping[str, Any]
    chosen: int = 0

    @property
    def attempt(self) -> Attempt:
        return self.attempts[self.chosen]


@dataclass(frozen=True, eq=False)
class Past:
    """An edit that was made; painting it again finds everything in the cache, or paints the very same."""

    wish: Wish
    small: str


class Desk:
    """What the tab Edit remembers of a visitor: paths and words, no pictures; `thing` is what the next click mends."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.thing = 0
        self.wish: Wish | None = None
        self.seen: Seen | None = None
        self.painted: Painted | None = None
        self.past: list[Past] = []
        self.offer: Offer | None = None

    def perform(self, studio: Studio, visit: Visit, wish: Wish, *, paint: bool) -> Iterator[StepRow]:
        """Carry out a wish, as far as its masks or to the end; gives how far it is while it goes on.

        What was seen stays until the first half has ended, what was painted goes at once. Raises what
        `pipelines.run` raises, and `UserError` for a picture that cannot be read.
        """
        self.painted = None
        photo = studio.read_picture(wish.photo)
        graph, first = painting(wish), looking(wish)
        row = StepRow.of(graph if paint else first)
        with studio.start(first, inputs_of(wish, photo, first), visit) as run:
            row = yield from _watched(run, row)
            self.wish, self.seen = wish, _seen(photo, wish, run.result(), visit)
        if not paint or self.seen.missing:
            return
        with studio.start(graph, inputs_of(wish, photo, graph), visit) as run:
            yield from _watched(run, row.settle())
            self.painted = _painted(photo, run.result(), visit, studio.settings.preset)
        self._remember(Past(wish, self.painted.attempts[0].small))

    def choose(self, number: int) -> Painted | None:
        """Choose an attempt of the last painting, if there is one."""
        if self.painted is not None and number < len(self.painted.attempts):
            self.painted = replace(self.painted, chosen=number)
        return self.painted

    def _remember(self, past: Past) -> None:
        """Put an edit in front of the earlier ones, in place of the same one."""
        others = [other for other in self.past if other.wish != past.wish]
        self.past = [past, *others][:_MOST_PAST]


def _watched(run: Run[RunResult], row: StepRow) -> Generator[StepRow, None, StepRow]:
    """Each state of the row while `run` goes on; returns the last one."""
    yield row
    for news in run:
        if news:
            row = row.after(news)
            yield row
    return row


def _seen(photo: Image, wish: Wish, result: RunResult, visit: Visit) -> Seen:
    plan, things, meant = (result.outputs[name] for name in ("plan", "things", "meant"))
    drawn = show(found_things(photo, things, meant, wish.clicks), visit, "found")
    possible = any(can_be_done(plan, number, meant) for number in range(len(plan.edits)))
    scores = tuple(float(score) for score in things.confidence)
    found, missing = len(things) - len(wish.added), "" if possible else not_found(plan, things)
    return Seen(plan, tuple(names_of(things)), scores, found, drawn, missing)


def _painted(photo: Image, result: RunResult, visit: Visit, preset: str) -> Painted:
    masks: Detections = result.outputs["masks"]
    told: dict[str, Any] = {"preset": preset, "nodes": trace_rows(result)}
    attempts: Sequence[Attempt] = attempts_of(result, visit)
    return Painted(tuple(attempts), show(photo, visit, "before"), write_mask_files(photo, masks, visit), told)
