"""What the tests of the tab Edit do on the page, in the words of a visitor."""

from __future__ import annotations

from pathlib import Path

# Milliseconds for a run that may have to load every model first, on a machine that does other work as well.
RUN_PATIENCE = 900_000
READY_TO_CLICK = '.clicker-said:has-text("Ready")'


def choose_example(page, sentence: str) -> None:
    """Click an example and wait until its picture and its sentence are there."""
    page.locator("#edit-examples .thumbnail-item", has_text=sentence).or_(
        page.locator(f'#edit-examples button[aria-label*="{sentence}"]')
    ).first.click()
    page.wait_for_selector("#edit-picture img")
    page.wait_for_function(
        "sentence => document.querySelector('#edit-sentence textarea').value === sentence", arg=sentence
    )
    page.wait_for_selector("#edit-understood li")


def drop(page, file: str | Path) -> None:
    """Give the page a file as its picture."""
    page.set_input_files("#edit-picture input[type=file]", str(file))


def finished(page) -> str:
    """Wait until what was started last runs no more; what the line of status says.

    What was read once counts as old: a run that has not begun yet would else be taken for the one before it.
    """
    page.wait_for_selector("#edit-status .status:not(.busy):not(.idle):not([data-read])", timeout=RUN_PATIENCE)
    page.wait_for_selector("#edit-go", state="visible")
    page.evaluate("document.querySelector('#edit-status .status').dataset.read = 'yes'")
    return page.inner_text("#edit-status p")


def status_of(page) -> str:
    """The mood of the line of status."""
    return page.get_attribute("#edit-status .status", "class").split()[-1]


def download(page, button: str) -> bytes:
    """The file that a button gives."""
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path()).read_bytes()


def open_to_click(page, picture: str | Path) -> None:
    """Open a picture in the tab Click and wait until the browser can answer; the first one makes the decoder's file."""
    page.get_by_role("tab", name="Click", exact=True).click()
    page.locator("#click-picture input[type=file]").set_input_files(picture)
    page.wait_for_selector(READY_TO_CLICK, timeout=RUN_PATIENCE)
    page.locator(".clicker-stage canvas").scroll_into_view_if_needed()


def on_screen(page, place: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    """Where a place of the picture that is being clicked, which has this width and height, is on the screen."""
    box = page.locator(".clicker-stage canvas").bounding_box()
    return box["x"] + place[0] / size[0] * box["width"], box["y"] + place[1] / size[1] * box["height"]


def clicker_says(page, text: str) -> None:
    page.wait_for_selector(f'.clicker-said:has-text("{text}")')


# How a text stands out against what is painted behind it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRAST = """element => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const painted = (colors) => {
    for (const color of colors) { brush.fillStyle = color; brush.fillRect(0, 0, 1, 1); }
    return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const behind = [];
  for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
  const ground = light(painted(["white", ...behind]));
  const text = light(painted(["white", ...behind, getComputedStyle(element).color]));
  return (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
}"""


def contrast(page, selector: str) -> float:
    """The contrast of the first text that a selector finds, from 1 to 21; a reader needs 4.5."""
    ratio: float = page.locator(selector).first.evaluate(CONTRAST)
    return ratio
