"""The sizes that make one Segment Anything network differ from another.

A preset is a difference from another preset: `replace(VIT_B, encoder_width=1024, ...)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod
from operator import mul

from sam_model.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class TinyVitConfig:
    """Sizes of MobileSAM's image encoder; the defaults are those of `mobile_sam.pt`.

    The first stage convolves, the others attend in windows. Between stages stand `strides`; with the stem's 4 they make
    the stride of the whole.
    """

    widths: tuple[int, ...] = (64, 128, 160, 320)
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (4, 5, 10)
    """Of the stages that attend."""
    windows: tuple[int, ...] = (7, 14, 7)
    """Sides of the windows of the stages that attend, in cells of their grid."""
    strides: tuple[int, ...] = (2, 2, 1)
    classes: int = 1000
    """Outputs of the classifier that published files still carry and nothing uses; without any it is left out."""

    def __post_init__(self) -> None:
        self._check_lengths()
        for width, heads in zip(self.widths[1:], self.heads, strict=True):
            if width % heads:
                raise ConfigError(f"tiny_vit: a width of {width} must be divisible by its heads ({heads})")

    def _check_lengths(self) -> None:
        stages = len(self.widths)
        lengths = {"widths": stages, "depths": stages}
        for name in ("widths", "depths", "heads", "windows", "strides"):
            sizes, length = getattr(self, name), lengths.get(name, stages - 1)
            if len(sizes) != length or any(type(size) is not int or size < 1 for size in sizes):
                raise ConfigError(
                    f"tiny_vit: with {stages} widths, {name} must be {length} positive integers, not {sizes}"
                )

    @property
    def stride(self) -> int:
        """Pixels of the picture along a side of a cell of the embedding."""
        return 4 * prod(self.strides)


@dataclass(frozen=True, kw_only=True)
class EfficientNetConfig:
    """Sizes of a convolutional image encoder; the defaults are EfficientNet-Lite0's.

    The stem halves the picture, then come stages of inverted bottlenecks. `stride` is that of the embedding: one of the
    resolutions that the stages go through.
    """

    stem: int = 32
    widths: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    depths: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)
    kernels: tuple[int, ...] = (3, 3, 5, 3, 5, 5, 3)
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 1)
    expansions: tuple[int, ...] = (1, 6, 6, 6, 6, 6, 6)
    stride: int = 8

    def __post_init__(self) -> None:
        for name in ("widths", "depths", "kernels", "strides", "expansions"):
            sizes, length = getattr(self, name), len(self.widths)
            if len(sizes) != length or any(type(size) is not int or size < 1 for size in sizes):
                raise ConfigError(
                    f"efficient_net: with {length} widths, {name} must be {length} positive integers, not {sizes}"
                )
        resolutions = sorted({2 * stride for stride in self.strides_so_far()})
        if self.stride not in resolutions:
            raise ConfigError(
                f"efficient_net: stride ({self.stride}) must be one that the stages go through ({resolutions})"
            )

    def blocks(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Channels in and out, kernel, stride and expansion of every block."""
        before = self.stem
        stages = zip(self.widths, self.depths, self.kernels, self.strides, self.expansions, strict=True)
        for width, depth, kernel, stride, expansion in stages:
            for index in range(depth):
                yield before, width, kernel, stride if index == 0 else 1, expansion
                before = width

    def strides_so_far(self) -> list[int]:
        """After each block, behind the stem."""
        return list(accumulate((stride for _, _, _, stride, _ in self.blocks()), mul))

    @property
    def coarsest(self) -> int:
        """Pixels of the picture along a side of a cell of the last block; pictures must be divisible by it."""
        return 2 * prod(self.strides)


