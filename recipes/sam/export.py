"""Write the running average of a stage as the bundled model: `python -m recipes.sam.export [STAGE] [DIRECTORY]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from recipes.sam.evaluate import BUNDLED
from recipes.sam.stages import STAGES
from recipes.sam.train import RUNS
from sam_model.checkpoints import save_sam
from sam_model.modeling.sam import build_sam


def export(stage: str, directory: Path) -> None:
    """Half precision, official key names."""
    sam = build_sam(STAGES[stage].config)
    state = torch.load(RUNS / f"sam-{stage}" / "checkpoint.pt", map_location="cpu", weights_only=True)
    sam.load_state_dict(state["average"])
    save_sam(sam, directory, dtype=torch.float16)
    print(f"{directory}: step {state['step']} of stage {stage!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", nargs="?", choices=sorted(STAGES), default="named")
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    arguments = parser.parse_args()
    export(arguments.stage, arguments.directory)


if __name__ == "__main__":
    main()
