"""Whether "replace X with Y" gives a Y: the whole chain runs from the sentence, and a judge trained apart looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.pool import ModelPool
from pipelines.runner import run
from pipelines.spec import load_pipeline
from recipes.evaluation.scenes import image_of
from recipes.evaluation.statistics import Estimate, share
from recipes.judge import Judge
from recipes.judge.data import square
from recipes.stable_diffusion.crops import PORTRAITS
from recipes.world import DETECTION_NOUNS, Scene

Pixels = NDArray[np.uint8]

#: What the bundled inpainter learned to draw.
NOUNS = tuple(PORTRAITS)
#: Of the old thing's longer side: surroundings that the judge sees, as in its training.
MARGIN = 0.15


@dataclass(frozen=True, eq=False)
class Edited:
    """One edit: what was asked, the pictures, what the judge saw where the old thing was, and if it took two looks."""

    old: str
    new: str
    before: Pixels
    after: Pixels
    seen: str
    second_look: bool

    @property
    def worked(self) -> bool:
        return self.seen == self.new


@dataclass(frozen=True)
class Editing:
    """All edits of an evaluation."""

    edits: Sequence[Edited]

    def rows(self) -> list[tuple[str, Estimate]]:
        """The figures of the table."""
        worked = [edit.worked for edit in self.edits]
        changed = [not np.array_equal(edit.before, edit.after) for edit in self.edits]
        first = [not edit.second_look for edit in self.edits]
        return [
            (f"after replace X with Y: Y recognised, {len(self.nouns)} nouns", share(worked)),
            ("the same, X found without a second look", share(_both(worked, first))),
            ("after replace X with Y: something was painted", share(changed)),
            ("the same, X found without a second look", share(_both(changed, first))),
        ]

    @cached_property
    def nouns(self) -> list[str]:
        """The new things that were asked for."""
        return sorted({edit.new for edit in self.edits})

    def by_noun(self) -> list[str]:
        """Each new thing with the share of edits in which it was recognised."""
        return [f"{n} {np.mean([e.worked for e in self.edits if e.new == n]):.2f}" for n in self.nouns]

    def sheet(self, *, columns: int = 4, side: int = 160) -> Pixels:
        """Before and after of every edit, captioned with what was asked and what the judge saw."""
        tiles = [_tile(edit, side) for edit in self.edits]
        tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
        rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
        return np.concatenate(rows, axis=0)


@dataclass(frozen=True)
class Absent:
    """Sentences about what is not there: whether each painted something, and if that took a second look."""

    painted: Sequence[bool]
    second_look: Sequence[bool]

    def rows(self) -> list[tuple[str, Estimate]]:
        """The figures of the table."""
        first = [not second for second in self.second_look]
        return [
            ("after remove X, no X in the picture: something was painted", share(self.painted)),
            ("the same without a second look", share(_both(self.painted, first))),
        ]


def measure_editing(
    scenes: Iterator[Scene], judge: Judge, pool: ModelPool, seed: int, nouns: Sequence[str] = NOUNS
) -> Editing:
    """Replace the largest thing of each scene by a noun that goes round in turn, painted with a seed of its own."""
    graph = load_pipeline("edit")
    edits = []
    for index, scene in enumerate(scenes):
        largest = int(scene.masks.sum((1, 2)).argmax())
        old = scene.names[largest]
        choices = [noun for noun in nouns if noun != old]
        new = choices[index % len(choices)]
        inputs = {"photo": image_of(scene), "instruction": f"replace the {old} with a {new}", "seed": seed + index}
        told = run(graph, inputs, pool=pool).outputs
        after = told["image"].pixels
        seen = judge.name(square(after, scene.boxes[largest], MARGIN))
        edits.append(Edited(old, new, scene.image, after, seen, _second_look(told["report"])))
    return Editing(edits)


def measure_absent(scenes: Iterator[Scene], pool: ModelPool, seed: int) -> Absent:
    """Remove from each scene a thing that is not in it; where the chain believes the sentence, something is painted."""
    graph = load_pipeline("edit")
    painted, second = [], []
    for index, scene in enumerate(scenes):
        rng = np.random.default_rng((seed, index))
        missing = [noun for noun in DETECTION_NOUNS if noun not in scene.names]
        inputs = {"photo": image_of(scene), "instruction": f"remove the {rng.choice(missing)}"}
        report = run(graph, inputs, pool=pool).outputs["report"]
        painted.append(any(edit["painted"] for edit in json.loads(report)["edits"]))
        second.append(_second_look(report))
    return Absent(painted, second)


def _second_look(report: str) -> bool:
    return any(edit.get("second_look") for edit in json.loads(report)["edits"])


def _both(these: Sequence[bool], those: Sequence[bool]) -> list[bool]:
    return [this and that for this, that in zip(these, those, strict=True)]


def _tile(edit: Edited, side: int) -> Pixels:
    pair = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in (edit.before, edit.after)]
    caption = np.full((20, 2 * side, 3), 255, np.uint8)
    colour = (0, 110, 0) if edit.worked else (170, 0, 0)
    text = f"{edit.old} > {edit.new}: {edit.seen}"
    cv2.putText(caption, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
    return np.concatenate([np.concatenate(pair, axis=1), caption], axis=0)
