"""Pictures a minute of `samloom batch`, and what the engine adds to a bare loop that calls the same nodes.

    python benchmarks/batch.py [PICTURES]

A pipeline of three nodes with the bundled models, on pictures drawn here. The bare loop reads each picture, calls the
three nodes one after the other and writes the same files. Both sides run in one process after a warm-up and
take turns; the overhead is told in processor time, the least of several rounds for each picture, which other work on
the machine hardly changes. Waiting for the disk, without which a run could not be resumed, takes no processor time; it
is part of the pictures a minute.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import cv2
import numpy as np

from pipelines.batch.folder import Tally, run_folder
from pipelines.batch.journal import Journal, Record
from pipelines.batch.threads import on_threads
from pipelines.batch.work import Job, Work
from pipelines.images import read_image, write_image
from pipelines.models import ModelPool
from pipelines.nodes.draw import annotate
from pipelines.outputs import write_outputs
from pipelines.scope import Scope, use_scope
from pipelines.values import Image
from plugins.grounding_dino.nodes import detect
from plugins.sam.nodes import masks

PROMPT = "dog. cat. apple."
PIPELINE = """
version: 1
inputs:
  photo:  {type: Image}
  prompt: {type: Text}
nodes:
  found:   {use: grounding_dino/detect, image: "${photo}", prompt: "${prompt}"}
  cut:     {use: sam/masks, image: "${photo}", boxes: "${found}"}
  overlay: {use: draw/annotate, image: "${photo}", boxes: "${cut}"}
outputs:
  masks: "${cut}"
  overlay: "${overlay}"
"""
PICTURES = 12
ROUNDS = 6
SIZE = (480, 640)
LIMIT = 0.05


def main() -> None:
    """Draw the pictures, measure, print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    with TemporaryDirectory() as name:
        folder = Path(name, "in")
        names = draw(folder, number)
        Path(name, "three.yaml").write_text(PIPELINE, encoding="utf-8")
        pool = ModelPool(device="cpu")
        work = Work(job(folder, Path(name, "out"), pool))
        compare(names, work, bare(folder, Path(name, "bare"), pool), Path(name, "out"))
        check_same(Path(name, "bare"), Path(name, "out"))
        for workers in (1, 2):
            out = Path(name, f"out-{workers}")
            seconds = timed(names, Work(job(folder, out, pool)), out, workers)
            print(f"{workers} worker{'s' if workers > 1 else ' '}  {60 * len(names) / seconds:6.1f} pictures a minute")


def draw(folder: Path, number: int) -> list[str]:
    """Pictures of coloured shapes, no two alike; gives their names."""
    for index in range(number):
        random = np.random.default_rng(index)
        pixels = np.full((*SIZE, 3), random.integers(100, 256, 3), np.uint8)
        for _ in range(6):
            centre, radius = random.integers(40, 440, 2).tolist(), int(random.integers(20, 90))
            cv2.circle(pixels, centre, radius, random.integers(0, 256, 3).tolist(), -1, cv2.LINE_AA)
        write_image(Image(pixels), folder / f"{index:03d}.png")
    return [path.name for path in sorted(folder.iterdir())]


def job(folder: Path, out: Path, pool: ModelPool) -> Job:
    """What `samloom batch three.yaml FOLDER -o OUT --input prompt=... --no-cache` does."""
    return Job(
        pipeline=str(folder.parent / "three.yaml"),
        inputs={"prompt": PROMPT},
        picture_input="photo",
        folder=folder,
        out=out,
        pool=lambda: pool,
        cache=lambda: None,
    )


def bare(folder: Path, out: Path, pool: ModelPool) -> Callable[[str], object]:
    """One picture in plain Python."""

    def once(name: str) -> object:
        photo = read_image(folder / name)
        with use_scope(Scope(pool=pool)):
            cut = masks(photo, detect(photo, PROMPT))
            overlay = annotate(photo, cut)
        return write_outputs({"masks": cut, "overlay": overlay}, out, prefix=f"{Path(name).stem}.")

    return once


def compare(names: list[str], work: Work, loop: Callable[[str], object], out: Path) -> None:
    """Print processor time a picture of both sides."""
    with Journal(out) as journal:

        def batch(name: str) -> None:
            record = work(name, None)
            if record.status != "done":
                raise RuntimeError(record.error)
            journal.add(record)

        for once in (loop, batch):
            once(names[0])
        pairs = [least(name, loop, batch) for name in names]
    spent = dict(zip(("bare loop", "samloom batch"), map(sum, zip(*pairs, strict=True)), strict=True))
    for side, seconds in spent.items():
        print(f"{side:<14} {1000 * seconds / len(names):8.1f} ms of processor time a picture")
    print(f"overhead       {spent['samloom batch'] / spent['bare loop'] - 1:8.1%}  (wanted ≤ {LIMIT:.0%})")


def least(name: str, *sides: Callable[[str], object]) -> tuple[float, ...]:
    """The least processor time of each side for one picture, in seconds; they take turns, and turns at being first."""
    best = dict.fromkeys(sides, float("inf"))
    for number in range(ROUNDS):
        for once in sides if number % 2 else reversed(sides):
            started = time.process_time()
            once(name)
            best[once] = min(best[once], time.process_time() - started)
    return tuple(best.values())


def check_same(bare: Path, out: Path) -> None:
    """Raise RuntimeError unless both sides wrote the same files."""
    for file in bare.iterdir():
        if file.read_bytes() != (out / file.name).read_bytes():
            raise RuntimeError(f"{file.name} is not what the bare loop wrote")


def timed(names: list[str], work: Callable[[str, Record | None], Record], out: Path, workers: int) -> float:
    """Seconds that a whole folder takes, models already loaded."""
    tally, never = Tally(len(names)), threading.Event()
    started = time.perf_counter()
    with Journal(out) as journal:
        run_folder(
            names,
            journal,
            lambda tasks: on_threads(work, tasks, workers, never),
            tally,
            stop=never,
            show=lambda _: None,
        )
    if tally.done != len(names):
        raise RuntimeError(f"{len(names) - tally.done} pictures were not done")
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
