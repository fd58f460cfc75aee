"""Write the running average of a stage as the bundled detector: `python -m recipes.vitdet.export STAGE`."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from plugins.vitdet.checkpoints import save_vitdet
from plugins.vitdet.modeling import VitDet
from recipes.vitdet.evaluate import BUNDLED
from recipes.vitdet.stages import CONFIG, STAGES
from recipes.vitdet.train import RUNS
from recipes.world import DETECTION_NOUNS


def export(stage: str, directory: Path) -> None:
    """Half precision, detectron2's names where it has the part."""
    network = VitDet(CONFIG)
    state = torch.load(RUNS / f"vitdet-{stage}" / "checkpoint.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    save_vitdet(network, DETECTION_NOUNS, directory, dtype=torch.float16)
    print(f"{directory}: step {state['step']} of stage {stage!r}, {state['seconds'] / 60:.0f} minutes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", nargs="?", choices=sorted(STAGES), default="first")
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    arguments = parser.parse_args()
    export(arguments.stage, arguments.directory)


if __name__ == "__main__":
    main()
