"""Segment Anything, ours beside Meta's package, transformers and the official ONNX export: time and peak memory.

    python benchmarks/sam.py                          # everything, on two threads
    python benchmarks/sam.py --work encode box        # some of it
    python benchmarks/sam.py --device cuda --model vit_h

All have the same random weights, the same picture and the same threads. Each contender of each piece of work runs in
processes of its own, in turn; the first run of a process warms up and is not counted where a run takes little. The
least time of all runs counts, on the clock and of the processor (on a busy machine the latter says more). Memory is the
greatest that a process held, with Python, PyTorch and the weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import sam_works
from sam_table import WORKS

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""`ru_maxrss` counts bytes on macOS and kilobytes elsewhere."""
ENOUGH_SECONDS = 4.0
"""A process repeats its work so long, and at least once."""


class Cost(TypedDict):
    """Seconds on the clock, seconds of the processor, and peak bytes."""

    seconds: float
    processor: float
    peak: float


def main() -> None:
    """Run the contenders in turn and print what they cost and the ratios."""
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child inherits the greatest memory of the one that starts it.
        code = f"import sam_works, pathlib; sam_works.prepare(pathlib.Path({folder!r}), {options.model!r})"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
        costs: dict[str, dict[str, Cost]] = {}
        for _ in range(options.rounds):
            for work in options.work:
                for name in WORKS[work].contenders:
                    cost = in_process(options, folder, work, name)
                    before = costs.setdefault(work, {}).get(name, cost)
                    costs[work][name] = Cost(**{key: min(before[key], cost[key]) for key in cost})  # type: ignore[typeddict-item,literal-required]
                    print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{options.model}, {options.device}, {options.threads} threads, {machine()}\n")
    for line in table(costs):
        print(line)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Options; the last three are for the processes that this one starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--model", choices=("vit_b", "vit_l", "vit_h"), default="vit_b")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--grid", type=int, default=32, help="points a side in everything mode")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def in_process(options: argparse.Namespace, folder: str, work: str, name: str) -> Cost:
    """Let one contender run in a process of its own."""
    command = [sys.executable, __file__, "--work", work, "--contender", name, "--folder", folder]
    for option in ("model", "device", "threads", "grid"):
        command += [f"--{option}", str(getattr(options, option))]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    cost: Cost = json.loads(found.stdout.splitlines()[-1])
    return cost


def contend(options: argparse.Namespace) -> Cost:
    """Do the work several times in this process."""
    import torch

    torch.set_num_threads(options.threads)
    contender = WORKS[options.work[0]].contenders[options.contender]
    setting = sam_works.Setting(options.folder, options.model, options.device, options.threads, options.grid)
    run = contender(setting)
    costs = [measured(run)]
    while sum(cost["seconds"] for cost in costs) < ENOUGH_SECONDS:
        costs.append(measured(run))
    best = costs[1:] or costs
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT
    if options.device == "cuda":
        peak = torch.cuda.max_memory_allocated()
    return {
        "seconds": min(cost["seconds"] for cost in best),
        "processor": min(cost["processor"] for cost in best),
        "peak": peak,
    }


def measured(run: Callable[[], object]) -> Cost:
    """Run once."""
    clock, used = time.perf_counter(), time.process_time()
    run()
    return {"seconds": time.perf_counter() - clock, "processor": time.process_time() - used, "peak": 0.0}


def table(costs: Mapping[str, Mapping[str, Cost]]) -> list[str]:
    """Rows of Markdown: what each piece of work costs beside the first of its peers that ran."""
    lines = [
        "| work | contender | time | processor | peak | time beside it | processor | peak | wanted time, peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in costs.items():
        work = WORKS[name]
        peer = costs.get(work.peer_of or name, found)[work.peer]
        for contender, cost in found.items():
            ratios = [f"{cost[key] / peer[key]:.2f}×" for key in ("seconds", "processor", "peak")]  # type: ignore[literal-required]
            limits = ", ".join(f"≤ {limit:g}×" for limit in work.limits) if contender.startswith("samloom") else ""
            figures = [f"{cost['seconds']:.3g} s", f"{cost['processor']:.3g} s", f"{cost['peak'] / 1e6:,.0f} MB"]
            lines.append(f"| {' | '.join((name, contender, *figures, *ratios, limits))} |")
    return lines


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    given = parse()
    if given.contender:
        print(json.dumps(contend(given)))
    else:
        main()
