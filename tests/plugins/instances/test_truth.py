"""Annotations and results are checked where they come in."""

from __future__ import annotations

import json

import pytest

from pipelines.errors import UserError
from plugins.instances.results import read_results
from plugins.instances.truth import read_truth

TRUTH = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
    "categories": [{"id": 5, "name": "dog"}],
    "annotations": [{"id": 3, "image_id": 1, "category_id": 5, "bbox": [0, 0, 2, 3]}],
}
RESULT = {"image_id": 1, "category_id": 5, "bbox": [0, 0, 2, 3], "score": 0.5}


def with_thing(**fields):
    return {**TRUTH, "annotations": [TRUTH["annotations"][0] | fields]}


def with_picture(**fields):
    return {**TRUTH, "images": [TRUTH["images"][0] | fields]}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def truth(tmp_path):
    return read_truth(write(tmp_path / "truth.json", TRUTH))


def test_what_metrics_need_is_filled_in(truth):
    assert truth.annotations == [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [0, 0, 2, 3], "area": 6, "iscrowd": 0}
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", r"truth\.json is no JSON"),
        ([], r"truth\.json is no COCO file"),
        ({**TRUTH, "categories": []}, "has no categories"),
        ({**TRUTH, "images": TRUTH["images"] * 2}, "'images' has the id of another one"),
        ({**TRUTH, "images": [{}]}, "an entry of 'images' has no 'id'"),
        ({**TRUTH, "annotations": [{"id": 7, "image_id": 1, "category_id": 5}]}, "annotation 7 has no 'bbox'"),
        ({**TRUTH, "annotations": [TRUTH["annotations"][0] | {"image_id": 2}]}, "annotation 3 is about picture 2"),
        ({**TRUTH, "annotations": [TRUTH["annotations"][0] | {"category_id": 6}]}, "annotation 3 has the category 6"),
        ({**TRUTH, "images": [TRUTH["images"][0] | {"id": "1"}]}, "'images' has the id '1', expected a whole number"),
        ({**TRUTH, "images": [TRUTH["images"][0] | {"id": [1]}]}, r"has the id \[1\], expected a whole number"),
        ({**TRUTH, "categories": [{"id": 2**70}]}, "has the id 1180591620717411303424, expected a whole number"),
        (with_picture(width="9"), "picture 1 has the width '9', expected a number of pixels"),
        (with_picture(height=-9), "picture 1 has the height -9, expected a number of pixels"),
        (with_picture(neg_category_ids=None), "picture 1 has the neg_category_ids None, expected a list of whole"),
        (
            with_picture(not_exhaustive_category_ids=[[5]]),
            r"the not_exhaustive_category_ids \[\[5\]\], expected a list",
        ),
        (with_thing(image_id=[1]), r"annotation 3 has the image_id \[1\], expected a whole number"),
        (with_thing(category_id={}), "annotation 3 has the category_id {}, expected a whole number"),
        (
            with_thing(segmentation=[[10**400, 0, 2, 0, 2, 3]]),
            "annotation 3 has a segmentation that is neither polygons",
        ),
        ("[" * 100_000, r"truth\.json is no JSON"),
        (with_thing(iscrowd="no"), "annotation 3 has the iscrowd 'no', expected 0 or 1"),
        (with_thing(area=None), "annotation 3 has the area None, expected a number of pixels"),
        (with_thing(segmentation="x"), r"neither polygons.+nor run lengths of \(height, width\) \[9, 9\]"),
        (with_thing(segmentation=[[1, 2, 3, 4]]), "annotation 3 has a segmentation that is neither polygons"),
        (with_thing(segmentation={"size": [3, 27], "counts": [81]}), "nor run lengths of"),
        (
            with_thing(segmentation={"size": [9, 9], "counts": [5, 5]}),
            "run lengths add up to 10 pixels, but 9x9 are 81",
        ),
        (with_thing(segmentation={"size": [9, 9], "counts": "53"}), "annotation 3 has a mask.+add up to 8 pixels"),
        (
            {**with_thing(segmentation=[[0, 0, 2, 0, 2, 3]]), "images": [{"id": 1, "file_name": "a.jpg"}]},
            "annotation 3 has an outline, but its picture 1 no height and width",
        ),
    ],
)
def test_a_mistake_in_annotations_is_one_clear_line(tmp_path, content, said):
    with pytest.raises(UserError, match=said) as caught:
        read_truth(write(tmp_path / "truth.json", content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "holds no results: expected a list"),
        ([7], "detection 1 has no 'image_id'"),
        ([RESULT, RESULT | {"image_id": 2}], "detection 2 is about picture 2.+results of another data set"),
        ([RESULT | {"category_id": 9}], "detection 1 has the category 9, which"),
        ([RESULT | {"category_id": "dog"}], "has the category_id 'dog', expected a whole number"),
        ([RESULT | {"bbox": [0, 0, -1, 3]}], r"has the bbox \[0, 0, -1, 3\], expected \[x, y, width, height\]"),
        ([RESULT | {"bbox": [0, 0, 3]}], "has the bbox"),
        ('[{"image_id": 1, "category_id": 5, "bbox": [0, 0, NaN, 3], "score": 1}]', "has the bbox"),
        ([RESULT | {"score": None}], "has the score None"),
        ([RESULT | {"segmentation": [[0, 0, 1, 0, 1, 1]]}], "has a segmentation that is no compressed run lengths"),
        ([RESULT | {"segmentation": {"size": [9, 8], "counts": "01"}}], r"has a mask of \[9, 8\], its picture has"),
        ([RESULT, RESULT | {"segmentation": {"size": [9, 9], "counts": "0!"}}], "detection 2 has a mask.+no character"),
        ([RESULT | {"segmentation": {"size": [9, 9], "counts": "0P"}}], "detection 1.+break off inside a number"),
        ([RESULT | {"segmentation": {"size": [9, 9], "counts": "53"}}], "add up to 8 pixels, but 9x9 are 81"),
        ([{"image_id": 1, "category_id": 5, "score": 1}], "has neither 'bbox' nor 'segmentation'"),
        ([RESULT | {"score": 10**400}], r"has the score 10+\.\.\., expected a number"),
        ([RESULT | {"score": True}], "has the score True"),
        ([RESULT | {"bbox": [0, 0, 10**400, 1]}], "has the bbox"),
        ([RESULT | {"segmentation": {"size": [9, 9], "counts": "0é"}}], "has a segmentation that is no compressed run"),
        ([RESULT | {"segmentation": {"size": [9, 9], "counts": ""}}], "has a segmentation that is no compressed run"),
    ],
)
def test_a_mistake_in_results_is_one_clear_line(tmp_path, truth, content, said):
    with pytest.raises(UserError, match=said) as caught:
        read_results(write(tmp_path / "results.json", content), truth)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"image_id": 2**63}, "has the image_id 9223372036854775808, expected a whole number"),
        ({"segmentation": [[0, 0, 1, 0, 1, 1]]}, "has a segmentation that is no compressed run lengths"),
        ({"segmentation": {"size": [9, "9"], "counts": "53"}}, "has a segmentation that is no compressed run lengths"),
        ({"segmentation": {"size": [9, 9], "counts": "53"}}, "add up to 8 pixels, but 9x9 are 81"),
    ],
)
def test_results_are_checked_without_their_data_set_too(tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        read_results(write(tmp_path / "results.json", [RESULT | change]))


@pytest.mark.parametrize("nothing", [[], {}, None])
def test_an_empty_outline_is_none(tmp_path, nothing):
    assert not read_truth(write(tmp_path / "truth.json", with_thing(segmentation=nothing))).outlined


def test_no_results_are_results(tmp_path, truth):
    assert len(read_results(write(tmp_path / "results.json", []), truth)) == 0


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.json cannot be read: No such file"):
        read_truth(tmp_path / "nowhere.json")
