"""The nodes in a running graph: files in, an axis of crops, files out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from pipelines import Pipeline, node
from pipelines.graph import Graph
from pipelines.images import read_image
from pipelines.nodes.export import coco
from pipelines.nodes.image import crop, load, paste, save
from pipelines.nodes.masks import filter_masks, from_boxes, grow, merge
from pipelines.runner import run
from pipelines.values import Boxes, Detections, Image, Mask, empty_detections


@node("test/negative")
def negative(image: Image) -> Image:
    """Takes one picture; over an axis it is run for each."""
    return replace(image, pixels=255 - image.pixels)


def negatives_of_boxes(folder: Path) -> Graph:
    builder = Pipeline("negatives")
    boxes = builder.input("boxes", Boxes)
    photo = builder.add("photo", load, path=str(folder / "in.png"))
    crops = builder.add("crops", crop, image=photo, boxes=boxes)
    turned = builder.add("turned", negative, image=crops)
    back = builder.add("back", paste, image=photo, crops=turned)
    masks = builder.add("masks", from_boxes, image=photo, boxes=boxes)
    dogs = builder.add("dogs", filter_masks, masks=masks, names=("dog",))
    region = builder.add("region", merge, masks=dogs)
    builder.output("file", builder.add("file", save, image=back, path=str(folder / "out.png")))
    builder.output("coco", builder.add("coco", coco, image=photo, boxes=dogs, path=str(folder / "out.json")))
    builder.output("grown", builder.add("grown", grow, mask=region, pixels=1))
    return builder.build()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Pil.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(tmp_path / "in.png")
    return tmp_path


def found() -> Boxes:
    return Detections(
        xyxy=np.array([[1, 2, 9, 12], [15, 5, 30, 18]], np.float32),
        confidence=np.array([0.5, 0.75], np.float32),
        data={"class_name": np.array(["cat", "dog"]), "instance_id": np.array([8, 3])},
    )


def test_crops_go_their_own_ways_and_come_back_to_their_places(folder: Path) -> None:
    outputs = run(negatives_of_boxes(folder), {"boxes": found()}).outputs
    before, after = read_image(folder / "in.png").pixels, read_image(outputs["file"]).pixels
    expected = before.copy()
    for window in (np.s_[2:12, 1:9], np.s_[5:18, 15:30]):
        expected[window] = 255 - before[window]
    assert np.array_equal(after, expected)
    assert isinstance(outputs["grown"], Mask)
    assert outputs["grown"].array.any(axis=0).sum() == 16
    assert [each["name"] for each in json.loads(outputs["coco"].read_text())["categories"]] == ["dog"]


def test_nothing_found_goes_through_every_node_and_copies_the_file(folder: Path) -> None:
    outputs = run(negatives_of_boxes(folder), {"boxes": empty_detections((20, 30), masks=False)}).outputs
    assert outputs["file"].read_bytes() == (folder / "in.png").read_bytes()
    assert not outputs["grown"].array.any()
    assert json.loads(outputs["coco"].read_text())["annotations"] == []
