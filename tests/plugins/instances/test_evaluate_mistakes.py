"""What `samloom evaluate instances` cannot do is one line, and told before anything is computed."""

from __future__ import annotations

import json

import pytest
from PIL import Image as Pil


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


def test_pictures_of_another_size_are_refused(evaluated, sam, data):
    Pil.new("RGB", (50, 50)).save(data / "images" / "1.png")
    code, _, err = evaluated()
    assert code == 2
    assert "has 50x50 pixels, its annotations expect 80x60" in err


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


def test_boxes_come_from_a_detector_or_a_file(samloom, sam, data):
    code, _, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--detector", "bundled",
    )  # fmt: skip
    assert code == 2
    assert "give either --detector MODEL or --detections FILE" in err


@pytest.mark.parametrize("option", ["--results", "--worst"])
def test_masks_are_not_promised_where_there_are_no_outlines(samloom, sam, data, option):
    truth = json.loads((data / "truth.json").read_text())
    del truth["annotations"][0]["segmentation"]
    (data / "truth.json").write_text(json.dumps(truth))
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", option, data / "masks",
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert f"{option} shows Segment Anything's masks, but {data}/truth.json has things without an outline" in err


def test_a_model_needs_pictures(samloom, sam, data):
    code, _, err = samloom("evaluate", "instances", "--annotations", data / "truth.json")
    assert code == 2
    assert "--detections model runs the detector on the pictures: give --images DIR, or a results file." in err


def test_the_worst_masks_need_a_folder_and_that_is_told_first(evaluated, sam, data):
    (data / "worst").write_text("a file")
    code, out, err = evaluated("--worst", data / "worst")
    assert (code, out) == (2, "")
    assert "worst: it is a file, not a folder" in err
    assert sam.asked == []
