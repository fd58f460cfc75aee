"""How long the command takes before it does anything: `--help` and `check` beside importing typer and pydantic alone.

    python benchmarks/startup.py

Prints the least of several cold processes and the ratios; imports of torch on the way are counted and should be none.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 7
BASELINE = [sys.executable, "-c", "import typer, pydantic"]
COMMANDS = {
    "samloom --help": (["--help"], 3.0),
    "samloom check edit.yaml": (["check", "demos/pipelines/edit.yaml"], 5.0),
}


def main() -> None:
    """Time baseline and commands in turn, so that a slow moment of the machine meets all of them alike."""
    runs = {"import typer, pydantic": BASELINE} | {
        name: samloom(arguments) for name, (arguments, _) in COMMANDS.items()
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, command in runs.items():
            best[name] = min(best[name], seconds(command))
    baseline = best["import typer, pydantic"]
    for name, took in best.items():
        limit = f"  (wanted ≤ {COMMANDS[name][1]:g})" if name in COMMANDS else ""
        print(f"{name:<26} {1000 * took:6.0f} ms   {took / baseline:5.2f}×{limit}")
    for name, (arguments, _) in COMMANDS.items():
        print(f"{name} imports torch: {'yes' if imports_torch(arguments) else 'no'}")


def samloom(arguments: list[str]) -> list[str]:
    """The installed command, as its users start it."""
    return [str(Path(sys.executable).with_name("samloom")), *arguments]


def seconds(command: list[str]) -> float:
    """Wall time of one cold process."""
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def imports_torch(arguments: list[str]) -> bool:
    """Whether the command has torch among its modules when it ends."""
    code = (
        "import sys\nfrom pipelines.cli import app\nfrom pipelines.command.terminal import exit_code\n"
        f"exit_code(app, {arguments!r})\nprint('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    return found.stdout.split()[-1] == "True"


if __name__ == "__main__":
    main()
