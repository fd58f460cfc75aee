"""The values that cross edges, and their content ids."""

import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

from pipelines import Detections, Edit, EditPlan, Embedding, Image, Mask, empty_detections
from pipelines.content import content_id
from pipelines.errors import PortError
from pipelines.images import decode
from pipelines.plans import Near

GREY = np.full((4, 6, 3), 128, np.uint8)


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_an_image_has_the_size_that_people_say():
    image = Image(GREY.copy())
    assert (image.width, image.height, image.size) == (6, 4, (6, 4))


def test_an_image_cannot_be_written_to():
    image = Image(GREY.copy(), alpha=np.zeros((4, 6), np.uint8))
    for array in (image.pixels, image.alpha):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


@pytest.mark.parametrize(
    ("pixels", "alpha"),
    [
        (np.zeros((4, 6), np.uint8), None),
        (np.zeros((4, 6, 4), np.uint8), None),
        (np.zeros((0, 6, 3), np.uint8), None),
        (np.zeros((4, 6, 3), np.float32), None),
        (np.zeros((4, 6, 3), np.uint8), np.zeros((6, 4), np.uint8)),
    ],
)
def test_an_image_of_another_form_is_refused(pixels, alpha):
    with pytest.raises(PortError, match="image"):
        Image(pixels, alpha)


def test_masks_and_embeddings_of_another_form_are_refused():
    with pytest.raises(PortError, match="a mask is"):
        Mask(np.zeros((2, 2, 1), np.bool_))
    with pytest.raises(PortError, match="an embedding is"):
        Embedding(np.zeros(3, np.float64))


def test_targets_are_a_prompt_with_each_phrase_once():
    edits = [Edit("replace", name, "cat", (0, 0)) for name in ("Dog", "leash", "dog")]
    assert EditPlan("", tuple(edits)).targets == "dog. leash."


def test_what_lies_beside_is_looked_for_and_a_background_is_not():
    beside = Edit("remove", "dog", None, (0, 0), which=(Near("Tree"),))
    behind = Edit("background", "background", "beach", (0, 0))
    anywhere = Edit("add", "", "hat", (0, 0))
    assert EditPlan("", (beside, behind, anywhere)).targets == "dog. tree."


def test_detections_are_supervisions_own():
    import supervision

    found = Detections(xyxy=np.zeros((2, 4)))
    assert type(found) is supervision.Detections
    assert isinstance(found[:1], Detections)
    assert isinstance(Detections.empty(), Detections)
    assert not isinstance(GREY, Detections)


def test_nothing_found_has_every_field_in_place():
    found = empty_detections((4, 6), masks=True)
    assert len(found) == 0
    assert found.mask.shape == (0, 4, 6)
    assert set(found.data) == {"class_name", "instance_id"}


def test_naming_detections_does_not_import_supervision():
    code = "import sys, pipelines; isinstance(1, pipelines.Detections); print('supervision' in sys.modules)"
    assert python(code) == "False"


@dataclass(frozen=True)
class Pair:
    left: object
    right: object


FOUND = {"xyxy": np.array([[0, 0, 2, 2.0]]), "class_id": np.array([0]), "data": {"class_name": np.array(["dog"])}}

DIFFERENT = [
    None,
    True,
    1,
    1.0,
    "1",
    b"1",
    (1, 2),
    (1, (2,)),
    ("12",),
    ("1", "2"),
    {"a": 1, "b": 2},
    {"b": 2, "a": 1},
    frozenset({1, 2}),
    np.zeros((2, 3)),
    np.zeros((3, 2)),
    np.zeros((2, 3), np.float32),
    np.array(["a", "b"]),
    Pair(1, 2),
    Pair((1, 2), None),
    Image(GREY.copy()),
    Image(GREY.copy(), offset=(1, 0)),
    Image(GREY.copy(), source="a.png"),
    Mask(np.zeros((2, 2), np.bool_)),
    Detections(**FOUND),
    Detections(**{**FOUND, "data": {"class_name": np.array(["cat"])}}),
    Detections(**FOUND, mask=np.zeros((1, 4, 6), np.bool_)),
]


def test_different_content_has_different_ids():
    assert len({content_id(value) for value in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Image(GREY.copy()), Image(GREY.copy())),
        (Pair(1, GREY), Pair(1, GREY.copy())),
        (GREY[:, ::2], GREY[:, ::2].copy()),
        (np.array(["a", "b"]), np.array(["a", "b"], "<U9")),
        (np.array(["a"], object), np.array(["a"])),
        (frozenset("abc"), frozenset("cba")),
        ([1, 2], (1, 2)),
        (Detections(**FOUND), Detections(**FOUND)),
    ],
)
def test_equal_content_has_the_same_id(one, other):
    assert content_id(one) == content_id(other)


def test_an_id_is_the_same_in_another_process():
    code = "from pipelines.content import content_id; print(content_id(('a', {'b': 1.5}, frozenset('xyz'))))"
    assert python(code) == content_id(("a", {"b": 1.5}, frozenset("xyz")))


def test_the_id_of_a_path_follows_the_file(tmp_path):
    path = tmp_path / "a.txt"
    missing = content_id(path)
    path.write_text("one")
    one = content_id(path)
    path.write_text("two")
    assert len({missing, one, content_id(path)}) == 3
    path.write_text("one")
    assert content_id(path) == one


def test_the_id_of_a_folder_follows_its_files(tmp_path):
    empty = content_id(tmp_path)
    (tmp_path / "a.txt").write_text("one")
    assert content_id(tmp_path) != empty


def test_an_object_whose_content_cannot_be_seen_has_no_id():
    with pytest.raises(TypeError, match="a object has no content id"):
        content_id(object())


def test_an_image_keeps_its_id_when_copied_with_nothing_changed():
    image = Image(GREY.copy(), source="a.png")
    assert replace(image).content_id == image.content_id
    assert replace(image, source=None).content_id != image.content_id


def test_a_notebook_shows_pictures_and_masks_themselves() -> None:
    pixels = np.zeros((3, 5, 3), np.uint8)
    pixels[1, 2] = (10, 20, 30)
    image = Image(pixels, source="dog.png")
    assert repr(image) == "Image(5 × 3, source='dog.png')"
    assert decode(image._repr_png_()).pixels.tolist() == pixels.tolist()
    mask = Mask(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert repr(mask) == "Mask(3 × 1, float32)"
    assert decode(mask._repr_png_()).pixels[0, :, 0].tolist() == [0, 128, 255]
