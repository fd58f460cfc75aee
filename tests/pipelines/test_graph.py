"""Graphs from plain Python: the same checks as a file's, axes, branches, graphs as steps."""

import pytest

from pipelines import Boxes, Each, FirstOf, Graph, Image, Pipeline, Ref, When
from pipelines.errors import SpecError
from pipelines.graph import Constant


def problems_of(builder):
    with pytest.raises(SpecError) as caught:
        builder.build()
    return str(caught.value).splitlines()


def test_python_builds_what_a_file_describes(nodes, load):
    builder = Pipeline("pipeline", doc="Half of a sum.")
    first = builder.input("first", float)
    half = builder.add("half", nodes.divide, dividend=7)
    both = builder.add("both", nodes.add, a=first, b=half["remainder"])
    builder.output("sum", both)
    built = builder.build()
    read = load("""
        version: 1
        doc: Half of a sum.
        inputs: {first: {type: float}}
        nodes:
          half: {use: math/divide, dividend: 7}
          both: {use: math/add, a: "${first}", b: "${half.remainder}"}
        outputs: {sum: "${both}"}
        """)
    for part in ("name", "doc", "inputs", "steps", "outputs"):
        assert getattr(built, part) == getattr(read, part)


def test_constants_have_their_ports_types(nodes):
    builder = Pipeline("p")
    builder.output("out", builder.add("s", nodes.add, a=1, b=2))
    assert builder.build().steps["s"].inputs["a"] == Constant(1.0)


def test_a_graph_cannot_be_changed(nodes):
    builder = Pipeline("p")
    builder.output("out", builder.add("s", nodes.add, a=1, b=2))
    graph = builder.build()
    with pytest.raises(TypeError):
        graph.steps["t"] = graph.steps["s"]
    with pytest.raises(TypeError):
        graph.steps["s"].inputs["a"] = Constant(3)


def test_steps_are_ordered_by_what_they_need(nodes):
    builder = Pipeline("p")
    builder.add("last", nodes.add, a=Ref("middle"), b=Ref("first"))
    builder.add("middle", nodes.add, a=Ref("first"), b=1)
    builder.add("first", nodes.add, a=1, b=1)
    builder.output("out", Ref("last"))
    assert builder.build().order() == ("first", "middle", "last")


def test_all_mistakes_are_told_at_once(nodes):
    builder = Pipeline("p")
    photo = builder.input("photo", Image)
    found = builder.add("found", nodes.boxes, image=photo)
    builder.add("cut", nodes.cut, image=photo, masks=found)
    builder.add("sum", nodes.add, a="hot", c=1)
    builder.output("out", Ref("cu"))
    assert problems_of(builder)[1:] == [
        "sum, a: 'a' needs a number, but got text 'hot'.",
        "sum, c: unknown input 'c' of math/add. Choose from: a, b.",
        "sum: math/add needs an input 'b': a number.",
        "outputs, out: '${cu}' names no step or input. Did you mean 'cut'?",
    ]
    assert problems_of(builder)[0].startswith("cut, masks: 'masks' needs masks, but '${found}' gives boxes.")


def test_every_circle_is_shown_as_a_path(nodes):
    builder = Pipeline("p")
    for name, needs in {"a": "b", "b": "c", "c": "a", "x": "y", "y": "x", "z": "a"}.items():
        builder.add(name, nodes.add, a=Ref(needs), b=1)
    builder.output("out", Ref("z"))
    circles = [line.partition("circle: ")[2] for line in problems_of(builder)]
    assert [set(path.rstrip(".").split(" → ")) for path in circles] == [{"a", "b", "c"}, {"x", "y"}]
    assert all(path.rstrip(".").split(" → ")[0] == path.rstrip(".").split(" → ")[-1] for path in circles)


def test_a_name_is_used_once(nodes):
    builder = Pipeline("p")
    builder.input("photo", Image)
    with pytest.raises(SpecError, match="the name 'photo' is taken"):
        builder.add("photo", nodes.add, a=1, b=2)


def axes_pipeline(nodes):
    builder = Pipeline("p")
    photo = builder.input("photo", Image)
    found = builder.add("found", nodes.masks, image=photo, boxes=builder.input("boxes", Boxes))
    return builder, photo, builder.add("crops", nodes.cut, image=photo, masks=found)


