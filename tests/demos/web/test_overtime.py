"""The longest that a run may take."""

import threading

import pytest

from demos.web.overtime import OvertimeError, within
from demos.web.settings import Settings
from demos.web.studio import Studio
from pipelines import Report, node
from pipelines.builder import Pipeline
from pipelines.errors import Cancelled, UserError

BRIEF = 0.2 / 60


@node("test/endless", cache=False)
def endless(start: int, *, report: Report) -> int:
    pause = threading.Event()
    for step in range(10_000):
        report(step, 10_000)
        pause.wait(0.01)
    return start


@pytest.fixture
def studio():
    studio = Studio(Settings(run_minutes=BRIEF))
    yield studio
    studio.close()


def endless_graph():
    pipeline = Pipeline("endless")
    pipeline.output("end", pipeline.add("only", endless, start=0))
    return pipeline.build()


def test_a_run_that_takes_too_long_is_stopped_and_the_line_moves_on(studio):
    visit = studio.visits.of("a")
    with studio.start(endless_graph(), {}, visit) as run, pytest.raises(OvertimeError) as raised:
        run.result()
    assert str(raised.value).startswith("Stopped after 0.00333333 minutes, the longest that a run may take")
    assert len(studio.line) == 0


def test_who_presses_stop_is_not_told_of_a_limit(studio):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        studio.perform(endless_graph(), {}, cancel)


def test_what_ends_in_time_is_left_alone():
    cancel = threading.Event()
    with within(BRIEF, cancel):
        pass
    assert not cancel.wait(60 * BRIEF * 2)


def test_a_limit_that_lets_nothing_run():
    with pytest.raises(UserError, match="run_minutes is 0, which serves nobody"):
        Settings(run_minutes=0)
