"""Edit: a picture and a sentence in, the edited picture out."""

from __future__ import annotations

from typing import Any

from demos.web.editing.correcting import Correcting
from demos.web.editing.layout import Layout, lay_out
from demos.web.editing.making import Making
from demos.web.editing.updates import buttons
from demos.web.parts import when_over
from demos.web.studio import Studio


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    layout = lay_out()
    _connect_making(layout, Making(studio, layout))
    _connect_correcting(layout, Correcting(studio, layout))


def _connect_making(layout: Layout, making: Making) -> None:
    asked, result = layout.asked, layout.result
    wanted = {asked.picture, asked.sentence, asked.tries, asked.seed, asked.shadows}
    wanted |= {*layout.plan.targets, *layout.plan.replacements}
    _long(asked.edit.click, making.edit_anew, wanted, layout)
    _long(asked.sentence.submit, making.edit_anew, wanted, layout)
    _long(asked.look.click, making.look, wanted, layout)
    _long(layout.plan.apply.click, making.look, wanted, layout)
    _long(layout.earlier.past.select, making.go_back, None, layout)
    _short(result.attempts.select, making.choose_attempt, None, layout.components())
    _short(result.further.click, making.go_further, None, layout.components())
    _short(asked.take_over.click, making.take_over, None, layout.components())
    _short(asked.examples.select, making.take_example, None, [asked.picture, asked.sentence])
    _short(asked.sentence.change, making.understand, [asked.sentence], [asked.understood])
    _short(asked.stop.click, making.stop, None, None)


def _connect_correcting(layout: Layout, correcting: Correcting) -> None:
    found = layout.found
    _long(found.picture.select, correcting.click, [found.thing, found.effect], layout, "multiple")
    _long(found.clicks.submit, correcting.write_clicks, [found.thing, found.clicks], layout, "multiple")
    _long(found.undo.click, correcting.undo, [found.thing], layout, "multiple")
    _long(found.leave_out.click, correcting.leave_out, [found.thing], layout, "multiple")
    _short(found.thing.input, correcting.choose, [found.thing], [found.clicks, found.undo, found.leave_out])


def _long(trigger: Any, handler: Any, inputs: Any, layout: Layout, trigger_mode: str = "once") -> None:
    """Connect what runs the graph: the studio's own line holds it back and says so, the page's library need not.

    With the mode "multiple" what is asked for during a run is carried out after it, otherwise it is dropped.
    """
    event = trigger(
        handler,
        inputs,
        layout.components(),
        show_progress="hidden",
        concurrency_limit=None,
        trigger_mode=trigger_mode,
        api_visibility="private",
    )
    when_over(event, buttons(layout.asked, is_running=False))


def _short(trigger: Any, handler: Any, inputs: Any, outputs: Any) -> None:
    """Connect what is done at once."""
    trigger(handler, inputs, outputs, show_progress="hidden", queue=False, api_visibility="private")
