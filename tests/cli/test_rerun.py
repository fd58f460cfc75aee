"""`samloom rerun`: the same again, or one line on why not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from batches import picture

from pipelines.images import read_image
from pipelines.pool import ModelPool
from pipelines.records import record_of
from pipelines.spec import load_pipeline

DOG = Path(__file__).parents[2] / "demos" / "images" / "dog.png"
CUT = """
version: 1
inputs:
  photo: {type: Image}
  size: {type: int, default: 32}
nodes:
  tiles: {use: tiles/cut, image: "${photo}", size: "${size}"}
outputs:
  tiles: "${tiles}"
"""
WHOLE = """
version: 1
inputs:
  photo: {type: Image}
nodes:
  inner: {use: ./parts/cut.yaml, photo: "${photo}"}
outputs:
  tiles: "${inner.tiles}"
  photo: "${photo}"
"""


@pytest.fixture
def record(tmp_path, monkeypatch, samloom):
    """The record of a run in a folder of its own, which has since been left."""
    home = tmp_path / "home"
    (home / "parts").mkdir(parents=True)
    (home / "parts" / "cut.yaml").write_text(CUT)
    (home / "whole.yaml").write_text(WHOLE)
    picture(home / "a.png", 1)
    monkeypatch.chdir(home)
    assert samloom("run", "whole.yaml", "--photo", "a.png", "--record", "run.json", "-q", "--no-cache").code == 0
    monkeypatch.chdir(tmp_path)
    return home / "run.json"


def rewritten(record: Path, **changes: object) -> Path:
    record.write_text(json.dumps(json.loads(record.read_text()) | changes))
    return record


def test_a_run_is_repeated_from_anywhere_and_found_identical(samloom, record):
    result = samloom("rerun", record, "-o", "again", "-q")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-2:] == ["tiles: identical", "photo: identical"]
    for file in Path("again").iterdir():
        assert file.read_bytes() == (record.parent / "whole-out" / file.name).read_bytes()


def test_what_differs_is_told_with_the_packages_that_are_others(samloom, record):
    said = json.loads(record.read_text())
    packages = said["packages"] | {"numpy": "1.0"}
    rewritten(record, outputs=said["outputs"] | {"photo": "0" * 32}, packages=packages)
    result = samloom("rerun", record, "-q")
    assert (result.code, result.err) == (1, "")
    assert result.out.splitlines() == [
        "tiles: identical",
        "photo: differs",
        f"  numpy 1.0 then, {np.__version__} now",
    ]


def test_a_picture_that_has_changed_is_named(samloom, record):
    picture(record.parent / "a.png", 2)
    result = samloom("rerun", record, "-o", "again", "-q")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"samloom: {record.parent / 'a.png'} has changed since the record: 'photo' needs it as it was.\n"
    )
    assert not Path("again").exists()


def test_a_node_of_another_version_is_named(samloom, record):
    rewritten(record, nodes={"inner/tiles": "tiles/cut@0"})
    result = samloom("rerun", record, "-q")
    assert result.code == 2
    assert result.err == "samloom: inner/tiles is tiles/cut@1 here, but was tiles/cut@0: it may give something else.\n"


def test_a_file_that_the_pipeline_uses_and_that_has_changed_is_noticed(samloom, record):
    (record.parent / "parts" / "cut.yaml").write_text(
        CUT.replace("tiles: {", "parts: {").replace("${tiles}", "${parts}")
    )
    result = samloom("rerun", record, "-q")
    assert result.code == 2
    assert result.err == "samloom: whole has changed since the record: the step 'inner/parts' is not in both.\n"


def test_a_file_that_the_pipeline_uses_is_compared_by_what_it_says(samloom, record):
    part = record.parent / "parts" / "cut.yaml"
    part.write_text(CUT + "# the same, with a remark\n")
    assert samloom("rerun", record, "-q").code == 0
    part.write_text(CUT.replace("default: 32", "default: 16"))
    result = samloom("rerun", record, "-q")
    assert (result.code, result.out) == (2, "")
    assert result.err == "samloom: whole: a pipeline file that it uses has changed since the record. Put it back.\n"


def test_the_name_in_a_record_says_nothing_of_where_to_write(samloom, record, tmp_path, monkeypatch):
    (tmp_path / "one" / "two").mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "one" / "two"))
    assert samloom("rerun", rewritten(record, name="../../x"), "-q").code == 0
    assert list(tmp_path.rglob("x.yaml")) == []
    result = samloom("rerun", rewritten(record, nodes={}), "-q")
    assert result.err.startswith("samloom: ../../x has changed since the record")


def test_a_file_that_a_step_names_and_that_has_changed_is_noticed(samloom, tmp_path):
    picture(tmp_path / "b.png", 1)
    step = f'  loaded: {{use: image/load, path: "{tmp_path / "b.png"}"}}'
    (tmp_path / "named.yaml").write_text(f'version: 1\nnodes:\n{step}\noutputs:\n  photo: "${{loaded}}"\n')
    run = (
        "run",
        tmp_path / "named.yaml",
        "--record",
        tmp_path / "run.json",
        "-o",
        tmp_path / "out",
        "-q",
        "--no-cache",
    )
    assert samloom(*run).code == 0
    assert samloom("rerun", tmp_path / "run.json", "-q").code == 0
    picture(tmp_path / "b.png", 2)
    result = samloom("rerun", tmp_path / "run.json", "-q")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "samloom: loaded.path: the file that it names has changed since the record. Put it back as it was.\n"
    )


def test_a_file_that_is_only_written_may_be_another_by_now(samloom, tmp_path):
    picture(tmp_path / "a.png", 1)
    inputs = "{photo: {type: Image}, target: {type: Path}}"
    step = 'saved: {use: image/save, image: "${photo}", path: "${target}"}'
    outputs = '{photo: "${photo}"}'
    (tmp_path / "save.yaml").write_text(f"version: 1\ninputs: {inputs}\nnodes:\n  {step}\noutputs: {outputs}\n")
    arguments = ("--photo", tmp_path / "a.png", "--target", tmp_path / "b.png", "-o", tmp_path / "out", "--no-cache")
    assert samloom("run", tmp_path / "save.yaml", *arguments, "--record", tmp_path / "run.json", "-q").code == 0
    picture(tmp_path / "b.png", 2)
    result = samloom("rerun", tmp_path / "run.json", "-q")
    assert (result.code, result.out, result.err) == (0, "photo: identical\n", "")
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_an_input_that_the_pipeline_has_not_is_told(samloom, record):
    result = samloom("rerun", rewritten(record, inputs={"phtoo": 1}), "-q")
    assert (result.code, result.err) == (2, "samloom: 'whole' has no input 'phtoo'. Did you mean 'photo'?\n")


def test_other_weights_are_named_before_anything_runs(samloom, tmp_path):
    inputs = {"photo": read_image(DOG), "prompt": "dog."}
    said = record_of(load_pipeline("segment"), inputs, {}, ModelPool(device="cpu")).model_dump()
    (tmp_path / "run.json").write_text(json.dumps(said))
    now = said["models"]["cut.model"]["revision"]
    said["models"]["cut.model"]["revision"] = "another"
    result = samloom("rerun", rewritten(tmp_path / "run.json", models=said["models"]), "-q")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"samloom: cut.model: sam 'bundled' is {now} in float32 here, but was another in float32. "
        "Give the same weights to get the same results.\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file or directory. Give a record or the report of an edit."),
        ("no JSON", "is no record of a run. Write one with `samloom run --record`."),
        ("[]", "is no record of a run"),
        ('{"record": 1}', "is no record of a run: 'name' is missing or unfit."),
        ('{"record": 2}', "is no record of a run: 'record' is missing or unfit."),
    ],
)
def test_a_file_that_is_no_record_is_told(samloom, tmp_path, text, message):
    if text is not None:
        (tmp_path / "x.json").write_text(text)
    result = samloom("rerun", tmp_path / "x.json")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"samloom: {tmp_path / 'x.json'} {message}")


@pytest.mark.slow
def test_an_edit_is_repeated_from_its_report(samloom, tmp_path):
    report = tmp_path / "edit.json"
    arguments = (DOG, "replace the dog with a cat", "-o", tmp_path / "edit.png", "--seed", 3, "--report", report)
    assert samloom("edit", *arguments, "-q", "--no-cache").code == 0
    assert json.loads(report.read_text())["run"]["seeds"] == {"paint.seed": 3}
    result = samloom("rerun", report, "-o", tmp_path / "again", "-q")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-3:] == ["image: identical", "masks: identical", "report: identical"]
    assert (tmp_path / "again" / "image.png").read_bytes() == (tmp_path / "edit.png").read_bytes()
