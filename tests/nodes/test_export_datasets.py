"""Data sets as other tools' readers read them: YOLO, Pascal VOC, LabelMe, and COCO with polygons."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image as Pil
from pycocotools.coco import COCO

from pipelines.errors import OutputError, PortError
from pipelines.nodes import export_yolo
from pipelines.nodes.export import coco, labelme, voc, yolo
from pipelines.values import Boxes, Detections, Image, empty_detections

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning", "ignore::DeprecationWarning:supervision.*"
)

PHOTO = Image(np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8), source="photos/a dog.png")


def found(*, masks: bool) -> Boxes:
    """A dog with a hole, a cat in two parts, and a dog under the cat."""
    drawn = np.zeros((3, 60, 80), bool)
    drawn[0, 4:30, 5:25] = True
    drawn[0, 10:14, 9:15] = False
    drawn[1, 40:55, 40:50] = drawn[1, 42:50, 60:77] = True
    drawn[2, 20:60, 30:80] = True
    return Detections(
        xyxy=np.array([[5, 4, 25, 30], [40, 40, 77, 55], [30, 20, 80, 60]], np.float32),
        mask=drawn if masks else None,
        confidence=np.array([0.75, 0.5, 0.25], np.float32),
        data={"class_name": np.array(["dog", 'Grünes "Auto": 1', "dog"]), "instance_id": np.array([4, 5, 6])},
    )


def same(read: Detections, written: Detections) -> None:
    np.testing.assert_array_equal(np.asarray(read.mask, bool), written.mask)


def yolo_by_supervision(folder: Path) -> sv.DetectionDataset:
    return sv.DetectionDataset.from_yolo(str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml"))


def test_yolo_boxes_and_names_are_those_that_supervision_reads(tmp_path: Path) -> None:
    label = yolo(PHOTO, found(masks=False), tmp_path)
    assert label == tmp_path / "labels" / "a dog.txt"
    dataset = yolo_by_supervision(tmp_path)
    assert dataset.classes == ["dog", 'Grünes "Auto": 1']
    ((_, pixels, read),) = list(dataset)
    np.testing.assert_array_equal(pixels[..., ::-1], PHOTO.pixels)
    np.testing.assert_allclose(read.xyxy, found(masks=False).xyxy, atol=1e-3)
    assert read.class_id.tolist() == [0, 1, 0]


def test_a_yolo_polygon_keeps_holes_and_joins_parts_by_a_line(tmp_path: Path) -> None:
    yolo(PHOTO, found(masks=True), tmp_path)
    ((_, _, read),) = list(yolo_by_supervision(tmp_path))
    written = found(masks=True)
    same(read[[0, 2]], written[[0, 2]])
    assert (read.mask[1] | ~written.mask[1]).all()
    assert (read.mask[1] & ~written.mask[1]).sum() == 10


def test_a_yolo_reader_that_cuts_fractions_off_meets_the_same_pixels(tmp_path: Path) -> None:
    import cv2

    written = found(masks=True)
    line = yolo(PHOTO, written, tmp_path).read_text().splitlines()[0]
    points = np.array(line.split()[1:], np.float64).reshape(-1, 2) * [80, 60]
    drawn = np.zeros((60, 80), np.uint8)
    cv2.fillPoly(drawn, [points.astype(np.int32)], 1)
    np.testing.assert_array_equal(drawn.astype(bool), written.mask[0])


def test_many_pictures_share_the_classes_of_their_yolo_data_set(tmp_path: Path) -> None:
    names = ("cat", "dog")
    dog = replace(found(masks=False)[[0]])
    yolo(PHOTO, dog, tmp_path, names=names, file="one.png")
    yolo(PHOTO, empty_detections((60, 80), masks=True), tmp_path, file="two.jpg")
    dataset = yolo_by_supervision(tmp_path)
    assert dataset.classes == ["cat", "dog"]
    assert {Path(path).name: len(read) for path, _, read in dataset} == {"one.png": 1, "two.jpg": 0}
    assert (tmp_path / "labels" / "two.txt").read_text() == ""


def test_a_name_that_is_no_class_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(
        PortError, match=r"^'dog' is none of the classes dgo, cat\. Give 'names', .* Did you mean 'dgo'\?$"
    ):
        yolo(PHOTO, found(masks=False)[[0]], tmp_path, names=("dgo", "cat"))
    assert list(tmp_path.iterdir()) == []


def test_a_yolo_folder_with_other_classes_is_refused(tmp_path: Path) -> None:
    yolo(PHOTO, found(masks=False)[[0]], tmp_path)
    with pytest.raises(OutputError, match=r"has the classes dog, not cat, dog\. Give another folder\."):
        yolo(PHOTO, found(masks=False)[[0]], tmp_path, names=("cat", "dog"))


def test_a_data_yaml_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("just text")
    with pytest.raises(OutputError, match=r"data\.yaml is no data\.yaml of a YOLO data set"):
        yolo(PHOTO, found(masks=False), tmp_path)


def voc_by_supervision(folder: Path) -> sv.DetectionDataset:
    return sv.DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))


def test_voc_names_and_boxes_are_those_that_supervision_reads(tmp_path: Path) -> None:
    path = voc(PHOTO, found(masks=False), tmp_path)
    assert path == tmp_path / "Annotations" / "a dog.xml"
    dataset = voc_by_supervision(tmp_path)
    ((_, _, read),) = list(dataset)
    assert [dataset.classes[number] for number in read.class_id] == ["dog", 'Grünes "Auto": 1', "dog"]
    np.testing.assert_array_equal(read.xyxy, found(masks=False).xyxy)
    assert not (tmp_path / "SegmentationObject").exists()


def test_voc_numbers_every_pixel_and_the_smaller_lies_on_top(tmp_path: Path) -> None:
    written = found(masks=True)
    voc(PHOTO, written, tmp_path)
    with Pil.open(tmp_path / "SegmentationObject" / "a dog.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
        numbers = np.asarray(picture)
    np.testing.assert_array_equal(numbers == 1, written.mask[0])
    np.testing.assert_array_equal(numbers == 2, written.mask[1])
    np.testing.assert_array_equal(numbers == 3, written.mask[2] & ~written.mask[1])


def test_voc_without_a_thing_is_a_picture_of_background(tmp_path: Path) -> None:
    voc(PHOTO, empty_detections((60, 80), masks=True), tmp_path, file="nothing.png")
    ((_, _, read),) = list(voc_by_supervision(tmp_path))
    assert len(read) == 0
    with Pil.open(tmp_path / "SegmentationObject" / "nothing.png") as picture:
        assert not np.asarray(picture).any()


def test_voc_cannot_number_more_than_its_values(tmp_path: Path) -> None:
    many = Detections(xyxy=np.zeros((255, 4), np.float32), mask=np.zeros((255, 2, 2), bool))
    with pytest.raises(
        OutputError, match=r"^Pascal VOC numbers at most 254 masks in a picture, not 255\. Export COCO\.$"
    ):
        voc(Image(np.zeros((2, 2, 3), np.uint8)), many, tmp_path)


def labelme_by_supervision(folder: Path) -> sv.DetectionDataset:
    return sv.DetectionDataset.from_labelme(str(folder), str(folder))


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with the picture, beside which LabelMe's files lie."""
    Pil.fromarray(PHOTO.pixels).save(tmp_path / "a dog.png")
    return tmp_path


