"""What the browser computes by itself, beside what Python computes of the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sam_model.ops.rle import encode
from sam_model.preprocess import Frame

SHAPES = [(384, 512, 144, 72), (131, 203, 144, 72), (300, 20, 144, 72), (100, 144, 144, 72), (90, 120, 1024, 256)]

SCALE = """async ([frame, logits]) => {
  const { scale } = await import("/samloom/click/scaling.js");
  return [...scale(Float32Array.from(logits), frame, frame.height, frame.width)];
}"""
TO_MODEL = """async ([frame, x, y]) => (await import("/samloom/click/scaling.js")).toModel(frame, x, y)"""
AREA = """async ([map, width, height]) => {
  const { contours } = await import("/samloom/click/contour.js");
  let twice = 0;
  for (const ring of contours(Float32Array.from(map), width, height))
    for (let at = 0; at < ring.length; at += 2) {
      const next = (at + 2) % ring.length;
      twice += ring[at + 1] * ring[next] - ring[at] * ring[next + 1];
    }
  return twice / 2;
}"""
HALVES = """async (bits) => [...(await import("/samloom/click/tensors.js")).toFloats(Uint16Array.from(bits))]"""
RUNS = """async (text) => (await import("/samloom/click/runs.js")).readText(text)"""
LAID = """async ([masks, picture]) => {
  const { lay, readRecord } = await import("/samloom/everything/masks.js");
  return [...lay(readRecord({ annotations: masks }), (mask) => mask.area > 3, picture).owners];
}"""


@pytest.fixture(scope="module")
def scripts(chromium, served):
    """A bare page of the server's, which can import its scripts."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{served.url}/samloom/click/runs.js")
    yield page
    context.close()


def blobs(side: int, seed: int = 0) -> torch.Tensor:
    coarse = torch.randn(1, 1, 9, 9, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")


@pytest.mark.parametrize(("height", "width", "square", "side"), SHAPES)
def test_logits_are_scaled_as_torch_scales_them(scripts, height, width, square, side):
    frame, logits = Frame(height=height, width=width, square=square), blobs(side)
    asked = {"height": height, "width": width, "square": square, "logits": side}
    found = scripts.evaluate(SCALE, [asked, logits.flatten().tolist()])
    np.testing.assert_allclose(found, frame.to_image(logits).flatten(), atol=1e-4)


def test_places_lie_in_the_models_square_where_python_puts_them(scripts):
    frame = Frame(height=131, width=203, square=144)
    asked = {"height": 131, "width": 203, "square": 144, "logits": 72}
    found = scripts.evaluate(TO_MODEL, [asked, 150.5, 30.25])
    np.testing.assert_allclose(found, frame.to_model(np.array([150.5, 30.25])))


def test_outlines_enclose_what_is_above_zero(scripts):
    square = blobs(96)[0, 0].numpy()
    found = scripts.evaluate(AREA, [square.flatten().tolist(), 96, 96])
    assert abs(found) == pytest.approx((square > 0).sum(), rel=0.02)


def test_outlines_close_along_the_edge_of_the_picture(scripts):
    assert abs(scripts.evaluate(AREA, [[1.0] * 12, 4, 3])) == pytest.approx(12, abs=0.51)  # corners are cut


def test_every_half_is_read_exactly(scripts):
    bits = np.arange(1 << 16, dtype=np.uint16)
    finite = bits[np.isfinite(bits.view(np.float16))]
    found = scripts.evaluate(HALVES, finite.tolist())
    np.testing.assert_array_equal(found, finite.view(np.float16).astype(np.float64))


def test_compressed_run_lengths_are_read(scripts):
    mask = blobs(70, seed=3)[0].numpy() > 0.2
    (rle,) = encode(mask)
    found = scripts.evaluate(RUNS, rle.to_coco()["counts"])
    edges = np.flatnonzero(np.diff(mask[0].ravel(order="F"), prepend=False, append=False))
    assert np.cumsum(found).tolist()[: len(edges)] == edges.tolist()
    assert sum(found) == mask.size


def test_smaller_masks_lie_above_larger_ones_and_filtered_ones_are_gone(scripts):
    large, small, tiny = np.zeros((3, 5, 6), bool)
    large[0:4, 0:5], small[1:3, 1:3], tiny[4, 5] = True, True, True
    masks = [
        {"area": int(mask.sum()), "segmentation": rle.to_coco()}
        for mask, rle in zip((small, large, tiny), encode(np.stack((small, large, tiny))), strict=True)
    ]
    found = np.reshape(scripts.evaluate(LAID, [masks, {"width": 6, "height": 5}]), (5, 6))
    np.testing.assert_array_equal(found, np.where(small, 0, np.where(large, 1, -1)))
