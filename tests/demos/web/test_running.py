"""A run that a page watches."""

import threading

import pytest

from demos.web.running import Run
from demos.web.visits import Visits
from pipelines.errors import UserError
from pipelines.events import NodeFinished, NodeStarted


@pytest.fixture
def visit(tmp_path):
    return Visits(tmp_path, keep_seconds=60).of("a")


def test_events_come_in_order_and_then_the_result(visit):
    def work(sink, cancel):
        sink(NodeStarted("a"))
        sink(NodeFinished("a", 0.1))
        return "result"

    with Run(work, visit) as run:
        events = [event for news in run for event in news]
        assert events == [NodeStarted("a"), NodeFinished("a", 0.1)]
        assert run.result() == "result"
    assert not visit.is_running


def test_what_the_run_raises_is_raised_by_its_result(visit):
    def work(sink, cancel):
        raise UserError("no such thing")

    with Run(work, visit) as run:
        assert [event for news in run for event in news] == []
        with pytest.raises(UserError, match="no such thing"):
            run.result()


def test_leaving_the_block_stops_the_run(visit):
    stopped = threading.Event()

    def work(sink, cancel):
        sink(NodeStarted("a"))
        if cancel.wait(10):
            stopped.set()

    with Run(work, visit) as run:
        next(iter(run))
    assert stopped.wait(5)


def test_while_nothing_happens_the_page_still_gets_its_turn(visit):
    with Run(lambda sink, cancel: cancel.wait(10), visit) as run:
        assert next(iter(run)) == ()


def test_a_visitor_who_leaves_stops_the_run(visit):
    with Run(lambda sink, cancel: cancel.wait(10) and "stopped", visit) as run:
        visit.leave()
        assert run.result() == "stopped"
