"""What a run gives, as files of one folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.outputs import write_outputs
from pipelines.values import Image

GREY = Image(np.full((2, 2, 3), 128, np.uint8))


@pytest.mark.parametrize("key", ["../x", "a/b", "/x", "..", "", "C:\\x", "a\nb", "a\0b", "50%", "left eye", "ü"])
def test_whatever_an_axis_calls_its_items_they_stay_in_the_folder(tmp_path, key):
    (file,) = write_outputs({"parts": {key: GREY}}, tmp_path / "in" / "out")
    assert file.parent == tmp_path / "in" / "out"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


def test_no_two_keys_of_an_axis_write_one_file(tmp_path):
    keys = ["a/b", "a%2Fb", "a-b", "a:b", "a?b", "a b"]
    files = write_outputs({"parts": dict.fromkeys(keys, GREY)}, tmp_path)
    assert len(set(files)) == len(keys)
    assert files[0].name == "parts-a%2Fb.png"


def test_the_usual_keys_are_written_as_they_are(tmp_path):
    files = write_outputs({"tiles": {"0,16": {"left eye": GREY}}, "size": {"ü": 3}}, tmp_path, prefix="50% a:b.")
    assert [path.name for path in files] == ["50% a:b.tiles-0,16-left eye.png", f"50% a:b.{'values.json'}"]
    assert json.loads(Path(files[1]).read_text()) == {"size-ü": 3}