def test_labelme_masks_come_back_with_parts_and_holes(beside: Path) -> None:
    path = labelme(PHOTO, found(masks=True), beside / "a dog.json")
    shapes = json.loads(path.read_text(encoding="utf-8"))["shapes"]
    assert [shape["group_id"] for shape in shapes] == [None, 1, 1, None]
    assert shapes[0]["description"] == "score 0.7500"
    dataset = labelme_by_supervision(beside)
    ((_, _, read),) = list(dataset)
    by_name = {
        (dataset.classes[number], int(mask.sum())): mask for number, mask in zip(read.class_id, read.mask, strict=True)
    }
    written = found(masks=True)
    expected = {
        (name, int(mask.sum())): mask for name, mask in zip(written.data["class_name"], written.mask, strict=True)
    }
    assert by_name.keys() == expected.keys()
    for key, mask in expected.items():
        np.testing.assert_array_equal(by_name[key], mask)


def test_labelme_boxes_are_rectangles(beside: Path) -> None:
    labelme(PHOTO, found(masks=False), beside / "a dog.json")
    ((_, _, read),) = list(labelme_by_supervision(beside))
    np.testing.assert_array_equal(read.xyxy, found(masks=False).xyxy)


def test_labelme_has_the_published_fields_also_of_nothing(tmp_path: Path) -> None:
    document = json.loads(labelme(PHOTO, empty_detections((60, 80), masks=True), tmp_path / "x.json").read_text())
    assert document == {
        "version": "5.5.0",
        "flags": {},
        "shapes": [],
        "imagePath": "a dog.png",
        "imageData": None,
        "imageHeight": 60,
        "imageWidth": 80,
    }


