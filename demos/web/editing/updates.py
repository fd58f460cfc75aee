"""From what stands on a visitor's desk to what the components show."""

from __future__ import annotations

from typing import Any, TypeAlias

import gradio as gr

from demos.web.editing.desk import Painted, Past, Seen
from demos.web.editing.downloads import Downloads
from demos.web.editing.layout import MOST_EDITS, Asked, Earlier, Found, Layout, Result, Understood
from demos.web.editing.plans import correctable, in_words
from demos.web.editing.wish import Wish
from demos.web.parts import status
from pipelines.plans import EditPlan

Updates: TypeAlias = dict[Any, Any]
"""New values by component."""


def buttons(asked: Asked, *, is_running: bool) -> dict[Any, dict[str, Any]]:
    """While it runs there is Stop where Edit was: what is visible, by component."""
    return {
        asked.edit: {"visible": not is_running},
        asked.look: {"visible": not is_running},
        asked.stop: {"visible": is_running},
    }


def started(layout: Layout) -> Updates:
    """Something was asked for."""
    shown = {button: gr.update(**properties) for button, properties in buttons(layout.asked, is_running=True).items()}
    return shown | {layout.told.status: status("busy", "At work …")}


def waiting(layout: Layout) -> Updates:
    """Something was asked for while something else runs: a click in the picture during a mend, say."""
    return started(layout) | {layout.told.status: status("busy", "Noted; it follows when what runs has ended.")}


def cleared(layout: Layout) -> Updates:
    """A run begins: what the last one gave is not true any more. Stop is there, though what ran before has ended."""
    hidden = (layout.told.welcome, layout.result.card)
    return started(layout) | {part: gr.update(visible=False) for part in hidden}


def what_was_seen(layout: Layout, wish: Wish, seen: Seen, thing: int) -> Updates:
    """What was found, with the `thing` chosen that a click is to mend; negative ones are missed things."""
    choices = _things(wish, seen)
    thing = thing if thing in dict(choices).values() else choices[0][1]
    return {
        layout.found.card: gr.update(visible=True),
        layout.found.picture: seen.shown.path,
        layout.found.thing: gr.update(choices=choices, value=thing),
        **chosen_thing(layout.found, wish, seen, thing),
        **words_of(layout.plan, seen.plan),
    }


def chosen_thing(found: Found, wish: Wish, seen: Seen, thing: int) -> Updates:
    """What is known of the thing that is chosen."""
    clicks = wish.clicks_on(thing, seen.found) if thing >= 0 else ()
    leave = "Take this thing back in" if thing in wish.dropped else "Leave this thing out"
    return {
        found.clicks: " ".join(map(str, clicks)),
        found.undo: gr.update(interactive=bool(clicks)),
        found.leave_out: gr.update(value=leave, interactive=thing >= 0),
    }


def missable(plan: EditPlan) -> list[str]:
    """Names of things that may have been missed."""
    return list(dict.fromkeys(edit.target for edit in plan.edits if edit.target and edit.action != "background"))


def words_of(understood: Understood, plan: EditPlan) -> Updates:
    """The plan's edits, each with the words in it that can be put right."""
    updates: Updates = {understood.card: gr.update(visible=True)}
    for number, (target, new) in enumerate(zip(understood.targets, understood.replacements, strict=True)):
        if number >= min(len(plan.edits), MOST_EDITS):
            updates |= {target: gr.update(visible=False), new: gr.update(visible=False)}
            continue
        edit = plan.edits[number]
        has_target, has_new = correctable(edit)
        label = in_words(edit)
        updates[target] = gr.update(visible=has_target, value=edit.target, label=label)
        label = "… instead of that" if has_target and edit.action == "replace" else "… new" if has_target else label
        updates[new] = gr.update(visible=has_new, value=edit.replacement or "", label=label)
    return updates


def what_was_painted(result: Result, painted: Painted) -> Updates:
    """All attempts, the best of them chosen."""
    small = [(attempt.small, f"{attempt.score:.0%} · seed {attempt.seed}") for attempt in painted.attempts]
    return {
        result.card: gr.update(visible=True),
        result.attempts: gr.update(value=small, selected_index=0, visible=len(small) > 1),
    }


def what_was_before(earlier: Earlier, past: list[Past]) -> Updates:
    """The visitor's edits, the last one first."""
    small = [(each.small, each.wish.sentence) for each in past]
    return {earlier.card: gr.update(visible=True), earlier.past: gr.update(value=small, selected_index=None)}


def one_attempt(layout: Layout, painted: Painted, files: Downloads, after: str) -> Updates:
    """The chosen attempt beside the picture, and its files."""
    result, attempt = layout.result, painted.attempt
    return {
        result.slider: (painted.before.path, after),
        result.proof: f"<p>{attempt.proof()}</p>",
        result.picture: str(files.picture),
        result.exact: gr.update(value=str(files.exact) if files.exact else None, visible=files.exact is not None),
        result.masks: str(painted.masks),
        result.pipeline: str(files.pipeline),
        result.report: str(files.report),
        layout.told.status: status("done", attempt.words()),
    }


def _things(wish: Wish, seen: Seen) -> list[tuple[str, int]]:
    """Every thing by its number in the picture, and one that was missed for each name that was looked for."""
    found = [
        (f"{number + 1} {name} {score:.0%}{', left out' if number in wish.dropped else ''}", number)
        for number, (name, score) in enumerate(zip(seen.names, seen.scores, strict=True))
    ]
    return [*found, *((f"a missed {name}", -1 - place) for place, name in enumerate(missable(seen.plan)))]
