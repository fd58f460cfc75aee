"""Running the command in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

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
