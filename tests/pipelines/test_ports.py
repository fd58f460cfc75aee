"""What may plug into what, and which values may cross a port."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pytest

from pipelines import Boxes, Detections, Each, EditPlan, Has, Image, Many, Masks, Model, empty_detections
from pipelines.annotations import port_type
from pipelines.errors import NodeError, PortError
from pipelines.ports import check_value, constant, fits


class Segmenter:
    family: ClassVar[str] = "segmenter"


class Judge:
    family: ClassVar[str] = "judge"


class Depth:
    """A third party's own value."""


class MetricDepth(Depth):
    pass


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (Image, Image),
        (Masks, Boxes),
        (Annotated[Masks, Has("depth")], Masks),
        (MetricDepth, Depth),
        (int, float),
        (Literal["a"], Literal["a", "b"]),
        (Literal["a"], str),
        (str, str | None),
        (int | None, float | None),
        (tuple[int, int], tuple[float, float]),
        (tuple[int, int], tuple[int, ...]),
        (Model[Segmenter], Model[Segmenter]),
    ],
)
def test_a_plug_fits(given, wanted):
    assert fits(port_type(given), port_type(wanted))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (Boxes, Masks),
        (Image, Boxes),
        (Depth, MetricDepth),
        (float, int),
        (bool, int),
        (int, bool),
        (str, Literal["a", "b"]),
        (Literal["a", "c"], Literal["a", "b"]),
        (str | None, str),
        (tuple[int, ...], tuple[int, int]),
        (tuple[int, int, int], tuple[int, int]),
        (Model[Judge], Model[Segmenter]),
        (str, Path),
    ],
)
def test_a_plug_does_not_fit(given, wanted):
    assert not fits(port_type(given), port_type(wanted))


@pytest.mark.parametrize("annotation", [Any, object, None, list, dict, list[int], int | str, Literal["a", 1], Model, 3])
def test_what_cannot_be_checked_is_no_port_type(annotation):
    with pytest.raises(NodeError, match="port"):
        port_type(annotation)


@pytest.mark.parametrize(
    ("annotation", "name", "words"),
    [
        (Image, "Image", "an image"),
        (Boxes, "Boxes", "boxes"),
        (Masks, "Masks", "masks"),
        (Detections, "Boxes", "boxes"),
        (Annotated[Masks, Has("depth")], "Boxes[depth, mask]", "boxes with depth, mask"),
        (str, "Text", "text"),
        (str | None, "Text?", "text or nothing"),
        (Literal["a", "b"], "a | b", "one of a, b"),
        (EditPlan, "EditPlan", "an edit plan"),
        (Depth, "Depth", "Depth"),
        (Model[Segmenter], "Model[segmenter]", "a model of the family segmenter"),
        (tuple[float, ...], "tuple[float, ...]", "a list of a number"),
        (Each[Image], "Each[Image]", "many of an image"),
        (Many[Masks], "Each[Masks]", "many of masks"),
    ],
)
def test_a_type_has_a_name_for_files_and_words_for_messages(annotation, name, words):
    assert (port_type(annotation).name, str(port_type(annotation))) == (name, words)


def test_masks_are_checked_by_what_they_carry():
    check_value(port_type(Masks), empty_detections((4, 6), masks=True))
    with pytest.raises(PortError, match=r"^needs masks, but got boxes without masks\.$"):
        check_value(port_type(Masks), empty_detections((4, 6), masks=False))


def test_a_capability_may_be_a_column_of_the_detections_data():
    found = empty_detections((4, 6), masks=False)
    port = port_type(Annotated[Boxes, Has("depth")])
    with pytest.raises(PortError, match="needs boxes with depth"):
        check_value(port, found)
    found.data["depth"] = np.empty(0)
    check_value(port, found)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, True),
        (int, 1.0),
        (float, "hot"),
        (bool, 1),
        (str, 3),
        (Image, "a.png"),
        (str, None),
        (tuple[int, int], (1,)),
    ],
)
def test_a_value_of_another_type_is_refused(annotation, value):
    with pytest.raises(PortError, match="but got"):
        check_value(port_type(annotation), value)


def test_every_value_along_an_axis_is_checked():
    check_value(port_type(Each[int]), {"a": 1, "b": 2})
    with pytest.raises(PortError, match="needs a whole number, but got text 'x'"):
        check_value(port_type(Each[int]), {"a": 1, "b": "x"})
    with pytest.raises(PortError, match=r"needs many of a whole number \(a mapping from key to value\)"):
        check_value(port_type(Each[int]), 1)


@pytest.mark.parametrize(
    ("annotation", "written", "value"),
    [
        (float, 1, 1.0),
        (Path, "out/a.png", Path("out/a.png")),
        (tuple[float, float], [1, 2.5], (1.0, 2.5)),
        (tuple[str, ...], ["a", "b"], ("a", "b")),
        (str | None, None, None),
        (Literal[1, 2], 2, 2),
        (Model[Segmenter], "base", Model(ref="base")),
        (Model[Segmenter], {"ref": "base", "device": "cpu"}, Model(ref="base", device="cpu")),
        (Many[float], {"a": 1}, {"a": 1.0}),
    ],
)
def test_a_constant_becomes_a_value_of_its_port(annotation, written, value):
    turned = constant(port_type(annotation), written)
    assert turned == value
    assert type(turned) is type(value)


@pytest.mark.parametrize(
    ("annotation", "written", "message"),
    [
        (float, "hot", "needs a number, but got text 'hot'."),
        (int, 0.5, "needs a whole number, but got the number 0.5."),
        (bool, "no", "needs true or false, but got text 'no'."),
        (Literal["a", "b"], "c", "needs one of a, b, but got text 'c'."),
        (tuple[float, float], [1], "needs [a number, a number], but got a list."),
        (Model[Segmenter], {"reef": "base"}, "takes ref, device and dtype, not reef."),
        (Model[Segmenter], {"ref": 3}, "needs text as ref."),
        (
            Model[Segmenter],
            {"device": "gpu"},
            "names the device 'gpu', which there is not: choose cpu, cuda, cuda:1 or mps.",
        ),
        (
            Model[Segmenter],
            {"dtype": "fp16"},
            "names the dtype 'fp16', which there is not: choose float32, bfloat16, float16, float64.",
        ),
        (Model[Segmenter], 3, "needs a model of the family segmenter, but got the number 3."),
        (Image, "a.png", "needs an image, but got text 'a.png'."),
    ],
)
def test_a_constant_of_the_wrong_type_is_refused(annotation, written, message):
    with pytest.raises(PortError) as caught:
        constant(port_type(annotation), written)
    assert str(caught.value) == message
