"""`samloom export`: Segment Anything as ONNX files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class GraphName(StrEnum):
    """What can be exported."""

    ENCODER = "encoder"
    DECODER = "decoder"
    LOOK = "look"
    ANSWER = "answer"
    LOGITS = "logits"
    WEB = "web"


def export(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="A preset, a directory, a .pth or .safetensors file, or a hub id.")
    ] = "bundled",
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where the files go.")] = Path("onnx"),
    graph: Annotated[
        list[GraphName] | None,
        typer.Option(help="One file for each. Default: encoder and decoder.", show_default=False),
    ] = None,
    best_mask: Annotated[bool, typer.Option("--best-mask", help="One mask a prompt instead of all four.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Download no weights.")] = False,
) -> None:
    """Write Segment Anything as ONNX files for onnxruntime, on a server or in a browser.

    encoder: scaled picture to embedding. decoder: embedding and prompts to masks, with the inputs of the official
    export. look and answer: the decoder in two, what depends on the picture alone and the rest, so that a click costs
    less. logits: answer without masks at the size of the picture. web: logits for ONNX Runtime Web. Each file is run
    once in onnxruntime, where that is installed, and compared with PyTorch.
    """
    from pipelines.command.terminal import say
    from pipelines.errors import UserError
    from pipelines.families import find_family
    from pipelines.outputs import check_folder
    from sam_model.errors import SamModelError
    from sam_model.export import export_onnx

    family = find_family("sam")
    check_folder(output)
    sam = family.load(family.resolve(model, offline=offline), device="cpu", dtype="float32").predictor.sam
    for name in graph or (GraphName.ENCODER, GraphName.DECODER):
        try:
            written = export_onnx(sam, output, [name.value], best_mask=best_mask)[name.value]
        except SamModelError as error:
            raise UserError(str(error)) from error
        size = sum(file.stat().st_size for file in output.glob(f"{written.path.name}*")) / 1e6
        checked = "not compared: onnxruntime is not installed"
        if written.difference is not None:
            checked = f"differs from PyTorch by {written.difference:.0e} at most"
        say(f"{written.path}  {size:.1f} MB, {checked}")
