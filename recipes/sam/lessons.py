"""What a training is shown, step by step: composed here or by workers ahead of time, the same either way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
from torch.utils.data import DataLoader, Dataset

from recipes.sam.data import Batch, make_batch
from recipes.sam.stages import Stage
from recipes.world import Atlas


def lesson(stage: Stage, atlases: Sequence[Atlas], step: int) -> Batch:
    """The batch of one step, which depends on the stage's seed and the step alone."""
    seeds = [[stage.seed, step, picture] for picture in range(stage.pictures)]
    size = stage.config.logits_size
    return make_batch(atlases, stage.specs, seeds, prompts=stage.prompts, logits_size=size, texts=stage.texts)


class Lessons(Dataset[Batch]):
    """A stage's batches by their step."""

    def __init__(self, stage: Stage, atlases: Sequence[Atlas]) -> None:
        self.stage, self.atlases = stage, atlases

    def __getitem__(self, step: int) -> Batch:
        return lesson(self.stage, self.atlases, step)


def lessons(stage: Stage, atlases: Sequence[Atlas], *, first: int, workers: int = 0) -> Iterator[Batch]:
    """The batches from step `first` on; a GPU wants `workers` that compose ahead of it."""
    # OpenCV's threads do not survive a fork, and a child that asked for fewer would wait for them for ever.
    cv2.setNumThreads(1)
    batches = Lessons(stage, atlases)
    return iter(DataLoader(batches, batch_size=None, sampler=range(first, stage.steps), num_workers=workers))
