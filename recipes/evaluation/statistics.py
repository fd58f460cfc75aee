"""Shares, means and areas under curves, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_Z = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A measured figure, the ends of its 95 % interval, and how many observations it rests on."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        return f"{self.value:.3f}  [{self.low:.3f}, {self.high:.3f}]  n={self.count}"


def share(hits: Sequence[bool]) -> Estimate:
    """The share of hits, with Wilson's score interval."""
    count = len(hits)
    if not count:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    value = sum(hits) / count
    scale = 1 + _Z**2 / count
    middle = (value + _Z**2 / (2 * count)) / scale
    reach = _Z * np.sqrt(value * (1 - value) / count + _Z**2 / (4 * count**2)) / scale
    return Estimate(value, float(middle - reach), float(middle + reach), count)


def mean(values: Sequence[float]) -> Estimate:
    """The mean, with the normal interval of its standard error."""
    count = len(values)
    if not count:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    value = float(np.mean(values))
    reach = _Z * float(np.std(values, ddof=1)) / np.sqrt(count) if count > 1 else float("inf")
    return Estimate(value, float(value - reach), float(value + reach), count)


def area_under_roc(positives: Sequence[float], negatives: Sequence[float]) -> Estimate:
    """The chance that a positive scores above a negative, ties half; with the interval of Hanley and McNeil (1982)."""
    above, below = np.asarray(positives), np.asarray(negatives)
    if not above.size or not below.size:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    difference = above[:, None] - below[None, :]
    value = float(((difference > 0) + 0.5 * (difference == 0)).mean())
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    spread = value * (1 - value) + (above.size - 1) * (q1 - value**2) + (below.size - 1) * (q2 - value**2)
    reach = _Z * np.sqrt(max(spread, 0.0) / (above.size * below.size))
    return Estimate(value, max(0.0, float(value - reach)), min(1.0, float(value + reach)), int(above.size + below.size))
