"""Results are read piece by piece, and come back from their columns as they were."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from pipelines.errors import OutputError, UserError
from plugins.instances import json_list as module
from plugins.instances.journal import Journal
from plugins.instances.json_list import elements
from plugins.instances.results import Results, read_results
from sam_model.ops.rle import Rle

MASK = {"size": [4, 5], "counts": "53^7"}
ENTRIES = [
    {"image_id": 3, "category_id": 7, "score": 0.25, "bbox": [1.5, 2, 3, 4], "segmentation": MASK},
    {"image_id": 1, "category_id": 7, "score": 1, "bbox": [0, 0, 1, 1]},
    {"image_id": 3, "category_id": 2, "score": 0.5, "segmentation": MASK},
]


def test_columns_give_back_what_they_were_given():
    assert list(Results(ENTRIES)) == ENTRIES


def test_a_pictures_detections_come_in_their_order():
    assert Results(ENTRIES).of_picture(3) == [ENTRIES[0], ENTRIES[2]]
    assert Results(ENTRIES).of_picture(4) == []
    assert Results().of_picture(3) == []


def test_those_without_a_mask_are_counted():
    assert Results(ENTRIES).without_mask == 1


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "text",
    ["[]", " [ ] ", '[{"a": 1}, {"b": "]"}]\n', "[1, 23, 4.5e2]", '["\\u00e9", [1, [2]], null, true]', "[12]"],
)
def test_a_list_is_read_alike_whatever_the_pieces(tmp_path, monkeypatch, piece, text):
    monkeypatch.setattr(module, "_PIECE", piece)
    path = tmp_path / "list.json"
    path.write_text(text)
    assert list(elements(path)) == json.loads(text)


@pytest.mark.parametrize("text", ["", "[", "[1", "[1,", "[1,]", "[1 2]", "[1] 2", "[1]]", '[{"a": }]', "[1,,2]"])
def test_what_is_no_list_of_json_is_refused(tmp_path, text):
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"list\.json is no JSON"):
        list(elements(path))


@pytest.mark.parametrize("piece", [1, 4, 1000])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1}, {"a": }]', "Expecting value at character 18"),
        ("[1, 2 3]", "expected ']', found '3' at character 7"),
    ],
)
def test_a_mistake_of_json_is_told_with_its_place_in_the_file(tmp_path, monkeypatch, piece, text, said):
    monkeypatch.setattr(module, "_PIECE", piece)
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        list(elements(path))


def test_a_list_without_end_inside_lists_is_refused(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"list\.json is no JSON"):
        list(elements(path))


def test_what_windows_puts_before_a_text_is_passed_over(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1]", encoding="utf-8-sig")
    assert list(elements(path)) == [1]


def test_a_large_file_takes_little_memory(tmp_path):
    path = tmp_path / "results.json"
    entry = {"image_id": 1, "category_id": 1, "score": 0.123456, "bbox": [10.5, 20.5, 30.5, 40.5]}
    stripes = Rle.from_runs([3072] * 100, height=480, width=640).to_coco()
    path.write_text(json.dumps([{**entry, "segmentation": stripes}] * 20_000))
    tracemalloc.start()
    found = read_results(path)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 20_000
    assert taken < 12e6


def test_half_a_line_of_a_journal_is_forgotten(tmp_path):
    journal = Journal(tmp_path, {"refine": 1})
    journal.write({"image_id": 1})
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write('{"image_id": 2')
    again = Journal(tmp_path, {"refine": 1})
    again.write({"image_id": 3})
    assert list(again) == [{"image_id": 1}, {"image_id": 3}]


@pytest.mark.parametrize("line", [b"{}}\n", b"\xff\n"])
def test_a_damaged_line_of_a_journal_is_told(tmp_path, line):
    journal = Journal(tmp_path, {"refine": 1})
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(line)
    with pytest.raises(UserError, match=r"journal\.jsonl: line 2 is damaged: give another folder"):
        list(journal)


def test_a_journal_of_bytes_is_damaged_too(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(UserError, match=r"journal\.jsonl: line 1 is damaged"):
        Journal(tmp_path, {"refine": 1})


def test_a_journal_needs_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: it is a file, not a folder"):
        Journal(tmp_path / "file", {"refine": 1})


def test_a_file_that_is_no_journal_is_not_written_into(tmp_path):
    (tmp_path / "journal.jsonl").write_text("mine\n")
    with pytest.raises(UserError, match="belongs to a run with other questions: give another folder"):
        Journal(tmp_path, {"refine": 1})
    assert (tmp_path / "journal.jsonl").read_text() == "mine\n"
