"""The metrics are pycocotools'."""

from __future__ import annotations

import contextlib
import io
import json
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pipelines.errors import UserError
from plugins.instances.metrics import measure
from plugins.instances.results import Results
from plugins.instances.tables import class_rows, table_rows
from plugins.instances.truth import read_truth

SIDE = 120


def rle(box):
    """The mask of an ellipse in a box."""
    x, y, width, height = box
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = ((columns - x - width / 2) / (width / 2)) ** 2 + ((rows - y - height / 2) / (height / 2)) ** 2 <= 1
    encoded = coco_masks.encode(np.asfortranarray(inside.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


boxes = st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(8, 99)] * 2).map(list)
things = st.tuples(st.integers(1, 3), st.integers(1, 2), boxes)


@st.composite
def data_sets(draw):
    marked = draw(st.lists(st.tuples(things, st.booleans()), min_size=1, max_size=8))
    found = draw(st.lists(st.tuples(things, st.integers(0, 1000)), max_size=10, unique_by=lambda pair: pair[1]))
    # Some detections meet what was marked: boxes drawn apart hardly ever do.
    met = draw(
        st.lists(st.tuples(st.sampled_from(marked), st.integers(1001, 2000)), max_size=8, unique_by=lambda p: p[1])
    )
    annotations = [
        {"id": number, "image_id": image, "category_id": category, "bbox": box, "area": box[2] * box[3],
         "segmentation": rle(box), "iscrowd": int(crowd and number % 3 == 0)}
        for number, ((image, category, box), crowd) in enumerate(marked, start=1)
    ]  # fmt: skip
    results = [
        {"image_id": image, "category_id": category, "bbox": box, "segmentation": rle(box), "score": score / 2000}
        for (image, category, box), score in [*found, *((thing, score) for (thing, _), score in met)]
    ]
    return annotations, results


def document(annotations, *, frequencies=()):
    images = [{"id": number, "width": SIDE, "height": SIDE, "file_name": f"{number}.jpg"} for number in (1, 2, 3)]
    categories = [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}]
    for category, frequency in zip(categories, frequencies, strict=False):
        category["frequency"] = frequency
    for image in images if frequencies else ():
        image |= {"neg_category_ids": [1, 2], "not_exhaustive_category_ids": []}
    return {"images": images, "categories": categories, "annotations": annotations}


def truth_of(folder, content):
    path = folder / "truth.json"
    path.write_text(json.dumps(content))
    return read_truth(path)


def pycocos(content, results, kind, *, limit=100, classes=True):
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = deepcopy(content)
        known.createIndex()
        dropped = "bbox" if kind == "segm" else "segmentation"
        shown = [{key: value for key, value in entry.items() if key != dropped} for entry in deepcopy(results)]
        evaluation = COCOeval(known, known.loadRes(shown), kind)
        evaluation.params.maxDets, evaluation.params.useCats = [1, 10, limit], int(classes)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval


def mean(values):
    counted = values[values > -1]
    return counted.mean() if counted.size else np.nan


@settings(max_examples=40)
@given(data_sets(), st.sampled_from(["bbox", "segm"]))
def test_metrics_are_those_of_pycocotools(tmp_path_factory, data, kind):
    annotations, results = data
    content = document(annotations)
    metrics = measure(truth_of(tmp_path_factory.mktemp("truth"), content), results, kind)
    if not results:
        assert metrics.values["AP"] == 0 or np.isnan(metrics.values["AP"])
        return
    precision = pycocos(content, results, kind)["precision"][..., -1]
    recall = pycocos(content, results, kind, limit=1000, classes=False)["recall"][..., -1]
    expected = [mean(precision[..., 0]), mean(precision[0, ..., 0]), mean(precision[5, ..., 0])]
    expected += [mean(precision[..., size]) for size in (1, 2, 3)] + [mean(recall[..., 0])]
    names = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR@1000"]
    np.testing.assert_allclose([metrics.values[name] for name in names], expected, atol=1e-12)
    classes = [mean(precision[:, :, index, 0]) for index in range(2)]
    np.testing.assert_allclose(list(metrics.by_class.values()), classes, atol=1e-12)


def marked(image, category, box):
    return {"id": image, "image_id": image, "category_id": category, "bbox": box, "segmentation": rle(box)}


def found(image, category, box, score=0.9):
    return {"image_id": image, "category_id": category, "bbox": box, "segmentation": rle(box), "score": score}


def test_a_thing_met_exactly_counts_fully(tmp_path):
    truth = truth_of(tmp_path, document([marked(1, 1, [0, 0, 40, 40])]))
    metrics = measure(truth, [found(1, 1, [0, 0, 40, 40])], "segm")
    assert metrics.values["AP"] == pytest.approx(1)
    assert metrics.by_class["dog"] == pytest.approx(1)
    assert np.isnan(metrics.by_class["cat"])


