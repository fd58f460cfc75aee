"""What a ViTDet is made of. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class VitDetConfig:
    """Sizes of the network; the defaults are those of the published ViT-B (detectron2, projects/ViTDet/configs)."""

    image_size: int = 1024
    """Side of the square, in pixels, that a picture is scaled into and padded to."""
    patch_size: int = 16
    encoder_width: int = 768
    encoder_depth: int = 12
    encoder_heads: int = 12
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    """Blocks that attend over the whole picture; all others attend inside windows."""
    window_size: int = 14
    pretrain_grid: int = 14
    """Patches along a side of the pictures that the backbone was pretrained with: 224 / 16."""
    width: int = 256
    """Channels of the feature pyramid and of all heads."""
    box_width: int = 1024
    """Channels of a box head's last layer."""
    cascade: bool = False
    """Three box heads one after another, each refining the boxes of the one before (arXiv 1712.00726)."""
    classes: int = 80
    sigmoid: bool = False
    """Each class is scored by itself, as LVIS's federated loss wants it (arXiv 2103.07461), not by a softmax of all."""
    stem: tuple[int, ...] = ()
    """Channels of residual stages that make the tokens, each half as fine as the one before; none: bare patches."""
    finest_level: int = 2
    """The pyramid's first level: pixels of p2 are 4 pixels of the picture wide, of p3 8, and so on to p6."""
    anchor_strides: int = 8
    """An anchor's side, as a square, in strides of its level: 32 pixels on p2, 512 on p6."""
    proposals: int = 1000
    """How many boxes of a picture the box head looks at."""
    proposal_convolutions: int = 2
    box_convolutions: int = 4
    mask_convolutions: int = 4
    class_agnostic: bool = False
    """One box and one mask for all classes of a proposal; the cascade has one box for all in any case."""

    def __post_init__(self) -> None:
        """Raises ValueError for sizes that cannot be built."""
        if self.image_size % (2 * self.patch_size) or self.patch_size != 16:
            raise ValueError(
                f"image_size {self.image_size} and patch_size {self.patch_size}: expected patches of 16 pixels, "
                "and a multiple of 32"
            )
        if self.stem and 2 ** (len(self.stem) + 1) != self.patch_size:
            raise ValueError(f"stem {self.stem} makes tokens of {2 ** (len(self.stem) + 1)} pixels, expected 16")
        if not 2 <= self.finest_level <= 5:
            raise ValueError(f"finest_level {self.finest_level} is not 2, 3, 4 or 5")
        if self.encoder_width % self.encoder_heads:
            raise ValueError(f"encoder_width {self.encoder_width} is no multiple of {self.encoder_heads} heads")

    @property
    def grid_size(self) -> int:
        """Patches along a side of the square."""
        return self.image_size // self.patch_size


VITDET_B = VitDetConfig()
VITDET_L = replace(VITDET_B, encoder_width=1024, encoder_depth=24, encoder_heads=16, global_blocks=(5, 11, 17, 23))
VITDET_H = replace(VITDET_B, encoder_width=1280, encoder_depth=32, encoder_heads=16, global_blocks=(7, 15, 23, 31))
PUBLISHED = {"b": VITDET_B, "l": VITDET_L, "h": VITDET_H}
