"""`samloom batch`: a folder through a pipeline, once, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from batches import OF_A_SMALL_PICTURE, PIPELINE, files, journal, picture

from pipelines.errors import MemoryShortError, OutputError, RunError
from pipelines.images import read_image
from pipelines.runner import run as whole

pytestmark = pytest.mark.usefixtures("pictures")


def test_results_mirror_the_folder_and_are_those_of_a_single_run(batch, samloom):
    result = batch()
    assert (result.code, result.out, result.err) == (0, "2 done, 0 unchanged, 0 failed: out\n", "")
    expected = {f"a.{name}" for name in OF_A_SMALL_PICTURE} | {f"deep/b.{name}" for name in OF_A_SMALL_PICTURE}
    assert files("out") == expected | {"deep"}
    assert {line["picture"]: set(line["outputs"]) for line in journal()} == {
        "a.png": {name for name in expected if name.startswith("a.")},
        "deep/b.png": {name for name in expected if name.startswith("deep")},
    }
    samloom("run", "p.yaml", "--photo", "in/deep/b.png", "-o", "single", "--no-cache", "-q")
    for name in OF_A_SMALL_PICTURE:
        assert Path("out/deep", f"b.{name}").read_bytes() == Path("single", name).read_bytes()


def test_what_is_done_stays_as_it_is(batch):
    batch()
    times = {name: Path("out", name).stat().st_mtime_ns for name in files("out")}
    assert batch().out == "0 done, 2 unchanged, 0 failed: out\n"
    assert {name: Path("out", name).stat().st_mtime_ns for name in files("out")} == times
    assert len(journal()) == 2


def test_a_changed_picture_is_done_again_alone(batch):
    batch()
    picture(Path("in/a.png"), 3)
    assert batch().out == "1 done, 1 unchanged, 0 failed: out\n"
    assert np.array_equal(read_image("out/a.photo.png").pixels, read_image("in/a.png").pixels)


def test_another_input_does_all_again_and_leaves_nothing_of_the_old_results(batch):
    batch()
    assert batch("--input", "size=64").out == "2 done, 0 unchanged, 0 failed: out\n"
    names = {"photo.png", "tiles-whole.png", "values.json"}
    assert files("out") == {"deep"} | {f"{stem}.{name}" for stem in ("a", "deep/b") for name in names}


def test_another_pipeline_does_all_again(batch):
    batch()
    Path("p.yaml").write_text(PIPELINE.replace('size: "${size}"}', "size: 64}"))
    assert batch().out == "2 done, 0 unchanged, 0 failed: out\n"


def test_a_result_that_was_deleted_is_made_again(batch):
    batch()
    Path("out/a.photo.png").unlink()
    assert batch().out == "1 done, 1 unchanged, 0 failed: out\n"
    assert Path("out/a.photo.png").is_file()


def test_failures_are_listed_and_cost_nobody_else_anything(batch):
    Path("in/bad.png").write_bytes(b"\x89PNG and no more")
    (Path("in") / "empty.png").touch()
    result = batch()
    assert (result.code, result.out) == (1, "2 done, 0 unchanged, 2 failed: out\n")
    assert result.err.splitlines() == [
        "samloom: bad.png: is damaged or cut short. Get a whole copy of the picture.",
        "samloom: empty.png: is empty (0 bytes). Get a whole copy of the picture.",
    ]


def test_what_is_no_file_is_a_failure_and_does_not_block(batch):
    os.mkfifo("in/pipe.png")
    Path("in/link.png").symlink_to("gone.png")
    result = batch()
    assert (result.code, result.out) == (1, "2 done, 0 unchanged, 2 failed: out\n")
    assert result.err.splitlines() == [
        "samloom: link.png: does not exist. It is a link to gone.png.",
        "samloom: pipe.png: is not a regular file. Give a picture file.",
    ]


def test_a_node_that_fails_is_named_with_its_reason(batch):
    result = batch("--input", "size=0")
    assert (result.code, result.out) == (1, "0 done, 0 unchanged, 2 failed: out\n")
    message = "tiles: tiles of 0 pixels with an overlap of 0.2 cannot be cut. Give 1 or more, and 0 to 1."
    assert result.err.splitlines() == [f"samloom: a.png: {message}", f"samloom: deep/b.png: {message}"]
    assert files("out") == set()


SHARED = """
version: 1
inputs: {photo: {type: Image}, wish: {type: Text}}
nodes:
  plan: {use: instructions/parse, text: "${wish}"}
  tiles: {use: tiles/cut, image: "${photo}"}
