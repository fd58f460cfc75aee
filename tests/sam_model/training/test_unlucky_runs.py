"""What goes wrong in a run is told in one line, and what was learnt before stays."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sam_model import build_sam, save_sam
from sam_model.errors import ConfigError, DivergedError, UnreadableCheckpointError
from sam_model.tensor_files import write_tensors
from sam_model.training.trainer import Trainer


def checkpoint_of(config) -> Path:
    (place,) = (config.run.output / "checkpoints").iterdir()
    return place


def test_a_loss_that_is_no_number_ends_the_run_and_the_last_checkpoint_stays(begin, monkeypatch):
    config = begin(run={"save_minutes": 0.0})
    trainer = Trainer(config)
    step = trainer.learner.step
    monkeypatch.setattr(
        trainer.learner, "step", lambda at, portions: step(at, portions) * (float("nan") if at == 2 else 1.0)
    )
    message = r"the loss of step 3 is nan: begin with a lower optimiser\.rate or with optimiser\.clip; \S+ holds what"
    with pytest.raises(DivergedError, match=message):
        trainer.train()
    assert checkpoint_of(config).name == "step-00000002"
    assert not trainer.store.model.exists()


def test_a_run_does_not_go_on_with_a_network_of_another_size(begin, small):
    config = begin(run={"steps": 1})
    Trainer(config).train()
    shutil.rmtree(config.network.start)
    save_sam(build_sam(replace(small, width=64)), config.network.start)
    with pytest.raises(ConfigError, match="holds a run of a network of another size: choose another output"):
        Trainer(config)


@pytest.mark.parametrize("name", ["mask_decoder.iou_token.weight/exp_avg", "nothing/exp_avg"])
def test_averages_that_are_not_the_networks_are_damage(begin, name):
    config = begin(run={"steps": 1})
    Trainer(config).train()
    file = checkpoint_of(config) / "optimiser.safetensors"
    save_file({**load_file(file), name: torch.zeros(3)}, file)
    with pytest.raises(UnreadableCheckpointError, match=r"optimiser\.safetensors is damaged: remove \S+ to begin anew"):
        Trainer(config)


def test_tensors_that_cannot_be_written_are_an_error_of_the_file(tmp_path):
    with pytest.raises(OSError, match="serializ") as caught:
        write_tensors({"a": torch.zeros(3)}, tmp_path / "nowhere" / "a.safetensors")
    assert caught.value.filename == str(tmp_path / "nowhere" / "a.safetensors")
