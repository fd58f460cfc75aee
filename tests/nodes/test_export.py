"""COCO JSON, as pycocotools reads it."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from pipelines.errors import OutputError
from pipelines.nodes.export import coco, run_lengths
from pipelines.values import Boxes, Detections, Image, empty_detections

# pycocotools' own decoder does not know numpy 2's `copy` yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(5)
PHOTO = Image(np.zeros((30, 40, 3), np.uint8), source="photos/dog.png")


def found(*, masks: bool) -> Boxes:
    drawn = np.zeros((3, 30, 40), bool)
    drawn[0, 2:12, 3:9] = True
    drawn[0, 5:7, 5:7] = False  # a hole
    drawn[1, 20:30, 30:40] = True
    drawn[2, ::2, ::2] = True
    return Detections(
        xyxy=np.array([[3, 2, 9, 12], [30.5, 20, 40, 30], [0, 0, 40, 30]], np.float32),
        mask=drawn if masks else None,
        confidence=np.array([0.75, 0.5, 0.25], np.float32),
        data={"class_name": np.array(["dog", "собака", "dog"]), "instance_id": np.array([4, 5, 6])},
    )


def read(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_pycocotools_reads_names_boxes_and_scores(tmp_path: Path) -> None:
    dataset = read(coco(PHOTO, found(masks=False), tmp_path / "out.json"))
    assert dataset.loadImgs([1]) == [{"id": 1, "file_name": "dog.png", "width": 40, "height": 30}]
    assert dataset.loadCats(dataset.getCatIds()) == [{"id": 1, "name": "dog"}, {"id": 2, "name": "собака"}]
    annotations = dataset.loadAnns(dataset.getAnnIds())
    assert [each["id"] for each in annotations] == [1, 2, 3]
    assert [each["category_id"] for each in annotations] == [1, 2, 1]
    assert [each["bbox"] for each in annotations] == [[3, 2, 6, 10], [30.5, 20, 9.5, 10], [0, 0, 40, 30]]
    assert [each["score"] for each in annotations] == [0.75, 0.5, 0.25]
    assert [each["area"] for each in annotations] == [60, 95, 1200]


def test_pycocotools_reads_every_mask_exactly(tmp_path: Path) -> None:
    things = found(masks=True)
    dataset = read(coco(PHOTO, things, tmp_path / "out.json"))
    for annotation, mask in zip(dataset.loadAnns(dataset.getAnnIds()), things.mask, strict=True):
        assert np.array_equal(dataset.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()


def test_nothing_found_is_a_valid_file(tmp_path: Path) -> None:
    dataset = read(coco(PHOTO, empty_detections((30, 40), masks=True), tmp_path / "out.json"))
    assert dataset.getAnnIds() == []
    assert dataset.getImgIds() == [1]


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (37, 53), (300, 400)])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.98, 1.0])
def test_run_lengths_are_those_of_pycocotools(shape: tuple[int, int], share: float) -> None:
    mask = RNG.random(shape) < share
    theirs = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    ours = run_lengths(mask)
    assert ours == {"size": list(shape), "counts": theirs["counts"].decode()}


def test_long_runs_are_written_in_several_groups() -> None:
    mask = np.zeros((2000, 2000), bool)
    mask[1000:1002, 999] = True
    decoded = coco_masks.decode(run_lengths(mask))
    assert np.array_equal(decoded.astype(bool), mask)


def test_the_file_is_text_that_people_can_read(tmp_path: Path) -> None:
    path = coco(PHOTO, found(masks=False), tmp_path / "out.json")
    text = path.read_text(encoding="utf-8")
    assert "собака" in text
    assert json.loads(text)["annotations"][0]["iscrowd"] == 0


def test_a_place_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "out.json").mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        coco(PHOTO, found(masks=False), tmp_path / "out.json")
