"""A folder of SA-1B: each picture with the JSON of its name, wherever it lies in the folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from sam_model.data.sa1b_folder import Sa1bFolder
from sam_model.errors import DatasetError
from sam_model.ops.rle import encode

MASK = np.zeros((20, 30), bool)
MASK[4:9, 6:16] = True


def write(folder: Path, name: str, *, masks: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    PIL.Image.new("RGB", (30, 20), (9, 8, 7)).save(folder / f"{name}.jpg")
    image = {"image_id": 1, "width": 30, "height": 20, "file_name": f"{name}.jpg"}
    annotation = {"id": 3, "segmentation": encode(MASK[None])[0].to_coco(), "bbox": [6, 4, 10, 5], "area": 50,
                  "predicted_iou": 0.9, "stability_score": 0.97, "crop_box": [0, 0, 30, 20],
                  "point_coords": [[9.0, 6.0]]}  # fmt: skip
    record = folder / f"{name}.json"
    record.write_text(json.dumps({"image": image, "annotations": [annotation] * masks}))
    return record


def test_pictures_of_all_folders_are_found_with_their_masks(tmp_path):
    for name in ("sa_2", "sa_1"):
        write(tmp_path / name[-1], name)
    dataset = Sa1bFolder(tmp_path)
    assert [dataset[index].path.name for index in range(len(dataset))] == ["sa_1.jpg", "sa_2.jpg"]
    picture = dataset[0]
    assert picture.read().shape == (20, 30, 3)
    (outline,) = picture.outlines
    assert np.array_equal(picture.mask(outline), MASK)


def test_a_record_may_have_no_masks(tmp_path):
    write(tmp_path, "sa_1", masks=0)
    assert Sa1bFolder(tmp_path)[0].outlines == ()


def test_records_without_a_picture_are_counted(tmp_path):
    write(tmp_path, "sa_1")
    write(tmp_path, "sa_2").with_suffix(".jpg").unlink()
    dataset = Sa1bFolder(tmp_path)
    assert len(dataset) == 1
    assert dataset.left_out == {"pictures without a file": 1}


def test_empty_and_missing_folders_and_broken_records_are_named(tmp_path):
    with pytest.raises(DatasetError, match="nothing: no such folder"):
        Sa1bFolder(tmp_path / "nothing")
    with pytest.raises(DatasetError, match=r"holds no picture with a mask$"):
        Sa1bFolder(tmp_path)
    write(tmp_path, "sa_1").write_text("{}")
    with pytest.raises(DatasetError, match=r"sa_1\.json: the record has no 'image'"):
        Sa1bFolder(tmp_path)[0]
