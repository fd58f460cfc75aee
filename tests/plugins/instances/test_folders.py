"""Truth in folders: what Samloom itself exports comes back as it was, and mistakes are told with file and line."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pil

from pipelines.errors import UserError
from pipelines.nodes.export import run_lengths
from pipelines.nodes.export_labelme import labelme
from pipelines.nodes.export_yolo import yolo
from pipelines.values import Detections, Image
from plugins.instances.folders import read_annotations


def discs():
    rows, columns = np.mgrid[:60, :80]
    return np.stack([np.hypot(rows - 20, columns - 30) < 15, np.hypot(rows - 40, columns - 60) < 12])


def scene(*, masks):
    image = Image(np.zeros((60, 80, 3), np.uint8), source="a.png")
    boxes = np.array([[16, 6, 45, 35], [49, 29, 72, 52]], np.float32)
    data = {"class_name": np.array(["dog", "cat"]), "instance_id": np.arange(2)}
    return image, Detections(
        xyxy=boxes, mask=discs() if masks else None, confidence=np.ones(2, np.float32), class_id=np.arange(2), data=data
    )


def test_outlines_of_a_yolo_folder_are_those_that_were_exported(tmp_path):
    yolo(*scene(masks=True), tmp_path, names=("cat", "dog"))
    truth = read_annotations(tmp_path)
    assert truth.categories == {1: {"id": 1, "name": "cat"}, 2: {"id": 2, "name": "dog"}}
    assert truth.images == {1: {"id": 1, "file_name": "a.png", "width": 80, "height": 60}}
    assert truth.pictures == tmp_path / "images"
    assert [entry["segmentation"] for entry in truth.annotations] == [run_lengths(mask) for mask in discs()]
    assert [entry["category_id"] for entry in truth.annotations] == [2, 1]
    assert truth.annotations[0]["bbox"] == [16, 6, 29, 29]
    assert truth.annotations[0]["area"] == discs()[0].sum()


def test_boxes_of_a_yolo_folder_are_those_that_were_exported(tmp_path):
    yolo(*scene(masks=False), tmp_path)
    truth = read_annotations(tmp_path / "data.yaml")
    assert not truth.outlined
    np.testing.assert_allclose(
        [entry["bbox"] for entry in truth.annotations], [[16, 6, 29, 29], [49, 29, 23, 23]], atol=1e-3
    )


def test_a_picture_without_labels_is_one_of_background(tmp_path):
    yolo(*scene(masks=True), tmp_path)
    Pil.new("RGB", (10, 20)).save(tmp_path / "images" / "b.jpg")
    truth = read_annotations(tmp_path)
    assert truth.images[2] == {"id": 2, "file_name": "b.jpg", "width": 10, "height": 20}
    assert {entry["image_id"] for entry in truth.annotations} == {1}


def test_sizes_are_those_of_the_upright_picture(tmp_path):
    yolo(*scene(masks=True), tmp_path)
    turned = Pil.new("RGB", (10, 20))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "images" / "b.jpg", exif=exif)
    assert read_annotations(tmp_path).images[2]["width"] == 20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("7 0.5 0.5 0.1 0.1", r"a\.txt: line 2 has the class 7, but data\.yaml names 2 classes from 0 on"),
        ("0 0.5 0.5 0.1", "line 2 has 3 numbers after the class, expected 4 of a box or 6 and more"),
        ("0 12 30 4 5", "line 2 has coordinates outside 0 to 1: they are shares of the picture's sides"),
        ("dog 0.5 0.5 0.1 0.1", "line 2 is 'dog 0.5 0.5 0.1 0.1', expected numbers"),
        ("0 1.01 0 1.01 1 1.005 0.5", "line 2 has no pixel in the picture of 80x60"),
    ],
)
def test_a_mistake_in_labels_is_told_with_its_line(tmp_path, line, said):
    label = yolo(*scene(masks=False), tmp_path)
    label.write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(UserError, match=said):
        read_annotations(tmp_path)


def test_labels_that_are_no_text_are_told(tmp_path):
    label = yolo(*scene(masks=False), tmp_path)
    label.write_bytes(b"0 0.5 0.5 0.1 0.1 \xff")
    with pytest.raises(UserError, match=r"a\.txt cannot be read as text"):
        read_annotations(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train: images\n", "it needs 'names' and 'val' or 'train'"),
        ("names: [dog]\nval: elsewhere\n", "elsewhere, which is no folder"),
        ("names: [dog]\nval: labels\n", "labels, where there are no pictures"),
        ("- 1\n", "is no data.yaml"),
    ],
)
def test_a_data_yaml_that_leads_nowhere_is_told(tmp_path, text, said):
    yolo(*scene(masks=False), tmp_path)
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        read_annotations(tmp_path)


def test_outlines_of_labelme_are_those_that_were_exported(tmp_path):
    image, found = scene(masks=True)
    labelme(image, found, tmp_path / "a.json")
    truth = read_annotations(tmp_path)
    assert truth.categories == {1: {"id": 1, "name": "cat"}, 2: {"id": 2, "name": "dog"}}
    assert [entry["segmentation"] for entry in truth.annotations] == [run_lengths(mask) for mask in discs()]


def test_rectangles_of_labelme_are_boxes(tmp_path):
    labelme(*scene(masks=False), tmp_path / "a.json")
    truth = read_annotations(tmp_path)
    assert [entry["bbox"] for entry in truth.annotations] == [[16, 6, 29, 29], [49, 29, 23, 23]]
    assert not truth.outlined


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(UserError, match=r"is no data set: no data\.yaml of YOLO and no \.json of LabelMe"):
        read_annotations(tmp_path)


def test_a_data_yaml_with_names_before_numbers_is_told(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "data.yaml").write_text("train: images\nnames: {dog: 0}\n")
    with pytest.raises(UserError, match=r"data\.yaml is no data\.yaml of a YOLO data set"):
        read_annotations(tmp_path)
