"""The components of the tab Edit, and where they stand: on the left what is asked, on the right what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from demos.web.editing.wish import MOST_TRIES
from demos.web.parts import picture_input, status

EXAMPLES = (
    ("dog.png", "replace the dog with a cat"),
    ("fruit.png", "swap the apple for a pineapple"),
    ("street.png", "make the car blue and remove the balloon"),
    ("snow.png", "turn the bear into a rabbit"),
    ("beach.png", "replace the rabbit with a dog and the pineapple with a ball"),
)
PICTURES = Path(__file__).parents[2] / "images"
MOST_EDITS = 4
ADDS, TAKES = "is on the thing", "is not on it"
READY = "Give a picture and say what to change."
_WELCOME = """<ol class="welcome">
<li><b>Drop a picture</b>, or choose an example.</li>
<li><b>Say what to change</b>: replace, remove, add, recolour, or change the background.</li>
<li><b>Watch it happen</b>, mend what was found wrongly, and take home the picture and its masks.</li>
</ol>"""


@dataclass(frozen=True, eq=False)
class Asked:
    """What the visitor wants."""

    picture: gr.Image
    sentence: gr.Textbox
    understood: gr.HTML
    edit: gr.Button
    look: gr.Button
    stop: gr.Button
    examples: gr.Gallery
    tries: gr.Slider
    seed: gr.Number
    shadows: gr.Checkbox
    take_over: gr.Button


@dataclass(frozen=True, eq=False)
class Told:
    """How it goes."""

    status: gr.HTML
    steps: gr.HTML
    welcome: gr.HTML


@dataclass(frozen=True, eq=False)
class Result:
    """What was painted, and the files to take home."""

    card: gr.Column
    slider: gr.ImageSlider
    proof: gr.HTML
    attempts: gr.Gallery
    picture: gr.DownloadButton
    exact: gr.DownloadButton
    masks: gr.DownloadButton
    pipeline: gr.DownloadButton
    report: gr.DownloadButton
    further: gr.Button


@dataclass(frozen=True, eq=False)
class Found:
    """What was found, and how to put it right."""

    card: gr.Column
    picture: gr.Image
    thing: gr.Radio
    effect: gr.Radio
    clicks: gr.Textbox
    undo: gr.Button
    leave_out: gr.Button


@dataclass(frozen=True, eq=False)
class Understood:
    """The plan, and how to put it right."""

    card: gr.Column
    targets: tuple[gr.Textbox, ...]
    replacements: tuple[gr.Textbox, ...]
    apply: gr.Button


@dataclass(frozen=True, eq=False)
class Earlier:
    """The visitor's edits so far."""

    card: gr.Column
    past: gr.Gallery


@dataclass(frozen=True, eq=False)
class Layout:
    """Every component that a handler reads or changes."""

    asked: Asked
    told: Told
    result: Result
    found: Found
    plan: Understood
    earlier: Earlier

    def components(self) -> list[Any]:
        """All of them, as outputs of a handler."""
        return list(_leaves(self))


def lay_out() -> Layout:
    """Build the tab."""
    with gr.Row(elem_classes="two-columns"):
        with gr.Column(scale=4, min_width=320):
            asked = _asked()
        with gr.Column(scale=6, min_width=320):
            told = Told(
                status=gr.HTML(status("idle", READY), elem_id="edit-status"),
                steps=gr.HTML("", elem_id="edit-steps"),
                welcome=gr.HTML(_WELCOME, elem_id="edit-welcome"),
            )
            return Layout(asked, told, _result(), _found(), _understood(), _earlier())


def _asked() -> Asked:
    picture = picture_input(elem_id="edit-picture")
    sentence = gr.Textbox(
        label="What to change", placeholder="replace the dog with a cat", lines=2, elem_id="edit-sentence"
    )
    understood = gr.HTML("", elem_id="edit-understood")
    with gr.Row(elem_classes="buttons"):
        edit = gr.Button("Edit", variant="primary", elem_id="edit-go")
        look = gr.Button("Only find", elem_id="edit-look")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="edit-stop")
    shown = [(str(PICTURES / name), sentence) for name, sentence in EXAMPLES]
    examples = _gallery(shown, label="Or try one of these", columns=3, elem_id="edit-examples")
    with gr.Accordion("More choices", open=False):
        tries = gr.Slider(1, MOST_TRIES, 3, step=1, label="Attempts", info="The best of them is kept.")
        seed = gr.Number(0, label="Seed", info="Another seed paints another cat.", precision=0, minimum=0)
        shadows = gr.Checkbox(label="What goes takes its shadow with it")
    # Pressed by the script of a tab that hands a picture over.
    take_over = gr.Button(visible="hidden", elem_id="edit-take-over")
    return Asked(picture, sentence, understood, edit, look, stop, examples, tries, seed, shadows, take_over)


