"""Boxes of other detectors, for one picture."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipelines.errors import PortError
from pipelines.values import Image
from plugins.instances import boxes
from plugins.instances.boxes import from_coco


def picture(source="data/000000000139.jpg"):
    return Image(np.zeros((50, 80, 3), np.uint8), source=source)


def result(image=139, category=18, box=(10, 5, 20, 30), score=0.9):
    return {"image_id": image, "category_id": category, "bbox": list(box), "score": score}


@pytest.fixture
def results(tmp_path):
    def write(*entries):
        path = tmp_path / "results.json"
        path.write_text(json.dumps(entries))
        return path

    return write


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / "annotations.json"
    path.write_text(
        json.dumps(
            {
                "images": [{"id": 7, "file_name": "sub/street.jpg", "width": 80, "height": 50}],
                "categories": [{"id": 18, "name": "hydrant"}],
                "annotations": [],
            }
        )
    )
    return path


def test_boxes_of_the_picture_come_the_surest_first(results):
    path = results(result(score=0.5), result(image=140), result(category=1, box=(0, 0, 4, 4), score=0.8))
    found = from_coco(picture(), path)
    assert found.xyxy.tolist() == [[0, 0, 4, 4], [10, 5, 30, 35]]
    assert list(found.data["class_name"]) == ["person", "dog"]
    assert found.class_id.tolist() == [1, 18]
    np.testing.assert_allclose(found.confidence, [0.8, 0.5])


def test_a_file_without_results_has_no_boxes(results):
    assert len(from_coco(picture(), results())) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"score_threshold": 1.0}, "score_threshold is 1.0, but scores lie between 0 and 1"),
        ({"score_threshold": float("nan")}, "score_threshold is nan"),
        ({"max_detections": 0}, "max_detections is 0, but at least 1 must be kept"),
    ],
)
def test_limits_out_of_range_are_told(results, options, said):
    with pytest.raises(PortError, match=said):
        from_coco(picture(), results(), **options)


def test_a_data_set_knows_its_pictures_and_names(results, annotations):
    found = from_coco(picture("elsewhere/street.jpg"), results(result(image=7)), annotations=annotations)
    assert list(found.data["class_name"]) == ["hydrant"]


def test_boxes_end_at_the_edges_of_the_picture(results, caplog):
    outside, flat = result(box=(90, 0, 5, 5)), result(box=(5, 5, 0, 9))
    found = from_coco(picture(), results(result(box=(-5, 40, 200, 200)), outside, flat))
    assert found.xyxy.tolist() == [[0, 40, 80, 50]]
    assert "2 boxes have no area inside the picture" in caplog.text


def test_thresholds_and_limits_hold(results):
    path = results(*(result(score=score / 10) for score in range(1, 8)))
    assert from_coco(picture(), path, score_threshold=0.3).confidence.tolist() == pytest.approx([0.7, 0.6, 0.5, 0.4])
    assert len(from_coco(picture(), path, max_detections=2)) == 2


def test_a_picture_without_boxes_has_none(results):
    assert len(from_coco(picture(), results(result(image=1)))) == 0


def test_a_picture_without_a_number_is_the_users_mistake(results, annotations):
    with pytest.raises(PortError, match=r"'street\.jpg' does not tell the picture's number: give image_id"):
        from_coco(picture("street.jpg"), results(result()))
    with pytest.raises(PortError, match=r"has no picture 'other\.jpg': give its image_id"):
        from_coco(picture("other.jpg"), results(result(image=7)), annotations=annotations)


def test_a_category_that_coco_lacks_needs_the_annotations(results):
    with pytest.raises(PortError, match="has the category 12, which COCO has not: give the file of annotations"):
        from_coco(picture(), results(result(category=12)))


def test_both_files_are_read_once_for_many_pictures_and_again_when_they_change(results, annotations, monkeypatch):
    read = []

    def watched(name, original):
        return lambda *given: read.append(name) or original(*given)

    for name in ("read_truth", "read_results"):
        monkeypatch.setattr(boxes, name, watched(name, getattr(boxes, name)))
    path, street = results(result(image=7)), picture("street.jpg")
    for _ in range(3):
        assert len(from_coco(street, path, annotations=annotations)) == 1
    assert read == ["read_truth", "read_results"]
    path = results(result(image=7), result(image=7))
    assert len(from_coco(street, path, annotations=annotations)) == 2
    assert read[2:] == ["read_results"]
    annotations.write_text(annotations.read_text() + "\n")
    from_coco(street, path, annotations=annotations)
    assert read[3:] == ["read_truth", "read_results"]


def test_a_file_that_another_thread_reads_meanwhile_changes_nothing(results, monkeypatch):
    class Contended(dict):
        """As soon as something is put into a slot, another thread puts the content of its own file there."""

        def __setitem__(self, kind, entry):
            super().__setitem__(kind, (("another file",), boxes.read_results(results(), None)))

    path = results(result())
    content = boxes.read_results(path, None)
    monkeypatch.setattr(boxes, "_latest", Contended())
    monkeypatch.setattr(boxes, "partial", lambda *_: lambda: content)
    assert len(from_coco(picture(), path)) == 1
