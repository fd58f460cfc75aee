"""The page in Chromium, with the bundled models, in short: one whole edit, one click, and input that is none.

`make test` runs this; the long ways are in the files beside it, which `make test-browser` runs.
"""

import io
import json
import zipfile

import numpy as np
import pytest
from page_steps import choose_example, clicker_says, download, drop, finished, on_screen, open_to_click, status_of
from PIL import Image as Pil


def test_an_edit_from_the_first_click_to_the_files(browser_page):
    page = browser_page
    choose_example(page, "replace the dog with a cat")
    assert "Replace every dog with: cat" in page.inner_text("#edit-understood")
    page.click("#edit-go")
    assert finished(page) == "1 dog replaced with: cat."
    assert "none outside of what was painted" in page.inner_text("#edit-proof")
    phases = [item.get_attribute("class") for item in page.query_selector_all("#edit-steps li")]
    assert phases[:4] == ["done"] * 4
    page.focus("#edit-slider [role=slider]")
    page.keyboard.press("Home")
    page.wait_for_selector('#edit-slider [aria-valuetext="0 % before, 100 % after"]')
    page.keyboard.press("PageUp")
    page.wait_for_selector('#edit-slider [aria-valuetext="20 % before, 80 % after"]')
    before = np.asarray(Pil.open("demos/images/dog.png").convert("RGB"))
    after = np.asarray(Pil.open(io.BytesIO(download(page, "#edit-save"))).convert("RGB"))
    report = json.loads(download(page, "#edit-save-report"))
    assert (after != before).any(axis=2).sum() == report["edit"]["verify"]["changed_pixels"] > 0
    assert report["image"]["file"] == "dog.png"
    with zipfile.ZipFile(io.BytesIO(download(page, "#edit-save-masks"))) as masks:
        assert sorted(masks.namelist()) == ["annotations.json", "masks/000-dog.png"]
    assert b"use: stable_diffusion/edit" in download(page, "#edit-save-pipeline")


def test_words_that_are_not_understood_are_pointed_at(browser_page):
    page = browser_page
    choose_example(page, "replace the dog with a cat")
    page.fill("#edit-sentence textarea", "make the tallest dog red")
    page.click("#edit-go")
    assert finished(page).startswith("cannot tell which is 'tallest'.")
    assert "^^^^^^^" in page.inner_text("#edit-status pre")
    assert page.get_attribute("#edit-status .status", "role") == "alert"
    assert page.is_visible("#edit-go")


@pytest.mark.parametrize("missing", ["picture", "sentence"])
def test_what_is_missing_is_asked_for(browser_page, missing):
    page = browser_page
    if missing == "sentence":
        choose_example(page, "replace the dog with a cat")
        page.fill("#edit-sentence textarea", "  ")
    page.click("#edit-go")
    assert finished(page).startswith(f"There is no {missing} yet.")
    assert status_of(page) == "error"


def test_a_pdf_is_no_picture(browser_page, tmp_path):
    (tmp_path / "paper.png").write_bytes(b"%PDF-1.7 not a picture")
    drop(browser_page, tmp_path / "paper.png")
    browser_page.wait_for_selector("#edit-picture img")
    browser_page.fill("#edit-sentence textarea", "replace the dog with a cat")
    browser_page.click("#edit-go")
    assert finished(browser_page).startswith("paper.png is not a picture that can be read.")


def test_a_click_is_answered_by_the_browser(browser_page):
    page, size = browser_page, (512, 384)
    open_to_click(page, "demos/images/street.png")
    page.mouse.click(*on_screen(page, (370, 305), size))
    clicker_says(page, "of 3 covers")
    mask = np.asarray(Pil.open(io.BytesIO(download(page, '.clicker-take [data-do="mask"]'))).convert("L")) > 127
    rows, columns = mask.nonzero()
    assert mask.shape == size[::-1]
    assert mask[305, 370]
    assert 290 < columns.mean() < 448
    assert 258 < rows.mean() < 354
