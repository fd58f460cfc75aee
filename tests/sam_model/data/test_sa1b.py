"""Records of SA-1B, in and out."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from sam_model.data.sa1b import (
    Sa1bAnnotation,
    Sa1bImage,
    Sa1bRecord,
    parse_record,
    read_record,
    record_document,
    write_record,
)
from sam_model.errors import RecordError
from sam_model.ops.rle import encode

ANNOTATION_FIELDS = {
    "id", "segmentation", "bbox", "area", "predicted_iou", "stability_score", "crop_box", "point_coords"
}  # fmt: skip


def a_record(height=9, width=12, masks=2, seed=0):
    random = np.random.default_rng(seed)
    rles = encode(random.random((masks, height, width)) < 0.5)
    annotations = [
        Sa1bAnnotation(
            id=place,
            segmentation=rle,
            bbox=(1.5, 0.0, 4.0, 5.25),
            area=rle.area,
            predicted_iou=random.random(),
            stability_score=random.random(),
            crop_box=(0.0, 0.0, float(width), float(height)),
            point_coords=((random.random(), 2.0),),
        )
        for place, rle in enumerate(rles)
    ]
    image = Sa1bImage(image_id=223750, width=width, height=height, file_name="sa_223750.jpg")
    return Sa1bRecord(image=image, annotations=tuple(annotations))


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 3), st.integers(0, 99))
def test_records_survive_json(height, width, masks, seed):
    record = a_record(height, width, masks, seed)
    assert parse_record(json.loads(json.dumps(record_document(record)))) == record


def test_records_survive_a_file(tmp_path):
    write_record(a_record(), tmp_path / "new" / "sa_223750.json")
    assert read_record(tmp_path / "new" / "sa_223750.json") == a_record()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sa_223750.json"]


def test_the_fields_are_those_of_the_dataset():
    document = record_document(a_record())
    assert set(document) == {"image", "annotations"}
    assert set(document["image"]) == {"image_id", "width", "height", "file_name"}
    assert all(set(annotation) == ANNOTATION_FIELDS for annotation in document["annotations"])
    assert coco.area(document["annotations"][1]["segmentation"]) == a_record().annotations[1].area


def test_fields_of_others_are_passed_over():
    document = record_document(a_record())
    document["annotations"][0]["category"] = "dog"
    assert parse_record(document) == a_record()


def damaged(place, value):
    """The document of a record in which the field at a path of keys is another, or missing."""
    document = record_document(a_record())
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    if value is None:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return document


ONE = ("annotations", 1)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the record must be an object with named fields, not list"),
        (damaged(("image",), None), "the record has no 'image'"),
        (damaged(("image",), []), "image must be an object with named fields, not list"),
        (damaged(("annotations",), {}), "annotations must be a list, not dict"),
        (damaged(("image", "width"), 0), "image: 'width' must be a number of pixels above 0, not 0"),
        (damaged(("image", "file_name"), 7), "image: 'file_name' must be text, not 7"),
        (damaged(ONE, "mask"), "annotation 1 must be an object with named fields, not str"),
        (damaged((*ONE, "area"), -1), "annotation 1: 'area' must be a whole number, not negative, not -1"),
        (damaged((*ONE, "id"), True), "annotation 1: 'id' must be a whole number, not negative, not True"),
        (damaged((*ONE, "predicted_iou"), float("nan")), "annotation 1: 'predicted_iou' must be a number, not nan"),
        (damaged((*ONE, "predicted_iou"), 10**400), "annotation 1: 'predicted_iou' must be a number, not 1000"),
        (damaged((*ONE, "stability_score"), None), "annotation 1 has no 'stability_score'"),
        (damaged((*ONE, "bbox"), [1, 2, 3]), "annotation 1: 'bbox' must be [left, top, width, height], not [1, 2, 3]"),
        (damaged((*ONE, "point_coords"), [1]), "annotation 1: 'point_coords' must be a list of [x, y] points, not [1]"),
        (damaged((*ONE, "segmentation"), [[1, 2]]), "annotation 1: a segmentation must be run lengths"),
        (damaged((*ONE, "segmentation", "counts"), "~"), "annotation 1: run lengths hold '~'"),
        (damaged(("image", "width"), 13), "annotation 0: its mask has 12x9 pixels, the picture 13x9"),
    ],
)
def test_what_is_no_record(document, message):
    with pytest.raises(RecordError) as caught:
        parse_record(document)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "sa_1.json: not a JSON file"),
        (b"[" * 100_000, "sa_1.json: not a JSON file"),
        (b"\xff\xfe\x00", "sa_1.json: not a JSON file"),
        (b"{}", "sa_1.json: the record has no 'image'"),
        (None, "sa_1.json: No such file or directory"),
    ],
)
def test_files_that_hold_no_record(tmp_path, content, message):
    path = tmp_path / "sa_1.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert message in str(caught.value)


def test_a_record_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=r"^cannot write .*sa_1.json: "):
        write_record(replace(a_record(), annotations=()), tmp_path / "file" / "sa_1.json")
