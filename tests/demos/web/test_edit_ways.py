"""The longer ways through the tab Edit in Chromium, with the bundled models."""

import io
import time

import numpy as np
import pytest
from page_steps import choose_example, download, drop, finished, status_of
from PIL import Image as Pil

pytestmark = pytest.mark.browser

DOG = "replace the dog with a cat"
PRESS_AT_ONCE = """() => {
  let hidden = false;
  window.pressed = 0;
  new MutationObserver(() => {
    const button = document.querySelector("#edit-go");
    const gone = !button || !button.offsetParent;
    if (hidden && !gone && window.pressed < 3) { window.pressed += 1; button.click(); }
    hidden = gone;
  }).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""


def pixels(data):
    return np.asarray(Pil.open(io.BytesIO(data)).convert("RGB"))


def say(page, sentence):
    page.fill("#edit-sentence textarea", sentence)


def phases(page):
    return {
        item.inner_text().split("\n")[0]: item.get_attribute("class")
        for item in page.query_selector_all("#edit-steps li")
    }


def click_picture(page, x, y):
    """Click where the found picture shows its pixel x, y."""
    image = page.locator("#edit-things img")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    width, height = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    scale = min(box["width"] / width, box["height"] / height)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    page.mouse.click(left + x * scale, top + y * scale)


def until(holds, seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("it never came to that")


def test_attempts_history_and_going_further(browser_page, shoot):
    page = browser_page
    shoot(page, "browser-empty")
    choose_example(page, DOG)
    page.click("#edit-go")
    finished(page)
    shoot(page, "browser-edit")
    first = download(page, "#edit-save")
    page.locator("#edit-attempts button.thumbnail-item").nth(1).click()
    page.wait_for_timeout(500)
    until(lambda: not np.array_equal(pixels(download(page, "#edit-save")), pixels(first)))
    page.click("#edit-further")
    page.wait_for_function("() => document.querySelector('#edit-sentence textarea').value === ''")
    say(page, "make the sunflower red")
    page.click("#edit-go")
    assert finished(page) == "1 sunflower made red."
    assert page.locator("#edit-past button.thumbnail-item").count() == 2
    page.locator("#edit-past button.thumbnail-item").nth(1).click()
    page.wait_for_function("said => document.querySelector('#edit-sentence textarea').value === said", arg=DOG)
    assert finished(page) == "1 dog replaced with: cat."
    assert set(phases(page).values()) == {"cached"}
    assert np.array_equal(pixels(download(page, "#edit-save")), pixels(first))


def test_a_mask_is_mended_by_clicks_before_painting(browser_page, shoot):
    page = browser_page
    choose_example(page, DOG)
    page.click("#edit-look")
    assert finished(page) == "Found: 1 dog. Press Edit to paint."
    assert not page.is_visible("#edit-result")
    click_picture(page, 200, 250)
    page.wait_for_function("() => document.querySelector('#edit-clicks input, #edit-clicks textarea').value !== ''")
    finished(page)
    page.get_by_label("is not on it").check()
    click_picture(page, 150, 300)
    page.wait_for_function(
        "() => document.querySelector('#edit-clicks input, #edit-clicks textarea').value.includes('-')"
    )
    finished(page)
    assert phases(page)["Find"] == "cached"
    assert phases(page)["Mend"] == "done"
    shoot(page, "browser-mend", full=True)
    page.click("#edit-go")
    finished(page)
    file = download(page, "#edit-save-pipeline").decode()
    assert "use: sam/mend" in file
    page.click("#edit-undo")
    page.wait_for_function(
        "() => !document.querySelector('#edit-clicks input, #edit-clicks textarea').value.includes('-')"
    )


def test_a_click_during_a_mend_follows_it(browser_page):
    page = browser_page
    choose_example(page, DOG)
    page.click("#edit-look")
    finished(page)
    click_picture(page, 200, 250)
    page.get_by_label("is not on it").check()
    click_picture(page, 150, 300)
    page.wait_for_function(
        "() => /^[+]\\S+ -\\S+$/.test(document.querySelector('#edit-clicks input, #edit-clicks textarea').value)"
    )
    assert finished(page) == "Found: 1 dog. Press Edit to paint."


def test_what_was_not_found_is_told_kindly_and_added_by_a_click(browser_page, shoot):
    page = browser_page
    choose_example(page, DOG)
    say(page, "remove the snake")
    page.click("#edit-go")
    assert finished(page).startswith("No “snake” found, so nothing was changed.")
    assert status_of(page) == "nothing"
    shoot(page, "browser-nothing")
    page.get_by_label("a missed snake").check()
    click_picture(page, 73, 315)
    assert finished(page).startswith("Found: 1 snake.")
    page.click("#edit-go")
    assert finished(page) == "1 snake removed."


def test_a_plan_is_put_right_in_its_fields(browser_page):
    page = browser_page
    choose_example(page, DOG)
    page.click("#edit-look")
    finished(page)
    page.fill("#edit-new-1 textarea, #edit-new-1 input", "rabbit")
    page.click("#edit-go")
    assert finished(page) == "1 dog replaced with: rabbit."


def test_stopping_leaves_everything_as_it_was(browser_page, shoot):
    page = browser_page
    choose_example(page, DOG)
    page.get_by_role("button", name="More choices").click()
    page.get_by_label("Seed").fill("4711")
    page.get_by_label("number input for Attempts").fill("6")
    page.click("#edit-go")
    page.wait_for_selector("#edit-stop", state="visible")
    shoot(page, "browser-running")
    page.click("#edit-stop")
    page.wait_for_selector("#edit-go", state="visible")
    assert page.inner_text("#edit-status p") == "Stopped. Everything is as it was before."


def test_a_click_the_moment_the_button_is_back_is_not_lost(browser_page):
    """What is not understood ends at once: the button is back while the page's library still ends the event."""
    page = browser_page
    choose_example(page, DOG)
    say(page, "make the tallest dog red")
    page.evaluate(PRESS_AT_ONCE)
    page.click("#edit-go")
    page.wait_for_function("() => window.pressed === 3")
    assert finished(page).startswith("cannot tell which is 'tallest'.")


