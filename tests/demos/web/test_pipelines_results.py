"""Results: every kind of value has a look, and what a text says is never taken for markup."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image as Pil

from demos.web.bench.results import SIDE, Gallery, picture, size_of
from pipelines.plans import Edit, EditPlan
from pipelines.values import Detections, Image, Mask, empty_detections


@pytest.fixture
def photo():
    return Image(np.full((40, 60, 3), 255, np.uint8))


def found(number=1, *, masks=True):
    mask = np.zeros((number, 40, 60), bool)
    mask[:, 5:25, 10:40] = True
    return Detections(
        xyxy=np.tile(np.array([[10, 5, 40, 25]], np.float32), (number, 1)),
        mask=mask if masks else None,
        confidence=np.full(number, 0.9, np.float32),
        class_id=np.zeros(number, int),
        data={"class_name": np.array(["<i>dog</i>"] * number)},
    )


def shown(html):
    data = re.search(r'src="data:image/webp;base64,([^"]+)"', html)
    return np.asarray(Pil.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))


def test_a_picture_is_in_the_page_itself(photo):
    assert shown(Gallery().show({"image": photo})).shape == (40, 60, 3)


def test_a_large_picture_is_shown_smaller():
    large = Image(np.zeros((SIDE + 200, 100, 3), np.uint8))
    assert shown(picture(large)).shape[0] == SIDE


def test_masks_are_drawn_over_the_picture_they_belong_to(photo):
    other = Image(np.zeros((40, 61, 3), np.uint8))
    drawn = shown(Gallery((other, photo)).show({"masks": found()}))
    assert drawn.shape == (40, 60, 3)
    assert drawn[35, 55].min() > 240
    assert drawn[20, 30].min() < 230


def test_boxes_without_a_picture_are_a_table():
    html = Gallery().show({"boxes": found(masks=False)})
    assert "<img" not in html
    assert "10 5 40 25" in html


def test_names_and_texts_are_escaped(photo):
    html = Gallery((photo,)).show({"<u>": "<script>alert(1)</script>", "masks": found()})
    assert "<script>" not in html
    assert "<i>dog" not in html
    assert "<u>" not in html


def test_nothing_found_is_said_in_words():
    assert "Nothing was found" in Gallery().show({"masks": empty_detections((4, 4), masks=True)})


def test_a_skipped_output_is_said_in_words():
    assert "Skipped" in Gallery().show({"image": None})


def test_an_axis_shows_all_its_values(photo):
    assert Gallery().show({"crops": {"0": photo, "1": photo}}).count("<img") == 2


def test_json_in_a_text_is_indented():
    assert "{\n  &quot;edits&quot;: []\n}" in Gallery().show({"report": '{"edits": []}'})


def test_a_mask_is_a_picture_and_a_plan_a_list():
    plan = EditPlan("remove the dog", (Edit("remove", "dog", None, (0, 14)),))
    html = Gallery().show({"mask": Mask(np.ones((4, 4), bool)), "plan": plan, "count": 3, "done": True})
    assert "<li>remove dog</li>" in html
    assert "<img" in html
    assert ">3<" in html
    assert ">yes<" in html


def test_sizes_are_said():
    assert size_of(found(2)) == "2 masks"
    assert size_of(found(1, masks=False)) == "1 box"
    assert size_of(found(2, masks=False)) == "2 boxes"
