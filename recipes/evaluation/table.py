"""The table that `samloom evaluate bundled` prints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import track

from pipelines.images import write_image
from pipelines.models import Model
from pipelines.pool import ModelPool
from pipelines.values import Image
from recipes.evaluation.editing import measure_absent, measure_editing
from recipes.evaluation.finding import measure_finding, measure_masks
from recipes.evaluation.naming import measure_naming
from recipes.evaluation.scenes import CROWDED, ROOMY, scene
from recipes.evaluation.statistics import Estimate
from recipes.judge import load_judge
from recipes.world import Scene
from recipes.world.scenes import SceneSpec


@dataclass
class Table:
    """Figures with their intervals, and remarks under them."""

    title: str
    rows: list[tuple[str, Estimate]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def evaluate(art: str, scenes: int, seed: int, parts: tuple[str, ...], *, preset: str, sheet: Path | None) -> Table:
    """Measure `parts` on `scenes` composed scenes of one family of art; the edits' contact sheet goes to `sheet`."""
    table = Table(f"{preset} models on {scenes} scenes of {art}, seed {seed}")
    started = time.perf_counter()
    model: Model[object] = Model(preset)
    if "detection" in parts:
        finding = measure_finding(_scenes(art, CROWDED, seed, scenes, "finding"), model, seed, clip=model)
        table.rows += finding.rows()
        table.notes.append(f"found least often: {', '.join(finding.weakest())}")
    if "masks" in parts:
        table.rows.append(
            ("mask IoU from the true box", measure_masks(_scenes(art, CROWDED, seed, scenes, "masks"), model))
        )
    if "naming" in parts:
        naming = measure_naming(_scenes(art, CROWDED, seed, scenes, "naming"), model)
        table.rows += naming.rows()
        table.notes.append(f"named least often: {', '.join(naming.weakest())}")
    if "edits" in parts:
        pool = ModelPool(preset=preset)
        editing = measure_editing(_scenes(art, ROOMY, seed, scenes, "edits"), load_judge(), pool, seed)
        table.rows += editing.rows()
        table.rows += measure_absent(_scenes(art, ROOMY, seed, scenes, "absent"), pool, seed).rows()
        table.notes.append(f"recognised: {', '.join(editing.by_noun())}")
        if sheet is not None:
            write_image(Image(editing.sheet()), sheet)
    table.notes.append(f"took {time.perf_counter() - started:.0f} s")
    return table


def render(table: Table) -> str:
    """The table as aligned text."""
    width = max(len(name) for name, _ in table.rows)
    lines = [table.title, *(f"  {name.ljust(width)}  {estimate}" for name, estimate in table.rows)]
    return "\n".join([*lines, *(f"  {note}" for note in table.notes)])


def _scenes(art: str, spec: SceneSpec, seed: int, count: int, what: str) -> Iterator[Scene]:
    for index in track(range(count), description=what, console=Console(stderr=True), transient=True):
        yield scene(art, spec, seed, index)