def test_recall_of_proposals_does_not_ask_for_the_category(tmp_path):
    truth = truth_of(tmp_path, document([marked(1, 1, [0, 0, 40, 40])]))
    metrics = measure(truth, [found(1, 2, [0, 0, 40, 40])], "bbox")
    assert metrics.values["AP"] == 0
    assert metrics.values["AR@1000"] == 1


def test_lvis_judges_only_what_is_known_of_a_picture(tmp_path):
    content = document([marked(1, 1, [0, 0, 40, 40]), marked(2, 2, [0, 0, 40, 40])], frequencies="rf")
    results = [found(1, 1, [0, 0, 40, 40], 0.5), found(3, 1, [0, 0, 40, 40], 0.9), found(2, 2, [0, 0, 40, 40])]
    wrong = measure(truth_of(tmp_path, content), results, "segm")
    assert wrong.values["APr"] == pytest.approx(0.5)
    assert wrong.values["APf"] == pytest.approx(1)
    assert np.isnan(wrong.values["APc"])
    content["images"][2]["neg_category_ids"] = []
    assert measure(truth_of(tmp_path, content), results, "segm").values["APr"] == pytest.approx(1)


def test_of_a_picture_lvis_counts_its_three_hundred_best(tmp_path):
    content = document([marked(1, 1, [0, 0, 40, 40])], frequencies="rf")
    better = [found(1, 2, [60, 60, 20, 20], 0.9) for _ in range(300)]
    results = [*better[1:], found(1, 1, [0, 0, 40, 40], 0.5)]
    assert measure(truth_of(tmp_path, content), results, "bbox").values["APr"] == pytest.approx(1)
    results = [*better, found(1, 1, [0, 0, 40, 40], 0.5)]
    assert measure(truth_of(tmp_path, content), results, "bbox").values["APr"] == 0


def test_an_annotation_with_the_id_nought_counts_like_any_other(tmp_path):
    first = marked(1, 1, [0, 0, 40, 40]) | {"id": 0}
    assert measure(truth_of(tmp_path, document([first])), [found(1, 1, [0, 0, 40, 40])], "bbox").values["AP"] == 1


def test_a_detection_with_a_mask_only_has_the_box_around_it(tmp_path):
    content = document(
        [entry | {"area": 1000, "iscrowd": 0} for entry in (marked(1, 1, [0, 0, 40, 40]), marked(2, 1, [5, 5, 30, 30]))]
    )
    results = [found(1, 1, [0, 0, 40, 40]), found(2, 1, [5, 5, 30, 30], 0.8)]
    bare = [{key: value for key, value in entry.items() if key != "bbox"} for entry in results]
    around = [{**entry, "bbox": coco_masks.toBbox(entry["segmentation"]).tolist()} for entry in bare]
    expected = pycocos(content, around, "bbox")
    for given_results in (bare, [bare[0], results[1]], [results[0], bare[1]]):
        metrics = measure(truth_of(tmp_path, content), given_results, "bbox")
        assert metrics.values["AP"] == pytest.approx(mean(expected["precision"][..., 0, -1]))
    assert list(Results(bare).areas) == [coco_masks.area(entry["segmentation"]) for entry in bare]


def test_results_are_left_as_they_were(tmp_path):
    results = [found(1, 1, [0, 0, 40, 40])]
    before = deepcopy(results)
    measure(truth_of(tmp_path, document([marked(1, 1, [0, 0, 40, 40])])), results, "segm")
    assert results == before


def test_results_without_masks_have_no_mask_metrics(tmp_path):
    truth = truth_of(tmp_path, document([marked(1, 1, [0, 0, 40, 40])]))
    bare = {key: value for key, value in found(1, 1, [0, 0, 9, 9]).items() if key != "segmentation"}
    with pytest.raises(UserError, match="1 of 1 detections have no mask"):
        measure(truth, [bare], "segm")


def test_annotations_without_outlines_have_no_mask_metrics(tmp_path):
    bare = {key: value for key, value in marked(1, 1, [0, 0, 40, 40]).items() if key != "segmentation"}
    with pytest.raises(UserError, match="has annotations without an outline: only boxes can be measured"):
        measure(truth_of(tmp_path, document([bare])), [found(1, 1, [0, 0, 9, 9])], "segm")


def test_tables_are_in_percent_with_dashes_where_nothing_was_measured(tmp_path):
    truth = truth_of(tmp_path, document([marked(1, 1, [0, 0, 40, 40])]))
    measured = {"boxes": measure(truth, [found(1, 1, [0, 0, 40, 40])], "bbox")}
    header, rows = table_rows(measured)
    assert dict(zip(header, rows[0], strict=True)) | {} == {
        "": "boxes", "AP": "100.0", "AP50": "100.0", "AP75": "100.0", "APs": "-", "APm": "100.0", "APl": "-",
        "AR@1000": "100.0",
    }  # fmt: skip
    assert class_rows(measured) == (("category", "boxes"), [("dog", "100.0"), ("cat", "-")])
