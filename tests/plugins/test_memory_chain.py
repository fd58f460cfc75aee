"""The published sizes of the whole chain in one process on a CPU, within a budget of 8 GB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.mark.slow
def test_detector_segment_anything_and_stable_diffusion_take_turns_in_eight_gigabytes(tmp_path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, env=environment)
    told = json.loads(done.stdout.splitlines()[-1])
    assert sum(told["weights_gb"].values()) > 8
    came_and_went = told["models"]
    painter = came_and_went.index(["loaded", "stable_diffusion"])
    assert came_and_went[:2] == [["loaded", "grounding_dino"], ["loaded", "sam"]]
    assert ["evicted", "grounding_dino"] in came_and_went[:painter]
    assert told["painted"] == [1]
    assert told["verify"]["changed_outside"] == 0
