"""Edit: a picture and a sentence in, the edited picture out."""

from __future__ import annotations

import gradio as gr

from demos.web.studio import Studio


def build(studio: Studio) -> None:
    """The tab's components and what they do."""
    del studio
    gr.Image(label="Picture", type="filepath", image_mode=None, sources=["upload", "clipboard"])
