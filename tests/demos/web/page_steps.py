"""What the tests of the tab Edit do on the page, in the words of a visitor."""

from __future__ import annotations

from pathlib import Path


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
    page.wait_for_selector("#edit-status .status:not(.busy):not(.idle):not([data-read])")
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
