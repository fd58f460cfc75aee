"""Values ⇄ plain files: what comes back equals what went in."""

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import supervision

from pipelines import Edit, EditPlan, Embedding, Image, Mask, empty_detections
from pipelines.codecs import Blobs, NotStorableError, decode, encode
from pipelines.content import content_id
from pipelines.plans import All, Coloured, InHalf, Near, Ranked

RNG = np.random.default_rng(7)


def pixels(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def detections():
    return supervision.Detections(
        xyxy=RNG.random((2, 4), dtype=np.float32),
        mask=RNG.random((2, 5, 7)) > 0.5,
        confidence=np.array([0.9, 0.1], np.float32),
        class_id=np.array([3, 1]),
        data={
            "class_name": np.array(["dog", "Schäferhund"]),
            "instance_id": np.array([4, 9]),
            "notes": ["a", "b"],
        },
        metadata={"prompt": "dog."},
    )


VALUES = {
    "text": "naïve\nтекст 🐶",
    "number": 0.1,
    "negative zero": -0.0,
    "infinity": math.inf,
    "big": 2**70,
    "flag": True,
    "nothing": None,
    "path": Path("some/where"),
    "tuple": (1, ("a", None), 2.5),
    "list": [1, [2]],
    "mapping": {"b": 1, "a": {"type": "image"}},
    "array": RNG.random((3, 0, 2)),
    "image": Image(pixels(5, 7, 3)),
    "image with everything": Image(pixels(5, 7, 3), pixels(5, 7), "dog.png", b"icc", b"exif\0", (-3, 4)),
    "one pixel": Image(pixels(1, 1, 3)),
    "soft mask": Mask(RNG.random((5, 7), dtype=np.float32)),
    "hard mask": Mask(RNG.random((5, 7)) > 0.5),
    "embedding": Embedding(RNG.random(16, dtype=np.float32)),
    "edit": Edit("recolour", "car", "red", (0, 9)),
    "plan": EditPlan("remove the dog", (Edit("remove", "dog", None, (0, 14)),)),
    "edit with every part": Edit(
        "add",
        "dog",
        "hat",
        (0, 40),
        which=(All((1, 4)), Coloured("red"), InHalf("top"), Near("tree", "left", (5, 9)), Ranked("right", 2, 3)),
        position="on",
        attribute="colour",
        shadow=True,
        target_span=(3, 6),
        replacement_span=(7, 9),
        position_span=(10, 12),
        shadow_span=(13, 15),
    ),
    "masks": detections(),
    "no boxes": empty_detections((5, 7), masks=False),
    "no masks": empty_detections((5, 7), masks=True),
    "axis": {"0": Image(pixels(2, 2, 3)), "1": Image(pixels(3, 3, 3))},
}


def through_json(value):
    blobs = Blobs()
    tree = json.loads(json.dumps(encode(value, blobs), allow_nan=False))
    return decode(tree, blobs.files), blobs


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_survives(value):
    back, _ = through_json(value)
    assert type(back) is type(value)
    assert content_id(back) == content_id(value)


def test_nan_survives():
    back, _ = through_json(math.nan)
    assert math.isnan(back)


def test_detections_keep_the_kind_of_every_column():
    back, _ = through_json(detections())
    assert back.mask.dtype == np.bool_
    assert back.confidence.dtype == np.float32
    assert back.data["class_name"].tolist() == ["dog", "Schäferhund"]
    assert back.data["notes"] == ["a", "b"]
    assert back.metadata == {"prompt": "dog."}


def test_an_edit_comes_back_part_for_part():
    edit = VALUES["edit with every part"]
    back, _ = through_json(edit)
    assert back == edit


def test_pictures_are_png_and_arrays_are_npz():
    _, blobs = through_json({"picture": VALUES["image"], "masks": VALUES["masks"]})
    assert {Path(name).suffix: data[:4] for name, data in blobs.files.items()} == {
        ".png": b"\x89PNG",
        ".npz": b"PK\x03\x04",
    }


def test_images_stay_frozen():
    back, _ = through_json(VALUES["image with everything"])
    assert not back.pixels.flags.writeable
    assert not back.alpha.flags.writeable


@dataclass(frozen=True)
class Own:
    number: int


@pytest.mark.parametrize("value", [Own(1), object(), np.array([object()]), {1: "a"}, b"bytes", {"deep": [Own(1)]}])
def test_what_has_no_plain_form_is_refused(value):
    with pytest.raises(NotStorableError):
        encode(value, Blobs())


def test_objects_in_an_npz_are_never_unpickled():

    stream = io.BytesIO()
    np.savez(stream, array=np.array([Own(1)], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        decode({"type": "array", "array": "0.npz"}, {"0.npz": stream.getvalue()})
