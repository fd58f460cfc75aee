"""`samloom batch` in a process that is killed, or asked to stop."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from batches import files, journal, picture

from pipelines.images import read_image

pytestmark = pytest.mark.usefixtures("pictures")


def start(*more: str) -> subprocess.Popen[str]:
    """The same command in a process of its own, which can be killed."""
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "batch",
        "p.yaml",
        "in",
        "-o",
        "out",
        "-i",
        "size=240",
        "--no-cache",
        *more,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_lines(number: int, process: subprocess.Popen[str]) -> None:
    """Wait until the journal has grown by so many lines."""
    path = Path("out/journal.jsonl")
    before = path.read_bytes().count(b"\n") if path.exists() else 0
    while not path.exists() or path.read_bytes().count(b"\n") < before + number:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.fixture
def many(pictures: Path) -> list[str]:
    """Thirty pictures that take a moment each, in `in`."""
    for number in range(30):
        picture(Path("in", f"{number:02d}.png"), number, size=(480, 360))
    return sorted(path.name for path in Path("in").glob("*.png"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_at_any_moment_nothing_is_lost_done_twice_or_half_there(many, workers):
    chance = random.Random(int(workers))
    for _ in range(4):
        process = start("-q", "--workers", workers)
        wait_for_lines(chance.randint(1, 4), process)
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    process = start("-q", "--workers", workers)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"{len(many) - int(out.split()[2])} done")
    assert sorted(line["picture"] for line in journal()) == many
    assert {line["status"] for line in journal()} == {"done"}
    assert files("out") == {name for line in journal() for name in line["outputs"]}
    for name in many:
        expected = read_image(Path("in", name)).pixels
        assert np.array_equal(read_image(f"out/{Path(name).stem}.photo.png").pixels, expected)
        assert np.array_equal(read_image(f"out/{Path(name).stem}.tiles-whole.png").pixels, expected)


@pytest.mark.slow
def test_an_interrupt_ends_what_is_under_way_and_says_how_to_go_on(many):
    process = start("-q")
    wait_for_lines(2, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    done = len(journal())
    assert (process.returncode, out) == (130, f"{done} done, 0 unchanged, 0 failed: out\n")
    assert err == f"samloom: stopped with {len(many) - done} left. The same command goes on from here.\n"
    assert files("out") == {name for line in journal() for name in line["outputs"]}
    out, _ = start("-q").communicate()
    assert out == f"{len(many) - done} done, {done} unchanged, 0 failed: out\n"
