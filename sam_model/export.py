"""The network as ONNX graphs, for onnxruntime on a server and in a browser.

    export_onnx(sam, "onnx")                              # encoder.onnx and decoder.onnx
    export_onnx(sam, "onnx", ("look", "answer"))          # the decoder in two: once for a picture, once for a prompt

`decoder` has the inputs and outputs of the official export (`segment_anything/utils/onnx.py`), so pages written for
that one take it. `look` and `answer` are its two halves: what depends on the picture and on a mask hint, and the rest.
As in the official export prompts come as points of the model's square, with labels 1, 0, -1 for padding, and 2 and 3
for the corners of a box; points without a box end with a padding point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.errors import ExportError
from sam_model.modeling import Sam
from sam_model.modeling.cross_attention import Projected
from sam_model.modeling.two_way_transformer import Picture
from sam_model.preprocess import PIXEL_MEAN, PIXEL_STD

OPSET = 20
"""The first with a GELU of its own."""
TOLERANCE = 1e-3
LARGEST_PICTURE = 1 << 20
READ = ("pixels", "key", "value", "query")
PROMPTS = ("point_coords", "point_labels")
ANSWERS = ("masks", "iou_predictions", "low_res_masks")


class Encoder(nn.Module):
    """A scaled picture → its embedding."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.encoder = sam.image_encoder
        self.side = sam.config.image_size

    def forward(self, image: Float[Tensor, "height width 3"]) -> Float[Tensor, "1 c h w"]:
        """Normalise, pad and encode RGB values from 0 to 255 of a picture whose longest side fills the square."""
        normal = (image - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)
        padding = (0, self.side - image.shape[1], 0, self.side - image.shape[0])
        embedding: Tensor = self.encoder(F.pad(rearrange(normal, "h w rgb -> 1 rgb h w"), padding))
        return embedding


class Look(nn.Module):
    """What the decoder makes of an embedding and of a mask hint."""

    def __init__(self, sam: Sam) -> None:
        super().__init__()
        self.sam = sam

    def forward(
        self,
        image_embeddings: Float[Tensor, "1 c h w"],
        mask_input: Float[Tensor, "1 1 height width"],
        has_mask_input: Float[Tensor, " 1"],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Read the picture; the hint counts where `has_mask_input` is 1 and not where it is 0."""
        prompts = self.sam.prompt_encoder
        dense = torch.lerp(prompts.dense(None), prompts.dense(mask_input), has_mask_input)
        picture = self.sam.mask_decoder.look(image_embeddings + dense, prompts.image_positions())
        return picture.pixels, *picture.projected


class Answer(nn.Module):
    """What the decoder answers to n prompts about a picture that it has looked at."""

    def __init__(self, sam: Sam, *, best_mask: bool) -> None:
        super().__init__()
        self.sam = sam
        self.best_mask = best_mask

    def forward(
        self,
        *,
        pixels: Float[Tensor, "1 hw c"],
        key: Float[Tensor, "1 heads hw d"],
        value: Float[Tensor, "1 heads hw d"],
        query: Float[Tensor, "1 heads hw d"],
        point_coords: Float[Tensor, "n k 2"],
        point_labels: Float[Tensor, "n k"],
        orig_im_size: Float[Tensor, " 2"],
    ) -> tuple[Float[Tensor, "n m height width"], Float[Tensor, "n m"], Float[Tensor, "n m low low"]]:
        """Give logits in pixels of the picture, predicted IoU, and logits at low resolution."""
        prompts = self.sam.prompt_encoder
        places = rearrange(prompts.image_positions(), "1 c h w -> 1 (h w) c")
        tokens = prompts.embed_points(point_coords, point_labels.long())
        logits, iou = self.sam.mask_decoder(Picture(pixels, places, Projected(key, value, query)), tokens)
        if self.best_mask:
            logits, iou = _best(logits, iou, point_coords.shape[1])
        return self._full_size(logits, orig_im_size), iou, logits

    def _full_size(
        self, logits: Float[Tensor, "n m h w"], size: Float[Tensor, " 2"]
    ) -> Float[Tensor, "n m height width"]:
        """`ops.masks.upscale_logits` for a size that is known only when the graph runs."""
        side = self.sam.config.image_size
        inner_size = (size * (side / size.max()) + 0.5).floor().clamp(min=1)
        inner_height, inner_width = _sizes(inner_size, at_most=side)
        height, width = _sizes(size, at_most=LARGEST_PICTURE)
        square = F.interpolate(logits, (side, side), mode="bilinear", align_corners=False)
        filled = square.narrow(2, 0, inner_height).narrow(3, 0, inner_width)
        return F.interpolate(filled, [height, width], mode="bilinear", align_corners=False)


class Decoder(nn.Module):
    """Embedding and prompts → masks, in the form of the official export."""

    def __init__(self, sam: Sam, *, best_mask: bool) -> None:
        super().__init__()
        self.look = Look(sam)
        self.answer = Answer(sam, best_mask=best_mask)

    def forward(
        self,
        *,
        image_embeddings: Float[Tensor, "1 c h w"],
        point_coords: Float[Tensor, "n k 2"],
        point_labels: Float[Tensor, "n k"],
        mask_input: Float[Tensor, "1 1 side side"],
        has_mask_input: Float[Tensor, " 1"],
        orig_im_size: Float[Tensor, " 2"],
    ) -> tuple[Float[Tensor, "n m height width"], Float[Tensor, "n m"], Float[Tensor, "n m side side"]]:
        """Look and answer."""
        read = dict(zip(READ, self.look(image_embeddings, mask_input, has_mask_input), strict=True))
        answer: tuple[Tensor, Tensor, Tensor] = self.answer(
            **read, point_coords=point_coords, point_labels=point_labels, orig_im_size=orig_im_size
        )
        return answer


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


GRAPHS = ("encoder", "decoder", "look", "answer")


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
        graphs: of "encoder", "decoder", "look" and "answer".
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
    plain = deepcopy(sam).to("cpu", torch.float32).eval()
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
    look, answer = Look(sam), Answer(sam, best_mask=best_mask)
    made = {
        "encoder": Graph(Encoder(sam), {"image": torch.rand(side, side - 2, 3) * 255}, ("image_embeddings",)),
        "decoder": Graph(Decoder(sam, best_mask=best_mask), {**embedding, **prompts, **hint, **size}, ANSWERS),
        "look": Graph(look, {**embedding, **hint}, READ),
    }
    if "answer" in graphs:
        read = dict(zip(READ, look(**embedding, **hint), strict=True))
        made["answer"] = Graph(answer, {**read, **prompts, **size}, ANSWERS)
    return {name: made[name] for name in graphs}


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


def _best(
    logits: Float[Tensor, "n 4 h w"], iou: Float[Tensor, "n 4"], points: int
) -> tuple[Float[Tensor, "n 1 h w"], Float[Tensor, "n 1"]]:
    single = torch.tensor([1000.0, 0.0, 0.0, 0.0]) * (points - 2.5)  # counting padding, as the official export does
    best = (iou + single).argmax(dim=1, keepdim=True)
    chosen = best[..., None, None].expand(-1, -1, *logits.shape[2:])
    return logits.gather(1, chosen), iou.gather(1, best)


def _sizes(tensor: Float[Tensor, " 2"], *, at_most: int) -> tuple[Any, Any]:
    """Read a size from a tensor; in a traced graph these are symbols, not numbers."""
    height, width = tensor.long().tolist()
    for size in (height, width):
        torch._check(size >= 1)  # noqa: SLF001 (documented under this name)
        torch._check(size <= at_most)  # noqa: SLF001
    return height, width
