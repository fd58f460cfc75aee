"""The stages of training: small pictures, where steps are cheap, then the final size at the same patch size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from recipes.world import SceneSpec
from sam_model.config import TINY, SamConfig

FINAL = replace(
    TINY,
    image_size=144,
    patch_size=8,
    encoder_width=128,
    encoder_depth=5,
    encoder_heads=2,
    window_size=9,
    global_blocks=(2,),
    width=128,
    decoder_mlp_width=512,
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that decides a run; a run is repeated exactly by its stage and its start."""

    config: SamConfig
    spec: SceneSpec
    exam: SceneSpec
    steps: int
    start: str | None = None
    pictures: int = 8
    prompts: int = 3
    learning_rate: float = 1e-3
    final_rate: float = 1.0
    warmup: int = 100
    weight_decay: float = 0.05
    average: float = 0.998
    clicked: float = 0.5
    dense_weight: float = 0.0
    single_rounds_until: int = 0
    rounds: tuple[int, ...] = (1, 1, 2, 3)
    seed: int = 1


_EARLIER = Stage(
    config=replace(FINAL, image_size=96, window_size=12),
    spec=SceneSpec(size=96, objects=(2, 4), scale=(0.3, 1.0), outside=0.12),
    exam=SceneSpec(size=96, objects=(1, 3), scale=(0.36, 1.0)),
    steps=910,
    single_rounds_until=910,
)

STAGES: Mapping[str, Stage] = {
    "first": _EARLIER,
    "second": replace(_EARLIER, start="first", steps=1625, learning_rate=2e-3, single_rounds_until=1000, seed=2),
    "third": replace(
        _EARLIER, start="second", steps=1200, single_rounds_until=1200, clicked=0.3, dense_weight=1.0, seed=3
    ),
    "full": Stage(
        config=FINAL,
        spec=SceneSpec(size=144, objects=(1, 6), scale=(0.15, 0.8)),
        exam=SceneSpec(size=144),
        start="third",
        steps=1600,
        single_rounds_until=1150,
        rounds=(1, 1, 1, 2),
        dense_weight=1.0,
        final_rate=0.02,
        seed=4,
    ),
}
