"""Running the command in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from batches import PIPELINE, picture

from pipelines.cli import app
from pipelines.command.terminal import exit_code


@dataclass(frozen=True)
class Outcome:
    """What a command line printed and ended with."""

    code: int
    out: str
    err: str


@pytest.fixture
def samloom(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs `samloom ARGUMENTS` and gives its outcome."""

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = exit_code(app, [str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: `p.yaml`, and `in` with two pictures, one of them deeper."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(PIPELINE)
    picture(tmp_path / "in" / "a.png", 1)
    picture(tmp_path / "in" / "deep" / "b.png", 2)
    return tmp_path


@pytest.fixture
def batch(samloom: Callable[..., Outcome], pictures: Path) -> Callable[..., Outcome]:
    """Runs `samloom batch p.yaml in -o out -r --no-cache -q` and more, and gives its outcome."""
    return lambda *more: samloom("batch", "p.yaml", "in", "-o", "out", "-r", "--no-cache", "-q", *more)
