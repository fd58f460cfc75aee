"""From a configuration to a trained model, in the words of the command line."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from pipelines.command.terminal import complain, say
from pipelines.errors import OutputError, UserError
from pipelines.families import find_family
from pipelines.outputs import check_folder
from plugins.training.progress import TrainingProgress
from sam_model.errors import SamModelError
from sam_model.training.config import TrainingConfig
from sam_model.training.crops import CropReader
from sam_model.training.events import Listener
from sam_model.training.trainer import Outcome, Trainer


def run(config: TrainingConfig, *, quiet: bool = False) -> Outcome:
    """Train as configured, show how it goes, and say where the result is.

    Raises:
        UserError: for pictures, annotations, weights or folders that cannot be used.
    """
    config = with_weights(config)
    check_folder(config.run.output)
    with ExitStack() as stack:
        listeners: list[Listener] = [] if quiet else [stack.enter_context(TrainingProgress())]
        listeners += _logs(config.run.output / "logs", quiet=quiet)
        try:
            trainer = Trainer(config, listeners=listeners, clip=_clip_of(config))
            outcome = trainer.train()
        except SamModelError as error:
            raise UserError(str(error)) from error
        except OSError as error:
            raise OutputError(
                f"cannot write {error.filename or config.run.output}: {error.strerror or error}."
            ) from error
    if trainer.accelerator.is_main_process:
        _report(outcome)
    return outcome


def with_weights(config: TrainingConfig) -> TrainingConfig:
    """Find the checkpoint that the configuration starts from, and its CLIP: presets, paths, or hub ids on this machine.

    Raises:
        ModelError: when one is not here.
    """
    start, clip = _place("sam", config.network.start), _place("clip", config.network.clip)
    return replace(config, network=replace(config.network, start=start, clip=clip))


def _place(family: str, ref: Path | None) -> Path | None:
    return None if ref is None else Path(find_family(family).resolve(str(ref), offline=True).location)


def _clip_of(config: TrainingConfig) -> CropReader | None:
    """The CLIP plugin's model as the training sees it; it stays on the processor, in single precision."""
    if config.network.clip is None:
        return None
    family = find_family("clip")
    clip = family.load(family.resolve(str(config.network.clip), offline=True), device="cpu", dtype="float32")
    return CropReader(width=clip.embed_images([]).shape[1], embed=clip.embed_images)


def _logs(folder: Path, *, quiet: bool) -> list[Listener]:
    try:
        from sam_model.training.logs import TensorBoardLog
    except ModuleNotFoundError as error:
        if not quiet:
            complain(f"no log for TensorBoard: {error.name} is not installed (`pip install samloom[train]` brings it).")
        return []
    return [TensorBoardLog(folder)]


def _report(outcome: Outcome) -> None:
    if outcome.signal is None:
        say(str(outcome.folder))
    else:
        complain(f"stopped after step {outcome.step}: the same command goes on from {outcome.folder}.")
