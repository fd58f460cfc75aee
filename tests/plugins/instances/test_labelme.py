"""LabelMe's files: what each kind of shape becomes, and mistakes are told with file and shape."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image as Pil

from pipelines.errors import UserError
from plugins.instances.folders import read_annotations
from sam_model.ops.rle import Rle, decode


def write_labelme(folder, shapes, **others):
    content = {"shapes": shapes, "imagePath": "..\\pictures\\a.png", "imageHeight": 60, "imageWidth": 80, **others}
    (folder / "a.json").write_text(json.dumps(content))


def test_parts_of_one_group_are_one_thing(tmp_path):
    square = [[0, 0], [9, 0], [9, 9], [0, 9]]
    far = [[x + 40, y] for x, y in square]
    shapes = [{"label": "dog", "points": points, "group_id": 3, "shape_type": "polygon"} for points in (square, far)]
    write_labelme(tmp_path, [*shapes, {"label": "dog", "points": [[5, 5]], "shape_type": "point"}])
    (entry,) = read_annotations(tmp_path).annotations
    assert (entry["bbox"], entry["area"]) == ([0, 0, 50, 10], 200)


def test_a_circle_is_an_outline(tmp_path):
    write_labelme(tmp_path, [{"label": "sun", "points": [[30, 30], [40, 30]], "shape_type": "circle"}])
    (entry,) = read_annotations(tmp_path).annotations
    assert entry["area"] == pytest.approx(np.pi * 10**2, rel=0.1)


def test_pictures_of_labelme_lie_where_its_files_say(tmp_path):
    write_labelme(tmp_path, [{"label": "dog", "points": [[0, 0], [5, 5]], "shape_type": "rectangle"}])
    assert read_annotations(tmp_path).images[1]["file_name"] == "../pictures/a.png"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", r"a\.json cannot be read as JSON"),
        ('{"shapes": []}', "is no file of LabelMe: expected 'shapes' and 'imagePath'"),
        ('{"shapes": [{"label": "dog"}], "imagePath": "a.png", "imageWidth": 9, "imageHeight": 9}', "shape 1 needs"),
        ('{"shapes": [], "imagePath": "a.png", "imageWidth": 9, "imageHeight": 9}', "has nothing marked"),
        ('{"shapes": [], "imagePath": "a.png"}', r"a\.png cannot be read as a picture"),
        ("[" * 100_000, r"a\.json cannot be read as JSON"),
        ('{"shapes": [], "imagePath": 5}', "is no file of LabelMe: expected 'shapes' and 'imagePath'"),
        ('{"shapes": [], "imagePath": "a.png", "imageWidth": "9", "imageHeight": 9}', "has the size '9'x9, expected"),
    ],
)
def test_a_mistake_of_labelme_is_told(tmp_path, content, said):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UserError, match=said):
        read_annotations(tmp_path)


SQUARE = [[0, 0], [9, 0], [9, 9], [0, 9]]


def png(mask):
    file = io.BytesIO()
    Pil.fromarray(mask.astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(("place", "seen"), [((20, 10), (3, 5)), ((77, 58), (2, 3))])
def test_a_mask_lies_in_its_box_and_is_cut_off_at_the_edge(tmp_path, place, seen):
    """LabelMe keeps only the box of a mask, as it is since version 5.3 for masks that a model has drawn."""
    inside = np.ones((3, 5), bool)
    inside[0, 0] = False
    (x, y), (height, width) = place, seen
    corners = [[x, y], [x + 4, y + 2]]
    write_labelme(tmp_path, [{"label": "dog", "points": corners, "shape_type": "mask", "mask": png(inside)}])
    (entry,) = read_annotations(tmp_path).annotations
    (drawn,) = decode([Rle.from_coco(entry["segmentation"])], height=60, width=80)
    expected = np.zeros((60, 80), bool)
    expected[y : y + height, x : x + width] = inside[:height, :width]
    assert np.array_equal(drawn, expected)


def test_an_outline_is_cut_off_at_the_edge_of_the_picture(tmp_path):
    write_labelme(tmp_path, [{"label": "dog", "points": [[70, 50], [200, 50], [200, 180], [70, 180]]}])
    (entry,) = read_annotations(tmp_path).annotations
    assert (entry["bbox"], entry["area"]) == ([70, 50, 10, 10], 100)


def test_shapes_without_an_area_are_left_out_and_told_once(tmp_path, caplog):
    others = [{"label": "dog", "points": [[5, 5], [9, 9]], "shape_type": kind} for kind in ("point", "line", "line")]
    write_labelme(tmp_path, [{"label": "dog", "points": SQUARE}, *others])
    assert len(read_annotations(tmp_path).annotations) == 1
    assert [record.message for record in caplog.records] == [
        f"{tmp_path} has shapes without an area, which are left out: line (2), point (1)."
    ]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"points": [[100, 5], [120, 5], [120, 9]]}, "shape 1 has no pixel in the picture of 80x60"),
        ({"points": [[None, 5], [120, 5], [120, 9]]}, "shape 1 needs points in numbers of pixels"),
        ({"points": [[10**400, 5], [120, 5], [120, 9]]}, "shape 1 needs a label and points"),
        ({"points": SQUARE, "group_id": [1]}, r"shape 1 has the group_id \[1\], expected a number"),
        ({"points": [[0, 0], [9, 9]], "shape_type": "mask"}, "shape 1 needs a mask: a PNG as base64 text"),
        ({"points": [[0, 0], [9, 9]], "shape_type": "mask", "mask": "AAAA"}, "shape 1 needs a mask"),
        ({"points": [[0, 0], [9, 9]], "shape_type": "mask", "mask": "?"}, "shape 1 needs a mask"),
    ],
)
def test_a_shape_that_cannot_be_drawn_is_told(tmp_path, shape, said):
    write_labelme(tmp_path, [{"label": "dog", **shape}])
    with pytest.raises(UserError, match=said):
        read_annotations(tmp_path)


def test_a_rectangle_of_one_point_has_no_area(tmp_path, caplog):
    write_labelme(
        tmp_path, [{"label": "dog", "points": SQUARE}, {"label": "a", "points": [], "shape_type": "rectangle"}]
    )
    assert len(read_annotations(tmp_path).annotations) == 1
    assert "left out: rectangle (1)" in caplog.text
