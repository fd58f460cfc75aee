"""`samloom instances` and `samloom evaluate instances`, with a Segment Anything that fills its boxes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image as Pil

from pipelines.cli import add_plugin_commands, app
from pipelines.command.execution import Surroundings
from pipelines.command.terminal import exit_code
from pipelines.families import ModelSource
from pipelines.models import ModelPool
from plugins.sam.models import Sam


class Filler(Sam):
    """Fills each box, and remembers how it was asked."""

    def __init__(self):
        self.asked = []

    def cut(self, pixels, boxes, *, multimask, refine=0):
        self.asked.append((len(boxes), multimask, refine))
        found = np.zeros((len(boxes), *pixels.shape[:2]), bool)
        for mask, (x0, y0, x1, y1) in zip(found, boxes.astype(int), strict=True):
            mask[y0:y1, x0:x1] = True
        return found, np.full(len(boxes), 0.9, np.float32)

    def answer(self, pixels, asked):
        raise NotImplementedError

    def everything(self, pixels, wanted, report):
        raise NotImplementedError


class Family:
    name = "sam"

    def __init__(self, sam):
        self.sam = sam

    def resolve(self, ref, *, offline):
        return ModelSource("sam", ref, "nowhere", "0")

    def load(self, source, *, device, dtype):
        return self.sam


@pytest.fixture(scope="module", autouse=True)
def commands():
    if "instances" not in {command.name for command in app.registered_commands}:
        add_plugin_commands()


@pytest.fixture
def sam(monkeypatch):
    filler = Filler()
    monkeypatch.setattr(Surroundings, "pool", lambda _: ModelPool(families={"sam": Family(filler)}))
    return filler


@pytest.fixture
def samloom(capsys):
    def call(*arguments):
        capsys.readouterr()
        code = exit_code(app, [str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def square(left, top, side):
    counts = []
    mask = np.zeros((60, 80), bool)
    mask[top : top + side, left : left + side] = True
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
    counts = np.diff([0, *edges, flat.size]).tolist()
    return {"size": [60, 80], "counts": counts}


@pytest.fixture
def data(tmp_path):
    """Two pictures of 80x60 with a square each; the detector's boxes are right, its masks too small."""
    (tmp_path / "images").mkdir()
    for number in (1, 2):
        Pil.fromarray(np.full((60, 80, 3), number, np.uint8)).save(tmp_path / "images" / f"{number}.png")
    truth = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 60} for n in (1, 2)],
        "categories": [{"id": 4, "name": "tile"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 4, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0,
             "segmentation": square(10, 10, 40)}
            for n in (1, 2)
        ],
    }  # fmt: skip
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    found = [
        {"image_id": n, "category_id": 4, "bbox": [10, 10, 40, 40], "score": 0.8, "segmentation": square(10, 10, 30)}
        for n in (1, 2)
    ]
    # Results files have compressed run lengths only.
    from pycocotools import mask as coco_masks

    for entry in found:
        packed = coco_masks.frPyObjects(entry["segmentation"], 60, 80)
        entry["segmentation"] = {"size": [60, 80], "counts": packed["counts"].decode()}
    (tmp_path / "found.json").write_text(json.dumps(found))
    return tmp_path


def test_segment_anythings_masks_stand_beside_the_detectors_own(samloom, sam, data):
    code, out, err = samloom(
        "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
        "--images", data / "images", "--csv", data / "table.csv", "--results", data / "drawn.json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    rows = [line.split("\t")[:4] for line in out.splitlines()]
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
    assert "1 pictures are not in" in caplog.text
    assert "Segment Anything's masks\t50." in out


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
    from pycocotools import mask as coco_masks

    assert coco_masks.area(result["segmentation"]) == 1600
    assert (data / "out" / "overlay.png").is_file()
    assert (data / "out" / "annotations.json").is_file()
    assert sam.asked == [(1, True, 1)]


def test_boxes_come_from_one_place(samloom, sam, data):
    code, _, err = samloom("instances", data / "images" / "1.png")
    assert code == 2
    assert "give either --detector MODEL or --boxes FILE" in err
