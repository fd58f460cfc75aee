"""Core, generate and blend: what they promise holds for any mask."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plugins.stable_diffusion.masks import (
    Box,
    Geometry,
    bounding_box,
    everything_but,
    fill_holes,
    grown,
    make_regions,
    soft_edge,
)

SHAPES = ("tight", "box", "generous")
masks = (
    st.tuples(st.integers(1, 24), st.integers(1, 24))
    .flatmap(lambda shape: arrays(np.bool_, shape, elements=st.booleans()))
    .filter(lambda mask: bool(mask.any()))
)
geometries = st.builds(
    Geometry, grow=st.floats(0, 0.5), feather=st.floats(0, 0.5), context=st.floats(1, 3), least_pixels=st.integers(0, 4)
)


@given(masks, geometries, st.sampled_from(SHAPES))
def test_blend_is_full_over_core_and_nothing_outside_generate(mask, geometry, shape) -> None:
    regions = make_regions(mask[None], geometry, shape)
    assert (regions.blend[regions.core] == 1).all()
    assert (regions.blend[~regions.generate] == 0).all()
    assert ((regions.blend >= 0) & (regions.blend <= 1)).all()


@given(masks, geometries, st.sampled_from(SHAPES))
def test_the_thing_lies_in_core_and_core_in_generate(mask, geometry, shape) -> None:
    regions = make_regions(mask[None], geometry, shape)
    assert regions.core[mask].all()
    assert regions.generate[regions.core].all()


@given(masks, geometries, st.sampled_from(SHAPES), st.data())
def test_whatever_the_model_changed_core_is_painted_in_full_and_no_blend_grows(mask, geometry, shape, data) -> None:
    regions = make_regions(mask[None], geometry, shape)
    change = data.draw(arrays(np.float32, mask.shape, elements=st.floats(0, 1, width=32)))
    blend = regions.blend_where(change)
    assert (blend[regions.core] == 1).all()
    assert (blend <= regions.blend).all()


def test_holes_are_filled_and_bays_are_not() -> None:
    mask = np.array(
        [
            [0, 1, 1, 1, 0, 0, 0],
            [0, 1, 0, 1, 0, 1, 1],
            [0, 1, 1, 1, 0, 1, 0],
            [0, 0, 0, 0, 0, 1, 1],
        ],
        dtype=bool,
    )
    expected = mask.copy()
    expected[1, 2] = True
    np.testing.assert_array_equal(fill_holes(mask), expected)


def test_growing_reaches_every_pixel_within_the_radius() -> None:
    mask = np.zeros((11, 11), bool)
    mask[5, 5] = True
    y, x = np.mgrid[:11, :11]
    np.testing.assert_array_equal(grown(mask, 3), np.hypot(y - 5, x - 5) <= 3)


def test_another_outline_frees_the_whole_box() -> None:
    mask = np.eye(40, dtype=bool)[5:35, 5:35]
    mask = np.pad(mask, 10)
    regions = make_regions(mask[None], Geometry(grow=0.1), "box")
    assert bounding_box(regions.generate) == Box(7, 7, 43, 43)
    assert regions.generate[7:43, 7:43].all()


def test_the_edge_is_soft_over_the_given_width_where_there_is_room() -> None:
    generate = np.zeros((1, 30), bool)
    generate[:, 5:25] = True
    core = np.zeros_like(generate)
    core[:, 14:16] = True
    np.testing.assert_allclose(soft_edge(core, generate, 4)[0, 4:10], [0, 0.25, 0.5, 0.75, 1, 1])


def test_the_border_of_the_picture_is_no_edge() -> None:
    generate = np.ones((6, 6), bool)
    core = np.zeros_like(generate)
    core[2:4, 2:4] = True
    assert (soft_edge(core, generate, 3) == 1).all()


@settings(max_examples=30)
@given(st.integers(1, 400), st.integers(1, 400))
def test_regions_scale_with_the_thing(width, height) -> None:
    geometry = Geometry(grow=0.1, least_pixels=2)
    assert geometry.radius(Box(0, 0, width, height), "box") == max(2, int(np.ceil(0.1 * max(width, height))))


def test_what_goes_is_painted_generously_and_what_only_looks_different_tightly() -> None:
    mask = np.zeros((200, 200), bool)
    mask[50:150, 50:150] = True
    boxes = [bounding_box(make_regions(mask[None], Geometry(grow=0.125), shape).generate) for shape in SHAPES]
    assert boxes == [Box(46, 46, 154, 154), Box(37, 37, 163, 163), Box(31, 31, 169, 169)]


@given(masks)
def test_a_new_background_is_all_but_what_is_kept_at_full_strength(kept) -> None:
    regions = everything_but(kept)
    for region in (regions.core, regions.generate, regions.blend == 1):
        np.testing.assert_array_equal(region, ~kept)