def test_a_step_runs_along_the_axis_of_what_it_takes(nodes):
    builder, _photo, crops = axes_pipeline(nodes)
    builder.add("again", nodes.boxes, image=crops)
    builder.add("masks", nodes.masks, image=crops, boxes=Ref("again"))
    builder.add("inner", nodes.cut, image=crops, masks=Ref("masks"))
    builder.add("deep", nodes.masks, image=Ref("inner"), boxes=Ref("again"))
    builder.output("out", Ref("deep"))
    assert builder.build().axes() == {
        "found": (),
        "crops": (),
        "again": ("crops",),
        "masks": ("crops",),
        "inner": ("crops",),
        "deep": ("crops", "inner"),
    }


def test_many_closes_the_innermost_axis(nodes):
    builder = Pipeline("p")
    outer = builder.add("outer", nodes.count, to=3)
    inner = builder.add("inner", nodes.count, to=outer)
    builder.add("part", nodes.total, numbers=inner)
    builder.add("whole", nodes.total, numbers=Ref("part"))
    builder.output("out", Ref("whole"))
    assert builder.build().axes() == {"outer": (), "inner": ("outer",), "part": ("outer",), "whole": ()}


def test_unrelated_axes_do_not_pair(nodes):
    builder = Pipeline("p")
    few, more = builder.add("few", nodes.count, to=3), builder.add("more", nodes.count, to=3)
    builder.add("sum", nodes.add, a=few, b=more)
    builder.output("any", FirstOf((few, more)))
    remedy = "these do not pair. Take both from the same axis, or close one with a node that takes many."
    assert problems_of(builder) == [
        f"sum, b: 'b' lies along the axis 'more', but 'a' along the axis 'few': {remedy}",
        f"outputs, any, 1: '${{more}}' lies along the axis 'more', but '${{few}}' along the axis 'few': {remedy}",
    ]


def test_a_condition_must_lie_along_the_axis_of_its_step(nodes):
    builder = Pipeline("p")
    few, more = builder.add("few", nodes.count, to=3), builder.add("more", nodes.count, to=3)
    builder.add("sum", nodes.add, a=few, b=1, when=When(more, "above", 1))
    builder.output("out", Ref("sum"))
    assert problems_of(builder)[0].startswith("sum, when: 'when' lies along the axis 'more'")


def test_one_value_is_not_many(nodes):
    builder = Pipeline("p")
    builder.add("whole", nodes.total, numbers=builder.input("number", float))
    builder.output("out", Ref("whole"))
    assert problems_of(builder) == [
        "whole, numbers: 'numbers' needs many of a number, but '${number}' gives one. Nodes that return Each give many."
    ]


def summing(nodes) -> Graph:
    builder = Pipeline("summing")
    numbers = builder.input("numbers", Each[float])
    builder.add("raised", nodes.add, a=numbers, b=builder.input("by", float, default=1))
    builder.add("whole", nodes.total, numbers=Ref("raised"))
    builder.output("each", Ref("raised"))
    builder.output("whole", Ref("whole"))
    return builder.build()


def test_a_graph_is_a_step_that_takes_and_gives_axes(nodes):
    builder = Pipeline("p")
    numbers = builder.add("numbers", nodes.count, to=3)
    inner = builder.add("inner", summing(nodes), numbers=numbers)
    builder.add("again", nodes.add, a=inner["each"], b=inner["whole"])
    builder.output("out", Ref("again"))
    graph = builder.build()
    assert graph.axes() == {"numbers": (), "inner": (), "again": ("inner.numbers",)}
    assert {name: (decl.type.name, decl.axes) for name, decl in graph.steps["inner"].gives.items()} == {
        "each": ("Each[float]", ("numbers",)),
        "whole": ("float", ()),
    }


def test_a_graph_runs_along_an_axis_like_a_node(nodes):
    builder = Pipeline("p")
    outer = builder.add("outer", nodes.count, to=3)
    inner = builder.add("inner", summing(nodes), numbers=builder.add("numbers", nodes.count, to=outer))
    builder.output("out", builder.add("again", nodes.add, a=inner["each"], b=outer))
    assert builder.build().axes() == {
        "outer": (),
        "numbers": ("outer",),
        "inner": ("outer",),
        "again": ("outer", "inner.numbers"),
    }


def test_joined_branches_give_the_type_that_both_fit(nodes):
    builder = Pipeline("p")
    photo, given = builder.input("photo", Image), builder.input("given", Boxes)
    found = builder.add("found", nodes.masks, image=photo, boxes=given)
    builder.output("out", FirstOf((found, given)))
    assert builder.build().gives["out"].type.name == "Boxes"
    builder.output("mixed", FirstOf((photo, given)))
    assert problems_of(builder) == [
        "outputs, mixed: first of ${photo}, ${given} are of different types: an image, boxes."
    ]
