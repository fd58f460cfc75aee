"""`samloom evaluate bundled`: how good the bundled models are on art that none of them was trained on."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Art(StrEnum):
    """Families of art that were kept out of every training; the cutouts are photographs."""

    TWEMOJI = "twemoji"
    OPENMOJI = "openmoji"
    CUTOUTS = "cutouts"


class Part(StrEnum):
    """What is measured."""

    DETECTION = "detection"
    MASKS = "masks"
    NAMING = "naming"
    EDITS = "edits"


def bundled(
    *,
    art: Annotated[Art, typer.Option(help="Whose stickers the scenes are made of.")] = Art.TWEMOJI,
    scenes: Annotated[int, typer.Option(min=1, help="How many scenes are composed.")] = 200,
    seed: Annotated[int, typer.Option(help="The same seed composes the same scenes.")] = 0,
    part: Annotated[list[Part] | None, typer.Option(help="Measure only this; may be given several times.")] = None,
    preset: Annotated[str, typer.Option(help="The models to measure.")] = "bundled",
    sheet: Annotated[Path | None, typer.Option(metavar="FILE", help="Save a contact sheet of the edits.")] = None,
) -> None:
    """Compose scenes of unseen art and measure detection, masks, naming and edits on them."""
    from pipelines.command.terminal import say
    from pipelines.errors import UserError

    try:
        from recipes.evaluation.table import evaluate, render

        table = evaluate(art.value, scenes, seed, tuple(part or Part), preset=preset, sheet=sheet)
    except ModuleNotFoundError as error:
        raise UserError(f"the evaluation needs {error.name}: uv pip install --editable recipes.") from error
    say(render(table))
