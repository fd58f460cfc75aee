"""COCO files: polygons and run lengths become masks, crowds and gaps are counted, mistakes are named."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pycocotools import mask as pycoco

from sam_model.data.coco import BARE, CROWD, EMPTY, MISSING, CocoInstances
from sam_model.data.dataset import describe
from sam_model.errors import DatasetError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools

SQUARE = [[2, 3, 12, 3, 12, 13, 2, 13]]
DISC = (np.hypot(*(np.mgrid[:20, :30] - 9)) < 6).astype(np.uint8)


def write(folder: Path, annotations: list[dict], *, pictures: int = 1, size: tuple[int, int] = (30, 20)) -> Path:
    """Pictures 0.png, 1.png... of (width, height) and a JSON of annotations about them."""
    images = [{"id": n, "file_name": f"{n}.png", "width": size[0], "height": size[1]} for n in range(pictures)]
    for entry in images:
        PIL.Image.new("RGB", size, (entry["id"], 50, 90)).save(folder / entry["file_name"])
    file = folder / "instances.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    return file


def annotation(segmentation: object, **more: object) -> dict:
    return {"id": 7, "image_id": 0, "segmentation": segmentation, **more}


def load(folder: Path, annotations: list[dict], **kind: int) -> CocoInstances:
    return CocoInstances(folder, write(folder, annotations, **kind))


def test_polygons_and_both_kinds_of_run_lengths_become_the_same_masks_as_in_pycocotools(tmp_path):
    compressed = pycoco.encode(np.asfortranarray(DISC))
    counts = [int(run) for run in np.diff(np.flatnonzero(np.diff(DISC.T.reshape(-1), prepend=0, append=2)), prepend=0)]
    runs = {"size": [20, 30], "counts": counts}
    text = {"size": [20, 30], "counts": compressed["counts"].decode()}
    picture = load(tmp_path, [annotation(SQUARE), annotation(text), annotation(runs)])[0]
    square, first, second = (picture.mask(outline) for outline in picture.outlines)
    assert square.sum() == 100
    assert square[3:13, 2:12].all()
    assert np.array_equal(first, DISC)
    assert np.array_equal(second, DISC)


def test_a_picture_is_read_as_rgb(tmp_path):
    pixels = load(tmp_path, [annotation(SQUARE)])[0].read()
    assert pixels.shape == (20, 30, 3)
    assert pixels[0, 0].tolist() == [0, 50, 90]


def test_what_cannot_be_used_is_left_out_counted_and_said(tmp_path):
    entries = [
        annotation({"size": [20, 30], "counts": [600]}, iscrowd=1),
        annotation([]),
        annotation([[1, 1, 5, 5]]),
        annotation(SQUARE),
        annotation(SQUARE, image_id=1),
    ]
    file = write(tmp_path, entries, pictures=3)
    (tmp_path / "1.png").unlink()
    dataset = CocoInstances(tmp_path, file)
    assert len(dataset) == 1
    assert dataset.left_out == {CROWD: 1, EMPTY: 2, MISSING: 1, BARE: 1}
    assert describe(dataset) == (
        "1 picture; left out: annotations without an outline (2), crowd regions (1), "
        "pictures without a file (1), pictures without a mask (1)"
    )


def test_a_picture_that_a_camera_turned_is_read_as_its_annotations_have_it(tmp_path):
    file = write(tmp_path, [annotation(SQUARE)])
    turned, exif = PIL.Image.new("RGB", (20, 30)), PIL.Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "0.png", exif=exif)
    assert CocoInstances(tmp_path, file)[0].read().shape == (20, 30, 3)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([], r"holds no picture with a mask; left out: pictures without a mask \(1\)"),
        ([annotation({"counts": [1]}, iscrowd=1)], r"left out: crowd regions \(1\), pictures without a mask \(1\)"),
        ([annotation([[1, 2, 3]])], r"annotation 7: a polygon must be a flat list \[x, y, x, y, ...\] of numbers"),
        ([annotation([[1, 2, 3, 4, 5, "six"]])], "annotation 7: a polygon must be a flat list"),
        ([annotation("text")], "annotation 7: a segmentation must be run lengths"),
        ([annotation([[10**400, 2, 3, 4, 5, 6]])], "annotation 7: a polygon must be a flat list"),
        ([annotation({"size": [20, 30], "counts": "\ud800"})], r"annotation 7: run lengths hold '\\ud800'"),
        ([annotation(SQUARE, image_id=[0])], r"annotation 7 has the image_id \[0\]: expected a number"),
        ([{"id": 7, "image_id": 0}], "annotation 7 has no 'segmentation'"),
        ([{"segmentation": []}], "annotation number 1 has no 'image_id'"),
        ([annotation({"size": [9, 9], "counts": [40, 41]})], r"a mask of 0.png is 9x9 pixels, the picture 30x20"),
    ],
)
def test_mistakes_in_annotations_are_named(tmp_path, annotations, message):
    with pytest.raises(DatasetError, match=message):
        load(tmp_path, annotations)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"images": [{"id": {}}], "annotations": []}', "a picture has the id {}: expected a number"),
        ("[]", "is no COCO file: expected a mapping with lists 'images' and 'annotations'"),
        ('{"images": [{"id": 1}], "annotations": []}', "a picture has no 'file_name'"),
        (
            '{"images": [{"id": 1, "file_name": "a", "height": "9", "width": 9}], "annotations": []}',
            "the height '9': expected a number of pixels",
        ),
    ],
)
def test_files_that_are_not_coco_are_named(tmp_path, text, message):
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(DatasetError, match=message):
        CocoInstances(tmp_path, file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nothing\.json cannot be read: No such file"):
        CocoInstances(tmp_path, tmp_path / "nothing.json")


def enormous() -> bytes:
    """A PNG that says it has 10 billion pixels."""
    file = io.BytesIO()
    PIL.Image.new("1", (1, 1)).save(file, "PNG")
    data = file.getvalue()
    head = b"IHDR" + struct.pack(">2I", 100_000, 100_000) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def test_a_picture_of_another_size_or_that_is_no_picture_is_named(tmp_path):
    file = write(tmp_path, [annotation(SQUARE)])
    PIL.Image.new("RGB", (31, 20)).save(tmp_path / "0.png")
    with pytest.raises(DatasetError, match=r"0\.png has 31x20 pixels, its annotations expect 30x20"):
        CocoInstances(tmp_path, file)[0].read()
    (tmp_path / "0.png").write_bytes(enormous())
    with pytest.raises(DatasetError, match=r"0\.png cannot be read as a picture: Image size .+ exceeds limit"):
        CocoInstances(tmp_path, file)[0].read()
    (tmp_path / "0.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"0\.png cannot be read as a picture"):
        CocoInstances(tmp_path, file)[0].read()
