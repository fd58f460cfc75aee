"""The journal of a folder: nothing that was written is lost, nothing that was not is believed."""

from __future__ import annotations

import sys

import pytest

from pipelines.batch.journal import JOURNAL, STAGING, Journal, Record
from pipelines.errors import OutputError

A = Record("a.png", "k1", "done", ("a.image.png", "ä/a.values.json"), seconds=0.5)
B = Record("b.png", None, "failed", error="is damaged.")


def test_what_was_added_is_there_after_reopening_and_the_last_line_counts(tmp_path):
    again = Record("a.png", "k2", "done", ("a.image.png",))
    with Journal(tmp_path / "new" / "out") as journal:
        for record in (A, B, again):
            journal.add(record)
    with Journal(tmp_path / "new" / "out") as journal:
        assert journal.records == {"a.png": again, "b.png": B}


def test_a_record_is_on_the_disk_as_soon_as_it_is_added(tmp_path):
    with Journal(tmp_path) as journal:
        journal.add(A)
        assert Record.from_json((tmp_path / JOURNAL).read_bytes()) == A


@pytest.mark.parametrize("length", [1, 20, -1])
def test_a_line_that_was_cut_short_is_dropped_and_written_anew(tmp_path, length):
    torn = (B.as_json() + "\n")[:length]
    (tmp_path / JOURNAL).write_text(A.as_json() + "\n" + torn)
    with Journal(tmp_path) as journal:
        assert journal.records == {"a.png": A}
        journal.add(B)
    assert (tmp_path / JOURNAL).read_text() == f"{A.as_json()}\n{B.as_json()}\n"


@pytest.mark.parametrize(
    "line", ["{}", "[]", "words", '{"status": "done"}', '{"status": "done", "outputs": [], "x": 1}']
)
def test_a_file_of_somebody_else_is_not_written_to(tmp_path, line):
    (tmp_path / JOURNAL).write_text(f"{A.as_json()}\n{line}\n")
    with pytest.raises(OutputError) as caught, Journal(tmp_path):
        pass
    path = tmp_path / JOURNAL
    assert str(caught.value) == f"{path}:2 is no line of samloom batch. Move the file away, or give another folder."
    assert (tmp_path / JOURNAL).read_text() == f"{A.as_json()}\n{line}\n"


def test_what_a_crash_left_half_written_is_swept_away(tmp_path):
    (tmp_path / STAGING / "x").mkdir(parents=True)
    with Journal(tmp_path):
        assert not (tmp_path / STAGING).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="locks keep others from reading there")
def test_a_folder_has_one_writer_at_a_time(tmp_path):
    with Journal(tmp_path):
        with pytest.raises(OutputError) as caught, Journal(tmp_path):
            pass
        assert str(caught.value).startswith(f"another samloom batch is writing into {tmp_path}.")
    with Journal(tmp_path):
        pass


def test_results_of_another_picture_that_a_new_record_claims_or_outdates_are_its_no_more(tmp_path):
    jpg = Record("a.jpg", "k1", "done", ("a.image.png", "a.left.png"))
    png = Record("a.png", "k2", "done", ("a.image.png",))
    for name in jpg.outputs:
        (tmp_path / name).touch()
    with Journal(tmp_path) as journal:
        for record in (jpg, B, png):
            journal.add(record)
        assert journal.records == {"b.png": B, "a.png": png}
    assert not (tmp_path / "a.left.png").exists()
    assert (tmp_path / "a.image.png").exists()
    with Journal(tmp_path) as journal:
        assert journal.records == {"b.png": B, "a.png": png}
