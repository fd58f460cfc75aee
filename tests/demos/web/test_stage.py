"""A wish carried out in front of a visitor, without a browser: what is said, and what Stop stops."""

from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("gradio", reason="the page needs gradio")

from demos.web.editing.stage import Stage
from demos.web.editing.wish import Wish
from demos.web.settings import Settings
from demos.web.studio import Studio
from pipelines.errors import UserError

REQUEST = SimpleNamespace(session_hash="somebody")
LAYOUT = SimpleNamespace(
    asked=SimpleNamespace(edit="edit", look="look", stop="stop"),
    told=SimpleNamespace(status="status", steps="steps", welcome="welcome"),
    result=SimpleNamespace(card="result"),
)
"""Names for the components that are told something: real ones would need the page's library to be set up."""


@pytest.fixture
def stage():
    studio = Studio(Settings(offline=True))
    yield Stage(studio, LAYOUT)
    studio.close()


def said(stage, updates):
    """The line of status after an update; None where it stays."""
    return updates.get(stage.layout.told.status)


def test_stop_counts_from_the_moment_when_it_is_shown(stage):
    photo = stage.studio.uploads / "dog.png"
    photo.write_bytes(Path("demos/images/dog.png").read_bytes())
    run = stage.run(REQUEST, lambda _: Wish(photo=str(photo), sentence="remove the dog"), paint=False)
    assert next(run)[stage.layout.asked.stop]["visible"]
    stage.studio.visit(REQUEST).cancel()
    *_, last = run
    assert "Stopped. Everything is as it was before." in said(stage, last)
    assert not stage.studio.visit(REQUEST).is_running


def test_what_comes_during_a_run_says_so_and_follows_it(stage):
    _, desk = stage.desk(REQUEST)
    list(desk.turns.wait(None))

    def refused(_):
        raise UserError("no")

    run = stage.run(REQUEST, refused, paint=False)
    next(run)
    assert "Noted" in said(stage, next(run))
    desk.turns.over()
    *_, last = run
    assert "no" in said(stage, last)
    assert list(desk.turns.wait(None)) == []
