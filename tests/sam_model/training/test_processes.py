"""Two processes on a CPU learn as one does, and stay the same."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from sam_model import load_sam
from sam_model.training.trainer import Trainer

SCRIPT = """
import hashlib, pathlib, sys
from safetensors.torch import load_file, save_file
from plugins.training.files import read_config
from sam_model.training.trainer import Trainer

losses = []
trainer = Trainer(read_config(sys.argv[1], {}), listeners=[lambda event: losses.append(getattr(event, "loss", None))])
trainer.train()
rank = trainer.accelerator.process_index
assert trainer.accelerator.num_processes == 2
state = {name: tensor.contiguous() for name, tensor in trainer.learner.sam.state_dict().items()}
save_file(state, pathlib.Path(sys.argv[1]).parent / f"rank{rank}.safetensors")
assert bool(losses) == (rank == 0)
"""


@pytest.mark.slow
def test_two_processes_end_with_the_same_weights_and_with_those_of_one(begin, tmp_path):
    from safetensors.torch import load_file

    from plugins.training.printing import as_yaml

    config = begin(run={"batch": 4, "steps": 3}, network={"drop_path": 0.2})
    one = Trainer(config).train()
    (tmp_path / "config.yaml").write_text(as_yaml(replace(config, run=replace(config.run, output=tmp_path / "two"))))
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*command, str(tmp_path / "script.py"), str(tmp_path / "config.yaml")], env=environment, check=True, timeout=900
    )
    ranks = [load_file(tmp_path / f"rank{rank}.safetensors") for rank in (0, 1)]
    alone, saved = load_sam(one.folder).state_dict(), load_sam(tmp_path / "two" / "model").state_dict()
    for name, tensor in ranks[0].items():
        assert torch.equal(tensor, ranks[1][name]), f"{name} differs between the processes"
        assert torch.equal(tensor, saved[name]), name
        assert torch.allclose(tensor, alone[name], atol=2e-4), f"{name} differs from that of one process"
