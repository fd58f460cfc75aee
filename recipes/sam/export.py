"""Write the running average of a stage as the bundled model: `python -m recipes.sam.export [STAGE] [DIRECTORY]`.

With `--earlier STAGE` a tenth of the weights is that stage's, from which this one went on: the straight line between
them gives back some of what was forgotten (model soups, arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recipes.sam.evaluate import BUNDLED
from recipes.sam.stages import STAGES
from recipes.sam.train import RUNS
from sam_model.checkpoints import save_sam
from sam_model.modeling.sam import build_sam

#: Chosen on training art: of 0.4, 0.2 and 0.1 the smallest, for names fade faster than outlines get better.
SHARE = 0.1
TEXTS = "prompt_encoder.text_proj."


def export(stage: str, directory: Path, *, earlier: str | None = None) -> None:
    """Half precision, official key names."""
    sam = build_sam(STAGES[stage].config)
    state = _read(stage)
    weights = state["average"] if earlier is None else blended(state["average"], _read(earlier)["average"])
    sam.load_state_dict(weights)
    save_sam(sam, directory, dtype=torch.float16)
    print(f"{directory}: step {state['step']} of stage {stage!r}")


def blended(later: dict[str, Tensor], earlier: dict[str, Tensor]) -> dict[str, Tensor]:
    """The later weights with a `SHARE` of the earlier ones, but for the projection of texts and for counters."""
    return {
        name: weight if name.startswith(TEXTS) or not weight.is_floating_point() else weight.lerp(earlier[name], SHARE)
        for name, weight in later.items()
    }


def _read(stage: str) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(RUNS / f"sam-{stage}" / "checkpoint.pt", map_location="cpu", weights_only=True)
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", nargs="?", choices=sorted(STAGES), default="named")
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument("--earlier", choices=sorted(STAGES), help="the stage that a tenth of the weights comes from")
    arguments = parser.parse_args()
    export(arguments.stage, arguments.directory, earlier=arguments.earlier)


if __name__ == "__main__":
    main()
