"""The tab Everything in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sam_model.data.sa1b import parse_record

STREET = Path(__file__).parents[3] / "demos" / "images" / "street.png"


@pytest.fixture
def found(browser_page):
    page = browser_page
    page.get_by_role("tab", name="Everything", exact=True).click()
    page.locator("#everything-picture input[type=file]").set_input_files(STREET)
    page.wait_for_selector("#everything-picture img")
    page.locator("#everything-go").click()
    page.wait_for_selector('.explorer-said:has-text("masks")')
    return page


def counts(page):
    """How many masks are shown, and of how many."""
    shown, _, all_masks, _ = page.inner_text(".explorer-said").split()
    return int(shown), int(all_masks)


def saved(page, kind):
    with page.expect_download() as download:
        page.locator(f'[data-save="{kind}"]').click()
    return json.loads(Path(download.value.path()).read_text())


@pytest.mark.browser
def test_masks_are_filtered_and_saved_as_they_are_shown(found, shoot):
    shoot(found, "browser-everything")
    shown, all_masks = counts(found)
    assert shown == all_masks > 0
    record = parse_record(saved(found, "sa1b"))
    assert len(record.annotations) == all_masks
    confidences = sorted(mask.predicted_iou for mask in record.annotations)
    middle = round(confidences[len(confidences) // 2], 2)
    slider = found.locator('[data-least="iou"]')
    slider.fill(str(middle))
    expected = sum(value >= middle for value in confidences)
    found.wait_for_selector(f'.explorer-said:has-text("{expected} of {all_masks}")')
    assert len(saved(found, "coco")["annotations"]) == expected


@pytest.mark.browser
def test_the_mask_under_the_pointer_is_described(found):
    found.locator(".explorer-all summary").click()
    found.locator(".explorer-all li").first.hover()
    found.wait_for_selector('.explorer-tip:has-text("confidence")')


def test_without_a_picture_the_page_says_so(browser_page):
    browser_page.get_by_role("tab", name="Everything", exact=True).click()
    browser_page.locator("#everything-go").click()
    browser_page.wait_for_selector('#everything-status:has-text("There is no picture yet")')