outputs: {plan: "${plan.targets}", photo: "${photo}"}
"""


def test_a_mistake_in_what_all_pictures_share_is_told_once(batch):
    Path("p.yaml").write_text(SHARED)
    result = batch("-i", "wish=repalce the dog with a cat")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        "samloom: plan: cannot understand 'repalce'. Did you mean 'replace'?",
        "  repalce the dog with a cat",
        "  ^^^^^^^",
    ]
    assert journal() == []
    assert batch("-i", "wish=replace the dog with a cat").out == "2 done, 0 unchanged, 0 failed: out\n"


def test_what_failed_is_tried_again_when_asked_for(batch, monkeypatch):
    monkeypatch.setenv("SAMLOOM_MAX_PIXELS", "100")
    assert batch().out == "0 done, 0 unchanged, 2 failed: out\n"
    monkeypatch.delenv("SAMLOOM_MAX_PIXELS")
    assert batch().out == "0 done, 0 unchanged, 2 failed: out\n"
    assert batch("--retry-failed").out == "2 done, 0 unchanged, 0 failed: out\n"
    assert [line["status"] for line in journal()] == ["failed", "failed", "done", "done"]


def test_what_failed_is_tried_again_when_it_has_changed(batch):
    Path("in/bad.png").write_bytes(b"\x89PNG and no more")
    batch()
    picture(Path("in/bad.png"), 4)
    assert batch().out == "1 done, 2 unchanged, 0 failed: out\n"


def test_a_picture_that_no_longer_can_be_read_keeps_no_results(batch):
    batch()
    Path("in/a.png").write_bytes(b"")
    assert batch().code == 1
    assert files("out") == {"deep"} | {f"deep/b.{name}" for name in OF_A_SMALL_PICTURE}


def test_results_may_lie_in_the_folder_itself(samloom):
    arguments = ("batch", "p.yaml", "in", "-o", "in/out", "-r", "--no-cache", "-q")
    assert samloom(*arguments).out == "2 done, 0 unchanged, 0 failed: in/out\n"
    assert samloom(*arguments).out == "0 done, 2 unchanged, 0 failed: in/out\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("p.yaml", "nowhere"), "nowhere does not exist."),
        (("p.yaml", "void"), "void holds no pictures"),
        (("p.yaml", "twins"), "a.jpg and a.png would both write a.*"),
        (("q.yaml", "in"), "q.yaml"),
        (("segmnt", "in"), "there is no ready-made pipeline 'segmnt'. Did you mean 'segment'?"),
        (("p.yaml", "in", "-i", "size"), "--input size gives no value. Write --input NAME=VALUE."),
        (("p.yaml", "in", "-i", "sise=3"), "p has no input 'sise'. Did you mean 'size'?"),
        (("p.yaml", "in", "-i", "photo=in/a.png"), "p takes no picture that could come from the folder."),
        (("two.yaml", "in"), "two takes several pictures: a or b. Give all but one with --input NAME=FILE."),
        (("p.yaml", "in", "--workers", "0"), "Invalid value for '--workers'"),
        (
            ("segment", "in", "--preset", "base", "--offline"),
            "Grounding DINO 'IDEA-Research/grounding-dino-tiny' is not on this machine",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_done(samloom, monkeypatch, arguments, message):
    monkeypatch.setenv("HF_HUB_CACHE", "no-hub")
    Path("void").mkdir()
    for name in ("twins/a.png", "twins/a.jpg"):
        picture(Path(name))
    Path("two.yaml").write_text("version: 1\ninputs: {a: {type: Image}, b: {type: Image}}\noutputs: {a: '${a}'}\n")
    result = samloom("batch", *arguments, "-o", "out", "-q")
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert not Path("out").exists()


def test_a_file_where_the_results_should_go_is_told_before_anything_is_done(samloom):
    result = samloom("batch", "p.yaml", "in", "-o", "p.yaml", "-q")
    message = "samloom: cannot write into p.yaml: it is a file, not a folder. Give another path.\n"
    assert (result.code, result.err) == (2, message)
    assert Path("p.yaml").read_text() == PIPELINE


def test_one_of_several_pictures_may_be_the_same_for_all(samloom):
    Path("two.yaml").write_text("version: 1\ninputs: {a: {type: Image}, b: {type: Image}}\noutputs: {b: '${b}'}\n")
    assert samloom("batch", "two.yaml", "in", "-o", "out", "-q", "-i", "a=in/deep/b.png").code == 0
    assert np.array_equal(read_image("out/a.b.png").pixels, read_image("in/a.png").pixels)


SAVING = """
version: 1
inputs: {{photo: {{type: Image}}, path: {{type: Path, default: last.png}}}}
nodes: {{saved: {{use: {use}, image: "${{photo}}", path: {path}}}}}
outputs: {{photo: "${{photo}}"}}
"""


@pytest.mark.parametrize(
    ("use", "path"), [("image/save", "last.png"), ("image/save", '"${path}"'), ("./inner.yaml", '"${path}"')]
)
def test_a_file_that_a_node_writes_itself_does_not_make_all_pictures_new(batch, use, path):
    inner = SAVING.format(use="image/save", path='"${path}"').replace("photo", "image")
    Path("inner.yaml").write_text(inner)
    Path("p.yaml").write_text(SAVING.format(use=use, path=path))
    assert batch().out == "2 done, 0 unchanged, 0 failed: out\n"
    assert Path("last.png").is_file()
    assert batch().out == "0 done, 2 unchanged, 0 failed: out\n"


def failing(monkeypatch, error: Exception) -> None:
    """Let every run for a.png end with `error`."""

    def run(graph, values, **options):
        if values["photo"].source.endswith("a.png"):
            raise error
        return whole(graph, values, **options)

    monkeypatch.setattr("pipelines.batch.work.run", run)


def test_a_picture_for_which_memory_is_short_costs_nobody_else_anything(batch, monkeypatch):
    failing(monkeypatch, RunError("cut", {}, MemoryShortError("memory ran out. Give a smaller picture.")))
    result = batch()
    assert (result.code, result.out) == (1, "1 done, 0 unchanged, 1 failed: out\n")
    assert result.err == "samloom: a.png: cut: memory ran out. Give a smaller picture.\n"


def test_a_disk_that_is_full_for_a_node_stops_the_folder(batch, monkeypatch):
    full = OutputError("cannot write x.json: No space left on device.")
    full.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    failing(monkeypatch, RunError("coco", {}, full))
    result = batch()
    assert (result.code, result.out) == (2, "")
    assert result.err == "samloom: coco: cannot write x.json: No space left on device.\n"
    assert journal() == []


def test_a_picture_whose_results_another_one_overwrote_is_done_again(batch):
    picture(Path("in/a.jpg"), 5)
    jpg, png = ("--glob", "a.jpg"), ("--glob", "a.png")
    for chosen in (jpg, png, jpg):
        assert batch(*chosen).out == "1 done, 0 unchanged, 0 failed: out\n"
    assert np.array_equal(read_image("out/a.photo.png").pixels, read_image("in/a.jpg").pixels)
    assert batch(*jpg).out == "0 done, 1 unchanged, 0 failed: out\n"
