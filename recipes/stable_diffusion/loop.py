"""A training run in a folder: resumes exactly, saves every few minutes, logs as JSON lines, averages the weights."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

#: One step: its number in, losses to log out. All randomness must come from the number and a seed.
Step = Callable[[int], Mapping[str, Tensor]]


class Average:
    """Exponential moving average of the weights; young averages forget faster, so that the start is soon forgotten."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        own, new = [], []
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                own.append(self.weights[name])
                new.append(value)
        torch._foreach_lerp_(own, new, 1 - decay)


class Run:
    """The trained module with its optimiser and average, and the folder that they are saved in."""

    def __init__(self, folder: Path, module: nn.Module, *, rate: float, decay: float) -> None:
        self.folder, self.module, self.rate = folder, module, rate
        self.optimiser = torch.optim.AdamW(module.parameters(), lr=rate, betas=(0.9, 0.99), fused=True)
        self.average = Average(module, decay)
        self.step = 0
        self.seconds = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            self._resume()

    @property
    def _path(self) -> Path:
        return self.folder / "checkpoint.pt"

    def train(self, step: Step, steps: int, *, warmup: int, cooldown: int, save_every: float = 150.0) -> None:
        """Take the steps that are left. The rate rises for `warmup` steps and falls over the last `cooldown`."""
        began, said, saved = time.monotonic() - self.seconds, time.monotonic(), time.monotonic()
        sums: dict[str, float] = {}
        taken = 0
        while self.step < steps:
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate * rate_factor(self.step, steps, warmup=warmup, cooldown=cooldown)
            losses = step(self.step)
            sum(losses.values()).backward()  # type: ignore[union-attr]
            nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
            self.average.update(self.module, self.step)
            self.step, taken = self.step + 1, taken + 1
            sums = {name: sums.get(name, 0.0) + float(value.detach()) for name, value in losses.items()}
            now = time.monotonic()
            self.seconds = now - began
            if now - said > 20:
                self.log({name: value / taken for name, value in sums.items()} | {"rate": taken / (now - said)})
                sums, taken, said = {}, 0, now
            if now - saved > save_every:
                self.save()
                saved = now
        self.save()

    def log(self, values: Mapping[str, float]) -> None:
        """Print a line and add it to log.jsonl."""
        rounded = {name: round(value, 5) for name, value in values.items()}
        line = json.dumps({"step": self.step, "seconds": round(self.seconds)} | rounded)
        print(line, flush=True)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def save(self) -> None:
        """Write the checkpoint in one move, so that a killed run leaves the last one whole."""
        state: dict[str, Any] = {
            "step": self.step,
            "seconds": self.seconds,
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
        }
        partial = self._path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self._path)

    def _resume(self) -> None:
        state = torch.load(self._path, map_location="cpu", weights_only=True)
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.weights = state["average"]
        self.step, self.seconds = state["step"], state["seconds"]


def rate_factor(step: int, steps: int, *, warmup: int, cooldown: int) -> float:
    """The learning rate's factor at a step: linear up, flat, linear down to 0.05."""
    return min(1.0, (step + 1) / warmup, max(0.05, (steps - step) / cooldown))


def draws(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step, whatever was drawn before it."""
    return torch.Generator().manual_seed((seed << 32) + step)
