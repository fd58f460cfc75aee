"""The samples of a training in their order, read ahead by processes of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
from torch.utils.data import DataLoader, Dataset, Sampler

from sam_model.errors import ConfigError, SamModelError
from sam_model.training.config import RunSettings
from sam_model.training.learner import Portion
from sam_model.training.samples import Sample, Samples


@dataclass(frozen=True)
class Share:
    """The part of every batch that one of several processes looks at: step s has the samples from s · batch on."""

    run: RunSettings
    rank: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        together = self.processes * self.run.at_once
        if self.run.batch % together:
            raise ConfigError(
                f"run.batch ({self.run.batch}) must be a multiple of {together}: {self.processes} processes look at "
                f"{self.run.at_once} pictures each"
            )

    @property
    def portions(self) -> int:
        """Portions of a step."""
        return self.run.batch // (self.processes * self.run.at_once)

    def numbers(self, start: int) -> Iterator[list[int]]:
        """The numbers of all portions from step `start` on."""
        size = self.run.batch // self.processes
        for step in range(start, self.run.steps):
            first = step * self.run.batch + self.rank * size
            for portion in range(self.portions):
                begin = first + portion * self.run.at_once
                yield list(range(begin, begin + self.run.at_once))


class _Numbers(Sampler[list[int]]):
    def __init__(self, share: Share, start: int) -> None:
        self._share, self._start = share, start

    def __iter__(self) -> Iterator[list[int]]:
        return self._share.numbers(self._start)


class _Attempts(Dataset[tuple[int, Sample | SamModelError]]):
    """Errors come out as values: one that a worker raises would arrive as a page of traceback."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getitem__(self, number: int) -> tuple[int, Sample | SamModelError]:
        try:
            return number, self._samples[number]
        except SamModelError as error:
            return number, error


def load_portions(samples: Samples, share: Share, *, start: int, workers: int) -> Iterator[Portion]:
    """Give the portions of one process from step `start` on, step by step.

    Raises:
        SamModelError: what making a sample raises.
    """
    loader = DataLoader(
        _Attempts(samples),
        batch_sampler=_Numbers(share, start),
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=_work_alone,
    )
    for attempts in loader:
        yield Portion([number for number, _ in attempts], list(_required(attempts)))


def _required(attempts: Sequence[tuple[int, Sample | SamModelError]]) -> Iterator[Sample]:
    for _, attempt in attempts:
        if isinstance(attempt, SamModelError):
            raise attempt
        yield attempt


def _work_alone(worker: int) -> None:
    """One thread a worker: they share the machine with the training."""
    del worker
    cv2.setNumThreads(0)
