"""Nodes that do arithmetic, so that the engine is tested without a model, and a way to check the text of a file."""

import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, Literal, NamedTuple

import pytest

from pipelines import Boxes, Each, Image, Many, Masks, Model, node
from pipelines.errors import SpecError
from pipelines.registry import Registry
from pipelines.spec import load_pipeline


class Adder:
    """What a model looks like to a node's signature."""

    family: ClassVar[str] = "adder"


class Division(NamedTuple):
    quotient: int
    remainder: int


@node("math/add")
def add(a: float, b: float) -> float:
    """The sum.

    Args:
        a: The first
            summand.
        b: The second.
    """
    return a + b


@node("math/divide")
def divide(dividend: int, divisor: int = 2) -> Division:
    return Division(*divmod(dividend, divisor))


@node("math/round")
def rounded(number: float, *, mode: Literal["up", "down"] = "up", model: Model[Adder] = Model()) -> int:
    return int(number) + (mode == "up")


@node("math/count")
def count(to: int) -> Each[int]:
    return {str(number): number for number in range(to)}


@node("math/total")
def total(numbers: Many[float]) -> float:
    return sum(numbers.values())


@node("math/name")
def name(number: float, *, places: tuple[int, int] = (1, 2), file: Path | None = None) -> str:
    return f"{number:.{places[0]}f}"


@node("picture/boxes")
def boxes(image: Image) -> Boxes:
    raise NotImplementedError


@node("picture/masks")
def masks(image: Image, boxes: Boxes) -> Masks:
    raise NotImplementedError


@node("picture/cut")
def cut(image: Image, masks: Masks) -> Each[Image]:
    raise NotImplementedError


NODES = (add, divide, rounded, count, total, name, boxes, masks, cut)


@pytest.fixture(scope="session")
def nodes() -> SimpleNamespace:
    """The nodes by the last part of their names."""
    return SimpleNamespace(**{node.name.partition("/")[2]: node for node in NODES})


@pytest.fixture
def registry() -> Registry:
    return Registry.of(*NODES)


@pytest.fixture
def load(tmp_path, registry):
    """Load the pipeline that a text describes; it is the file `pipeline.yaml`."""

    def load(text):
        path = tmp_path / "pipeline.yaml"
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return load_pipeline(path, registry)

    return load


@pytest.fixture
def mistakes(load, tmp_path):
    """What is wrong with the pipeline that a text describes, a line each, without the folder's name."""

    def mistakes(text):
        with pytest.raises(SpecError) as caught:
            load(text)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return mistakes
