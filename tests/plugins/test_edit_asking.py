"""What `stable_diffusion/edit` asks a model for, and when it asks none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from studio import PINK, Loaded, OneColour, detections, noise, plan_of, studio

from pipelines.builder import Pipeline
from pipelines.cache import MemoryCache
from pipelines.errors import Cancelled, PortError
from pipelines.models import ModelPool
from pipelines.runner import run
from pipelines.scope import Scope, use_scope
from pipelines.values import Image, Masks
from plugins.stable_diffusion.models import Advice
from plugins.stable_diffusion.nodes import edit


def test_the_models_advice_is_followed_and_can_be_overruled() -> None:
    model = OneColour()
    found = detections((60, 60), dog=(20, 20, 40, 40))
    with studio(model):
        edit(noise(60, 60), found, plan_of(("replace", "dog", "red {fox}")))
        edit(noise(60, 60), found, plan_of(("remove", "dog", None)), steps=2, guidance=9.0)
    first, second = (brush for *_, brush in model.asked)
    assert (first.prompt, first.negative_prompt, first.steps, first.guidance) == ("a photo of a red {fox}", "", 4, 2.0)
    assert (second.prompt, second.negative_prompt, second.steps, second.guidance) == ("nothing", "dog", 2, 9.0)


def test_a_replaced_things_square_is_masked_by_its_box_and_a_removed_ones_by_its_outline() -> None:
    model = OneColour()
    found = detections((64, 64), dog=(20, 20, 44, 44))
    found.mask[0] &= np.tri(64, dtype=bool)
    with studio(model):
        edit(noise(64, 64), found, plan_of(("replace", "dog", "cat")))
        edit(noise(64, 64), found, plan_of(("remove", "dog", None)))
    box, outline = (mask.sum() for _, mask, _ in model.asked)
    assert outline < 0.8 * box


def test_a_model_that_paints_no_backgrounds_is_not_asked_for_any() -> None:
    sky = np.full((100, 100, 3), (90, 160, 220), np.uint8)
    sky[40:60, 40:60] = PINK
    model = OneColour()
    model.advice = Advice(removal_prompt=None)
    with studio(model):
        after = edit(Image(sky), detections((100, 100), ball=(40, 40, 60, 60)), plan_of(("remove", "ball", None)))
    assert model.asked == []
    np.testing.assert_allclose(after.image.pixels.astype(int), np.broadcast_to((90, 160, 220), (100, 100, 3)), atol=2)


def test_what_is_removed_needs_no_model_where_none_is_wanted() -> None:
    sky = np.full((100, 100, 3), (90, 160, 220), np.uint8)
    sky[40:60, 40:60] = PINK
    found, plan = detections((100, 100), ball=(40, 40, 60, 60)), plan_of(("remove", "ball", None))
    with studio(None):
        edited = edit(Image(sky), found, plan, remover="opencv")
    np.testing.assert_allclose(edited.image.pixels.astype(int), np.broadcast_to((90, 160, 220), (100, 100, 3)), atol=2)
    assert json.loads(edited.report)["model"] is None


def test_wishes_reach_the_model_and_the_report(tmp_path: Path) -> None:
    model, lora = OneColour(), tmp_path / "style.safetensors"
    lora.touch()
    asked = {"negative_prompt": "blur", "strength": 0.5, "scheduler": "DDIMScheduler"}
    with studio(model):
        said = edit(
            noise(60, 60),
            detections((60, 60), dog=(20, 20, 40, 40)),
            plan_of(("remove", "dog", None)),
            **asked,
            lora=lora,
        )
    brush = model.asked[0][2]
    assert brush.negative_prompt == "dog, blur"
    assert (brush.strength, brush.scheduler, brush.lora) == (0.5, "DDIMScheduler", lora)
    assert json.loads(said.report)["asked"].items() >= {**asked, "lora": str(lora)}.items()


def test_no_strength_is_refused() -> None:
    with pytest.raises(PortError, match="strength is 0; give a number from above 0 to 1"):
        edit(noise(20, 30), detections((20, 30), dog=(2, 2, 9, 9)), plan_of(("remove", "dog", None)), strength=0.0)


def test_a_missing_lora_is_told_before_a_model_is_loaded() -> None:
    with studio(None), pytest.raises(PortError, match=r"there is no LoRA at nowhere\.safetensors\. Give a \.safetens"):
        edit(
            noise(20, 30),
            detections((20, 30), dog=(2, 2, 9, 9)),
            plan_of(("remove", "dog", None)),
            lora=Path("nowhere.safetensors"),
        )


def test_a_strength_that_leaves_no_step_is_refused() -> None:
    found, plan = detections((60, 60), dog=(20, 20, 40, 40)), plan_of(("replace", "dog", "cat"))
    with (
        studio(OneColour()),
        pytest.raises(PortError, match=r"strength is 0\.2, which leaves none of 4 steps\. Give 0\.25"),
    ):
        edit(noise(60, 60), found, plan, strength=0.2)


def test_one_colour_is_given_without_a_model() -> None:
    image = noise(60, 60)
    found = detections((60, 60), ball=(20, 20, 40, 40))
    with studio(None):
        edited = edit(image, found, plan_of(("recolour", "ball", "dark red")))
    red, green, blue = np.median(edited.image.pixels[found.mask[0]], axis=0)
    assert red > 1.5 * max(green, blue)
    report = json.loads(edited.report)
    assert report["verify"]["changed_outside"] == 0
    assert report["model"] is None


def test_many_colours_are_painted() -> None:
    model = OneColour()
    with studio(model):
        edit(noise(60, 60), detections((60, 60), ball=(20, 20, 40, 40)), plan_of(("recolour", "ball", "rainbow")))
    assert model.asked[0][2].prompt == "a photo of a rainbow ball"


def test_no_steps_are_refused() -> None:
    with pytest.raises(PortError, match="steps is 0, which paints nothing"):
        edit(noise(20, 30), detections((20, 30), dog=(2, 2, 9, 9)), plan_of(("remove", "dog", None)), steps=0)


def test_progress_counts_the_steps_of_all_squares() -> None:
    seen = []
    found = detections((100, 200), dog=(10, 40, 30, 60), dog_2=(160, 40, 180, 60))
    with studio(OneColour()):
        edit(noise(100, 200), found, plan_of(("replace", "dog", "cat")), report=lambda *told: seen.append(told))
    assert [done for done, *_ in seen] == list(range(1, 9))
    assert {(total, note) for _, total, note in seen} == {(8, "replace dog")}


def test_a_cancelled_run_stops_within_a_step() -> None:
    seen = []
    pool = ModelPool(families={"stable_diffusion": Loaded(OneColour())})
    found = detections((60, 60), dog=(20, 20, 40, 40))
    with use_scope(Scope(pool=pool, is_stopping=lambda: len(seen) == 2)), pytest.raises(Cancelled):
        edit(noise(60, 60), found, plan_of(("replace", "dog", "cat")), report=lambda *told: seen.append(told))
    assert [done for done, *_ in seen] == [1, 2]


def test_another_file_behind_the_same_lora_is_another_result(tmp_path) -> None:
    lora, model, cache = tmp_path / "style.safetensors", OneColour(), MemoryCache()
    builder = Pipeline("styled")
    image, masks = builder.input("image", Image), builder.input("masks", Masks)
    plan = plan_of(("replace", "dog", "cat"))
    painted = builder.add("paint", edit, image=image, masks=masks, plan=plan, lora=str(lora))
    builder.output("image", painted["image"])
    graph, inputs = builder.build(), {"image": noise(60, 60), "masks": detections((60, 60), dog=(20, 20, 40, 40))}
    for style in (b"oil", b"oil", b"ink"):
        lora.write_bytes(style)
        run(graph, inputs, pool=ModelPool(families={"stable_diffusion": Loaded(model)}, device="cpu"), cache=cache)
    assert len(model.asked) == 2
