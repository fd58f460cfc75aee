"""Pixels that have heard a prompt, told by what the picture gives them and by the little that a prompt adds.

A block adds to every pixel a mixture of the values of some seven tokens, and normalises it. So the pixels of a prompt
are always

    scale ⊙ own + sharesᵀ · rows + bias

where `own` (hw, c) depends on the picture alone, `bias` (c) on the weights alone, `scale` is a number a pixel, and
`rows` are as many as the tokens of all heads of the blocks so far: 56 after the first, 112 after the second. What reads
the pixels is linear, so `own` is read once for all prompts (`Level`), and a prompt's 4096 × 256 numbers are never made.
The variance for the norm follows from the products of `own` and `rows` with each other. All is exact but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn


class Read(NamedTuple):
    """A linear map of the pixels of a level, split by heads, as far as it does not depend on a prompt."""

    own: Float[Tensor, "heads hw d"]
    fixed: Float[Tensor, "heads _ d"]
    """Of the norm's bias and, in keys and queries, of the pixels' places."""
    weight: Float[Tensor, "heads d c"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Level:
    """What the picture alone says of the pixels after a block."""

    squares: Float[Tensor, " hw"]
    """Of the centred pixels, summed over channels."""
    crossed: tuple[Float[Tensor, "heads d hw"], ...]
    """Products of the centred pixels with the output weights of this block and those before, the earliest first."""
    offsets: tuple[Float[Tensor, " hw"], ...]
    """The same with what is added to all rows of each."""
    out: Float[Tensor, "heads d c"]
    constant: Float[Tensor, " c"]
    """Added to the block's rows: each head's share of the output's bias, and of the bias of the norm before."""
    norm: nn.LayerNorm
    key: Read
    value: Read
    query: Read | None
    """Of the next block; none after the last."""


@dataclass(frozen=True, eq=False)
class Shared:
    """A picture as all prompts find it after each block, and as the masks' upscaling reads it after the last."""

    levels: tuple[Level, ...]
    cells: Float[Tensor, "hw out"]
    cell_bias: Float[Tensor, " out"]
    cell_weight: Float[Tensor, "out c"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LowRank:
    """The pixels of n prompts after some blocks."""

    scale: Float[Tensor, "n 1 hw"]
    shares: Float[Tensor, "n r hw"]
    rows: Float[Tensor, "n r c"]
    values: tuple[Float[Tensor, "n heads t d"], ...]
    """Of which the rows were made, block by block."""
    shared: Shared

    def take(self, kept: Int[Tensor, " kept"]) -> LowRank:
        """Keep some prompts."""
        values = tuple(part[kept] for part in self.values)
        return LowRank(
            scale=self.scale[kept], shares=self.shares[kept], rows=self.rows[kept], values=values, shared=self.shared
        )

    def score(self, asked: Float[Tensor, "n heads t d"], read: Read) -> Float[Tensor, "n heads t hw"]:
        """Multiply tokens with pixels as `read` has them."""
        n, heads, t, _ = asked.shape
        own, fixed = (torch.einsum("nhtd,hpd->nhtp", asked, part) for part in (read.own, read.fixed))
        base = torch.empty((n, heads, t, own.shape[-1]), dtype=own.dtype, device=own.device)
        torch.addcmul(fixed, own, self.scale[:, None], out=base)
        met = torch.einsum("nhtd,hdc,nrc->nhtr", asked, read.weight, self.rows)
        base.view(n, heads * t, -1).baddbmm_(met.reshape(n, heads * t, -1), self.shares)
        return base

    def mix(self, weights: Float[Tensor, "n heads t hw"], read: Read) -> Float[Tensor, "n heads t d"]:
        """Sum pixels as `read` has them, by weights that sum to one."""
        n, heads, t, _ = weights.shape
        by_row = rearrange(weights.reshape(n, heads * t, -1) @ self.shares.mT, "n (h t) r -> n h t r", h=heads)
        rows = torch.einsum("nrc,hdc->nhrd", self.rows, read.weight)
        own = torch.einsum("nhtp,hpd->nhtd", weights * self.scale[:, None], read.own)
        return own + by_row @ rows + read.fixed

    def spread(self) -> Float[Tensor, "n hw out"]:
        """Give what the first step of upscaling makes of the pixels."""
        shared = self.shared
        base = torch.addcmul(shared.cell_bias, self.scale.mT, shared.cells)
        return base.baddbmm_(self.shares.mT, self.rows @ shared.cell_weight.mT)


def hear(
    before: LowRank | None,
    shared: Shared,
    shares: Float[Tensor, "n heads t hw"],
    values: Float[Tensor, "n heads t d"],
) -> LowRank:
    """Add mixtures of values to the pixels and normalise them.

    Args:
        before: the pixels; None for those of the picture.
        shared: of the picture.
        shares: of each value in each pixel; those of a head sum to one. They are overwritten.
        values: of the tokens.
    """
    all_values = (values,) if before is None else (*before.values, values)
    level = shared.levels[len(all_values) - 1]
    stack, rows = rearrange(shares, "n h t p -> n (h t) p"), _rows(values, level)
    if before is not None:
        stack, rows = torch.cat((before.shares, stack), dim=1), torch.cat((before.rows, rows), dim=1)
    rows = rows - rows.mean(dim=-1, keepdim=True)
    scale = None if before is None else before.scale
    narrow = _deviation(level, scale, stack, rows, all_values)
    return LowRank(
        scale=narrow if scale is None else scale * narrow,
        shares=stack.mul_(narrow),
        rows=rows * level.norm.weight,
        values=all_values,
        shared=shared,
    )


def _rows(values: Float[Tensor, "n heads t d"], level: Level) -> Float[Tensor, "n rows c"]:
    rows = torch.einsum("nhtd,hdc->nhtc", values, level.out) + level.constant
    return rearrange(rows, "n h t c -> n (h t) c")


def _deviation(
    level: Level,
    scale: Float[Tensor, "n 1 hw"] | None,
    stack: Float[Tensor, "n r hw"],
    rows: Float[Tensor, "n r c"],
    values: Sequence[Float[Tensor, "n heads t d"]],
) -> Float[Tensor, "n 1 hw"]:
    """One over the standard deviation of `scale ⊙ own + stackᵀ rows`, all of them centred."""
    crossed = torch.cat(
        [
            rearrange(torch.einsum("nhtd,hdp->nhtp", part, own) + offset, "n h t p -> n (h t) p")
            for part, own, offset in zip(values, level.crossed, level.offsets, strict=True)
        ],
        dim=1,
    )
    squares = level.squares
    if scale is not None:
        crossed *= scale
        squares = squares * scale.square()
    products = crossed.baddbmm_(rows @ rows.mT, stack, beta=2).mul_(stack).sum(dim=1, keepdim=True)
    variance = (squares + products) / rows.shape[-1]
    return (variance.clamp_min(0) + level.norm.eps).rsqrt()
