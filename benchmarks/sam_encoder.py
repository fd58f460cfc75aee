"""The ViT-B image encoder at 1024 pixels in float32, ours beside Meta's `segment-anything`: time and peak memory.

    python benchmarks/sam_encoder.py

Each contender runs in processes of its own, in turn. The least time of all runs counts, on the clock and of the
processor (on a busy machine the latter says more); the first run of a process warms up. Memory is the greatest that a
process held, with Python, PyTorch and the weights.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypedDict

ROUNDS = 2
RUNS = 2
LIMITS = {"seconds": 0.8, "processor": 0.8, "peak": 0.5}
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""`ru_maxrss` counts bytes on macOS and kilobytes elsewhere."""


class Cost(TypedDict):
    """Seconds on the clock, seconds of the processor, and peak bytes."""

    seconds: float
    processor: float
    peak: float


def main() -> None:
    """Run the contenders in turn and print what they cost and the ratios."""
    costs: dict[str, Cost] = {}
    for _ in range(ROUNDS):
        for name in CONTENDERS:
            costs[name] = _least(costs.get(name), _in_process(name))
    for name, cost in costs.items():
        print(
            f"{name:<7} {cost['seconds']:6.2f} s   processor {cost['processor']:6.2f} s   {cost['peak'] / 1e6:6.0f} MB"
        )
    for key, limit in LIMITS.items():
        print(f"{key}: {costs['samloom'][key] / costs['meta'][key]:.2f}× (wanted ≤ {limit:g})")  # type: ignore[literal-required]


def _least(before: Cost | None, now: Cost) -> Cost:
    if before is None:
        return now
    return {
        "seconds": min(before["seconds"], now["seconds"]),
        "processor": min(before["processor"], now["processor"]),
        "peak": min(before["peak"], now["peak"]),
    }


def _in_process(name: str) -> Cost:
    found = subprocess.run([sys.executable, __file__, name], check=True, capture_output=True, text=True)
    cost: Cost = json.loads(found.stdout)
    return cost


def contend(name: str) -> Cost:
    """Encode one square several times in this process."""
    encode = CONTENDERS[name]()
    encode()
    seconds, processor = [], []
    for _ in range(RUNS):
        clock, used = time.perf_counter(), time.process_time()
        encode()
        seconds.append(time.perf_counter() - clock)
        processor.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * PEAK_UNIT
    return {"seconds": min(seconds), "processor": min(processor), "peak": peak}


def _samloom() -> Callable[[], object]:
    from sam_model import VIT_B, build_sam

    return _encoder(build_sam(VIT_B).image_encoder)


def _meta() -> Callable[[], object]:
    from segment_anything import sam_model_registry

    return _encoder(sam_model_registry["vit_b"]().image_encoder)


def _encoder(encoder: Callable[..., object]) -> Callable[[], object]:
    import torch

    square = torch.randn(1, 3, 1024, 1024)

    def encode() -> object:
        with torch.inference_mode():
            return encoder(square)

    return encode


CONTENDERS = {"samloom": _samloom, "meta": _meta}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(contend(sys.argv[1])))
    else:
        main()
