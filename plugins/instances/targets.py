"""The files that `samloom evaluate instances` writes beside its table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import UserError

if TYPE_CHECKING:
    from plugins.instances.metrics import Metrics
    from plugins.instances.results import Results
    from plugins.instances.tables import Table
    from plugins.instances.truth import Truth

WORST = 12


@dataclass(frozen=True, kw_only=True)
class Files:
    """What to write beside the table on the screen."""

    csv: Path | None
    plot: Path | None
    results: Path | None
    worst: Path | None

    def check(self) -> None:
        """Raise `UserError` before anything is read if a file cannot be written."""
        from pipelines.files import check_writable
        from pipelines.outputs import check_folder
        from plugins.instances.plot import check_plot

        if self.plot is not None:
            check_plot(self.plot)
        for target in (self.csv, self.results):
            if target is not None:
                check_writable(target)
        if self.worst is not None:
            check_folder(self.worst)

    def check_masks(self, truth: Truth, images: Path | None) -> None:
        """Raise `UserError` before anything runs if Segment Anything's masks are wanted and none will be drawn."""
        for option, target in (("results", self.results), ("worst", self.worst)):
            shown = f"--{option} shows Segment Anything's masks,"
            if target is not None and images is None:
                raise UserError(f"{shown} which need the pictures: give --images DIR.")
            if target is not None and not truth.outlined:
                raise UserError(
                    f"{shown} but {truth.source} has things without an outline, so that only boxes are measured: "
                    "leave it out."
                )

    def write_tables(self, measured: Mapping[str, Metrics], tables: Sequence[Table]) -> None:
        """Write the tables and draw them. Raises `OutputError`."""
        from plugins.instances.plot import draw_plot
        from plugins.instances.tables import write_csv

        if self.csv is not None:
            write_csv(tables, self.csv)
        if self.plot is not None:
            draw_plot(measured, self.plot)

    def write(self, truth: Truth, drawn: Results, images: Path) -> Sequence[Path]:
        """Write Segment Anything's masks and the worst of them; gives the pictures of these. Raises `OutputError`."""
        if self.results is not None:
            _write_results(drawn, self.results)
        if self.worst is None:
            return ()
        from plugins.instances.worst import worst, write_worst

        return write_worst(worst(truth, drawn, WORST), truth, images, self.worst)


def _write_results(drawn: Results, path: Path) -> None:
    """One detection after another: the whole list is never in memory."""
    from pipelines.files import write_atomically

    entries = ((", " if place else "[") + json.dumps(entry) for place, entry in enumerate(drawn))
    write_atomically(path, (part.encode() for part in chain(entries, ["]\n" if len(drawn) else "[]\n"])))
