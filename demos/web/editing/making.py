"""What happens when a visitor asks for an edit, or looks at what came of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from demos.web.editing.desk import Desk, Past
from demos.web.editing.layout import EXAMPLES, MOST_EDITS, PICTURES
from demos.web.editing.pictures import stem_of
from demos.web.editing.plans import Correction, corrected, in_words
from demos.web.editing.stage import Stage
from demos.web.editing.updates import Updates
from demos.web.editing.wish import Wish
from demos.web.handover import Handover
from demos.web.parts import status
from pipelines.errors import InstructionError, UserError
from pipelines.images import write_image
from plugins.instructions.nodes import parse

Values = dict[Any, Any]
"""What the components hold, by component."""


class Making(Stage):
    """The handlers of the left side, of the result and of the earlier edits."""

    def edit_anew(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """Find and paint."""
        yield from self.run(request, lambda desk: self._wish(desk, values), paint=True)

    def look(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """Find, and paint nothing yet."""
        yield from self.run(request, lambda desk: self._wish(desk, values), paint=False)

    def go_back(self, request: gr.Request, event: gr.SelectData) -> Iterator[Updates]:
        """Make an earlier edit the current one; everything is found in the cache, or painted the same again."""
        _, desk = self.desk(request)
        asked, past = self.layout.asked, _at(desk.past, event)
        if past is None:
            return
        yield {
            asked.picture: past.wish.photo,
            asked.sentence: past.wish.sentence,
            asked.tries: past.wish.tries,
            asked.seed: past.wish.seed,
            asked.shadows: past.wish.shadows,
        }
        yield from self.run(request, lambda _: past.wish, paint=True)

    def choose_attempt(self, request: gr.Request, event: gr.SelectData) -> Updates:
        """Show another attempt."""
        visit, desk = self.desk(request)
        painted = desk.choose(int(event.index))
        return {self.layout.told.status: gr.skip()} if painted is None else self.attempt(visit, desk, painted)

    def go_further(self, request: gr.Request) -> Updates:
        """Take the chosen attempt as the picture of the next edit."""
        visit, desk = self.desk(request)
        if desk.wish is None or desk.painted is None:
            return {self.layout.told.status: gr.skip()}
        photo = self.studio.read_picture(desk.wish.photo)
        write_image(desk.painted.attempt.picture(photo), file := visit.file(f"{stem_of(photo)}-edited.png"))
        layout = self.layout
        hidden = (layout.result.card, layout.found.card, layout.plan.card)
        return {
            layout.asked.picture: str(file),
            layout.asked.sentence: "",
            layout.told.steps: "",
            layout.told.status: status("idle", "Say what else to change."),
            **{card: gr.update(visible=False) for card in hidden},
        }

    def take_over(self, request: gr.Request) -> Updates:
        """Take the picture that another tab has left, with the thing that was outlined in it."""
        visit, desk = self.desk(request)
        desk.offer = visit.recall(Handover).take() or desk.offer
        if desk.offer is None:
            return {self.layout.told.status: gr.skip()}
        said = f"The outlined thing is called “{desk.offer.thing.name}”. Say what to do with it."
        return {
            self.layout.asked.picture: desk.offer.photo,
            self.layout.asked.sentence: f"remove the {desk.offer.thing.name}",
            self.layout.told.status: status("idle", said),
        }

    def take_example(self, event: gr.SelectData) -> tuple[str, str]:
        """An example's picture and sentence."""
        name, sentence = EXAMPLES[int(event.index)]
        return str(PICTURES / name), sentence

    def understand(self, sentence: str) -> str:
        """The plan of what was written so far; nothing while it is none."""
        try:
            edits = parse(sentence).plan.edits
        except InstructionError:
            return ""
        return f"<ul class='reading'>{''.join(f'<li>{escape(in_words(edit))}</li>' for edit in edits)}</ul>"

    async def stop(self, request: gr.Request) -> None:
        """Stop what runs; it says so itself."""
        self.studio.visit(request).cancel()

    def _wish(self, desk: Desk, values: Values) -> Wish:
        """What the left side asks for, with what was corrected so far. Raises `UserError` if something is missing."""
        asked = self.layout.asked
        photo, sentence = values[asked.picture], values[asked.sentence].strip()
        if not photo:
            raise UserError("There is no picture yet. Drop one on the left, or choose an example.")
        if not sentence:
            raise UserError('There is no sentence yet. Say what to change, such as "replace the dog with a cat".')
        before = desk.wish or Wish(photo=photo, sentence=sentence)
        wish = replace(
            before.about(photo, sentence),
            tries=int(values[asked.tries]),
            seed=int(values[asked.seed] or 0),
            shadows=bool(values[asked.shadows]),
        )
        if desk.wish is None or desk.wish.about(photo, sentence) is not desk.wish:
            handed = desk.offer is not None and desk.offer.photo == photo
            return replace(wish, added=(desk.offer.thing,)) if desk.offer and handed else wish
        return wish.planned(self._corrections(desk, values) or wish.plan)

    def _corrections(self, desk: Desk, values: Values) -> str:
        """The plan that was seen, with the words that the visitor has put right since; empty if there are none."""
        if desk.seen is None:
            return ""
        said = [
            Correction(values[target] or "", values[new] or "")
            for target, new in zip(self.layout.plan.targets, self.layout.plan.replacements, strict=True)
        ]
        edits = desk.seen.plan.edits
        said += [Correction(edit.target, edit.replacement or "") for edit in edits[MOST_EDITS:]]
        return corrected(desk.seen.plan, said[: len(edits)])


def _at(past: list[Past], event: gr.SelectData) -> Past | None:
    number = int(event.index)
    return past[number] if number < len(past) else None
