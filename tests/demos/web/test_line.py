"""The line of those who wait."""

import threading
from contextlib import ExitStack

import pytest

from demos.web.line import BusyError, Line
from demos.web.running import Waiting
from pipelines.errors import Cancelled


def test_who_finds_room_does_not_wait():
    told = []
    with Line(1, 1).turn(threading.Event(), told.append):
        assert told == []


def test_the_line_is_full_and_says_so():
    line = Line(1, 1)
    with ExitStack() as stack:
        stack.enter_context(line.turn(threading.Event()))
        waiter = threading.Thread(target=_wait_and_go, args=(line, cancel := threading.Event()))
        waiter.start()
        _until(lambda: len(line) == 2)
        with pytest.raises(BusyError, match="2 runs are under way or waiting"):
            stack.enter_context(line.turn(threading.Event()))
        cancel.set()
        waiter.join(5)
    assert len(line) == 0


def test_those_who_wait_come_in_the_order_of_their_coming_and_are_told_how_many_are_ahead():
    line, order, told = Line(1, 5), [], []

    def work(name):
        with line.turn(threading.Event(), told.append):
            order.append(name)

    with line.turn(threading.Event()):
        workers = []
        for name in "abc":
            workers.append(threading.Thread(target=work, args=(name,)))
            workers[-1].start()
            _until(lambda: len(line) == len(workers) + 1)
        _until(lambda: len(told) == 3)
        assert told == [Waiting(1), Waiting(2), Waiting(3)]
    for worker in workers:
        worker.join(5)
    assert order == ["a", "b", "c"]


def test_waiting_can_be_given_up():
    line, cancel = Line(1, 1), threading.Event()
    cancel.set()
    with line.turn(threading.Event()), pytest.raises(Cancelled), line.turn(cancel):
        pass
    assert len(line) == 0


def _wait_and_go(line, cancel):
    with pytest.raises(Cancelled), line.turn(cancel):
        pass


def _until(holds):
    ticks = threading.Event()
    for _ in range(1000):
        if holds():
            return
        ticks.wait(0.01)
    pytest.fail("it never came to that")
