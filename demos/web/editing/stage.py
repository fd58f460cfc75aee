"""Running a wish in front of the visitor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import gradio as gr

from demos.web.editing import updates
from demos.web.editing.desk import Desk, Painted
from demos.web.editing.downloads import write_downloads
from demos.web.editing.layout import Layout
from demos.web.editing.pictures import show
from demos.web.editing.updates import Updates
from demos.web.editing.wish import Wish
from demos.web.parts import Mood, status
from demos.web.studio import Studio
from demos.web.visits import Visit
from demos.web.words import listed, several, told
from pipelines.errors import Cancelled


class Stage:
    """What the handlers of the tab share: the visitor's desk, and runs that the visitor watches."""

    def __init__(self, studio: Studio, layout: Layout) -> None:
        self.studio = studio
        self.layout = layout

    def desk(self, request: gr.Request) -> tuple[Visit, Desk]:
        """The visitor, and what is on the visitor's desk."""
        visit = self.studio.visit(request)
        return visit, visit.recall(Desk)

    def run(self, request: gr.Request, make: Callable[[Desk], Wish], *, paint: bool) -> Iterator[Updates]:
        """Make a wish when what ran before has ended, and carry it out, to the end or as far as its masks.

        Whatever goes wrong is said in the line of status. Stop counts from the moment when it is shown, not only while
        the graph runs. Edit is back when the event is over, see `parts.when_over`.
        """
        visit, desk = self.desk(request)
        with visit.running() as cancel:
            yield updates.started(self.layout)
            try:
                for _ in desk.turns.wait(cancel):
                    yield updates.waiting(self.layout)
                try:
                    desk.thing = 0
                    yield from self._carried_out(visit, desk, make(desk), cancel, paint=paint)
                finally:
                    desk.turns.over()
            except Exception as error:  # noqa: BLE001 - `told` logs what is no mistake of the visitor's
                mood: Mood = "idle" if isinstance(error, Cancelled) else "error"
                yield {self.layout.told.status: status(mood, told(error))}

    def _carried_out(
        self, visit: Visit, desk: Desk, wish: Wish, cancel: threading.Event, *, paint: bool
    ) -> Iterator[Updates]:
        line = self.layout.told
        yield updates.cleared(self.layout)
        for row in desk.perform(self.studio, visit, wish, paint=paint):
            if cancel.is_set():
                visit.cancel()  # before the graph ran, or between its halves, nothing else was there to be stopped
            yield {line.status: status("busy", row.words), line.steps: row.html()}
            if desk.wish is wish and desk.seen is not None:
                yield updates.what_was_seen(self.layout, wish, desk.seen, desk.thing)
        yield self._ended(desk, visit, wish)

    def attempt(self, visit: Visit, desk: Desk, painted: Painted) -> Updates:
        """The chosen attempt, with its files written."""
        assert desk.wish is not None  # noqa: S101 - what was painted was wished for
        photo = self.studio.read_picture(desk.wish.photo)
        files = write_downloads(desk.wish, photo, painted.attempt, painted.told, visit)
        after = show(painted.attempt.picture(photo), visit, "after").path
        return updates.one_attempt(self.layout, painted, files, after)

    def _ended(self, desk: Desk, visit: Visit, wish: Wish) -> Updates:
        """What there is to see in the end."""
        seen, painted = desk.seen, desk.painted
        assert seen is not None  # noqa: S101 - the run has ended well
        if painted is None:
            said = status("nothing", seen.missing) if seen.missing else status("done", _found(seen.names))
            return updates.what_was_seen(self.layout, wish, seen, desk.thing) | {self.layout.told.status: said}
        return {
            **updates.what_was_painted(self.layout.result, painted),
            **updates.what_was_before(self.layout.earlier, desk.past),
            **self.attempt(visit, desk, painted),
        }


def _found(names: tuple[str, ...]) -> str:
    things = [several(names.count(name), name) for name in dict.fromkeys(names)]
    return f"Found: {listed(things) or 'what is needed'}. Press Edit to paint."