@dataclass(frozen=True, kw_only=True)
class SamConfig:
    """Sizes of the three networks; the defaults are the paper's ViT-B.

    The picture is a square of `image_size` pixels, seen as a grid of `grid_size` patches a side. Mask logits come out,
    and mask hints go in, at four times the grid. With `tiny_vit` MobileSAM's encoder takes the place of the vision
    transformer, with `efficient_net` a convolutional one; the transformer's own sizes, from `encoder_width` to
    `global_blocks`, then mean nothing.
    """

    image_size: int = 1024
    patch_size: int = 16

    encoder_width: int = 768
    encoder_depth: int = 12
    encoder_heads: int = 12
    encoder_mlp_ratio: int = 4
    window_size: int = 14
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    tiny_vit: TinyVitConfig | None = None
    efficient_net: EfficientNetConfig | None = None

    width: int = 256
    """Channels of the image embedding, the prompt tokens and the decoder."""
    text_width: int | None = None
    """Numbers of the CLIP embeddings that the network was trained to take as prompts (paper, section 7.5), if any."""
    hint_channels: int = 16
    """Channels inside the network that embeds mask hints."""
    decoder_depth: int = 2
    decoder_heads: int = 8
    decoder_mlp_width: int = 2048

    def __post_init__(self) -> None:
        self._check_sizes()
        self._check_divisions()
        self._check_global_blocks()
        self._check_encoder()

    @property
    def grid_size(self) -> int:
        """Patches along a side of the picture."""
        return self.image_size // self.patch_size

    @property
    def logits_size(self) -> int:
        """Pixels along a side of low-resolution mask logits and of mask hints."""
        return 4 * self.grid_size

    def _check_sizes(self) -> None:
        for name, value in vars(self).items():
            absent = value is None and name == "text_width"
            if (
                name not in ("global_blocks", "tiny_vit", "efficient_net")
                and not absent
                and (type(value) is not int or value < 1)
            ):
                raise ConfigError(f"{name} must be a positive integer, not {value!r}")

    def _check_divisions(self) -> None:
        divisions = (
            ("image_size", self.image_size, "patch_size", self.patch_size),
            ("encoder_width", self.encoder_width, "encoder_heads", self.encoder_heads),
            ("half of width", self.width // 2, "decoder_heads", self.decoder_heads),
            ("width", self.width, "8 (channels of the upscaled embedding)", 8),
            ("hint_channels", self.hint_channels, "4", 4),
        )
        for whole, size, part, divisor in divisions:
            if size % divisor:
                suffix = "" if part[0].isdigit() else f" ({divisor})"
                raise ConfigError(f"{whole} ({size}) must be divisible by {part}{suffix}")

    def _check_encoder(self) -> None:
        if self.tiny_vit is not None and self.efficient_net is not None:
            raise ConfigError("tiny_vit and efficient_net exclude each other: a network has one image encoder")
        for name, encoder in (("tiny_vit", self.tiny_vit), ("efficient_net", self.efficient_net)):
            if encoder is not None and encoder.stride != self.patch_size:
                raise ConfigError(f"patch_size ({self.patch_size}) must be the stride of {name} ({encoder.stride})")
        if self.efficient_net is not None and self.image_size % self.efficient_net.coarsest:
            coarsest = self.efficient_net.coarsest
            raise ConfigError(
                f"image_size ({self.image_size}) must be divisible by efficient_net's last stride ({coarsest})"
            )

    def _check_global_blocks(self) -> None:
        beyond = [block for block in self.global_blocks if block not in range(self.encoder_depth)]
        if beyond:
            last = self.encoder_depth - 1
            raise ConfigError(f"global_blocks {beyond} do not exist: the encoder has blocks 0 to {last}")


VIT_B = SamConfig()
VIT_L = replace(VIT_B, encoder_width=1024, encoder_depth=24, encoder_heads=16, global_blocks=(5, 11, 17, 23))
VIT_H = replace(VIT_B, encoder_width=1280, encoder_depth=32, encoder_heads=16, global_blocks=(7, 15, 23, 31))
VIT_T = replace(VIT_B, tiny_vit=TinyVitConfig())
TINY = replace(
    VIT_B,
    image_size=192,
    patch_size=8,
    encoder_width=128,
    encoder_depth=4,
    encoder_heads=4,
    window_size=8,
    global_blocks=(1, 3),
    width=128,
    decoder_mlp_width=512,
)

PRESETS = {"tiny": TINY, "vit_t": VIT_T, "vit_b": VIT_B, "vit_l": VIT_L, "vit_h": VIT_H}
