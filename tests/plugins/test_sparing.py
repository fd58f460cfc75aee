"""When memory runs out: smaller parts, main memory, the processor; each step is told, and no result is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from studio import Loaded, OneColour, detections, noise

from pipelines.builder import Pipeline
from pipelines.cache import MemoryCache
from pipelines.errors import MemoryShortError, RunError
from pipelines.events import MemoryShort, ModelEvicted, ModelLoaded
from pipelines.families import Sparing
from pipelines.models import Model, ModelPool
from pipelines.runner import run
from pipelines.scope import Scope, use_scope
from pipelines.values import Edit, EditPlan, Image, Masks
from plugins.clip.adapter import TransformersClip
from plugins.sam.adapter import PredictorSam
from plugins.stable_diffusion.adapter import load
from plugins.stable_diffusion.models import Brush
from plugins.stable_diffusion.nodes import edit
from plugins.stable_diffusion.offloading import OFFLOADED, place, ways_to_spare
from sam_model.config import TINY
from sam_model.modeling import build_sam
from sam_model.predictor import Predictor

PLAN = EditPlan("", (Edit("replace", "dog", "cat", (0, 0)),))
SLICED, LAYERED = "attention in slices, pictures in tiles", "each layer in main memory until it is at work"


def out_of_memory() -> torch.OutOfMemoryError:
    """What CUDA says when an allocation fails."""
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 4 GiB")


class Device:
    """Memory of a device that is not there: as many bytes as it has, and an error for each request beyond them."""

    def __init__(self, room: int) -> None:
        self.room = room

    def allocate(self, size: int) -> None:
        if size > self.room:
            raise out_of_memory()


class FakePipeline:
    """A pipeline of diffusers, as far as placing it goes; notes where it lies and how it works."""

    def __init__(self, device: Device) -> None:
        self.device, self.calls = device, []

    def to(self, place: str) -> None:
        self.calls.append(f"to {place}")
        if place != "cpu":
            self.device.allocate(5)

    def enable_attention_slicing(self) -> None:
        self.calls.append("slices")

    def enable_model_cpu_offload(self, *, device: str) -> None:
        self.calls.append(f"parts to {device}")

    def enable_sequential_cpu_offload(self, *, device: str) -> None:
        self.calls.append(f"layers to {device}")


def test_a_pipeline_that_fits_lies_on_its_device_and_spares_step_by_step() -> None:
    pipeline = FakePipeline(Device(room=9))
    offloaded = place(pipeline, "cuda", offload=False)
    assert not offloaded
    assert list(ways_to_spare(pipeline, "cuda", offloaded=offloaded)) == [SLICED, OFFLOADED, LAYERED]
    assert pipeline.calls == ["to cuda", "slices", "parts to cuda", "layers to cuda"]


def test_a_pipeline_that_does_not_fit_waits_in_main_memory_and_says_so() -> None:
    pipeline, seen = FakePipeline(Device(room=3)), []
    with use_scope(Scope(emit=seen.append)):
        assert place(pipeline, "cuda", offload=False)
    assert pipeline.calls == ["to cuda", "to cpu", "parts to cuda"]
    assert seen == [MemoryShort("load stable_diffusion", OFFLOADED)]
    assert list(ways_to_spare(pipeline, "cuda", offloaded=True)) == [SLICED, LAYERED]


def test_where_the_makers_advise_it_a_pipeline_is_offloaded_at_once_and_on_a_processor_never() -> None:
    advised, on_cpu = FakePipeline(Device(room=9)), FakePipeline(Device(room=0))
    assert place(advised, "cuda", offload=True)
    assert advised.calls == ["parts to cuda"]
    assert not place(on_cpu, "cpu", offload=True)
    assert list(ways_to_spare(on_cpu, "cpu", offloaded=False)) == [SLICED]


def test_an_error_that_is_not_of_memory_is_not_hidden() -> None:
    pipeline = FakePipeline(Device(room=9))
    pipeline.device.allocate = lambda size: (_ for _ in ()).throw(RuntimeError("no kernel image"))
    with pytest.raises(RuntimeError, match="no kernel image"):
        place(pipeline, "cuda", offload=False)


class Hungry(OneColour):
    """An inpainter that fits its device once it has spared often enough; on a processor at once."""

    def __init__(self, device: str, steps: int) -> None:
        super().__init__()
        self.device, self.memory, self.need, self.steps = device, Device(room=1), 1 + steps, steps

    def spare_memory(self) -> str:
        if self.need <= 2:
            return ""
        self.need -= 1
        return f"in {self.need} parts"

    def inpaint(self, pixels, mask, brush, *, on_step):
        if self.device != "cpu":
            self.memory.allocate(self.need)
        return super().inpaint(pixels, mask, brush, on_step=on_step)


class Kitchen(Loaded):
    """Makes a hungry inpainter on any device."""

    def __init__(self, steps: int) -> None:
        super().__init__(None)
        self.steps = steps

    def load(self, source, *, device, dtype):
        return Hungry(device, self.steps)


def editing() -> tuple[object, dict[str, object]]:
    """A graph that paints over a dog, and its inputs."""
    builder = Pipeline("editing")
    image, masks = builder.input("image", Image), builder.input("masks", Masks)
    painted = builder.add("paint", edit, image=image, masks=masks, plan=PLAN, model=Model("some"))
    builder.output("image", painted["image"])
    return builder.build(), {"image": noise(64, 64), "masks": detections((64, 64), dog=(20, 20, 40, 40))}


def test_a_step_climbs_down_until_it_fits_and_its_result_is_the_usual_one() -> None:
    graph, inputs = editing()
    seen = []
    hungry = ModelPool(families={"stable_diffusion": Kitchen(steps=3)}, device="cuda")
    result = run(graph, inputs, pool=hungry, events=seen.append)
    told = [event.remedy for event in seen if isinstance(event, MemoryShort)]
    assert told == [
        "stable_diffusion: in 3 parts",
        "stable_diffusion: in 2 parts",
        "stable_diffusion: on the processor",
    ]
    usual = run(graph, inputs, pool=ModelPool(families={"stable_diffusion": Kitchen(steps=0)}, device="cpu"))
    np.testing.assert_array_equal(result.outputs["image"].pixels, usual.outputs["image"].pixels)
    places = [event.device for event in seen if isinstance(event, ModelLoaded)]
    assert places == ["cuda", "cpu"]
    assert [span.outcome for span in result.trace.nodes] == ["out of memory"] * 3 + ["done"]
    assert "out of memory" in result.trace.table()


def test_what_was_given_up_is_not_tried_again() -> None:
    graph, inputs = editing()
    pool = ModelPool(families={"stable_diffusion": Kitchen(steps=3)}, device="cuda")
    run(graph, inputs, pool=pool)
    seen = []
    run(graph, inputs, pool=pool, events=seen.append)
    assert not [event for event in seen if isinstance(event, MemoryShort | ModelLoaded)]


class Greedy(Hungry):
    """Wants more than there is, everywhere."""

    def inpaint(self, pixels, mask, brush, *, on_step):
        raise MemoryError


def test_when_nothing_helps_one_line_says_what_would_and_what_was_finished_is_kept() -> None:
    graph, inputs = editing()
    pool = ModelPool(families={"stable_diffusion": Loaded(Greedy("cpu", 0))}, device="cpu")
    cache = MemoryCache()
    with pytest.raises(
        RunError, match=r"memory ran out, and nothing takes less of it \(MemoryError\)\. Give a smaller"
    ):
        run(graph, inputs, pool=pool, cache=cache)
    with pytest.raises(RunError) as caught:
        run(graph, inputs, pool=pool, cache=cache)
    assert [span.outcome for span in caught.value.trace.nodes] == ["failed"]
    assert isinstance(caught.value.cause, MemoryShortError)


def test_models_that_nobody_uses_go_first() -> None:
    graph, inputs = editing()
    seen = []
    pool = ModelPool(families={"stable_diffusion": Kitchen(steps=1)}, device="cuda")
    with pool.lease("stable_diffusion", Model("another")):
        pass
    run(graph, inputs, pool=pool, events=seen.append)
    told = [event for event in seen if isinstance(event, MemoryShort | ModelEvicted)]
    assert told[:2] == [
        ModelEvicted("stable_diffusion", "another", "cuda"),
        MemoryShort("paint", "without the models that nobody was using"),
    ]


def test_a_model_that_cannot_even_be_loaded_moves_to_the_processor() -> None:
    class Heavy(Kitchen):
        def load(self, source, *, device, dtype):
            if device != "cpu":
                raise out_of_memory()
            return super().load(source, device=device, dtype=dtype)

    graph, inputs = editing()
    seen = []
    run(graph, inputs, pool=ModelPool(families={"stable_diffusion": Heavy(0)}, device="cuda"), events=seen.append)
    assert [event.remedy for event in seen if isinstance(event, MemoryShort)] == ["stable_diffusion: on the processor"]


def test_other_errors_are_not_tried_again() -> None:
    class Broken(Hungry):
        def inpaint(self, pixels, mask, brush, *, on_step):
            raise RuntimeError("shape mismatch")

    graph, inputs = editing()
    seen = []
    with pytest.raises(RunError, match="shape mismatch"):
        run(
            graph,
            inputs,
            pool=ModelPool(families={"stable_diffusion": Loaded(Broken("cuda", 3))}, device="cuda"),
            events=seen.append,
        )
    assert not [event for event in seen if isinstance(event, MemoryShort)]


def test_segment_anything_and_clip_work_in_smaller_parts_until_each_is_alone() -> None:
    sam = PredictorSam(Predictor(build_sam(TINY), at_once=64))
    assert isinstance(sam, Sparing)
    assert [sam.spare_memory() for _ in range(4)] == [*(f"prompts decoded together: {n}" for n in (16, 4, 1)), ""]
    clip = TransformersClip.__new__(TransformersClip)
    clip._batch = 16
    assert isinstance(clip, Sparing)
    assert [clip.spare_memory() for _ in range(3)] == [*(f"pictures looked at together: {n}" for n in (4, 1)), ""]


def painted(inpainter) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    mask = np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    return inpainter.inpaint(pixels, mask, Brush("a cat", "", 3, 2, 3.0), on_step=lambda done: None)


def test_parts_that_are_fetched_when_they_are_at_work_paint_the_same(stable_diffusion_directory) -> None:
    usual, offloaded = (load(stable_diffusion_directory, device="cpu", dtype="float32") for _ in range(2))
    offloaded.pipeline.enable_model_cpu_offload(device="cpu")
    assert len(offloaded.pipeline._all_hooks) == 3
    for _ in range(2):
        np.testing.assert_array_equal(painted(offloaded), painted(usual))


def test_slices_and_tiles_leave_the_picture_nearly_as_it_is(stable_diffusion_directory) -> None:
    usual, sparing = (load(stable_diffusion_directory, device="cpu", dtype="float32") for _ in range(2))
    assert sparing.spare_memory() == SLICED
    assert sparing.spare_memory() == ""
    assert sparing.pipeline.vae.use_tiling
    assert np.abs(painted(sparing).astype(int) - painted(usual)).mean() < 16
