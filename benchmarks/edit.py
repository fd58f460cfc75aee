"""What an edit costs beyond what it stands on: `samloom edit` beside importing torch, Grounding DINO and the inpainter.

    python benchmarks/edit.py

Every run is a cold process. Prints the least of several, and the ratios; on a busy machine only processor time tells.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 3
IMPORTS = (
    "import torch\n"
    "from transformers import GroundingDinoForObjectDetection\n"
    "from diffusers import StableDiffusionInpaintPipeline\n"
)
PICTURE = "demos/images/dog.png"
INSTRUCTION = "replace the dog with a cat"
TIME_LIMIT, MEMORY_LIMIT = 1.6, 1.5
# The kernel gives peak memory in KiB, except on macOS.
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """Wall time, processor time and peak resident memory of one process."""

    seconds: float
    processor_seconds: float
    peak_bytes: int


def main() -> None:
    """Measure both in turn, so that a slow moment of the machine meets both alike."""
    with tempfile.TemporaryDirectory() as folder:
        baseline = [sys.executable, "-c", IMPORTS]
        edit = [samloom(), "edit", PICTURE, INSTRUCTION, "-o", str(Path(folder, "edited.png")), "--no-cache", "--quiet"]
        rounds = [(cost(baseline), cost(edit)) for _ in range(ROUNDS)]
    imports, edits = (best(list(runs)) for runs in zip(*rounds, strict=True))
    print(f"{'':<10} {'imports':>10} {'samloom edit':>14} {'ratio':>8}")
    row("seconds", imports.seconds, edits.seconds, TIME_LIMIT)
    row("CPU s", imports.processor_seconds, edits.processor_seconds)
    row("peak MiB", imports.peak_bytes / 2**20, edits.peak_bytes / 2**20, MEMORY_LIMIT)


def samloom() -> str:
    """The installed command, as its users start it."""
    return str(Path(sys.executable).with_name("samloom"))


def cost(command: list[str]) -> Cost:
    """Run a command to its end; raises `CalledProcessError` if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * PEAK_UNIT)


def best(costs: list[Cost]) -> Cost:
    """The least of each: whatever is above it was the machine's doing."""
    return Cost(
        min(run.seconds for run in costs),
        min(run.processor_seconds for run in costs),
        min(run.peak_bytes for run in costs),
    )


def row(name: str, imports: float, edit: float, limit: float | None = None) -> None:
    """One line of the table."""
    wanted = "" if limit is None else f"  (wanted ≤ {limit:g})"
    print(f"{name:<10} {imports:10.1f} {edit:14.1f} {edit / imports:7.2f}×{wanted}")


if __name__ == "__main__":
    main()
