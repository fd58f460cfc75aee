"""TensorBoard's log of a training."""

from __future__ import annotations

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from sam_model.training.events import Drawn, Event, Started, Stepped, Validated


class TensorBoardLog:
    """Writes figures and panels of a run; what a run logged after the checkpoint that it goes on from is dropped.

    Importing this module needs the package tensorboard, which the extra `train` brings.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: SummaryWriter | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._writer = SummaryWriter(str(self.folder), purge_step=event.step + 1)
        if self._writer is None:
            return
        match event:
            case Stepped():
                for name in ("loss", "first_iou", "last_iou", "rate"):
                    self._writer.add_scalar(f"training/{name}", getattr(event, name), event.step)
            case Validated():
                for name in ("box", "click", "clicks"):
                    self._writer.add_scalar(f"validation/{name}", getattr(event.scores, name), event.step)
            case Drawn():
                self._writer.add_image("samples", event.panel, event.step, dataformats="HWC")
        self._writer.flush()
