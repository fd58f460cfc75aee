"""A teacher of the decoder's first look: a prompt in words has to look at its thing, and nowhere else.

Cells may know names, and a prompt's token may be the name: from masks alone the decoder is slow to learn that the one
is found by the other, because with clicks and boxes it has always looked at places.
"""

from __future__ import annotations

from typing import Self, cast

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sam_model.modeling.cross_attention import TokenToImage
from sam_model.modeling.mask_decoder import MASKS
from sam_model.modeling.sam import Sam

#: The place of a text among the decoder's tokens: after those of the IoU and of the masks.
TEXT = 1 + MASKS


class Glance:
    """Within its `with`, catches where tokens look when they meet the picture first."""

    def __init__(self, sam: Sam) -> None:
        first = sam.mask_decoder.transformer.layers[0]
        self._attention = cast("TokenToImage", first.get_submodule("cross_attn_token_to_image"))
        self._caught: dict[nn.Module, Tensor] = {}

    def __enter__(self) -> Self:
        asked = (self._attention.q_proj, self._attention.k_proj)
        self._hooks = [module.register_forward_hook(self._catch) for module in asked]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def shares(self, token: int = TEXT) -> Float[Tensor, "n heads hw"]:
        """How each head of the first attention divided what one token takes of the picture, by the last decoding."""
        query, key = (self._attention.split(self._caught[module].float())
                      for module in (self._attention.q_proj, self._attention.k_proj))  # fmt: skip
        scores = torch.einsum("nhd,nhpd->nhp", query[:, :, token], key) * query.shape[-1] ** -0.5
        shares: Tensor = scores.softmax(dim=-1)
        return shares

    def _catch(self, module: nn.Module, _: object, made: Tensor) -> None:
        self._caught[module] = made


def glance_loss(shares: Float[Tensor, "n heads hw"], wanted: Float[Tensor, "n h w"]) -> tuple[Tensor, float]:
    """How far the heads together look past the masks, which are shares of logit cells; and the share that meets them.

    Heads share the work, so their mean counts: some may go on looking at places.
    """
    cells = round(shares.shape[-1] ** 0.5)
    inside = rearrange(F.adaptive_avg_pool2d(wanted, cells), "n h w -> n (h w)")
    met = (shares.mean(dim=1) * inside).sum(dim=1)
    return -met.clamp(min=1e-4).log().mean(), float(met.detach().mean())