def test_coco_polygons_are_the_same_masks(tmp_path: Path) -> None:
    path = coco(PHOTO, found(masks=True), tmp_path / "out.json", polygons=True)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(str(path))
    annotations = dataset.loadAnns(dataset.getAnnIds())
    assert [len(each["segmentation"]) for each in annotations] == [1, 2, 1]
    for each, mask in zip(annotations, found(masks=True).mask, strict=True):
        np.testing.assert_array_equal(dataset.annToMask(each).astype(bool), mask)
        assert each["area"] == mask.sum()


@pytest.mark.parametrize(
    ("source", "file", "written"),
    [
        ("in/dog.JPG", None, "dog.JPG"),
        ("in/dog.gif", None, "dog.png"),
        (None, None, "image.png"),
        ("in/dog.png", "crop 7.webp", "crop 7.webp"),
        ("in/dog.png", "../../crop.png", "crop.png"),
    ],
)
def test_a_picture_keeps_its_name_where_it_can(source, file, written, tmp_path: Path) -> None:
    image = replace(PHOTO, source=source)
    assert voc(image, found(masks=False), tmp_path, file=file).stem == Path(written).stem
    assert [path.name for path in (tmp_path / "JPEGImages").iterdir()] == [written]


@pytest.mark.parametrize("write", [yolo, voc])
def test_a_folder_that_cannot_be_written_is_the_users_mistake(write, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        write(PHOTO, found(masks=True), tmp_path / "taken")


@pytest.mark.parametrize("write", [yolo, voc])
def test_a_mask_without_a_pixel_harms_nothing(write, tmp_path: Path) -> None:
    blank = replace(found(masks=True), mask=np.zeros((3, 60, 80), bool))
    path = write(PHOTO, blank, tmp_path)
    assert path.is_file()
    assert write is not yolo or path.read_text() == ""


def test_two_first_pictures_of_a_yolo_data_set_share_its_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, read = threading.Barrier(2), export_yolo._read_classes

    def read_together(path: Path) -> list[str]:
        known = read(path)
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.5)
        return known

    def add(row: int) -> str:
        try:
            return yolo(PHOTO, found(masks=False)[[row]], tmp_path, file=f"{row}.png").name
        except PortError:
            return "refused"

    monkeypatch.setattr(export_yolo, "_read_classes", read_together)
    with ThreadPoolExecutor(2) as crew:
        said = sorted(crew.map(add, (0, 1)))
    assert said in (["0.txt", "refused"], ["1.txt", "refused"])


@pytest.mark.parametrize("write", [yolo, voc, labelme, coco, partial(coco, add=True)])
def test_a_picture_of_another_folder_does_not_take_the_place_of_its_namesake(tmp_path: Path, write) -> None:
    boxes = found(masks=True)
    path = write(replace(PHOTO, source="a/1.png"), boxes, tmp_path / "set")
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"a/1\.png already, which .*b/1\.png would replace\. Give another folder"):
        write(replace(PHOTO, source="b/1.png"), boxes[[0]], tmp_path / "set")
    assert path.read_bytes() == before
    write(replace(PHOTO, source="a/1.png"), boxes[[0]], tmp_path / "set")
    assert path.read_bytes() != before
    path.unlink()
    assert write(replace(PHOTO, source="b/1.png"), boxes, tmp_path / "set").is_file()
