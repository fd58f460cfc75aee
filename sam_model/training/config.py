"""Everything that decides a training, as frozen values; `sam_model.training.recipes` has complete ones.

Every field is annotated with what it means and the bounds within which it makes sense.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_type_hints

from sam_model.config import PRESETS
from sam_model.errors import ConfigError

Problem: TypeAlias = tuple[tuple[str, ...], str]
"""The path of a field, such as ("optimiser", "rate"), and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a field means, and the bounds within which it makes sense."""

    doc: str
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    choices: tuple[str | None, ...] = ()

    def mistakes(self, value: Any) -> Iterator[str]:
        """Say what is wrong with a value of the right type; each number of a tuple has the same bounds."""
        if self.choices and value not in self.choices:
            known = ", ".join(choice for choice in self.choices if choice is not None)
            yield f"is {value!r}, there are: {known}"
        if value is None:
            return
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(number, float) and not isfinite(number) for number in numbers):
            yield f"must be a finite number, not {value}"
            return
        for holds, bound, words in (
            (operator.gt, self.above, "above"),
            (operator.ge, self.least, "at least"),
            (operator.lt, self.below, "below"),
            (operator.le, self.most, "at most"),
        ):
            if bound is not None and not all(holds(number, bound) for number in numbers):
                yield f"must be {words} {bound:g}, not {value}"


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Where the network comes from, and what of it learns."""

    preset: Annotated[
        str | None, Setting(doc="Sizes of the network; left out, those of `start`.", choices=(*PRESETS, None))
    ] = None
    start: Annotated[Path | None, Setting(doc="A checkpoint of Segment Anything to go on from.")] = None
    mae: Annotated[
        Path | None, Setting(doc="A vision transformer from masked autoencoding, to start the encoder with.")
    ] = None
    clip: Annotated[Path | None, Setting(doc="A CLIP whose embeddings the network shall learn to take as prompts.")] = (
        None
    )
    freeze: Annotated[str, Setting(doc="Parts that do not learn.", choices=("nothing", "encoder"))] = "nothing"
    drop_path: Annotated[float, Setting(doc="Stochastic depth of the encoder's last block.", least=0.0, below=1.0)] = (
        0.0
    )


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """COCO: a folder and a JSON file; SA-1B: a folder with a JSON beside each picture."""

    images: Annotated[Path, Setting(doc="Folder of pictures.")]
    annotations: Annotated[Path | None, Setting(doc="COCO's instances; left out, the folder is one of SA-1B.")] = None


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What is learnt from."""

    train: Annotated[Pictures | None, Setting(doc="Pictures to learn from.")] = None
    validation: Annotated[Pictures | None, Setting(doc="Pictures to measure on.")] = None
    jitter: Annotated[
        tuple[float, float] | None,
        Setting(doc="Large-scale jitter: the picture's longest side by the square's; left out, always 1."),
    ] = None
    masks: Annotated[int, Setting(doc="Masks that are asked for in a picture, at most.", least=1.0)] = 64
    largest: Annotated[
        float, Setting(doc="Masks covering more of their picture are left out.", above=0.0, most=1.0)
    ] = 0.9
    workers: Annotated[int, Setting(doc="Processes that read pictures ahead; 0: none.", least=0.0)] = 2


@dataclass(frozen=True, kw_only=True)
class PromptSettings:
    """The simulated user (paper, appendix A)."""

    rounds: Annotated[int, Setting(doc="Rounds of prompts for each mask.", least=1.0)] = 11
    boxes: Annotated[
        float, Setting(doc="Share of masks that are first asked for by a box, not a point.", least=0.0, most=1.0)
    ] = 0.5
    texts: Annotated[
        float,
        Setting(
            doc="Share of masks that are first asked for by the clip's embedding of their crop.", least=0.0, most=1.0
        ),
    ] = 0.0
    box_noise: Annotated[float, Setting(doc="Deviation of a box's edges, by its side.", least=0.0)] = 0.1
    box_noise_limit: Annotated[float, Setting(doc="Most that an edge moves, in pixels of the square.", least=0.0)] = (
        20.0
    )
    single_at_once: Annotated[
        bool,
        Setting(doc="Let the mask of clear prompts learn from the first round too, as boxes alone will ask for it."),
    ] = False


@dataclass(frozen=True, kw_only=True)
class OptimiserSettings:
    """AdamW and its rate."""

    rate: Annotated[float, Setting(doc="Learning rate after warm-up.", above=0.0, most=1.0)] = 8e-4
    betas: Annotated[tuple[float, float], Setting(doc="AdamW's averages.", least=0.0, below=1.0)] = (0.9, 0.999)
    weight_decay: Annotated[
        float, Setting(doc="Of weights; norms, biases, tokens and positions do not decay.", least=0.0)
    ] = 0.1
    layer_decay: Annotated[
        float, Setting(doc="The rate of each encoder block, by that of the one after it.", above=0.0, most=1.0)
    ] = 0.8
    warmup: Annotated[int, Setting(doc="Steps of linear warm-up.", least=0.0)] = 250
    milestones: Annotated[tuple[int, ...], Setting(doc="Steps at which the rate falls.", least=1.0)] = (60_000, 86_666)
    fall: Annotated[float, Setting(doc="What it is multiplied with there.", above=0.0, most=1.0)] = 0.1
    clip: Annotated[float | None, Setting(doc="Largest norm of the gradient; left out, any.", above=0.0)] = None


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How long, how much at once, and what is kept."""

    output: Annotated[Path, Setting(doc="Folder of the run; it goes on from what it finds there.")] = Path("runs/sam")
    steps: Annotated[int, Setting(doc="Steps in all.", least=1.0)] = 90_000
    batch: Annotated[int, Setting(doc="Pictures a step, over all processes.", least=1.0)] = 256
    at_once: Annotated[
        int, Setting(doc="Pictures that a process looks at together; more rounds make up the batch.", least=1.0)
    ] = 1
    seed: Annotated[
        int, Setting(doc="Decides every draw: the same seed gives the same run.", least=0.0, below=2.0**64)
    ] = 0
    precision: Annotated[
        str, Setting(doc="Of arithmetic; weights stay in float32.", choices=("float32", "bfloat16"))
    ] = "float32"
    save_minutes: Annotated[float, Setting(doc="Time between checkpoints.", least=0.0)] = 10.0
    validate_every: Annotated[int, Setting(doc="Steps between validations.", least=1.0)] = 1000
    validation_pictures: Annotated[int, Setting(doc="Pictures of a validation, at most.", least=1.0)] = 50


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training; a run is repeated exactly by its configuration."""

    network: NetworkSettings = NetworkSettings()
    data: DataSettings = DataSettings()
    prompts: PromptSettings = PromptSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    run: RunSettings = RunSettings()


def check(config: TrainingConfig) -> None:
    """Raise `ConfigError` with all that is wrong with a configuration."""
    if problems := problems_of(config):
        raise ConfigError("; ".join(f"{'.'.join(where)} {message}" for where, message in problems))


def problems_of(config: TrainingConfig) -> list[Problem]:
    """List everything that is wrong with a configuration, field by field and in what the fields say together."""
    return [*_out_of_bounds(config), *_at_odds(config)]


def settings_of(section: type | object) -> dict[str, Setting]:
    """The fields of one section that are no sections themselves."""
    kind = section if isinstance(section, type) else type(section)
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


def _out_of_bounds(section: object, where: tuple[str, ...] = ()) -> Iterator[Problem]:
    settings = settings_of(section)
    for name, value in vars(section).items():
        place = (*where, name)
        if is_dataclass(value):
            yield from _out_of_bounds(value, place)
        else:
            yield from ((place, mistake) for mistake in settings[name].mistakes(value))


def _at_odds(config: TrainingConfig) -> Iterator[Problem]:
    network, jitter, milestones = config.network, config.data.jitter, config.optimiser.milestones
    if config.data.train is None:
        yield ("data", "train"), "is missing: name the pictures to learn from"
    if network.start is None and network.preset is None:
        yield ("network",), f"needs a checkpoint to start from, or a preset: {', '.join(PRESETS)}"
    if network.start is not None and network.mae is not None:
        yield ("network", "mae"), "starts the encoder, but so does network.start: leave one out"
    if (network.clip is None) != (config.prompts.texts == 0):
        yield (
            ("prompts", "texts"),
            (
                "is 0: network.clip is given, so say how many masks are asked for by it"
                if network.clip is not None
                else "needs network.clip, whose embeddings the masks are asked for by"
            ),
        )
    if jitter is not None and not 0 < jitter[0] <= jitter[1]:
        yield ("data", "jitter"), f"must be two scales above 0, the smaller first, not {jitter}"
    if list(milestones) != sorted(set(milestones)):
        yield ("optimiser", "milestones"), f"must rise, not {milestones}"
    if config.run.batch % config.run.at_once:
        yield ("run", "at_once"), f"must divide the batch ({config.run.batch}), not {config.run.at_once}"
