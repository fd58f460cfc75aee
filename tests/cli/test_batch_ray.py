"""`samloom batch --engine ray`: the same on Ray Data, and what is said where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from batches import files, journal, picture

from pipelines.batch.on_ray import Actor
from pipelines.batch.work import Job
from pipelines.pool import ModelPool


def test_an_engine_that_is_not_installed_says_what_would_bring_it(batch, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = batch("--engine", "ray")
    assert (result.code, result.err) == (2, "samloom: --engine ray needs Ray: pip install 'samloom[cluster]'.\n")


@pytest.fixture
def ray_that(monkeypatch):
    """Puts a Ray in place that fails to start, or while it works, with the exception given."""

    def put(*, starting: Exception | None = None, working: Exception | None = None) -> None:
        def init(**_options):
            if starting:
                raise starting

        def rows():
            yield from ()
            raise working

        data = SimpleNamespace(
            DataContext=SimpleNamespace(get_current=SimpleNamespace),
            ActorPoolStrategy=lambda size: size,
            from_items=lambda rows, **_: SimpleNamespace(map=lambda *_, **__: SimpleNamespace(iter_rows=rows_of)),
        )
        rows_of = rows
        ray = SimpleNamespace(init=init, cluster_resources=lambda: {"CPU": 2.0}, data=data)
        for name, module in (("ray", ray), ("ray.data", data), ("ray.exceptions", SimpleNamespace(RayError=RayError))):
            monkeypatch.setitem(sys.modules, name, module)

    return put


class RayError(Exception):
    """Root of what Ray raises of its own."""


def test_where_ray_does_not_start_one_line_says_so(batch, ray_that):
    ray_that(starting=Exception("The current node timed out during startup. This could happen.\nMore of it"))
    result = batch("--engine", "ray")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "samloom: Ray does not start: The current node timed out during startup. This could happen. "
        "A machine may be too busy for it, or RAY_ADDRESS wrong; --engine threads needs no Ray.\n"
    )


def test_where_ray_gives_up_one_line_says_so_and_how_to_go_on(batch, ray_that):
    ray_that(working=RayError("The actor died unexpectedly\nwith much more"))
    result = batch("--engine", "ray")
    assert (result.code, result.out) == (1, "")
    assert result.err == "samloom: Ray gave up: The actor died unexpectedly. The same command goes on from here.\n"


def test_what_a_machine_of_the_cluster_lacks_is_told_as_a_mistake_and_does_not_break_its_actor(tmp_path):
    job = Job(
        pipeline="nowhere.yaml",
        inputs={},
        picture_input="photo",
        folder=tmp_path,
        out=tmp_path,
        pool=ModelPool,
        cache=lambda: None,
    )
    told = Actor(job)({"picture": "a.png", "before": ""})
    assert told["record"] == ""
    assert "nowhere.yaml" in told["mistake"]


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
def test_on_ray_the_results_are_the_same_and_what_was_written_down_is_not_done_again(samloom, pictures):
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
