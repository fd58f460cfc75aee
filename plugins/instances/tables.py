"""Metrics as tables, in percent as papers print them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import TypeAlias

from pipelines.files import write_atomically
from plugins.instances.metrics import Metrics

Table: TypeAlias = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""A header and rows."""


def table_rows(measured: Mapping[str, Metrics]) -> Table:
    """A row for each set of results."""
    names = _names(metrics.values for metrics in measured.values())
    rows = [
        (title, *(percent(metrics.values.get(name, float("nan"))) for name in names))
        for title, metrics in measured.items()
    ]
    return ("", *names), rows


def class_rows(measured: Mapping[str, Metrics]) -> Table:
    """A row for each category's AP."""
    names = _names(metrics.by_class for metrics in measured.values())
    rows = [(name, *(percent(metrics.by_class[name]) for metrics in measured.values())) for name in names]
    return ("category", *measured), rows


def percent(share: float) -> str:
    """One decimal, or a dash where there was nothing to measure."""
    return "-" if isnan(share) else f"{100 * share:.1f}"


def write_csv(tables: Sequence[Table], path: Path) -> None:
    """Tables one after another, an empty line between them. Raises `OutputError`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, (header, rows) in enumerate(tables):
        writer.writerows([*([()] if number else []), header, *rows])
    write_atomically(path, text.getvalue().encode())


def _names(mappings: Iterable[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))
