"""Streaming on threads, and what a folder's run writes down."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipelines.batch.folder import Tally, run_folder
from pipelines.batch.journal import Journal, Record
from pipelines.batch.threads import Task, on_threads
from pipelines.errors import ModelError

NAMES = [f"{number}.png" for number in range(20)]


def done(picture: str, before: Record | None) -> Record:
    """Work that takes no time."""
    return Record(picture, "key", "done")


@pytest.mark.parametrize("workers", [1, 3])
def test_no_picture_is_asked_for_before_a_worker_is_free(workers):
    asked, ahead = 0, []

    def tasks() -> Iterator[Task]:
        nonlocal asked
        for name in NAMES:
            asked += 1
            yield name, None

    for ended, _ in enumerate(on_threads(done, tasks(), workers, threading.Event()), start=1):
        ahead.append(asked - ended)
    assert asked == len(NAMES)
    assert max(ahead) <= 2 * workers  # those at work, and those that ended with the one just told


def test_as_many_pictures_as_workers_are_done_at_once():
    meeting = threading.Barrier(3, timeout=10)

    def work(picture: str, before: Record | None) -> Record:
        meeting.wait()
        return done(picture, before)

    assert len(list(on_threads(work, iter([(name, None) for name in NAMES[:6]]), 3, threading.Event()))) == 6


def test_what_nobody_is_spared_is_raised_and_the_others_are_told_to_give_up():
    give_up = threading.Event()

    def work(picture: str, before: Record | None) -> Record:
        if picture == NAMES[1]:
            raise ModelError("weights are missing.")
        assert give_up.wait(10)
        return done(picture, before)

    with pytest.raises(ModelError, match="weights are missing"):
        list(on_threads(work, iter([(name, None) for name in NAMES]), 2, give_up))


def test_a_stop_lets_what_is_under_way_end_and_be_written_down(tmp_path):
    stop, tally = threading.Event(), Tally(len(NAMES))
    meeting = threading.Barrier(2, timeout=10)

    def work(picture: str, before: Record | None) -> Record:
        meeting.wait()
        stop.set()
        return done(picture, before)

    with Journal(tmp_path) as journal:
        run_folder(
            NAMES,
            journal,
            lambda tasks: on_threads(work, tasks, 2, threading.Event()),
            tally,
            stop=stop,
            show=lambda tally: None,
        )
        assert sorted(journal.records) == NAMES[:2]
    assert (tally.done, tally.left) == (2, len(NAMES) - 2)


def test_what_the_journal_has_as_it_is_now_is_not_written_again(tmp_path):
    tally = Tally(3)
    with Journal(tmp_path) as journal:
        for record in (old := Record("0.png", "key", "done"), Record("1.png", "other", "done")):
            journal.add(record)
        run_folder(
            NAMES[:3],
            journal,
            lambda tasks: (old if name == "0.png" else done(name, None) for name, _ in tasks),
            tally,
            stop=threading.Event(),
            show=lambda tally: None,
        )
    assert (tally.done, tally.unchanged, tally.left) == (2, 1, 0)
    assert len((tmp_path / "journal.jsonl").read_text().splitlines()) == 4
