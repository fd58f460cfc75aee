"""Somebody else's package, built and installed, is used from a file like the suite's own nodes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tests" / "fixtures" / "thirdparty"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds the package, built and installed without a network."""
    source, target = tmp_path_factory.mktemp("source") / "package", tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    return target


def python(installed, code, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


RUN = """
import json, sys
import numpy as np
from pipelines import Image
from pipelines.runner import run
from pipelines.spec import load_pipeline
photo = Image(np.full((2, 3, 3), 51, np.uint8))
print(json.dumps(dict(run(load_pipeline(sys.argv[1]), {"photo": photo}).outputs)))
"""


def test_its_nodes_run_in_a_file(installed, tmp_path):
    text = (PACKAGE / "depth_nodes" / "darkest.yaml").read_text().replace("farthest: 20", "farthest: 5")
    (tmp_path / "near.yaml").write_text(text)
    done = python(installed, RUN, tmp_path / "near.yaml")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"metres": pytest.approx(4.0)}


def test_its_ready_made_pipeline_runs_by_name(installed):
    done = python(installed, RUN, "darkest")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"metres": pytest.approx(16.0)}


CHECK = """
import sys
from pipelines.errors import SpecError
from pipelines.spec import load_pipeline
try:
    load_pipeline(sys.argv[1])
except SpecError as error:
    print(*(problem.message for problem in error.problems), sep="\\n")
"""


def test_its_own_value_type_is_checked_and_can_be_named(installed, tmp_path):
    (tmp_path / "bad.yaml").write_text("""\
version: 1
inputs: {depth: {type: Depth}, photo: {type: Image}}
nodes:
  good: {use: depth/farthest, depth: "${depth}"}
  bad: {use: depth/farthest, depth: "${photo}"}
  fog: {use: fog/add, image: "${photo}"}
outputs: {out: "${good}"}
""")
    assert python(installed, CHECK, tmp_path / "bad.yaml").stdout.splitlines() == [
        "'depth' needs Depth, but '${photo}' gives an image. Nodes that make Depth: depth/from_darkness.",
        "'fog/add' cannot be had: its namespace is broken (ModuleNotFoundError: No module named 'fog_machine').",
    ]
