"""Models that answer by rule, a small data set, and the command line."""

from __future__ import annotations

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
from plugins.vitdet.models import Instances, VitDetector


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


class Finder(VitDetector):
    """Finds one tile where the data set has it, with a mask of its own that is too small, and a ghost."""

    class_names = ("tile", "ghost")

    def __init__(self):
        self.looked = 0

    def find(self, pixels, *, masks, least, most):
        self.looked += 1
        drawn = np.zeros((2, *pixels.shape[:2]), bool)
        drawn[:, 10:40, 10:40] = True
        scores = np.array([0.8, 0.7], np.float32)
        sure = scores > least
        return Instances(
            boxes=np.array([[10, 10, 50, 50], [0, 0, 9, 9]], np.float32)[sure],
            scores=scores[sure],
            classes=np.array([0, 1])[sure],
            masks=drawn[sure] if masks else None,
        )


class Family:
    def __init__(self, name, model):
        self.name, self.model = name, model

    def resolve(self, ref, *, offline):
        return ModelSource(self.name, ref, "nowhere", "0")

    def load(self, source, *, device, dtype):
        return self.model


@pytest.fixture(scope="session", autouse=True)
def commands():
    if "instances" not in {command.name for command in app.registered_commands}:
        add_plugin_commands()


@pytest.fixture
def finder():
    return Finder()


@pytest.fixture
def sam(monkeypatch, finder):
    filler = Filler()
    families = {"sam": Family("sam", filler), "vitdet": Family("vitdet", finder)}
    monkeypatch.setattr(Surroundings, "pool", lambda _: ModelPool(families=families))
    return filler


@pytest.fixture
def samloom(capsys):
    def call(*arguments):
        capsys.readouterr()
        code = exit_code(app, [str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def square(left, top, side):
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


@pytest.fixture
def evaluated(samloom, data):
    """Measures what was found in the data set, with Segment Anything's masks beside it, and further options."""

    def run(*options):
        return samloom(
            "evaluate", "instances", "--annotations", data / "truth.json", "--detections", data / "found.json",
            "--images", data / "images", "--quiet", *options,
        )  # fmt: skip

    return run
