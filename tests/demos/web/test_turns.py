"""One thing after the other: what is asked for during a run follows it, unless the visitor stops."""

import threading

import pytest

from demos.web.editing.turns import Turns
from demos.web.visits import Visits
from pipelines.errors import Cancelled


@pytest.fixture
def visit(tmp_path):
    return Visits(tmp_path / "visits", keep_seconds=60).of("a")


def test_who_comes_first_does_not_wait(visit):
    assert list(Turns().wait(visit)) == []


def test_who_comes_during_a_turn_waits_for_its_end_and_gives_control_meanwhile(visit):
    turns, order = Turns(), []
    waits = threading.Event()
    list(turns.wait(visit))

    def follow():
        for _ in turns.wait(visit):
            waits.set()
        order.append("second")

    follower = threading.Thread(target=follow)
    follower.start()
    assert waits.wait(60)
    order.append("first is over")
    turns.over()
    follower.join(60)
    assert order == ["first is over", "second"]


def test_who_stops_what_runs_stops_what_waits(visit):
    turns = Turns()
    list(turns.wait(visit))
    waiting = turns.wait(visit)
    next(waiting)
    visit.cancel()
    with pytest.raises(Cancelled):
        list(waiting)
    turns.over()
    assert list(turns.wait(visit)) == []
