"""`samloom batch`: a folder through a pipeline, once, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from pipelines.images import read_image

PIPELINE = """
version: 1
inputs:
  photo: {type: Image}
  size: {type: int, default: 32}
nodes:
  tiles: {use: tiles/cut, image: "${photo}", size: "${size}"}
outputs:
  photo: "${photo}"
  tiles: "${tiles}"
  size: "${size}"
"""
OF_A_SMALL_PICTURE = ["photo.png", "tiles-0,0.png", "tiles-16,0.png", "tiles-whole.png", "values.json"]


def picture(path: Path, number: int = 0, size: tuple[int, int] = (48, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Pil.fromarray(pixels).save(path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory: `p.yaml`, and `in` with two pictures, one of them deeper."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(PIPELINE)
    picture(tmp_path / "in" / "a.png", 1)
    picture(tmp_path / "in" / "deep" / "b.png", 2)
    return tmp_path


@pytest.fixture
def batch(samloom):
    """Runs `samloom batch p.yaml in -o out -r --no-cache -q` and more, and gives its outcome."""
    return lambda *more: samloom("batch", "p.yaml", "in", "-o", "out", "-r", "--no-cache", "-q", *more)


def journal() -> list[dict[str, object]]:
    return [json.loads(line) for line in Path("out/journal.jsonl").read_text().splitlines()]


def files(folder: str) -> set[str]:
    """Every file and folder in it, but for the journal."""
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*")} - {"journal.jsonl"}


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


def test_a_node_that_fails_is_named_with_its_reason(batch):
    result = batch("--input", "size=0")
    assert (result.code, result.out) == (1, "0 done, 0 unchanged, 2 failed: out\n")
    message = "tiles: tiles of 0 pixels with an overlap of 0.2 cannot be cut. Give 1 or more, and 0 to 1."
    assert result.err.splitlines() == [f"samloom: a.png: {message}", f"samloom: deep/b.png: {message}"]
    assert files("out") == set()


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


def test_one_of_several_pictures_may_be_the_same_for_all(samloom):
    Path("two.yaml").write_text("version: 1\ninputs: {a: {type: Image}, b: {type: Image}}\noutputs: {b: '${b}'}\n")
    assert samloom("batch", "two.yaml", "in", "-o", "out", "-q", "-i", "a=in/deep/b.png").code == 0
    assert np.array_equal(read_image("out/a.b.png").pixels, read_image("in/a.png").pixels)


def test_an_engine_that_is_not_installed_says_what_would_bring_it(batch, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = batch("--engine", "ray")
    assert (result.code, result.err) == (2, "samloom: --engine ray needs Ray: pip install 'samloom[cluster]'.\n")


def start(*more: str) -> subprocess.Popen[str]:
    """The same command in a process of its own, which can be killed."""
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "batch",
        "p.yaml",
        "in",
        "-o",
        "out",
        "-i",
        "size=240",
        "--no-cache",
        *more,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_lines(number: int, process: subprocess.Popen[str]) -> None:
    """Wait until the journal has grown by so many lines."""
    path = Path("out/journal.jsonl")
    before = path.read_bytes().count(b"\n") if path.exists() else 0
    while not path.exists() or path.read_bytes().count(b"\n") < before + number:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.fixture
def many() -> list[str]:
    """Thirty pictures that take a moment each, in `in`."""
    for number in range(30):
        picture(Path("in", f"{number:02d}.png"), number, size=(480, 360))
    return sorted(path.name for path in Path("in").glob("*.png"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_killed_at_any_moment_nothing_is_lost_done_twice_or_half_there(many, workers):
    chance = random.Random(int(workers))
    for _ in range(4):
        process = start("-q", "--workers", workers)
        wait_for_lines(chance.randint(1, 4), process)
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    process = start("-q", "--workers", workers)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith(f"{len(many) - int(out.split()[2])} done")
    assert sorted(line["picture"] for line in journal()) == many
    assert {line["status"] for line in journal()} == {"done"}
    assert files("out") == {name for line in journal() for name in line["outputs"]}
    for name in many:
        expected = read_image(Path("in", name)).pixels
        assert np.array_equal(read_image(f"out/{Path(name).stem}.photo.png").pixels, expected)
        assert np.array_equal(read_image(f"out/{Path(name).stem}.tiles-whole.png").pixels, expected)


@pytest.mark.slow
def test_an_interrupt_ends_what_is_under_way_and_says_how_to_go_on(many):
    process = start("-q")
    wait_for_lines(2, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    done = len(journal())
    assert (process.returncode, out) == (130, f"{done} done, 0 unchanged, 0 failed: out\n")
    assert err == f"samloom: stopped with {len(many) - done} left. The same command goes on from here.\n"
    assert files("out") == {name for line in journal() for name in line["outputs"]}
    out, _ = start("-q").communicate()
    assert out == f"{len(many) - done} done, {done} unchanged, 0 failed: out\n"


TWICE = """
import sys
from pathlib import Path
from pipelines.cli import app
from pipelines.command.terminal import exit_code

command = ["batch", "p.yaml", "in", "-o", "out", "-r", "--no-cache", "-q", "--engine", "ray", "--workers", "2"]
codes = [exit_code(app, command)]
Path("out/journal.jsonl").write_text("".join(Path("out/journal.jsonl").read_text().splitlines(keepends=True)[:4]))
sys.exit(repr([*codes, exit_code(app, command)]))
"""


@pytest.mark.slow
def test_on_ray_the_results_are_the_same_and_what_was_written_down_is_not_done_again(samloom):
    pytest.importorskip("ray", reason="the extra `cluster`")
    for number in range(3, 7):
        picture(Path(f"in/{number}.png"), number)
    Path("in/bad.png").write_bytes(b"\x89PNG and no more")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.run(
        [sys.executable, "-c", TWICE], env=environment, capture_output=True, text=True, check=False
    )
    first, second = process.stdout.splitlines()
    assert process.stderr.splitlines()[-1] == "[1, 1]", process.stderr
    assert first == "6 done, 0 unchanged, 1 failed: out"
    kept = [line["status"] for line in journal()[:4]].count("done")
    assert second == f"{6 - kept} done, {kept} unchanged, 1 failed: out"
    names = [path.relative_to("in").as_posix() for path in Path("in").rglob("*.png")]
    assert sorted(line["picture"] for line in journal()) == sorted(names)
    samloom("batch", "p.yaml", "in", "-o", "threads", "-r", "--no-cache", "-q")
    assert files("threads") == files("out")
    assert all(Path("out", name).read_bytes() == Path("threads", name).read_bytes() for name in files("out") - {"deep"})
