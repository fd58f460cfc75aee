"""What a training tells those who listen: progress bars, logs, tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8

from sam_model.training.validation import Scores


@dataclass(frozen=True)
class Started:
    """The training begins, or goes on after `step` steps."""

    step: int
    steps: int
    pictures: str
    learning: int
    """Parameters that learn."""


@dataclass(frozen=True)
class Stepped:
    """A step is done; the figures are means over the batch."""

    step: int
    loss: float
    first_iou: float
    """Of the masks that are shown after a single prompt."""
    last_iou: float
    """Of those after the last round."""
    rate: float


@dataclass(frozen=True)
class Validated:
    """The network was measured after `step` steps."""

    step: int
    scores: Scores


@dataclass(frozen=True, eq=False)
class Drawn:
    """A panel of samples: picture with prompts, prediction, truth."""

    step: int
    panel: UInt8[np.ndarray, "height width 3"]
    path: Path


@dataclass(frozen=True)
class Saved:
    """A checkpoint is complete."""

    step: int
    folder: Path


Event: TypeAlias = Started | Stepped | Validated | Drawn | Saved
Listener: TypeAlias = Callable[[Event], None]
