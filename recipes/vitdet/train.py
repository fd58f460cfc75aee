"""Train the bundled ViTDet: `python -m recipes.vitdet.train STAGE`.

A run lives in recipes/runs/vitdet-<stage>/ and goes on where its last checkpoint stands, with the batches that would
have come. Rates follow the minutes spent, those before a resumption included, so a run ends on time on any machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from plugins.vitdet.adapter import NetworkDetector
from recipes.sam.muon import Muon, matrices_of
from recipes.vitdet.data import NOTHING, Source
from recipes.vitdet.evaluate import evaluate
from recipes.vitdet.losses import losses
from recipes.vitdet.stages import CONFIG, STAGES, Stage
from recipes.vitdet.start import fresh_network
from recipes.world import DETECTION_NOUNS, TEST_FAMILIES, Atlas, load_atlas

RUNS = Path(__file__).resolve().parents[1] / "runs"
LOG_SECONDS, SAVE_SECONDS, EVALUATE_SECONDS, EXAM_SCENES = 20.0, 120.0, 480.0, 60
_ADAM_ONLY = ("patch_embed.", "box_head.fc1", "box_predictor", "mask_head.predictor")
"""Trained before, too large to be worth it, or the last layer before a loss."""


class Run:
    """The mutable state of a training: network, its running average, optimisers, step and seconds."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.stage = stage
        self.folder = RUNS / f"vitdet-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(stage.seed)
        self.network = fresh_network().to(memory_format=torch.channels_last).train()
        self.naming = nn.Linear(CONFIG.encoder_width, NOTHING + 1)
        self.average = fresh_network().eval()
        self.average.load_state_dict(self.network.state_dict())
        self.optimisers = tuple(_optimisers(self.network, self.naming, stage))
        self.step, self.seconds = 0, 0.0
        self._resume()

    @property
    def progress(self) -> float:
        return self.seconds / 60 / self.stage.minutes

    def save(self) -> None:
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "naming": self.naming.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        torch.save(state, self.folder / "checkpoint.partial")
        (self.folder / "checkpoint.partial").replace(self.folder / "checkpoint.pt")

    def log(self, figures: dict[str, float]) -> None:
        rounded = {name: round(float(value), 4) for name, value in figures.items()}
        line = json.dumps({"step": self.step, "minutes": round(self.seconds / 60, 2), **rounded})
        print(line, flush=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _resume(self) -> None:
        checkpoint = self.folder / "checkpoint.pt"
        if checkpoint.exists():
            state = torch.load(checkpoint, map_location="cpu", weights_only=True)
            for part in ("network", "naming", "average"):
                getattr(self, part).load_state_dict(state[part])
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
            self.step, self.seconds = state["step"], state["seconds"]


def train(run: Run, source: Source, exam: Atlas) -> None:
    """Take steps until the run has lasted its minutes."""
    logged = saved = examined = run.seconds
    recent: list[dict[str, float]] = []
    while run.progress < 1:
        began = time.monotonic()
        recent.append(advance(run, source))
        run.seconds += time.monotonic() - began
        if run.seconds - logged > LOG_SECONDS:
            pace = (run.seconds - logged) / len(recent)
            means = {name: float(np.mean([line[name] for line in recent])) for name in recent[0]}
            run.log({"seconds_a_step": pace, **means})
            logged, recent = run.seconds, []
        if run.seconds - saved > SAVE_SECONDS or run.progress >= 1:
            run.save()
            saved = run.seconds
        if run.seconds - examined > EVALUATE_SECONDS or run.progress >= 1:
            run.log(evaluate(NetworkDetector(run.average, DETECTION_NOUNS), exam, scenes=EXAM_SCENES))
            examined = run.seconds


def advance(run: Run, source: Source) -> dict[str, float]:
    """One step; gives the terms of its loss."""
    batch = source.batch(run.step)
    generator = torch.Generator().manual_seed(run.stage.seed * 10_000_019 + run.step)
    terms = losses(run.network, run.naming, batch, run.stage, generator)
    torch.autograd.backward(torch.stack(list(terms.values())).sum())
    nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    for optimiser in run.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * share_of_rate(run.stage, run.step, run.progress)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    run.step += 1
    _follow(run.average, run.network, min(run.stage.average, (1 + run.step) / (10 + run.step)))
    return {name: term.item() for name, term in terms.items()}


def share_of_rate(stage: Stage, step: int, progress: float) -> float:
    """Linear warm-up, a third of the run at the whole rate, then linearly to next to nothing."""
    return min(1.0, (step + 1) / stage.warmup) * max(0.01, min(1.0, 1.5 * (1 - progress)))


def _optimisers(network: nn.Module, naming: nn.Module, stage: Stage) -> Iterator[torch.optim.Optimizer]:
    """Muon for most matrices, AdamW for the rest; the stem at a rate of its own."""
    names = {id(tensor): name for name, tensor in network.named_parameters()}
    matrices = [
        tensor
        for tensor in matrices_of(network)
        if tensor.requires_grad and not any(part in names[id(tensor)] for part in _ADAM_ONLY)
    ]
    yield _with_peak(Muon(matrices, lr=stage.matrix_rate, weight_decay=stage.weight_decay))
    by_muon = set(map(id, matrices))
    stem, others = list[Tensor](), list[Tensor](naming.parameters())
    for name, tensor in network.named_parameters():
        if tensor.requires_grad and id(tensor) not in by_muon:
            trained = "patch_embed.first" in name or "patch_embed.stages" in name
            (stem if trained else others).append(tensor)
    groups = [{"params": stem, "lr": stage.stem_rate}, {"params": others, "lr": stage.rate}]
    yield _with_peak(torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=stage.weight_decay))


def _with_peak(optimiser: torch.optim.Optimizer) -> torch.optim.Optimizer:
    for group in optimiser.param_groups:
        group["peak"] = group["lr"]
    return optimiser


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, keep: float) -> None:
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - keep)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=sorted(STAGES))
    name = parser.parse_args().stage
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    stage = STAGES[name]
    exam = load_atlas({"twemoji": TEST_FAMILIES["twemoji"]})
    train(Run(name, stage), Source(load_atlas(), stage), exam)


if __name__ == "__main__":
    main()
