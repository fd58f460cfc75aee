"""The stages of training: small pictures, where steps are cheap, then the final size at the same patch size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from recipes.world import SceneSpec
from sam_model.config import TINY, EfficientNetConfig, SamConfig, TinyVitConfig

ENCODER = TinyVitConfig(
    widths=(48, 96, 128, 160), depths=(2, 1, 4, 1), heads=(3, 4, 5), windows=(8, 8, 24), strides=(2, 1, 1), classes=0
)
FINAL = replace(TINY, image_size=192, patch_size=8, tiny_vit=ENCODER, width=128, decoder_mlp_width=512)
SMALL = replace(FINAL, image_size=128, tiny_vit=replace(ENCODER, windows=(8, 8, 16)))
"""The last blocks of both see the whole picture."""

CONVOLUTIONAL = replace(
    TINY, image_size=192, patch_size=8, efficient_net=EfficientNetConfig(), width=128, decoder_mlp_width=512
)
"""An encoder that has seen photographs."""

BUNDLED = "bundled"
"""The stage to start from may be the weights that are there already: the decoder's, if the encoder is another."""


def _kinds(size: int, *, smallest: float) -> tuple[SceneSpec, ...]:
    """What pictures show: mostly a few things, at times one that fills the picture, at times a crowd of small ones."""
    usual = SceneSpec(size=size, scale=(smallest, 0.7))
    large = SceneSpec(size=size, objects=(1, 2), scale=(0.5, 1.0), outside=0.12)
    crowd = SceneSpec(size=size, objects=(4, 10), scale=(smallest, 0.4))
    return (usual, usual, usual, large, crowd)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that decides a run; a run is repeated exactly by its stage and its start."""

    config: SamConfig
    specs: tuple[SceneSpec, ...]
    exam: SceneSpec
    steps: int
    start: str | None = None
    stretched: bool = False
    """Whether places keep their meaning as shares of the picture when it grows, or else in pixels."""
    pictures: int = 8
    prompts: int = 3
    matrix_rate: float = 0.006
    """Learning rate of matrices, which Muon trains; that of the other weights follows."""
    learning_rate: float = 6e-4
    final_rate: float = 1.0
    warmup: int = 100
    body_rate: float = 2e-4
    """Learning rate of an encoder's body that came trained from elsewhere."""
    weight_decay: float = 0.05
    average: float = 0.998
    clicked: float = 0.5
    dense_weight: float = 1.0
    single_rounds_until: int = 0
    rounds: tuple[int, ...] = (1, 1, 2, 3)
    meaning_weight: float = 0.0
    """Of the teacher who tells every cell the name of its thing, as the prompt in words."""
    texts: float = 0.0
    """Share of things that are also asked for by CLIP's embedding of their crop or name."""
    seed: int = 1


_FIRST = Stage(
    config=SMALL,
    specs=_kinds(128, smallest=0.22),
    exam=SceneSpec(size=320),
    start=BUNDLED,
    steps=600,
    pictures=8,
    prompts=1,
    single_rounds_until=1000,
    seed=11,
)

_FINE = Stage(
    config=replace(CONVOLUTIONAL, image_size=256, text_width=512),
    specs=_kinds(256, smallest=0.16),
    exam=SceneSpec(size=320),
    start=BUNDLED,
    steps=1300,
    pictures=6,
    single_rounds_until=80,
    final_rate=0.01,
    warmup=50,
    matrix_rate=0.005,
    rounds=(1, 1, 1, 2, 4),
    meaning_weight=0.3,
    texts=0.6,
    seed=17,
)

_WIDE = replace(
    _FINE,
    config=replace(_FINE.config, image_size=320),
    specs=_kinds(320, smallest=0.16),
    start="named",
    stretched=True,
    steps=1200,
    single_rounds_until=0,
    matrix_rate=0.003,
    learning_rate=4e-4,
    meaning_weight=0.5,
    texts=0.5,
    seed=19,
)

STAGES: Mapping[str, Stage] = {
    "first": _FIRST,
    "second": replace(_FIRST, start="first", steps=2300, prompts=2, final_rate=0.02, single_rounds_until=1200, seed=12),
    "seeing": Stage(
        config=replace(CONVOLUTIONAL, image_size=128),
        specs=_kinds(128, smallest=0.22),
        exam=SceneSpec(size=320),
        start="second",
        steps=3000,
        single_rounds_until=400,
        final_rate=0.3,
        warmup=50,
        seed=15,
    ),
    "full": Stage(
        config=replace(CONVOLUTIONAL, text_width=512),
        specs=_kinds(192, smallest=0.16),
        exam=SceneSpec(size=320),
        start="seeing",
        steps=2780,
        single_rounds_until=150,
        final_rate=0.01,
        rounds=(1, 1, 1, 2, 5),
        texts=0.9,
        seed=16,
    ),
    "fine": _FINE,
    "named": replace(_FINE, start="fine", steps=2300, single_rounds_until=0, meaning_weight=1.0, seed=18),
    "wide": _WIDE,
    "long": replace(_WIDE, start="wide", steps=1200, rounds=(1, 1, 2, 4), seed=20),
}
