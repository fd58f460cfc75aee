"""The table as a figure: AP in its parts, and each category's own masks beside Segment Anything's."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import UserError
from pipelines.files import check_writable, write_atomically
from plugins.instances.metrics import Metrics

FORMATS = (".png", ".svg", ".pdf")
COLOURS = ("#b0b6bd", "#e08a2c", "#2f6fb3")
"""Boxes are the background of the story, the detector's masks and Segment Anything's its two sides."""


def check_plot(path: Path) -> None:
    """Raise `UserError` before anything runs if a figure cannot be drawn into this file."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{path} is no figure: its name must end in {', '.join(FORMATS)}.")
    if find_spec("matplotlib") is None:
        raise UserError("--plot needs matplotlib: pip install 'samloom[plots]'.")
    check_writable(path)


def draw_plot(measured: Mapping[str, Metrics], path: Path) -> None:
    """Bars of all figures, and the categories' AP in order of the first row of masks. Raises `OutputError`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    bars, classes = figure.subplots(1, 2, width_ratios=(3, 2))
    _bars(bars, measured)
    _classes(classes, measured)
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:].lower(), dpi=150)
    write_atomically(path, drawn.getvalue())


def _bars(axes: Any, measured: Mapping[str, Metrics]) -> None:
    names = list(next(iter(measured.values())).values)
    width = 0.8 / len(measured)
    for place, (title, metrics) in enumerate(measured.items()):
        heights = [100 * metrics.values[name] for name in names]
        left = np.arange(len(names)) + (place - (len(measured) - 1) / 2) * width
        bars = axes.bar(left, np.nan_to_num(heights), width, label=title, color=COLOURS[place % len(COLOURS)])
        axes.bar_label(bars, ["" if np.isnan(height) else f"{height:.0f}" for height in heights], fontsize=7)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("per cent")
    axes.legend(frameon=False, loc="upper center", ncols=len(measured), bbox_to_anchor=(0.5, 1.1))
    axes.spines[["top", "right"]].set_visible(False)


def _classes(axes: Any, measured: Mapping[str, Metrics]) -> None:
    first = list(measured.values())[-1].by_class
    order = sorted((name for name, ap in first.items() if not np.isnan(ap)), key=first.__getitem__)
    for place, (title, metrics) in enumerate(measured.items()):
        heights = [100 * metrics.by_class[name] for name in order]
        axes.plot(heights, range(len(order)), ".", label=title, color=COLOURS[place % len(COLOURS)])
    shown = len(order) <= 50
    axes.set_yticks(range(len(order)) if shown else [], order if shown else [], fontsize=min(8, 250 / (len(order) + 1)))
    axes.set_xlabel("AP of each category")
    axes.grid(axis="x", color="#e5e7ea")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
