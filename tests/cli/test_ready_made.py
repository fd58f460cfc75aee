"""The commands of ready-made pipelines: all that a pipeline can be told, its command can be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.command import ready_made
from pipelines.errors import Cancelled
from pipelines.spec import load_pipeline

DOG = Path(__file__).parents[2] / "demos" / "images" / "dog.png"


@pytest.mark.parametrize("name", ["edit", "segment", "everything"])
def test_every_input_of_a_ready_made_pipeline_can_be_given_to_its_command_and_has_the_same_default(name):
    given = {parameter.name: parameter for parameter in get_command(app).commands[name].params}
    inputs = dict(load_pipeline(name).inputs)
    assert inputs.pop("photo").required
    for each in inputs.values():
        parameter = given[each.name]
        assert parameter.required or parameter.default == each.default, each.name


@pytest.mark.parametrize(
    ("more", "shadows", "second_look"),
    [((), False, True), (("--shadows",), True, True), (("--no-second-look",), False, False)],
)
def test_shadows_and_the_second_look_of_an_edit_are_flags(samloom, monkeypatch, tmp_path, more, shadows, second_look):
    given = {}

    def execute(graph, inputs, settings):
        given.update(inputs)
        raise Cancelled

    monkeypatch.setattr(ready_made, "execute", execute)
    samloom("edit", DOG, "remove the dog", "-o", tmp_path / "x.png", *more)
    photo = given.pop("photo")
    assert photo.source == str(DOG)
    assert given == {"instruction": "remove the dog", "seed": 0, "shadows": shadows, "second_look": second_look}


@pytest.mark.parametrize(
    ("action", "target", "new", "found", "line"),
    [
        ("replace", "dog", "cat", 2, "replace dog: 2 found"),
        ("add", "dog", "ball", 1, "add ball to dog: 1 found"),
        ("background", "background", "beach", 1, "background beach: 1 in front of it"),
        ("background", "background", "beach", 0, "background beach: nothing found, nothing changed"),
    ],
)
def test_an_edit_is_summed_up_in_a_line(action, target, new, found, line):
    edit = {"action": action, "target": target, "replacement": new, "found": found, "painted": []}
    assert ready_made._summary({"edits": [edit]}) == line
