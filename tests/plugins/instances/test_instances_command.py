"""`samloom instances`, with a Segment Anything that fills its boxes."""

from __future__ import annotations

import json

import pytest
from pycocotools import mask as coco_masks


def test_boxes_of_a_file_become_masks_of_a_picture(samloom, sam, data):
    code, out, err = samloom(
        "instances", data / "images" / "1.png", "--boxes", data / "found.json", "--annotations", data / "truth.json",
        "-o", data / "out", "--no-cache", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    assert out.splitlines() == ["tile 0.80", str(data / "out")]
    (result,) = json.loads((data / "out" / "results.json").read_text())
    assert (result["image_id"], result["category_id"], result["bbox"]) == (1, 4, [10, 10, 40, 40])
    assert coco_masks.area(result["segmentation"]) == 1600
    assert (data / "out" / "overlay.png").is_file()
    assert sam.asked == [(1, True, 1)]
    document = json.loads((data / "out" / "annotations.json").read_text())
    assert document["categories"] == [{"id": 4, "name": "tile"}]
    assert [(entry["image_id"], entry["category_id"]) for entry in document["annotations"]] == [(1, 4)]


def test_a_picture_alone_has_the_files_of_a_folder_with_it(samloom, sam, finder, data):
    """Of the same numbers in both, whatever number the detector has for a class."""
    (data / "images" / "1.png").unlink()
    for source, folder in ((data / "images" / "2.png", "alone"), (data / "images", "all")):
        code, _, err = samloom("instances", source, "-o", data / folder, "--no-cache", "--quiet")
        assert code == 0, err
    for name in ("results.json", "annotations.json"):
        assert (data / "alone" / name).read_text() == (data / "all" / name).read_text()


@pytest.mark.parametrize(
    ("source", "files", "said"),
    [
        (".", ("--boxes", "nowhere.json"), "nowhere.json cannot be read: No such file"),
        (".", ("--boxes", "../found.json", "--annotations", "nowhere.json"), "nowhere.json cannot be read"),
        (".", ("--score", "1"), "--score is 1.0, but scores lie between 0 and 1."),
        ("1.png", ("--boxes", "../found.json", "--score", "nan"), "--score is nan, but scores lie between 0 and 1."),
        (".", ("--refine", "11"), "--refine is 11, but masks are refined 0 to 10 times."),
    ],
)
def test_a_mistake_is_told_once_before_anything_runs(samloom, sam, finder, data, source, files, said, monkeypatch):
    monkeypatch.chdir(data / "images")
    code, out, err = samloom("instances", source, *files, "--no-cache", "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith(f"samloom: {said}")
    assert err.count("\n") == 1
    assert finder.looked == 0
    assert sorted(path.name for path in (data / "images").iterdir()) == ["1.png", "2.png"]


@pytest.mark.parametrize(("source", "name"), [(".", "my.pictures-instances"), ("1.png", "1-instances")])
def test_results_lie_in_a_folder_of_the_name(samloom, sam, finder, data, source, name, monkeypatch):
    (data / "images").rename(data / "my.pictures")
    monkeypatch.chdir(data / "my.pictures")
    code, out, err = samloom("instances", source, "--no-cache", "--quiet")
    assert code == 0, err
    assert out.rstrip().endswith(name)
    assert (data / "my.pictures" / name / "results.json").is_file()


def test_boxes_come_from_one_place(samloom, sam, data):
    picture, found = data / "images" / "1.png", data / "found.json"
    code, _, err = samloom("instances", picture, "--detector", "bundled", "--boxes", found)
    assert code == 2
    assert "give either --detector MODEL or --boxes FILE" in err


def test_a_folder_becomes_one_file_of_results_and_goes_on_where_it_stood(samloom, sam, finder, data):
    command = ("instances", data / "images", "-o", data / "out", "--no-cache", "--quiet")
    code, out, err = samloom(*command)
    assert code == 0, err
    assert "2 done, 0 unchanged, 0 failed" in out
    results = json.loads((data / "out" / "results.json").read_text())
    assert [(entry["image_id"], entry["category_id"], round(entry["score"], 3)) for entry in results] == [
        (1, 2, 0.8), (1, 1, 0.7), (2, 2, 0.8), (2, 1, 0.7),
    ]  # fmt: skip
    document = json.loads((data / "out" / "annotations.json").read_text())
    assert document["categories"] == [{"id": 1, "name": "ghost"}, {"id": 2, "name": "tile"}]
    assert [image["file_name"] for image in document["images"]] == ["1.png", "2.png"]
    assert document["annotations"][0] | {"segmentation": None} == {
        "id": 1, "image_id": 1, "category_id": 2, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0,
        "score": pytest.approx(0.8), "segmentation": None,
    }  # fmt: skip
    assert (data / "out" / "1.overlay.png").is_file()
    assert "0 done, 2 unchanged" in samloom(*command)[1]
    assert finder.looked == 2


def test_a_folder_has_the_numbers_of_its_data_set(samloom, sam, data):
    code, _, err = samloom(
        "instances", data / "images", "--boxes", data / "found.json", "--annotations", data / "truth.json",
        "-o", data / "out", "--no-cache", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    results = json.loads((data / "out" / "results.json").read_text())
    assert [(entry["image_id"], entry["category_id"]) for entry in results] == [(1, 4), (2, 4)]


def test_nothing_found_in_a_folder_is_a_result(samloom, sam, finder, data):
    code, _, err = samloom("instances", data / "images", "-o", data / "out", "--score", "0.9", "--no-cache", "--quiet")
    assert code == 0, err
    assert json.loads((data / "out" / "results.json").read_text()) == []
    assert len(json.loads((data / "out" / "annotations.json").read_text())["images"]) == 2


def test_a_picture_that_was_removed_is_left_out_of_the_folders_files(samloom, sam, finder, data):
    command = ("instances", data / "images", "-o", data / "out", "--no-cache", "--quiet")
    assert samloom(*command)[0] == 0
    (data / "images" / "1.png").unlink()
    code, _, err = samloom(*command)
    assert code == 0, err
    document = json.loads((data / "out" / "annotations.json").read_text())
    assert [image["file_name"] for image in document["images"]] == ["2.png"]
    assert {entry["image_id"] for entry in json.loads((data / "out" / "results.json").read_text())} == {2}


def test_a_refused_folder_leaves_the_folders_files_and_tells_its_own_mistake(samloom, sam, finder, data):
    command = ("instances", data / "images", "-o", data / "out", "--no-cache", "--quiet")
    assert samloom(*command)[0] == 0
    (data / "out" / "results.json").write_text("as it was")
    (data / "images" / "1.jpg").write_bytes((data / "images" / "1.png").read_bytes())
    code, _, err = samloom(*command)
    assert code == 2
    assert "1.jpg" in err
    assert (data / "out" / "results.json").read_text() == "as it was"


def test_a_folder_with_a_broken_picture_has_the_files_of_the_others(samloom, sam, finder, data):
    (data / "images" / "3.png").write_text("no picture")
    code, _, _ = samloom("instances", data / "images", "-o", data / "out", "--no-cache", "--quiet")
    assert code == 1
    document = json.loads((data / "out" / "annotations.json").read_text())
    assert [image["file_name"] for image in document["images"]] == ["1.png", "2.png"]
