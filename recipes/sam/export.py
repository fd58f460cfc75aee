"""Write the running average of a stage as the bundled model: `python -m recipes.sam.export [STAGE] [DIRECTORY]`.

With `--earlier STAGE` a share of the weights is that stage's, from which this one went on (`bundled`: of the weights
that are there): the straight line between them gives back some of what was forgotten (model soups, arXiv 2203.05482).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recipes.sam.evaluate import BUNDLED
from recipes.sam.stages import BUNDLED as WHAT_IS_THERE
from recipes.sam.stages import STAGES
from recipes.sam.train import RUNS
from sam_model.checkpoints import load_sam, save_sam
from sam_model.modeling.sam import build_sam

TEXTS = "prompt_encoder.text_proj."


def export(stage: str, directory: Path, *, earlier: str | None = None, share: float = 0.0) -> None:
    """Half precision, official key names."""
    sam = build_sam(STAGES[stage].config)
    state = _read(stage)
    weights = state["average"] if earlier is None else blended(state["average"], _weights(earlier), share)
    sam.load_state_dict(weights)
    save_sam(sam, directory, dtype=torch.float16)
    print(f"{directory}: step {state['step']} of stage {stage!r}")


def blended(later: dict[str, Tensor], earlier: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """The later weights with a share of the earlier ones, but for the projection of texts and for counters."""
    return {
        name: weight if name.startswith(TEXTS) or not weight.is_floating_point() else weight.lerp(earlier[name], share)
        for name, weight in later.items()
    }


def _weights(stage: str) -> dict[str, Tensor]:
    if stage == WHAT_IS_THERE:
        return load_sam(BUNDLED).state_dict()
    weights: dict[str, Tensor] = _read(stage)["average"]
    return weights


def _read(stage: str) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(RUNS / f"sam-{stage}" / "checkpoint.pt", map_location="cpu", weights_only=True)
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", nargs="?", choices=sorted(STAGES), default="wide")
    parser.add_argument("directory", nargs="?", type=Path, default=BUNDLED)
    parser.add_argument(
        "--earlier", choices=[*sorted(STAGES), WHAT_IS_THERE], help="where some of the weights come from"
    )
    parser.add_argument("--share", type=float, default=0.1, help="which part of them")
    arguments = parser.parse_args()
    export(arguments.stage, arguments.directory, earlier=arguments.earlier, share=arguments.share)


if __name__ == "__main__":
    main()
