"""A picture is looked at for clicks: in the line, with Stop, and whatever goes wrong is said."""

import threading
from pathlib import Path

import pytest

pytest.importorskip("gradio", reason="the page needs gradio")

from demos.web.settings import Settings
from demos.web.studio import Studio
from demos.web.tabs import click
from pipelines.errors import Cancelled

DOG = Path("demos/images/dog.png")


@pytest.fixture
def studio():
    studio = Studio(Settings(offline=True, at_once=1, run_minutes=0.005))
    (studio.uploads / "dog.png").write_bytes(DOG.read_bytes())
    yield studio
    studio.close()


def opening(studio):
    return click._open(studio, str(studio.uploads / "dog.png"), studio.visits.of("somebody"))


def test_whatever_goes_wrong_is_said_and_nothing_is_left_standing(studio, monkeypatch):
    def fails(*_):
        raise RuntimeError("innards")

    monkeypatch.setattr(click, "see", fails)
    first, *_, last = opening(studio)
    assert ("Looking at the picture" in first[0], first[2]["visible"]) == (True, True)
    assert ("Something went wrong here" in last[0], last[2]["visible"]) == (True, False)
    assert studio.rest(), "what was freed is given back"


def test_who_waits_is_told_how_many_are_ahead_and_may_stop(studio):
    with studio.line.turn(threading.Event()):
        run = opening(studio)
        assert "1 ahead of you" in [next(run), next(run)][1][0]
        assert studio.visits.of("somebody").cancel() == 1
        *_, last = run
    assert "Stopped. Everything is as it was before." in last[0]


def test_a_look_may_not_take_for_ever(studio, monkeypatch):
    def endless(_, cancel):
        assert cancel.wait(60)
        raise Cancelled

    monkeypatch.setattr(click, "see", endless)
    *_, last = opening(studio)
    assert "the longest that a run may take" in last[0]
