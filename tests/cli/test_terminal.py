"""How the command ends: whatever happens around it, a true line and the right exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer

from pipelines import cli
from pipelines.command.terminal import exit_code, say
from pipelines.errors import Cancelled


@pytest.fixture
def app(monkeypatch) -> typer.Typer:
    """A command line of two commands of its own, to which plugins add theirs."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
    app.command("hello")(lambda: say("hello"))
    app.command("bye")(lambda: say("bye"))
    monkeypatch.setattr(cli, "app", app)
    return app


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("no_such_module:run", "No module named 'no_such_module'"),
        ("json:no_such_function", "module 'json' has no attribute 'no_such_function'"),
        ("json:__name__", "'json' is not a callable object"),
    ],
)
@pytest.mark.parametrize("group", ["", "theirs."])
def test_a_command_that_cannot_be_imported_costs_no_other_and_says_why(app, monkeypatch, capsys, place, reason, group):
    points = [EntryPoint(f"{group}broken", place, cli.COMMANDS_GROUP)]
    monkeypatch.setattr(cli, "entry_points", lambda group: points)
    cli.add_plugin_commands()
    assert exit_code(app, ["hello"]) == 0
    assert exit_code(app, ["--help"]) == 0
    capsys.readouterr()
    assert exit_code(app, [*(["theirs"] if group else []), "broken", "word", "--flag"]) == 2
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"samloom: the command 'broken' ({place}) cannot be imported: {reason}. Reinstall what brought it.\n",
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [(KeyboardInterrupt(), "stopped."), (Cancelled(), "stopped; the outputs were not written.")],
)
def test_an_interrupt_is_told_without_a_word_about_files_that_nodes_wrote(app, capsys, error, line):
    @app.command()
    def wait() -> None:
        raise error

    assert exit_code(app, ["wait"]) == 130
    assert capsys.readouterr() == ("", f"samloom: {line}\n")


def test_what_cannot_be_looked_at_is_a_line(app, capsys):
    @app.command()
    def look() -> None:
        Path("x" * 300).exists()

    assert exit_code(app, ["look"]) == 2
    assert capsys.readouterr() == ("", f"samloom: {'x' * 300}: File name too long. Check the path.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
@pytest.mark.parametrize("arguments", [["schema"], ["--help"], ["nodes", "image/crop"]])
def test_a_reader_that_has_left_is_no_mistake(arguments):
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        ended = subprocess.run(command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
