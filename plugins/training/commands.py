"""`samloom train sam`: train or fine-tune Segment Anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TEXTS = 0.5
STOPPED = 128
"""Added to a signal's number in the exit code of a process that it ended, as shells do."""


def sam(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="[CONFIG]", help="A YAML file or a recipe's name. Default: finetune.", show_default=False
        ),
    ] = None,
    *,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MODEL", help="Go on from this: a preset, directory, .pth, .safetensors or hub id."
        ),
    ] = None,
    mae: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start the encoder from a masked autoencoder.")
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Learn to be asked by text, with this CLIP: a preset, directory or hub id."),
    ] = None,
    texts: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Masks first asked for by it. Default with --clip: 0.5.")
    ] = None,
    images: Annotated[Path | None, typer.Option(metavar="DIR", help="Pictures to learn from.")] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Their masks as COCO JSON. Default: SA-1B's, beside each picture."),
    ] = None,
    validation_images: Annotated[Path | None, typer.Option(metavar="DIR", help="Pictures to measure on.")] = None,
    validation_annotations: Annotated[Path | None, typer.Option(metavar="FILE", help="Their masks.")] = None,
    freeze: Annotated[str | None, typer.Option(metavar="PART", help="What does not learn: nothing or encoder.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps in all; the fall of the rate moves along.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder of the run.")] = None,
    show: Annotated[bool, typer.Option("--print", help="Print the whole configuration as YAML, and stop.")] = False,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the recipes, and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> int:
    """Train Segment Anything as its paper does, or fine-tune it on pictures of your own.

    For example: samloom train sam --from base --images photos --annotations masks.json --freeze encoder -o runs/mine.
    The same command goes on where a run was stopped. On several GPUs: torchrun --nproc-per-node 8 -m pipelines.cli
    train sam CONFIG.
    """
    from plugins.training.files import options_of, read_config
    from plugins.training.printing import as_yaml, recipe_rows

    if list_recipes:
        from pipelines.command.terminal import show_table

        show_table(("recipe", "what it trains", "rate", "steps", "batch"), recipe_rows())
        return 0
    options = options_of(
        start=start, mae=mae, clip=clip, texts=TEXTS if clip and texts is None else texts, images=images,
        annotations=annotations, validation_images=validation_images,
        validation_annotations=validation_annotations, freeze=freeze, steps=steps, output=output,
    )  # fmt: skip
    chosen = read_config(config, options, complete=not show)
    if show:
        from pipelines.command.terminal import say

        say(as_yaml(chosen))
        return 0
    from plugins.training.running import run

    outcome = run(chosen, quiet=quiet)
    return 0 if outcome.signal is None else STOPPED + outcome.signal
