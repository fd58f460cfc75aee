"""The whole chain with the bundled weights, as a newcomer runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil
from pycocotools import mask as coco_masks

from pipelines.images import read_image

DOG = Path(__file__).parents[2] / "demos" / "images" / "dog.png"
DOG_BOX = (138, 133, 338, 328)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for the whole module, so that the picture is searched once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(cache, monkeypatch):
    from pipelines.cache import default_cache

    monkeypatch.setenv("SAMLOOM_CACHE", str(cache))
    default_cache.cache_clear()


def executed(trace: Path) -> set[str]:
    """The nodes that a run did not take from the cache."""
    spans = json.loads(trace.read_text())["traceEvents"]
    return {span["name"] for span in spans if span.get("args", {}).get("outcome") == "done"}


def test_the_dog_is_replaced_and_the_rest_of_the_picture_is_not_touched(samloom, tmp_path):
    output, report = tmp_path / "edit.png", tmp_path / "edit.json"
    result = samloom("edit", DOG, "replace the dog with a cat", "-o", output, "--report", report)
    assert (result.code, result.err) == (0, "")
    assert "replace dog: 1 found" in result.out
    told = json.loads(report.read_text())
    assert told["changed"]
    assert told["edit"]["verify"]["changed_outside"] == 0
    (painted,) = told["edit"]["edits"][0]["painted"]
    assert np.abs(np.subtract(painted["boxes"][0], DOG_BOX)).max() < 30
    changed = (read_image(output).pixels != read_image(DOG).pixels).any(axis=2)
    assert changed.mean() > 0.1
    assert not changed[:, :90].any()
    assert not changed[:, 420:].any()


def test_the_same_seed_paints_the_same_picture(samloom, tmp_path):
    for name in ("a.png", "b.png"):
        arguments = ("edit", DOG, "replace the dog with a cat", "-o", tmp_path / name, "--seed", 3, "--no-cache")
        assert samloom(*arguments).code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_another_new_thing_runs_only_the_sentence_and_the_painting(samloom, tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    samloom("edit", DOG, "replace the dog with a cat", "-o", tmp_path / "a.png", "--trace", first)
    samloom("edit", DOG, "replace the dog with an apple", "-o", tmp_path / "b.png", "--trace", second)
    assert executed(second) == {"plan", "meant", "paint"}


def test_what_is_not_there_leaves_every_byte_as_it_was(samloom, tmp_path):
    output, report = tmp_path / "same.png", tmp_path / "same.json"
    result = samloom("edit", DOG, "remove the pizza", "-o", output, "--report", report)
    assert result.code == 0
    assert "remove pizza: nothing found, nothing changed" in result.out
    assert output.read_bytes() == DOG.read_bytes()
    told = json.loads(report.read_text())
    assert (told["changed"], told["edit"]["edits"][0]["found"]) == (False, 0)


def test_segment_writes_overlay_masks_and_coco(samloom, tmp_path):
    result = samloom("segment", DOG, "dog. sunflower.", "-o", tmp_path / "cut")
    assert result.code == 0
    document = json.loads((tmp_path / "cut" / "annotations.json").read_text())
    assert {category["name"] for category in document["categories"]} == {"dog", "sunflower"}
    assert {(entry["width"], entry["height"]) for entry in document["images"]} == {(512, 384)}
    masks = sorted((tmp_path / "cut" / "masks").iterdir())
    assert len(masks) == len(document["annotations"])
    numbers = {category["name"]: category["id"] for category in document["categories"]}
    (dog,) = (entry for entry in document["annotations"] if entry["category_id"] == numbers["dog"])
    white = read_image(next(path for path in masks if "dog" in path.name)).pixels[..., 0] > 127
    assert white.sum() == dog["area"]
    assert not np.array_equal(read_image(tmp_path / "cut" / "overlay.png").pixels, read_image(DOG).pixels)


@pytest.mark.parametrize("way", [[], ["--fast"]], ids=["exact", "fast"])
def test_everything_writes_an_overlay_and_coco(samloom, tmp_path, way):
    result = samloom("everything", DOG, "--points", 8, *way, "-o", tmp_path / "out")
    assert result.code == 0
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert result.out == f"{len(document['annotations'])} masks\n{tmp_path / 'out'}\n"
    assert len(document["annotations"]) > 3
    assert {category["name"] for category in document["categories"]} == {"thing"}
    touched = read_image(tmp_path / "out" / "overlay.png").pixels != read_image(DOG).pixels
    covered = np.any([decoded(entry["segmentation"]) for entry in document["annotations"]], axis=0)
    assert not touched.any(axis=2)[~covered].any()
    assert touched.any(axis=2)[covered].mean() > 0.999, "but for a pixel that has the overlay's colour already"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--profile", "paper"], "the input 'profile' of 'everything' needs one of code, sa1b, but got text 'paper'."),
        (["--points", "0"], "found: points_per_side must be a whole number from 1 to 256, not 0."),
    ],
    ids=["profile", "points"],
)
def test_everything_says_what_it_cannot_do(samloom, tmp_path, option, message):
    result = samloom("everything", DOG, *option, "-o", tmp_path / "out")
    assert (result.code, result.err) == (2, f"samloom: {message}\n")
    assert not (tmp_path / "out").exists()


def decoded(segmentation):
    return coco_masks.decode({**segmentation, "counts": segmentation["counts"].encode()}) > 0


def test_a_pipelines_inputs_are_options_and_its_outputs_files(samloom, tmp_path):
    result = samloom("run", "segment", "--photo", DOG, "--prompt", "dog.", "-o", tmp_path / "out")
    assert result.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["masks.json", "overlay.png"]
    (found,) = json.loads((tmp_path / "out" / "masks.json").read_text())
    assert found["class_name"] == "dog"


def test_a_photograph_is_met_with_a_word_of_warning_once(samloom, tmp_path, caplog):
    from plugins.bundled import limits

    limits.say_once.cache_clear()
    Pil.open(DOG).convert("RGB").save(tmp_path / "photo.jpg")
    for _ in range(2):
        assert samloom("segment", tmp_path / "photo.jpg", "dog.", "-o", tmp_path / "cut", "--no-cache").code == 0
    assert len([record for record in caplog.records if "--preset base" in record.message]) == 1


def odd_pictures() -> dict[str, tuple[str, Pil.Image, dict[str, object]]]:
    """Kinds of picture that break other tools, as file name, picture and options for saving."""
    plain = Pil.open(DOG).convert("RGB").resize((96, 72))
    turned = Pil.Exif()
    turned[0x0112] = 6
    return {
        "one pixel": ("a.png", plain.resize((1, 1)), {}),
        "16 bit": ("a.png", Pil.fromarray(np.asarray(plain.convert("L")).astype(np.uint16) * 257), {}),
        "CMYK": ("a.jpg", plain.convert("CMYK"), {}),
        "palette": ("a.png", plain.convert("P"), {}),
        "RGBA": ("a.png", plain.convert("RGBA"), {}),
        "grey": ("a.png", plain.convert("L"), {}),
        "turned": ("a.jpg", plain, {"exif": turned}),
        "animated": ("a.gif", plain, {"save_all": True, "append_images": [plain.rotate(90)]}),
    }


@pytest.mark.parametrize("kind", list(odd_pictures()))
def test_any_kind_of_picture_goes_through_the_whole_chain(samloom, tmp_path, kind):
    name, picture, options = odd_pictures()[kind]
    picture.save(tmp_path / name, **options)
    result = samloom("edit", tmp_path / name, "replace the dog with a cat", "-o", tmp_path / "out.png", "-q")
    assert result.code == 0
    size = picture.size[::-1] if kind == "turned" else picture.size
    assert read_image(tmp_path / "out.png").size == size


def test_segment_anything_answers_a_name_and_clip_denies_what_is_not_there(samloom, tmp_path):
    for phrase, things in (("dog", 1), ("guitar", 0)):
        out = tmp_path / phrase
        assert samloom("run", "text_to_mask", "--photo", DOG, "--phrase", phrase, "-o", out).code == 0
        found = json.loads((out / "masks.json").read_text())
        assert [each["class_name"] for each in found] == [phrase] * things
        for each in found:
            assert np.abs(np.subtract(each["box"], DOG_BOX)).max() < 30


def test_a_grid_of_more_points_than_there_is_memory_for_is_told(samloom, tmp_path):
    (tmp_path / "all.yaml").write_text(
        "version: 1\ninputs:\n  photo: {type: Image}\n"
        'nodes:\n  all: {use: sam/everything, image: "${photo}", points_per_side: 30000}\n'
        'outputs:\n  masks: "${all}"\n'
    )
    for asked in (("everything", DOG, "--points", 30_000), ("run", tmp_path / "all.yaml", "--photo", DOG)):
        result = samloom(*asked, "-o", tmp_path / "out")
        assert result.code == 2
        assert "points_per_side must be a whole number from 1 to 256, not 30000." in result.err
        assert not (tmp_path / "out").exists()
