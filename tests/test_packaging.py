"""The wheel: what is in it, and that it works outside the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {"demos", "pipelines", "plugins", "sam_model"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("samloom-*.whl"))


def test_the_wheel_holds_the_four_packages_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert top == ROOMS
    assert not [name for name in names if Path(name).name.startswith(("test_", "conftest"))]


def test_the_wheel_holds_types_pipelines_and_weights(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{room}/py.typed" for room in ROOMS} <= names
    assert {"demos/pipelines/edit.yaml", "demos/pipelines/everything.yaml", "demos/pipelines/segment.yaml"} <= names
    assert {f"plugins/bundled/{part}/README.md" for part in ("grounding_dino", "sam", "stable_diffusion")} <= names


def test_the_installed_wheel_edits_a_picture_with_its_own_weights(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "edit",
        ROOT / "demos/images/dog.png",
        "replace the dog with a cat",
    ]
    # -P keeps the working directory off the path; PYTHONPATH comes before the checkout that the environment points to.
    environment = {"PYTHONPATH": str(site), "PATH": "", "HF_HUB_OFFLINE": "1", "SAMLOOM_CACHE": str(tmp_path / "cache")}
    run = [
        command[0],
        "-P",
        *command[1:],
        "-o",
        tmp_path / "edited.png",
        "--report",
        tmp_path / "report.json",
        "--trace",
        tmp_path / "t.json",
    ]
    subprocess.run(run, check=True, cwd=tmp_path, env=environment, capture_output=True)
    assert (tmp_path / "edited.png").read_bytes() != (ROOT / "demos/images/dog.png").read_bytes()
    assert str(ROOT) not in (tmp_path / "report.json").read_text().replace(str(ROOT / "demos/images"), "")
