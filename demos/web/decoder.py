"""What a browser needs to answer clicks by itself: the decoder as an ONNX graph, and what it makes of a picture.

The embedding, and what the decoder reads from it whatever is asked, are computed here, once for a picture. The browser
gets them as safetensors in half precision and runs the rest (`sam_model.export`'s graph `web`) at every move.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import xxhash

from pipelines.cache import default_cache_root
from pipelines.errors import Cancelled, UserError
from pipelines.families import Model
from pipelines.models import current_pool, lease
from pipelines.values import Image
from plugins.sam.models import Sam

if TYPE_CHECKING:
    from sam_model.modeling import Sam as Network
    from sam_model.predictor import ImageEmbedding

GRAPH = "web"
_FORMAT = "2"
"""Part of the graph's name: another where the export changes."""
_exporting = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """How a picture lies in the model's square, and the side of the logits over that square."""

    height: int
    width: int
    square: int
    logits: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A picture, ready for the browser: `look` are the bytes of a safetensors file, `graph` names the decoder."""

    frame: Frame
    look: bytes
    graph: str


def see(image: Image, cancel: threading.Event) -> Seen:
    """Embed a picture with the current pool's Segment Anything, and have its decoder ready.

    Raises `ModelError` if the weights are missing, `UserError` if the packages are that write ONNX graphs, and
    `Cancelled` when `cancel` is set, as soon as what goes on is done.
    """
    from plugins.sam.adapter import PredictorSam

    with lease(PredictorSam) as sam:
        network = sam.predictor.sam
        graph = prepare_graph(network, current_pool().resolve(Sam.family, Model()).revision)
        _go_on(cancel)
        embedding = sam.predictor.embed(image.pixels)
        _go_on(cancel)
    square, logits = network.config.image_size, network.config.logits_size
    frame = Frame(height=image.height, width=image.width, square=square, logits=logits)
    return Seen(frame=frame, look=pack(embedding), graph=graph)


def _go_on(cancel: threading.Event) -> None:
    if cancel.is_set():
        raise Cancelled("stopped while a picture was embedded")


def pack(embedding: ImageEmbedding) -> bytes:
    """The inputs of the graph that depend on the picture alone, as safetensors of float16."""
    from safetensors.numpy import save

    from sam_model.export import READ

    read = (embedding.picture.pixels, *embedding.picture.projected)
    halves = (tensor.half().cpu().contiguous().numpy() for tensor in read)  # safetensors writes memory as it lies
    packed: bytes = save(dict(zip(READ, halves, strict=True)))
    return packed


def prepare_graph(network: Network, revision: str) -> str:
    """The name of the decoder of these weights, exported at the first call and kept in the user's cache.

    Raises `UserError` when onnx or onnxscript is not installed, or the file cannot be written.
    """
    from sam_model.errors import ExportError
    from sam_model.export import export_onnx

    name = xxhash.xxh3_128_hexdigest(f"{revision}\0{_FORMAT}".encode())
    with _exporting:
        if graph_file(name).is_file():
            return name
        making = _root() / f"{name}.{secrets.token_hex(4)}"
        try:
            export_onnx(network, making, (GRAPH,))
            making.rename(_root() / name)
        except ExportError as error:
            raise UserError(f"The decoder for the browser cannot be made: {error}.") from error
        except OSError as error:
            if not graph_file(name).is_file():  # else another process was faster
                raise UserError(f"The browser's decoder cannot be kept in {_root()}: {error.strerror}.") from error
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return name


def graph_file(name: str) -> Path:
    """Where the decoder of this name lies once it is made."""
    return _root() / name / f"{GRAPH}.onnx"


def _root() -> Path:
    return default_cache_root().parent / "browser"
