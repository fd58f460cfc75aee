"""Everything that guards the project, in the order in which it fails fastest: `make test` runs this.

`python tests/check.py lint types` runs only these; `slow` is run when asked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
# Two busy thread pools on two cores spin against each other; passive waiting makes the suite several times faster.
ENVIRONMENT = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
#: Each starts the whole page, with a Gradio that keeps its state in the process: they run one to a process.
SERVED = [
    f"tests/demos/web/test_{name}.py"
    for name in ("page", "edit_ways", "pipelines_page", "bad_input_page", "everything", "click", "programs")
]
QUICK = ["pytest", "-m", "not slow and not browser", "--durations=10"]
PAGES = {Path(file).stem: ["pytest", "-m", "not slow", file] for file in SERVED}
CHECKS = {
    "lint": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "layers": ["lint-imports"],
    "types": ["mypy"],
    "tests": [*QUICK, "--ignore=tests/demos/web"],
    "web": [*QUICK, "tests/demos/web", *(f"--ignore={file}" for file in SERVED)],
    **PAGES,
    "slow": ["pytest", "-m", "slow", "--durations=10"],
}
#: What `make test` runs: the published sizes at full resolution (`slow`) take ten minutes and 10 GB, and the long ways
#: through the page (`browser`) twenty minutes: both are asked for.
USUAL = ("lint", "format", "layers", "types", "tests", "web", "test_page")


def main() -> int:
    """Run the checks named on the command line, or all; report every failure instead of stopping at the first."""
    wanted = sys.argv[1:] or list(USUAL)
    if wanted == ["browser"]:
        wanted = list(PAGES)
    if unknown := [name for name in wanted if name not in CHECKS]:
        print(f"unknown check {unknown[0]!r}: choose from {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = [name for name in wanted if not passes(name)]
    print(f"failed: {', '.join(failed)}" if failed else f"all passed: {', '.join(wanted)}", flush=True)
    return 1 if failed else 0


def passes(name: str) -> bool:
    """Run one check with its output in sight and say how long it took."""
    command, *arguments = CHECKS[name]
    print(f"── {name}: {command} {' '.join(arguments)}", flush=True)
    started = time.perf_counter()
    passed = subprocess.run([BIN / command, *arguments], cwd=ROOT, env=ENVIRONMENT, check=False).returncode == 0
    print(f"── {name}: {'passed' if passed else 'FAILED'} in {time.perf_counter() - started:.0f} s\n", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
