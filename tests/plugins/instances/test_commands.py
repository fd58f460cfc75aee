"""`samloom instances` and `samloom evaluate instances`, with a Segment Anything that fills its boxes."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image as Pil
from pycocotools import mask as coco_masks


def test_segment_anythings_masks_stand_beside_the_detectors_own(samloom, sam, data):
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--csv", data / "table.csv", "--results", data / "drawn.json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    header, *rows = [line.split("\t")[:4] for line in out.splitlines()]
    assert header == ["", "AP", "AP50", "AP75"]
    # A mask of 30x30 in 40x40 has an IoU of 0.5625: right at 0.50 and 0.55, wrong from 0.60 on.
    assert rows == [
        ["boxes", "100.0", "100.0", "100.0"],
        ["detector's masks", "20.0", "100.0", "0.0"],
        ["Segment Anything's masks", "100.0", "100.0", "100.0"],
    ]
    assert sam.asked == [(1, True, 1), (1, True, 1)]
    table = list(csv.reader((data / "table.csv").open()))
    assert table[0][:2] == ["", "AP"]
    assert table[-1] == ["tile", "100.0", "20.0", "100.0"]
    drawn = json.loads((data / "drawn.json").read_text())
    assert [(entry["image_id"], entry["category_id"], entry["score"]) for entry in drawn] == [
        (1, 4, pytest.approx(0.8)),
        (2, 4, pytest.approx(0.8)),
    ]


def test_the_files_alone_are_enough(samloom, sam, data):
    code, out, _ = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json", "--classes"
    )
    assert code == 0
    assert "tile\t100.0\t20.0" in out
    assert sam.asked == []


def test_missing_pictures_are_left_out_and_told(samloom, sam, data, caplog):
    (data / "images" / "2.png").unlink()
    code, out, _ = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert "1 of 2 pictures are not in" in caplog.text
    assert [line.split("\t")[:2] for line in out.splitlines()] == [
        ["", "AP"],
        ["boxes", "100.0"],
        ["detector's masks", "20.0"],
        ["Segment Anything's masks", "100.0"],
    ]


def test_what_was_found_in_a_missing_picture_does_not_count_either(samloom, sam, data):
    (data / "images" / "2.png").unlink()
    found = json.loads((data / "found.json").read_text())
    wrong = found[1] | {"bbox": [0, 0, 5, 5], "score": 0.9}
    (data / "found.json").write_text(json.dumps([*found, wrong]))
    code, out, _ = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert "\nboxes\t100.0\t" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--images", "."], "has none of the 2 pictures: 1.png is missing."),
        (["--results", "drawn.json"], "which need the pictures: give --images DIR."),
        (["--csv", "nowhere/at/all/table.csv"], "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(samloom, sam, data, options, said, monkeypatch):
    monkeypatch.chdir(data)
    (data / "nowhere").write_text("a file")
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", "truth.json", "--detections", "found.json", "--quiet", *options
    )
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_pictures_of_another_size_are_refused(samloom, sam, data):
    Pil.new("RGB", (50, 50)).save(data / "images" / "1.png")
    code, _, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--quiet",
    )  # fmt: skip
    assert code == 2
    assert "has 50x50 pixels, its annotations expect 80x60" in err


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
    assert (data / "out" / "annotations.json").is_file()
    assert sam.asked == [(1, True, 1)]


def test_boxes_come_from_one_place(samloom, sam, data):
    picture, found = data / "images" / "1.png", data / "found.json"
    code, _, err = samloom("instances", picture, "--detector", "bundled", "--boxes", found)
    assert code == 2
    assert "give either --detector MODEL or --boxes FILE" in err


def test_a_detector_runs_on_the_pictures(samloom, sam, finder, data, caplog):
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", "model",
        "--images", data / "images", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    _, *rows = [line.split("\t")[:4] for line in out.splitlines()]
    assert rows == [
        ["boxes", "100.0", "100.0", "100.0"],
        ["detector's masks", "20.0", "100.0", "0.0"],
        ["Segment Anything's masks", "100.0", "100.0", "100.0"],
    ]
    assert "truth.json has no category 'ghost'; such detections are left out." in caplog.text


def model_run(samloom, data, *options):
    return samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--images", data / "images",
        "--work", data / "work", "--quiet", *options,
    )  # fmt: skip


def test_a_run_that_was_killed_goes_on_where_it_stood(samloom, sam, finder, data):
    (data / "images" / "2.png").rename(data / "2.png")
    model_run(samloom, data)
    assert finder.looked == 1
    journal = data / "work" / "journal.jsonl"
    journal.write_text(journal.read_text() + '{"image_id": 2, "fou')
    (data / "2.png").rename(data / "images" / "2.png")
    code, out, err = model_run(samloom, data)
    assert code == 0, err
    assert finder.looked == 2
    assert out.splitlines()[1].split("\t")[:2] == ["boxes", "100.0"]
    (data / "images" / "2.png").unlink()
    assert model_run(samloom, data)[:2] == (0, out)
    assert finder.looked == 2


def test_the_answers_of_another_run_are_not_mixed_in(samloom, sam, data):
    model_run(samloom, data)
    code, _, err = model_run(samloom, data, "--refine", "0")
    assert code == 2
    assert "belongs to a run with refine 1, now 0: give another folder." in err


def test_the_table_is_drawn_and_the_worst_masks_are_shown(samloom, sam, data):
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--plot", data / "table.png", "--worst", data / "worst", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    with Pil.open(data / "table.png") as drawn:
        assert min(drawn.size) > 500
    assert sorted(path.name for path in (data / "worst").iterdir()) == [
        "01-iou1.00-tile-1.jpg", "02-iou1.00-tile-2.jpg",
    ]  # fmt: skip
    assert "01-iou1.00-tile-1.jpg" in out


def test_without_matplotlib_nothing_is_computed_first(samloom, sam, data, monkeypatch):
    monkeypatch.setattr("plugins.instances.plot.find_spec", lambda _: None)
    code, _, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--plot", data / "table.png",
    )  # fmt: skip
    assert (code, err) == (2, "samloom: --plot needs matplotlib: pip install 'samloom[plots]'.\n")
    assert sam.asked == []


def test_a_figure_has_a_format_that_can_be_drawn(samloom, sam, data):
    code, _, err = samloom("evaluate", "instances", "--annotations", data / "truth.json", "--plot", "table.doc")
    assert code == 2
    assert "table.doc is no figure: its name must end in .png, .svg, .pdf." in err


def test_a_model_needs_pictures(samloom, sam, data):
    code, _, err = samloom("evaluate", "instances", "--annotations", data / "truth.json")
    assert code == 2
    assert "--detections model runs the detector on the pictures: give --images DIR, or a results file." in err


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


@pytest.mark.parametrize("name", ["found", "truth"])
def test_the_answers_to_an_overwritten_file_are_not_taken(samloom, sam, data, name):
    options = ("--detections", data / "found.json")
    assert model_run(samloom, data, *options)[0] == 0
    file = data / f"{name}.json"
    file.write_text(file.read_text().replace("[10, 10, 40, 40]", "[20, 10, 30, 40]"))
    code, out, err = model_run(samloom, data, *options)
    assert (code, out) == (2, "")
    what = {"found": "detections", "truth": "annotations"}[name]
    assert f"belongs to a run with content of the {what} " in err
    assert err.count("\n") == 1


def test_without_what_counts_nothing_is_computed_first(samloom, sam, data, monkeypatch):
    monkeypatch.setattr("plugins.instances.evaluating.find_spec", lambda _: None)
    code, _, err = model_run(samloom, data, "--detections", data / "found.json")
    assert (code, err) == (
        2,
        "samloom: evaluate instances needs faster-coco-eval: pip install 'samloom[vitdet]'.\n",
    )
    assert sam.asked == []


def test_the_worst_masks_need_a_folder_and_that_is_told_first(samloom, sam, data):
    (data / "worst").write_text("a file")
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--worst", data / "worst", "--quiet",
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert "worst: it is a file, not a folder" in err
    assert sam.asked == []


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
