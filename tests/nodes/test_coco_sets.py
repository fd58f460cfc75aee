"""Many pictures in one COCO file, and a file for each in one folder."""

from __future__ import annotations

import contextlib
import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from pipelines.errors import OutputError
from pipelines.nodes.export import coco, labelme
from pipelines.values import Boxes, Detections, Image, empty_detections

# pycocotools' own decoder does not know numpy 2's `copy` yet.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = (20, 30)


def photo(name: str) -> Image:
    return Image(np.zeros((*SIZE, 3), np.uint8), source=f"photos/{name}")


def found(*names: str) -> Boxes:
    """A thing for each name, of two parts, each at another place."""
    masks = np.zeros((len(names), *SIZE), bool)
    for row, mask in enumerate(masks):
        mask[row : row + 3, 2:9] = mask[row + 5 : row + 9, 12:20] = True
    return Detections(
        xyxy=np.array([[2, row, 20, row + 9] for row in range(len(names))], np.float32).reshape(-1, 4),
        mask=masks,
        confidence=np.full(len(names), 0.5, np.float32),
        data={"class_name": np.array(names), "instance_id": np.arange(len(names))},
    )


def things(path: Path) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Names and masks by picture, as pycocotools reads them."""
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(str(path))
    return {
        image["file_name"]: [
            (dataset.cats[each["category_id"]]["name"], dataset.annToMask(each).astype(bool))
            for each in dataset.imgToAnns[image["id"]]
        ]
        for image in dataset.imgs.values()
    }


def same(read: list[tuple[str, np.ndarray]], written: Boxes) -> None:
    assert [name for name, _ in read] == written.data["class_name"].tolist()
    for (_, mask), expected in zip(read, written.mask, strict=True):
        np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("polygons", [False, True])
def test_pictures_are_added_and_one_that_comes_again_takes_its_own_place(tmp_path: Path, polygons: bool) -> None:
    path = tmp_path / "all.json"
    for name, boxes in (
        ("a.png", found("dog", "cat")),
        ("b.png", found("bird", "dog")),
        ("none.png", empty_detections(SIZE, masks=True)),
        ("a.png", found("cat")),
    ):
        assert coco(photo(name), boxes, path, polygons=polygons, add=True) == path
    read = things(path)
    assert sorted(read) == ["a.png", "b.png", "none.png"]
    same(read["a.png"], found("cat"))
    same(read["b.png"], found("bird", "dog"))
    assert read["none.png"] == []
    document = json.loads(path.read_text())
    assert [each["name"] for each in document["categories"]] == ["dog", "cat", "bird"]
    for part in ("images", "categories", "annotations"):
        numbers = [each["id"] for each in document[part]]
        assert len(numbers) == len(set(numbers))


def test_the_last_picture_done_again_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    for name in ("a.png", "b.png"):
        coco(photo(name), found("dog", "cat"), path, add=True)
    before = path.read_bytes()
    coco(photo("b.png"), found("dog", "cat"), path, add=True)
    assert path.read_bytes() == before


def test_what_else_a_data_set_says_stays(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    category = {"id": 18, "name": "dog", "supercategory": "animal"}
    path.write_text(json.dumps({"info": {"year": 2026}, "images": [], "categories": [category], "annotations": []}))
    coco(photo("a.png"), found("dog", "cat"), path, add=True)
    document = json.loads(path.read_text())
    assert document["info"] == {"year": 2026}
    assert document["categories"] == [category, {"id": 19, "name": "cat"}]


def test_threads_that_add_to_one_file_lose_nothing(tmp_path: Path) -> None:
    path, names = tmp_path / "all.json", [f"{number}.png" for number in range(24)]
    with ThreadPoolExecutor(6) as crew:
        list(crew.map(lambda name: coco(photo(name), found("dog"), path, add=True), names))
    assert sorted(things(path)) == sorted(names)


def test_without_add_a_file_is_that_of_one_picture(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    for name in ("a.png", "b.png"):
        coco(photo(name), found("dog"), path)
    assert list(things(path)) == ["b.png"]


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"images": [], "categories": [3], "annotations": []}'])
def test_a_file_that_is_no_data_set_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "all.json").write_text(text)
    with pytest.raises(OutputError, match=r"all\.json is no COCO data set that a picture could be added to"):
        coco(photo("a.png"), found("dog"), tmp_path / "all.json", add=True)
    assert (tmp_path / "all.json").read_text() == text


@pytest.mark.parametrize("write", [coco, labelme])
def test_a_folder_gets_a_file_for_each_picture(tmp_path: Path, write) -> None:
    paths = [write(photo(name), found("dog"), tmp_path / "set") for name in ("a.png", "b.c.jpg")]
    assert paths == [tmp_path / "set" / "a.json", tmp_path / "set" / "b.c.json"]
    unnamed = replace(photo("a.png"), source=None)
    assert write(unnamed, found("dog"), tmp_path / "set") == tmp_path / "set" / "image.json"
    assert all(path.is_file() for path in paths)
