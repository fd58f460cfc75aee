"""From modules to files: trace, save, and compare with the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sam_model.errors import ExportError
from sam_model.export.modules import READ, Answer, Decoder, Encoder, Logits, Look
from sam_model.export.webassembly import for_webassembly
from sam_model.modeling import Sam

OPSET = 20
"""The first with a GELU of its own."""
TOLERANCE = 1e-3
PROMPTS = ("point_coords", "point_labels")
ANSWERS = ("masks", "iou_predictions", "low_res_masks")


@dataclass(frozen=True, eq=False)
class Graph:
    """A part of the network with inputs to trace it by."""

    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: Sequence[str]


@dataclass(frozen=True)
class Written:
    """A file, and by how much its outputs differ from the network's, relative to the largest; None if not compared."""

    path: Path
    difference: float | None


GRAPHS = ("encoder", "decoder", "look", "answer", "logits", "web")


def export_onnx(
    sam: Sam,
    folder: str | PathLike[str],
    graphs: Sequence[str] = ("encoder", "decoder"),
    *,
    best_mask: bool = False,
) -> dict[str, Written]:
    """Write parts of the network as `<name>.onnx`, in float32; weights over 2 GB lie beside the graph.

    Args:
        sam: the network; it is not changed.
        folder: made when missing.
        graphs: of `GRAPHS`.
        best_mask: one mask a prompt, chosen as the official export chooses: the single mask after several points, the
            best of three after one. Otherwise all four.

    Returns:
        The file of each graph, and how it compares where onnxruntime is installed.

    Raises:
        ExportError: for an unknown graph, when the packages of the extra `onnx` are missing, or when onnxruntime gives
            other results than PyTorch.
    """
    unknown = [name for name in graphs if name not in GRAPHS]
    if unknown:
        raise ExportError(f"no graph {unknown[0]!r}: there are {', '.join(GRAPHS)}")
    _check_packages()
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    plain = _plain(sam)
    return {
        name: _write(part, target / f"{name}.onnx") for name, part in parts(plain, graphs, best_mask=best_mask).items()
    }


@torch.no_grad()
def parts(sam: Sam, graphs: Sequence[str], *, best_mask: bool) -> dict[str, Graph]:
    """The asked-for parts, with inputs of the right shapes."""
    side, logits, grid, width = sam.config.image_size, sam.config.logits_size, sam.config.grid_size, sam.config.width
    embedding = {"image_embeddings": torch.randn(1, width, grid, grid)}
    hint = {"mask_input": torch.randn(1, 1, logits, logits), "has_mask_input": torch.zeros(1)}
    prompts = {"point_coords": torch.rand(2, 3, 2) * side, "point_labels": torch.ones(2, 3)}
    size = {"orig_im_size": torch.tensor([side - 3.0, side + 5.0])}
    look = Look(sam)
    made = {
        "encoder": Graph(Encoder(sam), {"image": torch.rand(side, side - 2, 3) * 255}, ("image_embeddings",)),
        "decoder": Graph(Decoder(sam, best_mask=best_mask), {**embedding, **prompts, **hint, **size}, ANSWERS),
        "look": Graph(look, {**embedding, **hint}, READ),
    }
    if {"answer", "logits", "web"}.intersection(graphs):
        asked = {**dict(zip(READ, look(**embedding, **hint), strict=True)), **prompts}
        made["answer"] = Graph(Answer(sam, best_mask=best_mask), {**asked, **size}, ANSWERS)
        made["logits"] = Graph(Logits(sam, best_mask=best_mask), asked, ANSWERS[1:])
        made["web"] = Graph(Logits(for_webassembly(sam), best_mask=best_mask), asked, ANSWERS[1:])
    return {name: made[name] for name in graphs}


def _plain(sam: Sam) -> Sam:
    """In float32, on the CPU, as it answers: itself if it is so already, for ViT-H has 2.5 GB."""
    if sam.device.type == "cpu" and sam.dtype == torch.float32 and not sam.training:
        return sam
    return deepcopy(sam).to("cpu", torch.float32).eval()


def _check_packages() -> None:
    for package in ("onnx", "onnxscript"):
        try:
            import_module(package)
        except ImportError as error:
            raise ExportError(f"ONNX graphs need the packages of samloom[onnx]: {package} is missing") from error


def _write(graph: Graph, path: Path) -> Written:
    dynamic = torch.export.Dim.DYNAMIC
    axes: dict[str, Any] = {name: dict.fromkeys((0, 1), dynamic) for name in ("image", *PROMPTS)}
    program: Any = torch.onnx.export(
        graph.module.eval(),
        kwargs=dict(graph.inputs),
        dynamo=True,
        dynamic_shapes={name: axes.get(name) for name in graph.inputs},
        input_names=list(graph.inputs),
        output_names=list(graph.outputs),
        opset_version=OPSET,
        verbose=False,
    )
    program.save(path)
    return Written(path, _difference(graph, path))


@torch.no_grad()
def _difference(graph: Graph, path: Path) -> float | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(path)
    found = session.run(None, {name: tensor.numpy() for name, tensor in graph.inputs.items()})
    expected = graph.module(**graph.inputs)
    expected = (expected,) if isinstance(expected, Tensor) else expected
    pairs = zip(found, expected, strict=True)
    worst = max(float((torch.from_numpy(one) - other).abs().max() / other.abs().max()) for one, other in pairs)
    if not worst <= TOLERANCE:
        raise ExportError(f"{path} gives other results than the network, off by {worst:.1e} of the largest value")
    return worst
