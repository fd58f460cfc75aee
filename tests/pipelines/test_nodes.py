"""A function's signature is its manifest."""

from typing import Any, NamedTuple

import pytest

from pipelines import Each, Many, Report, no_report, node
from pipelines.errors import NodeError
from pipelines.ports import REQUIRED


def test_a_node_is_called_like_its_function(nodes):
    assert nodes.add(1, b=2) == 3
    assert nodes.divide(7, 2).remainder == 1


def test_inputs_come_from_the_signature(nodes):
    assert {name: (decl.type.name, decl.default) for name, decl in nodes.name.inputs.items()} == {
        "number": ("float", REQUIRED),
        "places": ("tuple[int, int]", (1, 2)),
        "file": ("Path?", None),
    }


def test_each_input_has_its_own_words_in_the_docstring(nodes):
    assert [declared.doc for declared in nodes.add.inputs.values()] == ["The first summand.", "The second."]


def test_a_single_return_is_the_output_out(nodes):
    assert [(name, decl.type.name) for name, decl in nodes.add.outputs.items()] == [("out", "float")]
    assert nodes.add.split(3.0) == {"out": 3.0}


def test_a_named_tuple_gives_several_outputs(nodes):
    assert list(nodes.divide.outputs) == ["quotient", "remainder"]
    assert nodes.divide.split(nodes.divide(7)) == {"quotient": 3, "remainder": 1}


def test_each_opens_an_axis_that_the_step_names(nodes):
    assert nodes.count.outputs["out"].axes == ("",)
    assert nodes.add.outputs["out"].axes == ()


def test_a_report_is_no_port():
    @node("math/slow")
    def slow(number: int, *, tell: Report = no_report) -> int:
        tell(1, 2, "half")
        return number

    assert (list(slow.inputs), slow.report) == (["number"], "tell")
    assert slow(3) == 3


def refuse(name, function, message):
    with pytest.raises(NodeError) as caught:
        node(name)(function)
    assert str(caught.value) == message


def untyped(a) -> int: ...


def anything(a: Any) -> int: ...


def starred(*a: int) -> int: ...


def nothing(a: int): ...


def silent(a: int) -> None: ...


def reserved(when: int) -> int: ...


def takes_each(a: Each[int]) -> int: ...


def gives_many(a: int) -> Many[int]: ...


def misfit(a: int = "x") -> int: ...


async def later(a: int) -> int: ...


class Half(NamedTuple):
    good: int
    bad: Any


def half(a: int) -> Half: ...


NO_PORT = "is no port type: name a class, so that a plug can be checked before the run."
NO_RETURN = "math/f: says not what it returns; a node that writes a file returns its Path."
NO_NAME = "every input has a name of its own; *args, **kwargs and positional-only have none."


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (untyped, "math/f, input 'a': needs a type."),
        (anything, f"math/f, input 'a': typing.Any {NO_PORT}"),
        (half, f"math/f, output 'bad': typing.Any {NO_PORT}"),
        (starred, f"math/f, input 'a': {NO_NAME}"),
        (nothing, NO_RETURN),
        (silent, NO_RETURN),
        (reserved, "math/f, input 'when': 'when' is a word of the file format; choose another name."),
        (takes_each, "math/f, input 'a': Each opens an axis and is for outputs; an input that takes all is Many."),
        (gives_many, "math/f, output 'out': Many closes an axis and is for inputs; an output that gives many is Each."),
        (misfit, "math/f, input 'a': its default does not fit: needs a whole number, but got text 'x'."),
        (later, "math/f: a node is a plain function; the runner starts it on a thread of its own."),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_signature_that_leaves_something_open_is_refused(function, message):
    refuse("math/f", function, message)


@pytest.mark.parametrize("name", ["add", "Math/add", "math/", "math/add/two", "pipelines.nodes:add"])
def test_a_name_is_a_namespace_and_a_name(name):
    refuse(name, misfit, f"'{name}' is no node name: write namespace/name in lower case.")