def test_who_closes_the_page_in_mid_run_leaves_nothing_behind(open_page, served):
    page = open_page()
    choose_example(page, DOG)
    page.get_by_role("button", name="More choices").click()
    page.get_by_label("Seed").fill("815")
    page.click("#edit-go")
    page.wait_for_selector("#edit-steps .running")
    page.close()
    until(lambda: not list(served.studio.visits._root.iterdir()))
    until(lambda: not len(served.studio.line))


def test_nobody_fetches_the_picture_of_another(open_page, tmp_path):
    anna, bert = open_page(), open_page()
    Pil.open("demos/images/fruit.png").crop((0, 0, 200, 200)).save(tmp_path / "anna.png")
    drop(anna, tmp_path / "anna.png")
    anna.wait_for_selector("#edit-picture img")
    address = anna.get_attribute("#edit-picture img", "src")
    assert anna.request.get(address).ok
    refused = bert.request.get(address)
    assert (refused.status, refused.text()) == (403, "This file is not yours, or it is gone.")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("page.png", b"%PDF-1.7 not a picture", "page.png is not a picture that can be read."),
        ("cut.png", b"\x89PNG\r\n\x1a\n", "cut.png is damaged or cut short."),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(browser_page, tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    drop(browser_page, tmp_path / name)
    browser_page.wait_for_selector("#edit-picture img")
    say(browser_page, DOG)
    browser_page.click("#edit-go")
    assert finished(browser_page).startswith(said)


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(open_page, tmp_path):
    # The page's library has asked by then how far the upload is that it does not make, and logs that there is none.
    page = open_page(tolerated=("status of 404", "Response"))
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(100_000_000)
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    drop(page, tmp_path / "huge.png")
    page.wait_for_selector('text=/exceed the maximum allowed size of 50.0 Mb: "huge.png"/')
    assert not page.is_visible("#edit-picture img")
    assert not [url for url in sent if "upload" in url]


def test_a_phone_in_the_dark_shows_all_of_it_without_scrolling_sideways(open_page, shoot):
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    choose_example(page, DOG)
    page.click("#edit-look")
    finished(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.body.classList.contains('dark')")
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "browser-phone")


def test_everything_is_within_reach_of_the_keyboard_and_has_a_name(browser_page):
    page = browser_page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the tabs"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(document.activeElement.closest('[id]') || {}).id"))
    assert {"edit-sentence", "edit-go", "edit-look", "edit-examples"} <= reached
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), textarea')]
        .filter(part => part.offsetParent && !part.innerText?.trim() && !part.getAttribute('aria-label')
          && !part.title && !part.labels?.length && part.type !== 'file').map(part => part.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
