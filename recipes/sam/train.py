"""Train the bundled SAM: `python -m recipes.sam.train STAGE`, one stage of `stages.py` after the other.

A run lives in recipes/runs/sam-<stage>/ and goes on exactly where its last checkpoint stands. It uses a GPU where there
is one; then say `--workers 12`, or it waits for its scenes.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from recipes.precision import autocast, best_device
from recipes.sam.data import Batch
from recipes.sam.dense import DenseHead, dense_loss, meaning_loss, thing_iou
from recipes.sam.evaluate import BUNDLED as BUNDLED_WEIGHTS
from recipes.sam.evaluate import evaluate
from recipes.sam.grow import grow
from recipes.sam.imagenet import start_from_imagenet
from recipes.sam.interaction import Answer, converse
from recipes.sam.lessons import lessons
from recipes.sam.muon import Muon, matrices_of
from recipes.sam.stages import BUNDLED, STAGES, Stage
from recipes.sam.texts import evaluate_texts, vector_of
from recipes.world import DETECTION_NOUNS, TEST_FAMILIES, Atlas, load_atlas
from recipes.world.art import load_everything
from sam_model.checkpoints import load_sam
from sam_model.config import SamConfig
from sam_model.modeling.efficient_net import EfficientNet
from sam_model.modeling.sam import Sam, build_sam
from sam_model.predictor import Predictor

RUNS = Path(__file__).resolve().parents[1] / "runs"
#: Of a body that came trained: half and quarter of the picture's resolution.
FROZEN_BLOCKS = 3
LOG_SECONDS, SAVE_SECONDS, EVALUATE_EVERY = 20.0, 120.0, 250


class Run:
    """The mutable state of a training: network, its running average, optimisers and step."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.stage = stage
        self.folder = RUNS / f"sam-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.device = best_device()
        torch.manual_seed(stage.seed)
        self.sam = build_sam(stage.config).to(self.device)
        self.sam.image_encoder.to(memory_format=torch.channels_last)
        self.body = settle_body(self.sam)
        self.dense = DenseHead(stage.config.width).to(self.device)
        self.average = build_sam(stage.config).eval().to(self.device)
        self.optimisers = _optimisers(self.sam, self.dense, self.body, stage)
        self.step = 0
        self._start()

    def save(self) -> None:
        state = {
            "step": self.step,
            "sam": self.sam.state_dict(),
            "dense": self.dense.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        partial = self.folder / "checkpoint.partial"
        torch.save(state, partial)
        partial.replace(self.folder / "checkpoint.pt")

    def log(self, **record: float | str) -> None:
        line = json.dumps({"step": self.step, **record})
        print(line, flush=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _start(self) -> None:
        checkpoint = self.folder / "checkpoint.pt"
        if checkpoint.exists():
            state = _read(checkpoint)
            self.sam.load_state_dict(state["sam"])
            self.dense.load_state_dict(state["dense"])
            self.average.load_state_dict(state["average"])
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(saved)
            self.step = state["step"]
            return
        before = None if self.stage.start is None else self._carry_over(self.stage.start)
        fresh = before is None or before.efficient_net is None
        if isinstance(encoder := self.sam.image_encoder, EfficientNet) and fresh:
            start_from_imagenet(encoder)
        self.average.load_state_dict(self.sam.state_dict())

    def _carry_over(self, start: str) -> SamConfig:
        """Take what fits from an earlier stage or from the bundled weights; the sizes of that network."""
        if start == BUNDLED:
            bundled = load_sam(BUNDLED_WEIGHTS)
            state, before, dense = bundled.state_dict(), bundled.config, None
        else:
            earlier = _read(RUNS / f"sam-{start}" / "checkpoint.pt")
            state, before, dense = earlier["sam"], STAGES[start].config, earlier["dense"]
        factor = 1.0 if self.stage.stretched else self.stage.config.image_size / before.image_size
        self.sam.load_state_dict(grow(state, self.sam.state_dict(), factor=factor))
        if dense is not None:
            self.dense.load_state_dict(dense)
        return before


def train(run: Run, batches: Iterator[Batch], exam: Atlas) -> None:
    """Take the remaining steps of the run, one for each of the batches."""
    logged = saved = time.monotonic()
    first, answers = run.step, dict[str, Answer]()
    for batch in batches:
        answers = _step(run, batch.to(run.device))
        now = time.monotonic()
        if now - logged > LOG_SECONDS or run.step == run.stage.steps:
            pace = (now - logged) / max(run.step - first, 1)
            figures = {f"{kind}_{name}": round(float(value), 4) for kind, answer in answers.items()
                       for name, value in (("loss", answer.loss.detach()), ("iou", answer.iou))}  # fmt: skip
            run.log(seconds_a_step=round(pace, 3), **figures)
            logged, first = now, run.step
        if run.step % EVALUATE_EVERY == 0:
            run.log(**evaluate(Predictor(run.average), exam, run.stage.exam, scenes=40).rounded())
            if run.stage.texts:
                run.log(**asdict(evaluate_texts(Predictor(run.average), exam, run.stage.exam, scenes=40)))
        if now - saved > SAVE_SECONDS or run.step == run.stage.steps:
            run.save()
            saved = now


def _step(run: Run, batch: Batch) -> dict[str, Answer]:
    stage, seed = run.stage, run.stage.seed
    rng = np.random.default_rng([seed, run.step])
    generator = torch.Generator(run.device).manual_seed(seed * 10_000_019 + run.step)
    clicked = torch.from_numpy(rng.random(len(batch.index)) < stage.clicked).to(run.device)
    rounds = 1 if run.step < stage.single_rounds_until else int(rng.choice(stage.rounds))
    with autocast(run.device.type):
        embedding = run.sam.image_encoder(batch.images)
        answers = converse(run.sam, embedding, batch, clicked=clicked, rounds=rounds, generator=generator)
        dense = run.dense(embedding)
    total = sum(answer.weight for answer in answers.values())
    loss = torch.stack([answer.loss * answer.weight for answer in answers.values()]).sum() / total
    for name, (weight, answer) in _teach(run, batch, embedding.float(), dense.float()).items():
        answers[name] = answer
        loss = loss + weight * answer.loss
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.sam.parameters(), 1.0)
    for optimiser in run.optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * _share_of_rate(stage, run.step)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
    run.step += 1
    _follow(run.average, run.sam, min(stage.average, (1 + run.step) / (10 + run.step)))
    return answers


def _teach(run: Run, batch: Batch, embedding: Tensor, dense: Tensor) -> dict[str, tuple[float, Answer]]:
    """What the teachers of single cells say, and how much it counts; for names the share told right is given as IoU."""
    taught = {}
    if weight := run.stage.dense_weight:
        taught["dense"] = weight, Answer(dense_loss(dense, batch.dense), thing_iou(dense, batch.dense))
    if weight := run.stage.meaning_weight:
        names = list(dict.fromkeys((*batch.names, *DETECTION_NOUNS)))
        rows = torch.tensor([names.index(name) for name in batch.names], device=run.device)
        owners = torch.where(batch.owners >= 0, rows[batch.owners], -1)
        vectors = torch.from_numpy(np.stack([vector_of(name) for name in names])).to(run.device)
        tokens = run.sam.prompt_encoder.text_proj(vectors)
        taught["meaning"] = weight, Answer(*meaning_loss(embedding, owners, tokens))
    return taught


def settle_body(sam: Sam) -> list[Tensor]:
    """The weights of an encoder's trained body that shall learn, gently; its norms keep their statistics.

    What sees single pixels and edges stays as it is: it is as good for stickers, and its gradients are the dearest.
    """
    if not isinstance(encoder := sam.image_encoder, EfficientNet):
        return []
    for index, part in enumerate((encoder.patch_embed, *encoder.blocks)):
        part.eval()
        part.requires_grad_(index > FROZEN_BLOCKS)
    return [tensor for block in encoder.blocks[FROZEN_BLOCKS:] for tensor in block.parameters()]


def _optimisers(sam: Sam, dense: DenseHead, body: list[Tensor], stage: Stage) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the matrices of the network, AdamW for everything else."""
    inside = set(map(id, body))
    matrices = [matrix for matrix in matrices_of(sam) if matrix.requires_grad and id(matrix) not in inside]
    known = inside | set(map(id, matrices))
    others = [tensor for tensor in (*sam.parameters(), *dense.parameters())
              if tensor.requires_grad and id(tensor) not in known]  # fmt: skip
    groups: list[dict[str, Any]] = [{"params": others}]
    if body:
        groups.append({"params": body, "lr": stage.body_rate, "weight_decay": 0.0})
    optimisers = (
        Muon(matrices, lr=stage.matrix_rate, weight_decay=stage.weight_decay),
        torch.optim.AdamW(groups, lr=stage.learning_rate, betas=(0.9, 0.99), weight_decay=stage.weight_decay),
    )
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    return optimisers


def _share_of_rate(stage: Stage, step: int) -> float:
    """Linear warm-up, then a cosine from the whole learning rate to `final_rate` of it."""
    warm = min(1.0, (step + 1) / stage.warmup)
    cosine = 0.5 + 0.5 * math.cos(math.pi * step / stage.steps)
    return warm * (stage.final_rate + (1 - stage.final_rate) * cosine)


@torch.no_grad()
def _follow(average: Sam, sam: Sam, keep: float) -> None:
    """Statistics of batch norms are averaged like weights; their counters are of no use."""
    for mean, now in zip(average.state_dict().values(), sam.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1 - keep)


def _read(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=sorted(STAGES))
    parser.add_argument("--workers", type=int, default=0, help="processes that compose scenes ahead of time")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    exam = load_atlas({"twemoji": TEST_FAMILIES["twemoji"]})
    run = Run(arguments.stage, STAGES[arguments.stage])
    atlases = (load_atlas(), load_atlas(), load_everything())
    train(run, lessons(run.stage, atlases, first=run.step, workers=arguments.workers), exam)


if __name__ == "__main__":
    main()
