"""Train the judge: `python -m recipes.judge.train` (some minutes of one thread), then its figures on unseen art."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from recipes.judge.data import draw_crop
from recipes.judge.judge import WEIGHTS, Judge, load_judge
from recipes.judge.network import CLASSES, OTHER, Network, to_input
from recipes.precision import autocast
from recipes.world import TEST_FAMILIES, Atlas, load_atlas

CHECKPOINT = Path(__file__).resolve().parents[1] / "runs" / "judge" / "checkpoint.pt"
SEED, EXAM_SEED = 11, 12
Parts: TypeAlias = Mapping[str, "torch.nn.Module | torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler"]
PICTURES, RATE, LOG_SECONDS, SAVE_SECONDS = 64, 3e-3, 20.0, 60.0


def train(steps: int) -> Network:
    """Train from the last checkpoint, or afresh, to `steps` steps."""
    torch.manual_seed(SEED)
    network = Network().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=steps, pct_start=0.15)
    parts: Parts = {"network": network, "optimiser": optimiser, "schedule": schedule}
    done = _resume(parts)
    atlas, logged, saved = load_atlas(), time.monotonic(), time.monotonic()
    for step in range(done, steps):
        torch.manual_seed(SEED * 1_000_003 + step)
        crops, labels = _batch(atlas, step)
        with autocast():
            logits = network(crops)
        loss = F.cross_entropy(logits.float(), labels, label_smoothing=0.05)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        if time.monotonic() - logged > LOG_SECONDS:
            accuracy = (logits.argmax(dim=1) == labels).float().mean()
            print(
                json.dumps({"step": step, "loss": round(loss.item(), 3), "accuracy": round(accuracy.item(), 3)}),
                flush=True,
            )
            logged = time.monotonic()
        if time.monotonic() - saved > SAVE_SECONDS or step + 1 == steps:
            _save(parts, step + 1)
            saved = time.monotonic()
    return network


def export(network: Network, path: Path = WEIGHTS) -> None:
    """Write the weights in half precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = network.state_dict()
    save_file({name: (t.half() if t.is_floating_point() else t).contiguous() for name, t in state.items()}, path)


def examine(judge: Judge, atlas: Atlas, crops: int = 1000) -> dict[str, float]:
    """Accuracy on undamaged crops of an atlas, overall and for each class."""
    right: dict[str, list[bool]] = {name: [] for name in CLASSES}
    for number in range(crops):
        crop, label = draw_crop(np.random.default_rng([EXAM_SEED, number]), atlas, worsen=False)
        right[CLASSES[label]].append(judge.name(crop) == CLASSES[label])
    nouns = [answer for name, answers in right.items() if name != OTHER for answer in answers]
    rows = {"all nouns": float(np.mean(nouns))}
    return rows | {name: float(np.mean(answers)) for name, answers in right.items() if answers}


def _batch(atlas: Atlas, step: int) -> tuple[Tensor, Tensor]:
    drawn = [draw_crop(np.random.default_rng([SEED, step, number]), atlas) for number in range(PICTURES)]
    pixels = np.stack([crop for crop, _ in drawn]).astype(np.float32)
    crops = to_input(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    return crops.contiguous(memory_format=torch.channels_last), torch.tensor([label for _, label in drawn])


def _resume(parts: Parts) -> int:
    if not CHECKPOINT.exists():
        return 0
    state = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


def _save(parts: Parts, step: int) -> None:
    CHECKPOINT.parent.mkdir(parents=True, exist_ok=True)
    state = {name: part.state_dict() for name, part in parts.items()}
    partial = CHECKPOINT.with_suffix(".partial")
    torch.save({"step": step, **state}, partial)
    partial.replace(CHECKPOINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=800)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    export(train(steps))
    for family in TEST_FAMILIES:
        rows = examine(load_judge(), load_atlas({family: TEST_FAMILIES[family]}))
        print(family, json.dumps({name: round(value, 3) for name, value in rows.items()}))


if __name__ == "__main__":
    main()
