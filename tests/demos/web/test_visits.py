"""Who is on the page: private folders, memory and runs that end with the visit."""

import pytest

from demos.web.visits import Visits
from pipelines.errors import Cancelled


@pytest.fixture
def visits(tmp_path, clock):
    return Visits(tmp_path / "visits", keep_seconds=60, clock=clock)


def test_files_of_one_name_do_not_overwrite_each_other(visits):
    visit = visits.of("a")
    first, second = visit.file("masks.zip"), visit.file("masks.zip")
    assert first != second
    assert first.name == second.name == "masks.zip"


def test_two_pages_share_neither_folder_nor_memory(visits):
    assert visits.of("a") is visits.of("a")
    assert visits.of("a").folder != visits.of("b").folder
    assert visits.of("a").recall(list) is visits.of("a").recall(list)
    assert visits.of("a").recall(list) is not visits.of("b").recall(list)


def test_leaving_removes_the_files_and_stops_the_runs(visits):
    visit = visits.of("a")
    visit.file("result.png").write_bytes(b"x")
    with visit.running() as cancel:
        visits.leave("a")
        assert cancel.is_set()
    assert not visit.folder.exists()
    assert len(visits) == 0


def test_a_run_that_begins_after_the_visitor_left_is_stopped_from_the_start(visits):
    visit = visits.of("a")
    visits.leave("a")
    with visit.running() as cancel:
        assert cancel.is_set()


def test_nothing_is_written_for_a_visitor_who_left(visits):
    visit = visits.of("a")
    visits.leave("a")
    with pytest.raises(Cancelled):
        visit.file("late.png")
    assert not visit.folder.exists()


def test_cancelling_stops_the_visitors_runs_only(visits):
    with visits.of("a").running() as mine, visits.of("b").running() as theirs:
        assert visits.of("a").cancel() == 1
        assert mine.is_set()
        assert not theirs.is_set()


def test_idle_visits_end_but_not_while_something_runs(visits, clock):
    idle, busy = visits.of("idle"), visits.of("busy")
    with busy.running():
        clock.now = 61
        visits.sweep()
        assert not idle.folder.exists()
        assert busy.folder.exists()
