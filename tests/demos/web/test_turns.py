"""One thing after the other: what is asked for during a run follows it, unless the visitor stops."""

import threading

import pytest

from demos.web.editing.turns import Turns
from pipelines.errors import Cancelled


def test_who_comes_first_does_not_wait():
    assert list(Turns().wait(threading.Event())) == []


def test_who_comes_during_a_turn_waits_for_its_end_and_gives_control_meanwhile():
    turns, order = Turns(), []
    waits = threading.Event()
    list(turns.wait(threading.Event()))

    def follow():
        for _ in turns.wait(threading.Event()):
            waits.set()
        order.append("second")

    follower = threading.Thread(target=follow)
    follower.start()
    assert waits.wait(60)
    order.append("first is over")
    turns.over()
    follower.join(60)
    assert order == ["first is over", "second"]


def test_what_waits_can_be_stopped():
    turns, cancel = Turns(), threading.Event()
    list(turns.wait(threading.Event()))
    waiting = turns.wait(cancel)
    next(waiting)
    cancel.set()
    with pytest.raises(Cancelled):
        list(waiting)
    turns.over()
    assert list(turns.wait(threading.Event())) == []
