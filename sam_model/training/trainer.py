"""A whole training: it begins or goes on, learns, measures, and keeps what it has learnt."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from accelerate import Accelerator

from sam_model.data.coco import CocoInstances
from sam_model.data.dataset import MaskDataset, describe
from sam_model.data.sa1b_folder import Sa1bFolder
from sam_model.errors import ConfigError, DivergedError
from sam_model.training.config import Pictures, TrainingConfig, check
from sam_model.training.crops import CropReader
from sam_model.training.events import Drawn, Event, Listener, Saved, Started, Stepped, Validated
from sam_model.training.learner import FIRST_IOU, LAST_IOU, LOSS, Learner
from sam_model.training.loading import Share, load_portions
from sam_model.training.network import begin
from sam_model.training.optimiser import rate_at
from sam_model.training.panels import draw_panel
from sam_model.training.samples import Samples
from sam_model.training.stopping import Stop, stop_on_signals
from sam_model.training.store import Store
from sam_model.training.validation import Exam, examine, to_scores, totals_of

SHOWN = 4
"""Pictures of a panel."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended: after how many steps, and by which signal if it was stopped."""

    step: int
    folder: Path
    """The finished model, or the checkpoint from which the same configuration goes on."""
    signal: int | None = None


class Trainer:
    """One process of a training; under `torchrun` or `accelerate launch` several work together."""

    def __init__(
        self, config: TrainingConfig, *, listeners: Sequence[Listener] = (), clip: CropReader | None = None
    ) -> None:
        """Read the annotations and make the network, or bring it to where the run's folder stands.

        `clip` is what `config.network.clip` names, loaded.

        Raises:
            ConfigError: with all that is wrong with the configuration.
            DatasetError: when there are no pictures to learn from.
            CheckpointError: when weights cannot be used.
        """
        check(config)
        if (clip is None) != (config.network.clip is None):
            raise ConfigError("network.clip and the trainer's clip go together: give both or neither")
        self.config = config
        self.pictures = open_pictures(config.data.train)
        self.exam_pictures = self.pictures if config.data.validation is None else open_pictures(config.data.validation)
        self.accelerator = Accelerator()
        self.share = Share(config.run, self.accelerator.process_index, self.accelerator.num_processes)
        self.listeners = listeners if self.accelerator.is_main_process else ()
        network = begin(config.network, seed=config.run.seed, text_width=None if clip is None else clip.width)
        self.learner = Learner(network, config, self.accelerator, clip)
        self.store = Store(config)
        self.step = self.store.restore(self.learner.sam, self.learner.optimiser)

    def train(self) -> Outcome:
        """Take the remaining steps; a first SIGTERM or Ctrl+C saves and stops.

        Raises:
            DatasetError: when a picture cannot be read.
            DivergedError: when the loss is no number any more; what was saved before stays.
        """
        with stop_on_signals() as stop:
            learning = sum(parameter.numel() for parameter in self.learner.learning)
            self._tell(Started(self.step, self.config.run.steps, describe(self.pictures), learning))
            if self.step == 0:
                self._measure()  # what it starts from, to compare with
            for _ in self._steps():
                if self._agreed(stop):
                    number = stop.signal or signal.SIGTERM
                    return Outcome(self.step, self._save(), number)
        return Outcome(self.step, self._finish())

    def _steps(self) -> Iterator[None]:
        """Learn, and between steps measure and save as often as is wished."""
        run, saved = self.config.run, time.monotonic()
        cropped = self.learner.clip is not None
        samples = Samples(self.pictures, self.config.data, self.learner.sam.config, seed=run.seed, cropped=cropped)
        portions = load_portions(samples, self.share, start=self.step, workers=self.config.data.workers)
        while self.step < run.steps:
            figures = self.learner.step(self.step, islice(portions, self.share.portions)).tolist()
            rate = rate_at(self.step, self.config.optimiser)
            self.step += 1
            self._tell(Stepped(self.step, figures[LOSS], figures[FIRST_IOU], figures[LAST_IOU], rate))
            self._require_loss(figures[LOSS])
            if self.step % run.validate_every == 0 or self.step == run.steps:
                self._measure()
            if time.monotonic() - saved >= 60 * run.save_minutes:
                self._save()
                saved = time.monotonic()
            yield

    def _require_loss(self, loss: float) -> None:
        """Weights after such a step would take the place of good ones."""
        if not isfinite(loss):
            kept = self.store.latest()
            advice = "begin with a lower optimiser.rate or with optimiser.clip"
            before = "" if kept is None else f"; {kept} holds what was learnt before"
            raise DivergedError(f"the loss of step {self.step} is {loss}: {advice}{before}")

    def _agreed(self, stop: Stop) -> bool:
        """Whether any process was asked to stop: all stop after the same step."""
        asked = torch.tensor([float(bool(stop))], device=self.accelerator.device)
        return bool(self.learner.add_up(asked) > 0)

    def _measure(self) -> None:
        """Examine the network, each process on its part of the pictures, and show some of the answers."""
        shown, totals = list[Exam](), np.zeros(4)
        for exam in self._exams():
            totals += totals_of([exam])
            shown += [exam] if len(shown) < SHOWN else []
        if self.config.data.validation is not None:
            summed = torch.tensor(totals, dtype=torch.float32, device=self.accelerator.device)
            self._tell(Validated(self.step, to_scores(self.learner.add_up(summed).cpu().double().numpy())))
        if shown and self.accelerator.is_main_process:
            self._show(shown)

    def _exams(self) -> Iterator[Exam]:
        """Without pictures for validation the answers on a few to learn from are only shown."""
        wanted = SHOWN if self.config.data.validation is None else self.config.run.validation_pictures
        count = min(wanted, len(self.exam_pictures))
        chosen = np.linspace(0, len(self.exam_pictures) - 1, count).astype(int).tolist()
        for index in chosen[self.share.rank :: self.share.processes]:
            exam = examine(self.learner.sam, self.exam_pictures[index], masks=self.config.data.masks)
            if exam is not None:
                yield exam

    def _show(self, exams: Sequence[Exam]) -> None:
        panel = draw_panel(exams)
        path = self.store.folder / "panels" / f"step-{self.step:08}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(panel).save(path)
        self._tell(Drawn(self.step, panel, path))

    def _save(self) -> Path:
        """Weights are the same in every process: one of them writes."""
        folder = self.store.place(self.step)
        if self.accelerator.is_main_process:
            self.store.save(self.learner.sam, self.learner.optimiser, self.step)
            self._tell(Saved(self.step, folder))
        return folder

    def _finish(self) -> Path:
        self._save()
        if self.accelerator.is_main_process:
            self.store.export(self.learner.sam)
        self.accelerator.wait_for_everyone()
        return self.store.model

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)


def open_pictures(pictures: Pictures | None) -> MaskDataset:
    """Open COCO's instances, or without a file of annotations a folder of SA-1B.

    Raises:
        DatasetError: when they cannot be read, or hold no mask.
    """
    if pictures is None:
        raise ConfigError("data.train is missing: name the pictures to learn from")
    if pictures.annotations is None:
        return Sa1bFolder(pictures.images)
    return CocoInstances(pictures.images, pictures.annotations)
