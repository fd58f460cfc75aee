"""Values ⇄ plain files: PNG for pictures, npz for arrays and detections, JSON for everything else. Never pickle.

`encode` turns a value into a JSON tree, which says what it is, and named blobs, which the tree refers to; `decode` goes
back. What comes back equals what went in, to the bit. A type that is not listed here raises `NotStorableError`: such a
value lives in memory only.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from pipelines.images import is_within_limit, open_png
from pipelines.plans import All, Coloured, InHalf, Near, Ranked, Selector, Span
from pipelines.values import Detections, Edit, EditPlan, Embedding, Image, Mask

Tree: TypeAlias = Any
"""What `json` reads and writes; a dict has a "type" that names its codec."""

_ATOMS = (str, bool, int, float, type(None))
_OPTIONAL_ARRAYS = ("mask", "confidence", "class_id", "tracker_id")


class NotStorableError(TypeError):
    """The value has no plain form, so it is not written to disk."""


@dataclass
class Blobs:
    """The files beside a JSON tree, by name."""

    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, suffix: str, data: bytes) -> str:
        """Keep `data` and return the name that the tree should mention."""
        name = f"{len(self.files)}.{suffix}"
        self.files[name] = data
        return name


@dataclass(frozen=True)
class Codec:
    """How values of exactly the class `kind` are written (`encode` gives the tree's fields) and read."""

    name: str
    kind: type
    encode: Callable[[Any, Blobs], dict[str, Tree]]
    decode: Callable[[Mapping[str, Tree], Mapping[str, bytes]], Any]


def encode(value: Any, blobs: Blobs) -> Tree:
    """The JSON tree of `value`; its pictures and arrays are added to `blobs`. Raises `NotStorableError`."""
    if type(value) in _ATOMS:
        return _encode_atom(value)
    codec = _codec_of(value)
    return {"type": codec.name, **codec.encode(value, blobs)}


def decode(tree: Tree, files: Mapping[str, bytes]) -> Any:
    """The value that `tree` describes. Raises KeyError, ValueError or OSError when a part is missing or damaged."""
    if not isinstance(tree, dict):
        return tree
    return _BY_NAME[tree["type"]].decode(tree, files)


def _encode_atom(value: Any) -> Tree:
    # JSON has no word for these three numbers.
    if isinstance(value, float) and not math.isfinite(value):
        return {"type": "float", "value": repr(value)}
    return value


def _codec_of(value: Any) -> Codec:
    if isinstance(value, Detections):
        return _DETECTIONS
    if isinstance(value, PurePath):
        return _PATH
    codec = _BY_KIND.get(type(value))
    if codec is None:
        raise NotStorableError(f"A {type(value).__qualname__} has no plain form on disk.")
    return codec


def _encode_image(image: Image, blobs: Blobs) -> dict[str, Tree]:
    if not is_within_limit(image.size):
        raise NotStorableError("A picture beyond the limit of pixels would not be read again.")
    layers = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    buffer = io.BytesIO()
    Pil.fromarray(layers).save(buffer, "PNG", compress_level=1)
    return {
        "pixels": blobs.add("png", buffer.getvalue()),
        "icc_profile": blobs.add("icc", image.icc_profile) if image.icc_profile is not None else None,
        "exif": blobs.add("exif", image.exif) if image.exif is not None else None,
        "source": image.source,
        "offset": list(image.offset),
    }


def _decode_image(tree: Mapping[str, Tree], files: Mapping[str, bytes]) -> Image:
    with open_png(files[tree["pixels"]]) as picture:
        layers = np.asarray(picture)
    x, y = tree["offset"]
    return Image(
        pixels=np.ascontiguousarray(layers[..., :3]),
        alpha=np.ascontiguousarray(layers[..., 3]) if layers.shape[2] == 4 else None,
        source=tree["source"],
        icc_profile=files[tree["icc_profile"]] if tree["icc_profile"] else None,
        exif=files[tree["exif"]] if tree["exif"] else None,
        offset=(x, y),
    )


def _encode_detections(detections: Any, blobs: Blobs) -> dict[str, Tree]:
    columns = {name: np.asarray(values) for name, values in detections.data.items()}
    arrays = {f"data.{name}": column for name, column in columns.items()} | {"xyxy": detections.xyxy}
    for name in _OPTIONAL_ARRAYS:
        if getattr(detections, name) is not None:
            arrays[name] = np.asarray(getattr(detections, name))
    return {
        "arrays": blobs.add("npz", _pack(arrays)),
        "lists": [name for name, values in detections.data.items() if isinstance(values, list)],
        "metadata": encode(dict(detections.metadata), blobs),
    }


def _decode_detections(tree: Mapping[str, Tree], files: Mapping[str, bytes]) -> Any:
    arrays = _unpack(files[tree["arrays"]])
    data = {name.removeprefix("data."): array for name, array in arrays.items() if name.startswith("data.")}
    return Detections(
        xyxy=arrays["xyxy"],
        **{name: arrays.get(name) for name in _OPTIONAL_ARRAYS},
        data={name: array.tolist() if name in tree["lists"] else array for name, array in data.items()},
        metadata=decode(tree["metadata"], files),
    )


def _pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    if any(array.dtype.hasobject for array in arrays.values()):
        raise NotStorableError("An array of Python objects has no plain form on disk.")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _array_codec(name: str, kind: type, attribute: str) -> Codec:
    """For a class that is nothing but one array."""
    return Codec(
        name,
        kind,
        lambda value, blobs: {"array": blobs.add("npz", _pack({"array": getattr(value, attribute)}))},
        lambda tree, files: kind(_unpack(files[tree["array"]])["array"]),
    )


def _encode_mapping(mapping: Mapping[str, Any], blobs: Blobs) -> dict[str, Tree]:
    if not all(isinstance(key, str) for key in mapping):
        raise NotStorableError("A mapping whose keys are not text has no plain form on disk.")
    return {"items": [[key, encode(value, blobs)] for key, value in mapping.items()]}


def _encode_sequence(values: tuple[Any, ...] | list[Any], blobs: Blobs) -> dict[str, Tree]:
    return {"items": [encode(value, blobs) for value in values]}


def _decode_plan(tree: Mapping[str, Tree], _: Mapping[str, bytes]) -> EditPlan:
    return EditPlan(tree["sentence"], tuple(_decode_edit(edit) for edit in tree["edits"]))


def _decode_edit(tree: Mapping[str, Tree]) -> Edit:
    spans = {name: _span(value) for name, value in tree.items() if name.endswith("_span") and value is not None}
    return Edit(
        tree["action"],
        tree["target"],
        tree["replacement"],
        _span(tree["span"]),
        which=tuple(map(_decode_selector, tree["which"])),
        position=tree["position"],
        attribute=tree["attribute"],
        shadow=tree["shadow"],
        **spans,
    )


def _decode_selector(tree: Mapping[str, Tree]) -> Selector:
    return _SELECTORS[tree["kind"]](**{**tree, "span": _span(tree["span"])})


def _span(ends: list[int]) -> Span:
    start, end = ends
    return start, end


_SELECTORS: Mapping[str, Callable[..., Selector]] = {kind.kind: kind for kind in (All, Ranked, InHalf, Coloured, Near)}
_DETECTIONS = Codec("detections", Detections, _encode_detections, _decode_detections)
_PATH = Codec("path", Path, lambda path, _: {"path": str(path)}, lambda tree, _: Path(tree["path"]))

_CODECS = (
    _DETECTIONS,
    _PATH,
    Codec("image", Image, _encode_image, _decode_image),
    Codec("edit_plan", EditPlan, lambda plan, _: asdict(plan), _decode_plan),
    Codec("edit", Edit, lambda edit, _: asdict(edit), lambda tree, _: _decode_edit(tree)),
    Codec("float", float, lambda value, _: {"value": repr(value)}, lambda tree, _: float(tree["value"])),
    Codec("tuple", tuple, _encode_sequence, lambda tree, files: tuple(decode(item, files) for item in tree["items"])),
    Codec("list", list, _encode_sequence, lambda tree, files: [decode(item, files) for item in tree["items"]]),
    Codec(
        "mapping", dict, _encode_mapping, lambda tree, files: {key: decode(item, files) for key, item in tree["items"]}
    ),
    _array_codec("mask", Mask, "array"),
    _array_codec("embedding", Embedding, "array"),
    Codec(
        "array",
        np.ndarray,
        lambda array, blobs: {"array": blobs.add("npz", _pack({"array": array}))},
        lambda tree, files: _unpack(files[tree["array"]])["array"],
    ),
)
_BY_NAME = {codec.name: codec for codec in _CODECS}
_BY_KIND = {codec.kind: codec for codec in _CODECS}
