"""`samloom export`."""

from __future__ import annotations

import sys

import pytest
import typer

from pipelines.command.terminal import exit_code
from plugins.sam.commands import export


@pytest.fixture
def app() -> typer.Typer:
    command = typer.Typer()
    command.command()(export)
    return command


def test_every_file_is_compared_with_the_network(app, tmp_path, capsys):
    assert exit_code(app, ["-o", str(tmp_path), "--graph", "look"]) == 0
    said = capsys.readouterr().out
    assert "look.onnx" in said
    assert "differs from PyTorch by" in said
    assert (tmp_path / "look.onnx").stat().st_size > 100_000


def test_without_the_packages_one_line_says_what_to_install(app, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert exit_code(app, ["-o", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "samloom: ONNX graphs need the packages of samloom[onnx]: onnx is missing\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No Segment Anything at 'nosuch'"),
        (["--graph", "decodr"], "'decodr' is not one of 'encoder', 'decoder', 'look', 'answer', 'logits', 'web'"),
    ],
)
def test_mistakes_are_named(app, tmp_path, capsys, arguments, message):
    assert exit_code(app, ["-o", str(tmp_path), *arguments]) == 2
    assert message in capsys.readouterr().err
