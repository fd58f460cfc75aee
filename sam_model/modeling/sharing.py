"""Read a picture once for all prompts: after each block of the decoder, and for the masks' upscaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from einops import rearrange, reduce
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.modeling.low_rank import Level, Read

if TYPE_CHECKING:
    from sam_model.modeling.cross_attention import TokenToImage
    from sam_model.modeling.two_way_transformer import TwoWayBlock


def levels_of(
    blocks: Sequence[TwoWayBlock],
    final: TokenToImage,
    pixels: Float[Tensor, "hw c"],
    places: Float[Tensor, "hw c"],
) -> tuple[tuple[Level, ...], Float[Tensor, "hw c"]]:
    """Give what each block leaves of a picture for those who read it next, and what the last one leaves.

    Args:
        blocks: of the decoder.
        final: attention, which reads the pixels after the last block.
        pixels: as the first block finds them.
        places: of the pixels, added to them in queries and keys.
    """
    levels: list[Level] = []
    own, bias = pixels, pixels.new_zeros(pixels.shape[1])
    for place, block in enumerate(blocks):
        own = _centred(own)
        squares = own.square().sum(dim=1)
        out, norm = block.cross_attn_image_to_token, block.norm4
        weights = rearrange(out.out_proj.weight, "c (h d) -> h d c", h=out.heads)
        constant = (bias + out.out_proj.bias) / out.heads
        earlier = [(level.out, level.constant) for level in levels] + [(weights, constant)]
        probes = list(_probes(own, [level.norm for level in levels]))[::-1]
        own, bias = own * norm.weight, norm.bias
        following = blocks[place + 1] if place + 1 < len(blocks) else None
        reader = final if following is None else following.cross_attn_token_to_image
        asking = None if following is None else following.cross_attn_image_to_token
        levels.append(
            Level(
                squares=squares,
                crossed=tuple(weight @ probe.mT for probe, (weight, _) in zip(probes, earlier, strict=True)),
                offsets=tuple(probe @ added for probe, (_, added) in zip(probes, earlier, strict=True)),
                out=weights,
                constant=constant,
                norm=norm,
                key=_read(reader.k_proj, reader.heads, own, places + bias),
                value=_read(reader.v_proj, reader.heads, own, bias[None]),
                query=None if asking is None else _read(asking.q_proj, asking.heads, own, places + bias),
            )
        )
    return tuple(levels), own


def _probes(own: Float[Tensor, "hw c"], norms: Sequence[nn.LayerNorm]) -> Iterator[Float[Tensor, "hw c"]]:
    """What the rows of a block, as they were before its norm, are multiplied with; the latest block's first.

    Rows of earlier blocks went through norms since: instead of the rows, the few of many prompts, the pixels do.
    """
    yield own
    for norm in reversed(norms):
        own = _centred(own * norm.weight)
        yield own


def _read(linear: nn.Linear, heads: int, own: Float[Tensor, "hw c"], fixed: Float[Tensor, "#hw c"]) -> Read:
    parts = F.linear(own, linear.weight), linear(fixed)
    own, fixed = (rearrange(part, "p (h d) -> h p d", h=heads).contiguous() for part in parts)
    return Read(own, fixed, rearrange(linear.weight, "(h d) c -> h d c", h=heads))


def _centred(pixels: Float[Tensor, "hw c"]) -> Float[Tensor, "hw c"]:
    return pixels - reduce(pixels, "p c -> p 1", "mean")
