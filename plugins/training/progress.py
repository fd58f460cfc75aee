"""A training on the terminal: a bar with the latest figures, and a line for whatever is worth keeping."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from sam_model.training.events import Drawn, Event, Saved, Started, Stepped, Validated

LINE_SECONDS = 30.0
"""Where there is no terminal to draw a bar on, a line as often as this."""


class TrainingProgress:
    """Shows events on standard error; a context manager, so that the bar is taken down in good order.

    The bar appears with the first event: of several processes only one is told of events.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        figures = "loss {task.fields[loss]:.3f}  IoU {task.fields[first]:.3f} → {task.fields[last]:.3f}"
        self._bar = Progress(
            BarColumn(), MofNCompleteColumn(), TextColumn(figures), TimeRemainingColumn(), console=self.console
        )
        self._task: TaskID | None = None
        self._told = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._start(event)
            case Stepped():
                self._step(event)
            case Validated(step, scores):
                clicks = f"1 click {scores.click:.3f}, 5 clicks {scores.clicks:.3f}"
                self._line(f"step {step}: IoU of {scores.masks} masks from a box {scores.box:.3f}, {clicks}")
            case Drawn(step, _, path):
                self._line(f"step {step}: samples in {path}")
            case Saved(step, folder):
                self._line(f"step {step}: saved in {folder}")

    def _start(self, event: Started) -> None:
        self._line(f"{event.pictures}; {event.learning:,} parameters learn")
        if event.step:
            self._line(f"going on after step {event.step} of {event.steps}")
        if self.console.is_terminal:
            self._bar.start()
        self._task = self._bar.add_task("", total=event.steps, completed=event.step, loss=0.0, first=0.0, last=0.0)

    def _step(self, event: Stepped) -> None:
        if self._task is not None:
            self._bar.update(
                self._task, completed=event.step, loss=event.loss, first=event.first_iou, last=event.last_iou
            )
        if not self.console.is_terminal and time.monotonic() - self._told > LINE_SECONDS:
            self._told = time.monotonic()
            iou = f"{event.first_iou:.3f} → {event.last_iou:.3f}"
            self._line(f"step {event.step}: loss {event.loss:.3f}, IoU {iou}, rate {event.rate:.2g}")

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False)
