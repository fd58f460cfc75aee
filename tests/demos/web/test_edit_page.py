"""The tab Edit in Chromium, with the bundled models: the way that everybody goes."""

import io
import json
import zipfile

import numpy as np
import pytest
from page_steps import choose_example, download, finished, status_of
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
