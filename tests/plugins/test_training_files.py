"""Configurations: recipes, files and options; every mistake at once, with its place and what would work."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import SpecError, UserError
from plugins.training.files import options_of, read_config
from plugins.training.printing import as_yaml
from sam_model.training.recipes import FINETUNE, RECIPES

PICTURES = {"images": Path("photos"), "start": "base"}


@pytest.fixture
def written(tmp_path):
    """Write a file and give its name."""

    def write(text: str) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return str(path)

    return write


def mistakes(source: str | None, **options: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_config(source, options_of(**options))
    return [str(problem).rpartition("mine.yaml:")[2] for problem in caught.value.problems]


def test_a_file_says_what_differs_from_its_recipe(written, tmp_path):
    config = read_config(
        written("""
            recipe: vit_l
            network: {mae: mae.pth}
            data: {train: {images: sa1b}, jitter: [0.1, 2.0]}
            optimiser: {rate: 1e-3}
        """),
        {},
    )
    paper = RECIPES["vit_l"].config
    assert config.optimiser.rate == 1e-3
    assert config.optimiser.layer_decay == paper.optimiser.layer_decay
    assert config.data.jitter == (0.1, 2.0)
    assert config.run == paper.run
    assert config.data.train.images == tmp_path / "sa1b", "a path is not relative to its file"
    assert config.network.mae == tmp_path / "mae.pth"


def test_options_have_the_last_word_and_are_relative_to_the_current_folder(written):
    source = written("network: {start: large}\ndata: {train: {images: a}}")
    config = read_config(
        source, options_of(start="base", images=Path("b"), annotations=Path("c.json"), freeze="encoder")
    )
    assert str(config.network.start) == "base"
    assert (config.data.train.images, config.data.train.annotations) == (Path("b"), Path("c.json"))
    assert config.network.freeze == "encoder"


def test_without_a_file_options_are_enough_to_fine_tune():
    config = read_config(None, options_of(**PICTURES))
    assert config.prompts == FINETUNE.prompts
    assert config.run == FINETUNE.run


def test_a_model_beside_the_file_is_found_and_a_preset_stays_one(written, tmp_path):
    (tmp_path / "mine").mkdir()
    text = "data: {{train: {{images: a}}}}\nnetwork: {{start: {}}}"
    assert read_config(written(text.format("mine")), {}).network.start == tmp_path / "mine"
    assert read_config(written(text.format("base")), {}).network.start == Path("base")


def test_fewer_steps_bring_the_fall_of_the_rate_forward():
    config = read_config(None, options_of(**PICTURES, steps=100))
    assert config.optimiser.milestones == (70, 90)
    assert config.optimiser.warmup == 5
    longer = read_config(None, options_of(**PICTURES, steps=10_000))
    assert longer.optimiser.milestones == (7000, 9000)
    assert longer.optimiser.warmup == FINETUNE.optimiser.warmup


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_printed_can_be_read_again(name, written):
    config = read_config(name, options_of(**PICTURES, output=Path("runs/a")), complete=False)
    again = read_config(written(as_yaml(config)), options_of(**PICTURES, output=Path("runs/a")))
    assert again == config


def test_all_mistakes_are_told_at_once_with_place_and_remedy(written):
    source = written(
        "recipe: finetun\n"
        "netwrk: {}\n"
        "network: {freeze: all, drop_path: 2, strat: x}\n"
        "data:\n"
        "  train: {imgs: a}\n"
        "  jitter: [2, 1]\n"
        "  validation: 5\n"
        "optimiser: {rate: fast, milestones: [5, 3], betas: [0.9], clip: 0}\n"
        "run: {steps: 1.5, batch: 3, at_once: 2}\n"
    )
    assert mistakes(source) == [
        "1:1: recipe: there is no recipe 'finetun'. Did you mean 'finetune'?",
        "2:1: netwrk: unknown key 'netwrk'. Did you mean 'network'?",
        "3:11: network, freeze: is 'all', there are: nothing, encoder.",
        "3:24: network, drop_path: must be below 1, not 2.0.",
        "3:38: network, strat: unknown key 'strat'. Did you mean 'start'?",
        "5:3: data, train, images: is missing.",
        "5:11: data, train, imgs: unknown key 'imgs'. Did you mean 'images'?",
        "6:3: data, jitter: must be two scales above 0, the smaller first, not (2.0, 1.0).",
        "7:3: data, validation: must be a mapping: it holds images, annotations.",
        '8:13: optimiser, rate: must be a number, not "fast".',
        "8:25: optimiser, milestones: must rise, not (5, 3).",
        "8:45: optimiser, betas: has too few members, not [0.9].",
        "8:59: optimiser, clip: must be above 0, not 0.0.",
        "9:7: run, steps: must be a whole number, not 1.5.",
        "9:29: run, at_once: must divide the batch (3), not 2.",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "base"}, "--images: is missing: name the pictures to learn from."),
        ({"images": Path("a")}, "--from: needs a checkpoint to start from, or a preset: tiny, vit_t, vit_b,"),
        ({**PICTURES, "freeze": "decoder"}, "--freeze: is 'decoder', there are: nothing, encoder."),
        ({**PICTURES, "steps": 0}, "--steps: must be at least 1, not 0."),
        ({**PICTURES, "validation_annotations": Path("c.json")}, "--validation-images: is missing."),
        ({"start": "base", "annotations": Path("c.json")}, "--images: is missing."),
        ({**PICTURES, "mae": Path("m.pth")}, "--mae: starts the encoder, but so does network.start: leave one out."),
    ],
)
def test_mistakes_in_options_are_told_by_the_options_names(options, message):
    assert any(told.startswith(message) for told in mistakes(None, **options)), mistakes(None, **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optimiser: {rate: .inf}", "1:13: optimiser, rate: must be a finite number, not inf."),
        ("optimiser: {betas: [0.9, .nan]}", "1:13: optimiser, betas: must be a finite number, not (0.9, nan)."),
        ("optimiser: {rate: 8}", "1:13: optimiser, rate: must be at most 1, not 8.0."),
        ("run: {seed: 99999999999999999999}", "1:7: run, seed: must be below 1.84467e+19, not 99999999999999999999."),
    ],
)
def test_numbers_beyond_what_is_computed_with_are_mistakes(written, text, message):
    assert mistakes(written(text), **PICTURES) == [message]


def test_text_for_a_flag_is_a_mistake(written):
    source = written("prompts: {single_at_once: no}\ndata: {train: {images: a}}\nnetwork: {start: base}")
    assert mistakes(source) == ['1:11: prompts, single_at_once: must be true or false, not "no".']


def test_a_list_is_no_configuration(written):
    (first, *_) = mistakes(written("- 1"), **PICTURES)
    assert first == "1:1: must be a mapping: it holds recipe, network, data, prompts, optimiser, run."


def test_what_is_neither_a_file_nor_a_recipe_is_named():
    with pytest.raises(UserError, match=r"'vit_x' is neither a YAML file nor a recipe\. Did you mean 'vit_l'\?"):
        read_config("vit_x", {})
    with pytest.raises(SpecError, match=r"nothing\.yaml: there is no such file"):
        read_config("nothing.yaml", {})


@pytest.mark.parametrize(
    ("recipe", "message"),
    [("[finetune]", "there is no recipe '['finetune']'."), ("!!bool maybe", "'maybe' is not what its tag says.")],
)
def test_what_is_no_name_of_a_recipe_is_told_once(written, recipe, message):
    (line,) = [line for line in mistakes(written(f"recipe: {recipe}\n")) if "recipe" in line]
    assert message in line
