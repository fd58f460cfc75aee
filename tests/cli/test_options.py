"""A pipeline's inputs as command-line options."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from pipelines.annotations import port_type
from pipelines.command.options import describe_inputs, parse_inputs
from pipelines.errors import UserError
from pipelines.graph import Graph, Ref
from pipelines.images import write_image
from pipelines.ports import REQUIRED, InputDecl
from pipelines.values import Image


def graph(**inputs: object) -> Graph:
    """A graph without steps whose inputs have these annotations; a pair is (annotation, default)."""
    pairs = {name: value if isinstance(value, tuple) else (value, REQUIRED) for name, value in inputs.items()}
    declared = {name: InputDecl(name, port_type(type_), default) for name, (type_, default) in pairs.items()}
    return Graph("toy", declared, {}, {"first": Ref("", next(iter(declared)))})


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "7", 7),
        (int, "-7", -7),
        (float, "7", 7.0),
        (float, "1e-3", 0.001),
        (str, "7", "7"),
        (Path, "a/b.txt", Path("a/b.txt")),
        (Literal["fast", "slow"], "slow", "slow"),
        (tuple[float, ...], "1, 2.5", (1.0, 2.5)),
    ],
)
def test_text_becomes_the_value_that_the_port_takes(annotation, text, value):
    assert parse_inputs(graph(x=annotation), ["--x", text]) == {"x": value}


def test_a_picture_is_read_from_its_path(tmp_path):
    write_image(Image(np.full((2, 3, 3), 9, np.uint8)), tmp_path / "p.png")
    assert parse_inputs(graph(photo=Image), [f"--photo={tmp_path / 'p.png'}"])["photo"].size == (3, 2)


def test_flags_may_have_a_value_and_can_be_denied():
    toy = graph(sharp=bool, soft=(bool, True), n=int)
    assert parse_inputs(toy, ["--sharp=yes", "--no-soft", "--n", "1"]) == {"sharp": True, "soft": False, "n": 1}


def test_dashes_stand_for_underscores_and_defaults_are_left_to_the_graph():
    assert parse_inputs(graph(box_threshold=float, seed=(int, 0)), ["--box-threshold", "0.5"]) == {"box_threshold": 0.5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--treshold", "1"], "toy has no input 'treshold'. Did you mean 'threshold'?"),
        (["--threshold", "hot"], "--threshold needs a number, but got text 'hot'."),
        (["--threshold"], "--threshold needs a value."),
        (["--threshold", "1", "--threshold", "2"], "--threshold is given twice."),
        (["stray"], "'stray' belongs to no option. The inputs of toy: --threshold (float)."),
        ([], "toy needs --threshold. Its inputs: --threshold (float)."),
    ],
)
def test_a_mistake_is_one_line_that_says_what_would_work(arguments, message):
    with pytest.raises(UserError) as caught:
        parse_inputs(graph(threshold=float), arguments)
    assert str(caught.value) == message


def test_the_help_lists_type_default_and_meaning():
    declared = {
        "seed": InputDecl("seed", port_type(int), 3, "Of the noise."),
        "photo": InputDecl("photo", port_type(Image)),
    }
    assert describe_inputs(declared) == [("--seed int", "3", "Of the noise."), ("--photo Image", "required", "")]