def _result() -> Result:
    with gr.Column(visible=False, elem_id="edit-result", elem_classes="card") as card:
        # People want to see the result first, so it takes most of the width.
        slider = gr.ImageSlider(
            label="Before and after",
            type="filepath",
            interactive=False,
            slider_position=20,
            buttons=["fullscreen"],
            elem_id="edit-slider",
        )
        proof = gr.HTML("", elem_id="edit-proof")
        attempts = _gallery(None, label="All attempts, the best first", columns=6, elem_id="edit-attempts")
        with gr.Row(elem_classes="buttons"):
            picture = gr.DownloadButton("Picture", variant="primary", size="sm", elem_id="edit-save")
            exact = gr.DownloadButton("Picture, exact (PNG)", size="sm", elem_id="edit-save-exact")
            masks = gr.DownloadButton("Masks", size="sm", elem_id="edit-save-masks")
            pipeline = gr.DownloadButton("Pipeline file", size="sm", elem_id="edit-save-pipeline")
            report = gr.DownloadButton("Report", size="sm", elem_id="edit-save-report")
            further = gr.Button("Edit this one further", size="sm", elem_id="edit-further")
    return Result(card, slider, proof, attempts, picture, exact, masks, pipeline, report, further)


def _found() -> Found:
    with gr.Column(visible=False, elem_id="edit-found", elem_classes="card") as card:
        gr.HTML("<h2>What was found</h2><p>Is a mask wrong? Choose the thing, then click in the picture.</p>")
        picture = gr.Image(
            label="Found", type="filepath", interactive=False, buttons=["fullscreen"], elem_id="edit-things"
        )
        thing = gr.Radio([], label="The thing", elem_id="edit-thing")
        effect = gr.Radio([ADDS, TAKES], value=ADDS, label="Where I click", elem_id="edit-effect")
        clicks = gr.Textbox(
            label="Clicks on this thing",
            info="+x,y is on it, -x,y is not. Write them here instead of clicking, and press Enter.",
            placeholder="+120,80 -30,40",
            elem_id="edit-clicks",
        )
        with gr.Row(elem_classes="buttons"):
            undo = gr.Button("Undo the last click", size="sm", elem_id="edit-undo")
            leave_out = gr.Button("Leave this thing out", size="sm", elem_id="edit-leave-out")
    return Found(card, picture, thing, effect, clicks, undo, leave_out)


def _understood() -> Understood:
    targets, replacements = [], []
    with gr.Column(visible=False, elem_id="edit-plan", elem_classes="card") as card:
        gr.HTML("<h2>What was understood</h2><p>Put it right here if it is not what you meant.</p>")
        for number in range(1, MOST_EDITS + 1):
            with gr.Row():
                targets.append(gr.Textbox(label="What", visible=False, elem_id=f"edit-target-{number}"))
                replacements.append(gr.Textbox(label="New", visible=False, elem_id=f"edit-new-{number}"))
        apply = gr.Button("Find again with these words", size="sm", elem_id="edit-apply")
    return Understood(card, tuple(targets), tuple(replacements), apply)


def _earlier() -> Earlier:
    with gr.Column(visible=False, elem_id="edit-history", elem_classes="card") as card:
        gr.HTML("<h2>Your edits</h2><p>Choose one to go back to it. They are forgotten when you close the page.</p>")
        return Earlier(card, _gallery(None, label="Your edits", columns=4, elem_id="edit-past"))


def _gallery(pictures: list[tuple[str, str]] | None, *, label: str, columns: int, elem_id: str) -> gr.Gallery:
    """Small pictures to choose from."""
    return gr.Gallery(
        pictures,
        label=label,
        columns=columns,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes="choices",
    )


def _leaves(part: Any) -> Iterator[Any]:
    if is_dataclass(part):
        part = tuple(getattr(part, field.name) for field in fields(part))
    if isinstance(part, tuple):
        for each in part:
            yield from _leaves(each)
    else:
        yield part
