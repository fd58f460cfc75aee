"""One step: pictures → conversations → gradient → weights.

A picture's part of the gradient depends on its sample and on the network alone, so it does not matter how a batch is
spread over processes, but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor

from sam_model.modeling import Sam
from sam_model.precision import warn_if_emulated
from sam_model.training.config import TrainingConfig
from sam_model.training.crops import CropReader, read_crops
from sam_model.training.interaction import Wanted, converse
from sam_model.training.network import seed_drop_path, set_training
from sam_model.training.optimiser import make_optimiser, rate_at, set_rate
from sam_model.training.samples import Sample

LOSS, FIRST_IOU, LAST_IOU = range(3)
_DROP_PATH, _PROMPTS = range(2)


@dataclass(frozen=True)
class Portion:
    """Samples that are looked at together, and their numbers."""

    numbers: Sequence[int]
    samples: Sequence[Sample]


class Learner:
    """The network, its optimiser and the devices that they run on."""

    def __init__(
        self, sam: Sam, config: TrainingConfig, accelerator: Accelerator, clip: CropReader | None = None
    ) -> None:
        if config.run.precision == "bfloat16":
            warn_if_emulated(accelerator.device, torch.bfloat16)
        self.config = config
        self.clip = clip
        self.accelerator = accelerator
        self.sam = sam.to(accelerator.device)
        self.optimiser = make_optimiser(self.sam, config.optimiser)
        self.learning = [parameter for parameter in self.sam.parameters() if parameter.requires_grad]

    def step(self, step: int, portions: Iterable[Portion]) -> Float[Tensor, " figures"]:
        """Learn from this process's portions of a batch, together with the other processes.

        Returns:
            Loss, IoU after the first and after the last round: means over the whole batch, the same in every process.
        """
        set_training(self.sam, self.config.network)
        self.optimiser.zero_grad(set_to_none=True)
        figures = torch.zeros(3, device=self.accelerator.device)
        for portion in portions:
            figures += self._look(portion)
        self._share_gradients()
        if self.config.optimiser.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.learning, self.config.optimiser.clip)
        set_rate(self.optimiser, rate_at(step, self.config.optimiser))
        self.optimiser.step()
        return self.add_up(figures)

    def add_up(self, figures: Tensor) -> Tensor:
        """Sum over all processes."""
        total: Tensor = self.accelerator.reduce(figures, reduction="sum")
        return total

    def _look(self, portion: Portion) -> Float[Tensor, " figures"]:
        """Embed pictures, talk about each of them, and bring what the talk has taught back through the encoder.

        The gradient of a round goes only as far as the embedding; there it is gathered, so that the encoder is passed
        backward once.
        """
        seed_drop_path(self.sam, (self._seed(number, _DROP_PATH) for number in portion.numbers))
        images = torch.stack([sample.image for sample in portion.samples]).to(self.accelerator.device)
        frozen = self.config.network.freeze == "encoder"
        with torch.set_grad_enabled(not frozen), self._autocast():
            embeddings = self.sam.image_encoder(images)
        leaves = [embedding.detach().float().requires_grad_(not frozen) for embedding in embeddings.split(1)]
        figures = [
            self._talk(leaf, self._wanted(sample), number)
            for leaf, sample, number in zip(leaves, portion.samples, portion.numbers, strict=True)
        ]
        if not frozen:
            gathered = torch.cat([leaf.grad for leaf in leaves if leaf.grad is not None])
            torch.autograd.backward(embeddings, gathered.to(embeddings.dtype))
        return torch.stack(figures).sum(dim=0)

    def _wanted(self, sample: Sample) -> Wanted:
        """What the user has in mind, on this device, with the texts for it."""
        device, wanted = self.accelerator.device, sample.wanted
        texts = None if self.clip is None else read_crops(self.clip, sample.crops).to(device)
        return replace(wanted, targets=wanted.targets.to(device), boxes=wanted.boxes.to(device), texts=texts)

    def _talk(self, embedding: Float[Tensor, "1 c h w"], wanted: Wanted, number: int) -> Float[Tensor, " figures"]:
        """Hold one conversation, going backward after each round; give the picture's part of the batch's figures."""
        device, batch, rounds = self.accelerator.device, self.config.run.batch, self.config.prompts.rounds
        generator = torch.Generator(device).manual_seed(self._seed(number, _PROMPTS))
        conversation = converse(self.sam, embedding, wanted, self.config.prompts, generator=generator)
        figures = torch.zeros(3, device=device)
        for turn in range(rounds):
            with self._autocast():
                answered = next(conversation)
            loss = answered.loss.mean() / (rounds * batch)
            torch.autograd.backward(loss)
            figures[LOSS] += loss.detach()
            if turn == 0:
                figures[FIRST_IOU] = answered.iou.mean() / batch
        figures[LAST_IOU] = answered.iou.mean() / batch
        return figures

    def _autocast(self) -> torch.autocast:
        """Not accelerate's own, whose precision is fixed for the life of the process."""
        kind = self.accelerator.device.type
        return torch.autocast(kind, torch.bfloat16, enabled=self.config.run.precision == "bfloat16")

    def _share_gradients(self) -> None:
        """Sum gradients over all processes; what no prompt has touched has the gradient zero, in each of them."""
        for parameter in self.learning:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            parameter.grad = self.add_up(gradient)

    def _seed(self, number: int, purpose: int) -> int:
        sequence = np.random.SeedSequence([self.config.run.seed, number, purpose])
        return int(sequence.generate_state(1, np.uint64)[0] >> 1)
