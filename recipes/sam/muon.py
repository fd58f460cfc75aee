"""Muon: momentum whose matrices are made orthogonal, so that every direction learns at the same pace
(https://kellerjordan.github.io/posts/muon/). Convolutions count as matrices of (out, in · kernel)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from recipes.precision import low_precision

#: Below this a matrix is too thin to gain from it; depthwise convolutions and single vectors are.
LEAST_SIDE = 16


class Muon(torch.optim.Optimizer):
    """For the matrices of a network; the other parameters want another optimiser."""

    def __init__(self, parameters: Iterable[Tensor], *, lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Move every matrix; those of one shape are made orthogonal together, which saves most of the time."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = self._with_momentum(parameter, parameter.grad, group["momentum"]).flatten(1)
                    shapes.setdefault(update.shape, []).append((parameter, update))
            for (rows, columns), members in shapes.items():
                stretch = max(1.0, rows / columns) ** 0.5
                updates = orthogonal(torch.stack([update for _, update in members]))
                for (parameter, _), update in zip(members, updates, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update.view_as(parameter), alpha=-group["lr"] * stretch)

    def _with_momentum(self, parameter: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """Nesterov's look ahead: the gradient moved most of the way to the running mean that it has just joined."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        velocity: Tensor = state["momentum"]
        velocity.lerp_(gradient, 1 - momentum)
        return torch.lerp(gradient, velocity, momentum)


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearly orthogonal matrices closest to those given (n, rows, columns): singular values come out near 1.

    Five Newton-Schulz steps with the coefficients of the source, for which bfloat16 is exact enough.
    """
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x: Tensor = wide.to(low_precision(wide.device.type))
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    x = x.to(matrices.dtype)
    return x if wide is matrices else x.mT


def matrices_of(network: nn.Module) -> list[Tensor]:
    """The weights of linear layers and convolutions that are large enough to be worth it."""
    layers = (module.weight for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d))
    return [weight for weight in layers if min(len(weight), weight[0].numel()) >= LEAST_SIDE]
