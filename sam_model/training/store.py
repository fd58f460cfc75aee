"""The checkpoints of a run: whole or not there, plain tensors and JSON, never pickle.

runs/mine/checkpoints/step-00000500/
    config.json, model.safetensors    which `load_sam` opens
    optimiser.safetensors, state.json
runs/mine/model/                      which `load_sam` opens, once the run is finished
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sam_model.checkpoints import load_sam, save_sam
from sam_model.errors import ConfigError, UnreadableCheckpointError
from sam_model.modeling import Sam
from sam_model.tensor_files import read_tensors, write_tensors
from sam_model.training.config import TrainingConfig

OPTIMISER, STATE = "optimiser.safetensors", "state.json"
MAY_CHANGE = frozenset(
    {
        *("run.output", "run.steps", "run.at_once", "run.save_minutes", "run.validate_every"),
        *("run.validation_pictures", "data.workers", "data.validation", "optimiser.milestones"),
    }
)
"""Settings that another part of a run may have otherwise: its length, and what does not touch the weights."""


class Store:
    """The folder of one run."""

    def __init__(self, config: TrainingConfig) -> None:
        self.folder = config.run.output
        self.checkpoints = self.folder / "checkpoints"
        self.model = self.folder / "model"
        self._config = _plain(config)

    def latest(self) -> Path | None:
        """The newest complete checkpoint."""
        return max(self.checkpoints.glob("step-*"), default=None)

    def place(self, step: int) -> Path:
        """Where the checkpoint after a step stands."""
        return self.checkpoints / f"step-{step:08}"

    def save(self, sam: Sam, optimiser: torch.optim.Optimizer, step: int) -> Path:
        """Write a checkpoint beside its place, move it there, and remove the older ones. Raises `OSError`."""
        place = self.place(step)
        older = [path for path in self.checkpoints.glob("step-*") if path != place]
        if not place.exists():
            partial = _emptied(self.checkpoints / ".partial")
            save_sam(sam, partial)
            write_tensors(_state_of(sam, optimiser), partial / OPTIMISER)
            state = {"step": step, "config": self._config}
            (partial / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
            partial.rename(place)
        for path in older:
            shutil.rmtree(path)
        return place

    def restore(self, sam: Sam, optimiser: torch.optim.Optimizer) -> int:
        """Bring network and optimiser to the newest checkpoint and give its step; 0 where there is none.

        Raises:
            ConfigError: when the run had other settings, or what it began with is another network now.
            CheckpointError: when files are damaged or missing.
        """
        place = self.latest()
        if place is None:
            return 0
        step = self._step_of(place)
        learnt = load_sam(place)
        if learnt.config != sam.config:
            raise ConfigError(f"{self.folder} holds a run of a network of another size: choose another output")
        sam.load_state_dict(learnt.state_dict())
        tensors = read_tensors(place / OPTIMISER)
        if not _are_state_of(sam, tensors):
            raise UnreadableCheckpointError(f"{place / OPTIMISER} is damaged: remove {place} to begin anew")
        _set_state(sam, optimiser, tensors)
        return step

    def export(self, sam: Sam) -> Path:
        """Write the finished network."""
        partial = _emptied(self.folder / ".model")
        save_sam(sam, partial)
        shutil.rmtree(self.model, ignore_errors=True)
        return partial.rename(self.model)

    def _step_of(self, place: Path) -> int:
        try:
            state = json.loads((place / STATE).read_text(encoding="utf-8"))
            step, before = int(state["step"]), _flat(state["config"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnreadableCheckpointError(f"{place / STATE} is damaged: remove {place} to begin anew") from error
        now = _flat(self._config)
        other = sorted(name for name in now if now[name] != before.get(name) and not _may_change(name))
        if other:
            changes = ", ".join(f"{name} {before.get(name)} (now {now[name]})" for name in other)
            raise ConfigError(f"{self.folder} holds a run with {changes}: choose another output, or the same settings")
        return step


def _state_of(sam: Sam, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """AdamW's averages, by the name of the parameter and of the average."""
    return {
        f"{name}/{kind}": value.detach().cpu().contiguous()
        for name, parameter in sam.named_parameters()
        for kind, value in optimiser.state.get(parameter, {}).items()
    }


def _are_state_of(sam: Sam, tensors: Mapping[str, Tensor]) -> bool:
    """Whether each is a parameter's average, of its shape, or its count of steps."""
    shapes = {name: parameter.shape for name, parameter in sam.named_parameters()}
    owners = {name: name.rpartition("/")[0] for name in tensors}
    return all(
        owner in shapes and (name.endswith("/step") or tensors[name].shape == shapes[owner])
        for name, owner in owners.items()
    )


def _set_state(sam: Sam, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The count of steps stays on the CPU, where AdamW keeps it."""
    parameters = dict(sam.named_parameters())
    for name, tensor in tensors.items():
        owner, _, kind = name.rpartition("/")
        parameter = parameters[owner]
        optimiser.state[parameter][kind] = tensor if kind == "step" else tensor.to(parameter.device)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _plain(config: TrainingConfig) -> Any:
    return json.loads(json.dumps(asdict(config), default=str))


def _flat(section: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in section.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def _may_change(name: str) -> bool:
    return any(name == free or name.startswith(f"{free}.") for free in MAY_CHANGE)
