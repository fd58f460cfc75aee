"""`samloom evaluate instances`, with a Segment Anything that fills its boxes."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image as Pil


def test_segment_anythings_masks_stand_beside_the_detectors_own(evaluated, sam, data):
    code, out, err = evaluated("--csv", data / "table.csv", "--results", data / "drawn.json")
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


def test_missing_pictures_are_left_out_and_told(evaluated, sam, data, caplog):
    (data / "images" / "2.png").unlink()
    code, out, _ = evaluated()
    assert code == 0
    assert "1 of 2 pictures are not in" in caplog.text
    assert [line.split("\t")[:2] for line in out.splitlines()] == [
        ["", "AP"],
        ["boxes", "100.0"],
        ["detector's masks", "20.0"],
        ["Segment Anything's masks", "100.0"],
    ]


def test_what_was_found_in_a_missing_picture_does_not_count_either(evaluated, sam, data):
    (data / "images" / "2.png").unlink()
    found = json.loads((data / "found.json").read_text())
    wrong = found[1] | {"bbox": [0, 0, 5, 5], "score": 0.9}
    (data / "found.json").write_text(json.dumps([*found, wrong]))
    code, out, _ = evaluated()
    assert code == 0
    assert "\nboxes\t100.0\t" in out


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


def test_the_table_is_drawn_and_the_worst_masks_are_shown(evaluated, sam, data):
    code, out, err = evaluated("--plot", data / "table.png", "--worst", data / "worst")
    assert code == 0, err
    with Pil.open(data / "table.png") as drawn:
        assert min(drawn.size) > 500
    assert sorted(path.name for path in (data / "worst").iterdir()) == [
        "01-iou1.00-tile-1.jpg", "02-iou1.00-tile-2.jpg",
    ]  # fmt: skip
    assert "01-iou1.00-tile-1.jpg" in out


def test_a_folder_knows_the_pictures_of_its_worst_masks(samloom, sam, finder, data):
    shape = {"label": "tile", "points": [[10, 10], [49, 10], [49, 49], [10, 49]]}
    content = {"imagePath": "1.png", "imageWidth": 80, "imageHeight": 60, "shapes": [shape]}
    (data / "images" / "1.json").write_text(json.dumps(content))
    code, _, err = samloom(
        "evaluate", "instances", "--annotations", data / "images", "--worst", data / "worst", "--quiet"
    )
    assert code == 0, err
    assert [path.name for path in (data / "worst").iterdir()] == ["01-iou1.00-tile-1.jpg"]


def test_classes_that_the_data_set_lacks_are_told_in_one_line(samloom, sam, finder, data, caplog):
    finder.class_names = ("tree", "ghost")
    code, _, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--images", data / "images", "--quiet"
    )
    assert code == 0, err
    (record,) = caplog.records
    assert record.message.endswith("has no category 'tree', 'ghost'; such detections are left out.")


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
