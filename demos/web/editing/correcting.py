"""What happens when a visitor puts right what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gradio as gr

from demos.web.editing import updates
from demos.web.editing.desk import Desk, Seen
from demos.web.editing.layout import ADDS
from demos.web.editing.stage import Stage
from demos.web.editing.updates import Updates
from demos.web.editing.wish import Click, Wish, read_clicks
from pipelines.errors import UserError

Clicks = tuple[Click, ...]
Change = Callable[[Clicks, Seen], Clicks]


class Correcting(Stage):
    """The handlers of the picture in which everything found is drawn.

    A `thing` is its number there from 0; negative ones are things that were missed, see `updates.what_was_seen`.
    """

    def click(self, thing: int | None, effect: str, request: gr.Request, event: gr.SelectData) -> Iterator[Updates]:
        """Take a click in the picture as being on the thing, or not on it."""
        x, y = event.index

        def clicked(clicks: Clicks, seen: Seen) -> Clicks:
            scale = seen.shown.scale
            return (*clicks, Click(round((x + 0.5) * scale, 1), round((y + 0.5) * scale, 1), on=effect == ADDS))

        yield from self._mended(request, thing, clicked)

    def write_clicks(self, thing: int | None, text: str, request: gr.Request) -> Iterator[Updates]:
        """Take the clicks that are written."""
        yield from self._mended(request, thing, lambda *_: _read(text))

    def undo(self, thing: int | None, request: gr.Request) -> Iterator[Updates]:
        """Without the last click."""
        yield from self._mended(request, thing, lambda clicks, _: clicks[:-1])

    def leave_out(self, thing: int | None, request: gr.Request) -> Iterator[Updates]:
        """Without the thing, or with it again."""

        def toggled(desk: Desk) -> Wish:
            wish, seen = _found(desk)
            desk.thing = thing or 0
            return wish.toggled(_number(thing, seen), seen.found)

        yield from self.run(request, toggled, paint=False)

    def choose(self, thing: int | None, request: gr.Request) -> Updates:
        """Say what is known of another thing."""
        _, desk = self.desk(request)
        if desk.wish is None or desk.seen is None:
            return {self.layout.found.clicks: gr.skip()}
        return updates.chosen_thing(self.layout.found, desk.wish, desk.seen, thing or 0)

    def _mended(self, request: gr.Request, thing: int | None, change: Change) -> Iterator[Updates]:
        """With other clicks on a thing, after which that thing is still the chosen one.

        A second click on a missed thing may come before the page knows that the first has added it; and others may
        have been added meanwhile.
        """
        _, desk = self.desk(request)
        known = len(desk.wish.added) if desk.wish else 0

        def mended(desk: Desk) -> Wish:
            wish, seen = _found(desk)
            if thing is not None and thing >= len(seen.names):
                raise UserError("This thing is not there any more. Choose one again.")
            name = _missed(thing, seen)
            new = [addition.name for addition in wish.added[known:]]
            number = seen.found + known + new.index(name) if name in new else _number(thing, seen)
            desk.thing = number
            clicks = change(wish.clicks_on(number, seen.found), seen)
            if number >= seen.found and clicks and not any(click.on for click in clicks):
                raise UserError("A thing that was missed needs a click on it first.")
            return wish.clicked(number, seen.found, clicks, name)

        yield from self.run(request, mended, paint=False)


def _found(desk: Desk) -> tuple[Wish, Seen]:
    if desk.wish is None or desk.seen is None:
        raise UserError("Nothing was looked for yet. Press “Only find” first.")
    return desk.wish, desk.seen


def _number(thing: int | None, seen: Seen) -> int:
    """The number of a thing; that of a missed one is one past the last."""
    return len(seen.names) if thing is None or thing < 0 else thing


def _missed(thing: int | None, seen: Seen) -> str:
    """The name of a missed thing; empty for one that was found."""
    return updates.missable(seen.plan)[-1 - (thing or 0)] if thing is None or thing < 0 else ""


def _read(text: str) -> Clicks:
    try:
        return read_clicks(text)
    except ValueError as error:
        raise UserError(f"“{text}” are no clicks. Write them as +120,80 for on the thing, -30,40 for not.") from error
