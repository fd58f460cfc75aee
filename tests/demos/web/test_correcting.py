"""Clicks that come before the page knows what those before them have added."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("gradio", reason="the page needs gradio")

from demos.web.editing.correcting import Correcting
from demos.web.editing.desk import Seen
from demos.web.editing.layout import ADDS
from demos.web.editing.pictures import Shown
from demos.web.editing.wish import Wish
from demos.web.settings import Settings
from demos.web.studio import Studio
from pipelines.errors import UserError
from plugins.instructions.nodes import parse

REQUEST = SimpleNamespace(session_hash="somebody")
SENTENCE = "remove the dog and the cat"
MISSED_DOG, MISSED_CAT = -1, -2


class Noted(Correcting):
    """Keeps what is asked for until the test lets it happen, as the runs before do."""

    def __init__(self, studio):
        super().__init__(studio, SimpleNamespace())
        self.made = []
        _, desk = self.desk(REQUEST)
        desk.wish = Wish(photo="street.png", sentence=SENTENCE)
        desk.seen = Seen(parse(SENTENCE).plan, (), (), 0, Shown("", 1.0), "")

    def run(self, request, make, *, paint):
        self.made.append(make)
        yield {}

    def click_on(self, thing, x):
        list(self.click(thing, ADDS, REQUEST, SimpleNamespace(index=(x, 0))))

    def carried_out(self):
        _, desk = self.desk(REQUEST)
        for make in self.made:
            desk.wish = make(desk)
            desk.seen = replace(desk.seen, names=tuple(addition.name for addition in desk.wish.added))
        return {addition.name: [click.x for click in addition.clicks] for addition in desk.wish.added}


@pytest.fixture
def noted():
    studio = Studio(Settings(offline=True))
    yield Noted(studio)
    studio.close()


def test_clicks_on_missed_things_land_on_the_thing_that_was_chosen(noted):
    noted.click_on(MISSED_DOG, 10)
    noted.click_on(MISSED_CAT, 20)
    noted.click_on(MISSED_DOG, 30)
    assert noted.carried_out() == {"dog": [10.5, 30.5], "cat": [20.5]}


def test_a_thing_that_is_gone_is_told(noted):
    noted.click_on(3, 10)
    with pytest.raises(UserError, match="This thing is not there any more"):
        noted.carried_out()
