"""Several attempts at an edit, each looked at again: what is scored, which one is chosen, and that it comes back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from studio import OneColour, detections, noise, studio

from pipelines.errors import PortError
from pipelines.values import Edit, EditPlan, Image, empty_detections
from plugins.instructions.grammar import parse_instruction
from plugins.instructions.nodes import select_masks
from plugins.stable_diffusion.choosing import choose, looked_for, tries
from plugins.stable_diffusion.nodes import edit
from plugins.stable_diffusion.scoring import smoothness

DOG = (80, 40, 100, 60)
SIZE = (100, 200)
NOTHING = empty_detections(SIZE, masks=False)


class Varied(OneColour):
    """Another shade for every seed."""

    def inpaint(self, pixels, mask, brush, *, on_step):
        return np.random.default_rng(brush.seed).integers(0, 256, pixels.shape, np.uint8)


def seen(**boxes):
    found = detections(SIZE, **{name: box for name, (box, _) in boxes.items()})
    found.confidence = np.array([score for _, score in boxes.values()], np.float32)
    return found


def attempts(sentence: str, *seeds: int, **options):
    """The pictures and the reports of several attempts at a dog on noise."""
    image, plan = noise(*SIZE), parse_instruction(sentence)
    masks = select_masks(image, detections(SIZE, dog=DOG), plan)
    with studio(Varied()):
        made = {f"seed {seed}": edit(image, masks, plan, seed=seed, **options) for seed in seeds}
    return {key: each.image for key, each in made.items()}, {key: each.report for key, each in made.items()}


def chosen(sentence: str, looks, **options):
    """What is chosen of as many attempts as there are looks."""
    pictures, reports = attempts(sentence, *range(len(looks)))
    return choose(noise(*SIZE), pictures, reports, dict(zip(pictures, looks, strict=True)), **options)


def test_the_attempt_in_which_the_new_thing_is_seen_and_the_old_one_is_not_is_chosen() -> None:
    looks = [seen(dog=(DOG, 0.9)), seen(cat=(DOG, 0.8)), seen(cat=(DOG, 0.7), dog=(DOG, 0.6)), NOTHING]
    best = chosen("replace the dog with a cat", looks)
    report = json.loads(best.report)
    told = [(square["there"], square["gone"]) for each in report["candidates"] for square in each["squares"]]
    assert told == [(0, 0.1), (0.8, 1), (0.7, 0.4), (0, 1)]
    assert [each["seed"] for each in report["candidates"]] == [0, 1, 2, 3]
    assert report["asked"]["seed"] == 1
    assert best.score == report["candidates"][1]["score"] == report["score"]


@pytest.mark.parametrize(
    ("sentence", "scores"),
    [
        ("remove the dog", {"gone", "smooth"}),
        ("replace the dog with a cat", {"there", "gone", "smooth"}),
        ("add a cat next to the dog", {"there", "smooth"}),
        ("make the dog striped", {"there", "smooth"}),
        ("keep the dog and change the background to a beach", {"smooth"}),
    ],
)
def test_what_is_scored_is_what_the_edit_was_to_do(sentence, scores) -> None:
    report = json.loads(chosen(sentence, [NOTHING]).report)
    assert set(report["candidates"][0]["squares"][0]) == scores


def test_things_elsewhere_and_things_that_merely_touch_what_was_painted_do_not_count() -> None:
    far, wide = (10, 40, 30, 60), (0, 0, 200, 100)
    best = chosen("replace the dog with a cat", [seen(cat=(far, 0.9), dog=(far, 0.9), cat_2=(wide, 0.9))])
    (square,) = json.loads(best.report)["candidates"][0]["squares"]
    assert (square["there"], square["gone"]) == (0, 1)


def test_the_chosen_seed_paints_the_chosen_picture_again() -> None:
    best = chosen("replace the dog with a cat", [NOTHING, NOTHING, seen(cat=(DOG, 0.8))])
    asked = json.loads(best.report)["asked"]
    again, _ = attempts("replace the dog with a cat", asked["seed"], widen=asked["widen"])
    np.testing.assert_array_equal(again[f"seed {asked['seed']}"].pixels, best.image.pixels)


@pytest.mark.parametrize(("later", "winner"), [(0.9, 0), (0.1, 1)])
def test_an_earlier_attempt_stays_unless_a_later_one_is_better(later, winner) -> None:
    sentence = "replace the dog with a cat"
    first = chosen(sentence, [NOTHING, seen(cat=(DOG, 0.5))])
    both = chosen(sentence, [seen(cat=(DOG, later))], earlier=first.image, earlier_report=first.report)
    report = json.loads(both.report)
    assert report["asked"]["seed"] == winner
    assert len(report["candidates"]) == 3
    assert both.score == max(each["score"] for each in report["candidates"])


def test_a_later_round_has_seeds_that_no_earlier_one_used() -> None:
    first = chosen("remove the dog", [NOTHING, NOTHING])
    assert not set(tries(seed=first.next_seed, count=3).seeds.values()) & {0, 1}


def test_where_nothing_was_to_be_done_any_attempt_is_good() -> None:
    best = chosen("remove the bus", [NOTHING, NOTHING])
    assert (best.score, json.loads(best.report)["asked"]["seed"]) == (1, 0)


def test_a_hard_edge_is_a_seam_and_a_soft_one_is_none() -> None:
    plain = np.full((20, 60, 3), 100, np.uint8)
    hard, soft = plain.copy(), plain.copy()
    hard[:, 30:] = 220
    soft[:, 21:] = np.minimum(100 + 3 * np.arange(39), 220)[None, :, None]
    soft[:, 21] = 101
    region = [20, 0, 60, 20]
    assert smoothness(plain, hard, region) == 0
    assert smoothness(plain, soft, region) > 0.95
    assert smoothness(plain, plain, region) == 1


def test_new_and_old_things_are_looked_for_each_once() -> None:
    edits = [
        Edit("replace", "Dog", "cat", (0, 0)),
        Edit("add", "cat", "St. Bernard", (0, 0)),
        Edit("recolour", "car", "wooden", (0, 0)),
        Edit("keep", "tree", None, (0, 0)),
        Edit("background", "background", "beach", (0, 0)),
    ]
    assert looked_for(EditPlan("", tuple(edits))) == "cat. dog. st bernard. car."


def test_a_wider_attempt_paints_more() -> None:
    regions = []
    for widen in (1.0, 3.0):
        _, reports = attempts("remove the dog", 0, widen=widen)
        regions.append(json.loads(reports["seed 0"])["edits"][0]["painted"][0]["region"])
    assert regions == [[77, 37, 103, 63], [73, 33, 107, 67]]


def test_no_attempts_and_masks_beyond_measure_are_refused_in_one_line() -> None:
    with pytest.raises(PortError, match=r"count is 0, which leaves nothing to choose from\. Give 1 or more\."):
        tries(count=0)
    with pytest.raises(PortError, match=r"widen is 11; give a multiple from 0 to 10\."):
        attempts("remove the dog", 0, widen=11)


@pytest.mark.slow
def test_the_ready_made_pipeline_chooses_with_the_bundled_models_and_its_seed_brings_the_picture_back() -> None:
    from pipelines.images import read_image
    from pipelines.runner import run
    from pipelines.spec import load_pipeline

    photo = read_image(Path(__file__).parents[2] / "demos" / "images" / "dog.png")
    best = run(load_pipeline("edit_best"), {"photo": photo, "candidates": 2}).outputs
    report = json.loads(best["report"])
    assert len(report["candidates"]) in (2, 4)
    plan = parse_instruction("replace the dog with a cat")
    asked = report["asked"]
    again: Image = edit(photo, best["masks"], plan, seed=asked["seed"], widen=asked["widen"]).image
    np.testing.assert_array_equal(again.pixels, best["image"].pixels)
