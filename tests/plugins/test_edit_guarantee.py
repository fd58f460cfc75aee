"""What every edit promises: random pictures, masks and sequences of edits, with a model that inverts what it sees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studio import OneColour, studio

from pipelines.values import Detections, Edit, EditPlan, Image
from plugins.stable_diffusion.editing import jobs_of
from plugins.stable_diffusion.nodes import edit

DARK = 60
NAMES = ("dog", "cat", "bus")
ACTIONS = ("replace", "remove", "recolour", "add", "background")
POSITIONS = (None, "on", "in front", "beside", "left", "above", "behind")


class Inverter(OneColour):
    """Dark pixels come back inverted, masked or not, and what was inverted before comes back as bright."""

    def inpaint(self, pixels, mask, brush, *, on_step):
        return 255 - pixels % DARK


@st.composite
def scenes(draw) -> tuple[Image, Detections]:
    """A dark picture with transparency and metadata, and one to three things: ellipses, noise, or single pixels."""
    height, width = draw(st.integers(1, 64)), draw(st.integers(1, 64))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 3))
    kinds = draw(st.lists(st.sampled_from(("ellipse", "noise", "pixel")), min_size=count, max_size=count))
    masks = np.stack([_mask(kind, rng, height, width) for kind in kinds])
    masks &= rng.random(masks.shape) < draw(st.sampled_from((1.0, 0.8)))
    pixels = rng.integers(0, DARK, (height, width, 3), np.uint8)
    alpha = rng.integers(0, 256, (height, width), np.uint8) if draw(st.booleans()) else None
    names = [draw(st.sampled_from(NAMES)) for _ in range(count)]
    found = Detections(xyxy=np.zeros((count, 4), np.float32), mask=masks, data={"class_name": np.array(names)})
    return Image(pixels, alpha=alpha, icc_profile=b"icc", exif=b"exif"), found


def _mask(kind: str, rng, height: int, width: int) -> np.ndarray:
    if kind == "noise":
        return rng.random((height, width)) < rng.random() ** 2
    y, x = np.mgrid[:height, :width]
    across, down = (0.5, 0.5) if kind == "pixel" else rng.uniform(0.5, 0.5 + np.array([width, height]) / 2)
    return ((x - rng.integers(width)) / across) ** 2 + ((y - rng.integers(height)) / down) ** 2 <= 1


edits = st.builds(
    Edit, st.sampled_from(ACTIONS), st.sampled_from(NAMES), st.just("striped beach"), st.just((0, 0)),
    position=st.sampled_from(POSITIONS),
)  # fmt: skip
keeps = st.lists(st.builds(Edit, st.just("keep"), st.sampled_from(NAMES), st.none(), st.just((0, 0))), max_size=1)
# With a target of another edit to stay before it, a background is never refused.
plans = st.builds(lambda first, kept: EditPlan("", (first, Edit("keep", "tree", None, (0, 0)), *kept)), edits, keeps)


def check_the_promise(scene: tuple[Image, Detections], sequence: list[EditPlan]) -> None:
    image, found = scene
    painted, core = (np.zeros(image.pixels.shape[:2], bool) for _ in range(2))
    model, after = Inverter(), image
    for plan in sequence:
        before = after
        with studio(model):
            after = edit(before, found, plan).image
        for job in jobs_of(plan, found, lambda edit: model.advice.geometry):
            painted |= job.generate
            core[job.window.inside.slices] |= job.regions.core
        for name, mask in zip(found.data["class_name"], found.mask, strict=True):
            if name in _kept(plan):
                np.testing.assert_array_equal(after.pixels[mask], before.pixels[mask])
    np.testing.assert_array_equal(after.pixels[~painted], image.pixels[~painted])
    assert (after.pixels[core] > 128).all()
    assert (after.icc_profile, after.exif) == (b"icc", b"exif")
    np.testing.assert_array_equal(after.alpha, image.alpha)


def _kept(plan: EditPlan) -> set[str]:
    return {edit.target for edit in plan.edits if edit.action == "keep"}


@settings(max_examples=100)
@given(scenes(), st.lists(plans, min_size=1, max_size=3))
def test_outside_of_what_is_painted_nothing_changes_and_nothing_old_stays_however_many_edits_follow(scene, sequence):
    check_the_promise(scene, sequence)


@pytest.mark.slow
@settings(max_examples=2000)
@given(scenes(), st.lists(plans, min_size=1, max_size=3))
def test_the_same_for_two_thousand_masks_and_sizes(scene, sequence):
    check_the_promise(scene, sequence)
