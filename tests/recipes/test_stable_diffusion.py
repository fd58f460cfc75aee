from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recipes.stable_diffusion.crops import NOTHING, PORTRAITS, CropSpec, crops, portraits
from recipes.stable_diffusion.latents import standardised
from recipes.stable_diffusion.loop import Run, draws, rate_factor
from recipes.stable_diffusion.networks import LATENT_CHANNELS, SIDE, TEXT_LENGTH, autoencoder, schedule
from recipes.stable_diffusion.prompts import prompt
from recipes.stable_diffusion.tokenizer import learn_merges, words, write_tokenizer
from recipes.world.art import Atlas, Sprite
from recipes.world.nouns import GENERATION_NOUNS


def sprite(name: str, icon: str, colour: tuple[int, int, int], size: tuple[int, int]) -> Sprite:
    """A drawing of one colour, wholly opaque, at three sizes."""
    width, height = size
    full = np.broadcast_to(np.array([*colour, 255], dtype=np.uint8), (height, width, 4)).copy()
    return Sprite(name, "noto", icon, (full, full[::2, ::2].copy(), full[::4, ::4].copy()))


@pytest.fixture
def atlas() -> Atlas:
    dog = sprite("dog", "drawn/dog-face", (255, 0, 0), (160, 120))
    return Atlas((dog, sprite("car", "drawn/taxi", (0, 255, 0), (160, 80))))


def test_the_same_number_names_the_same_crop_wherever_the_reading_starts(atlas: Atlas) -> None:
    read = [list(crops(5, start, 24, new=atlas, other=atlas, spec=CropSpec())) for start in (0, 16)]
    for early, late in zip(read[0][16:], read[1], strict=True):
        assert early.name == late.name
        np.testing.assert_array_equal(early.image, late.image)
        np.testing.assert_array_equal(early.region, late.region)


def test_crops_start_at_a_whole_background(atlas: Atlas) -> None:
    with pytest.raises(ValueError, match="start must be a multiple of 8, not 3"):
        next(crops(5, 3, 24, new=atlas, other=atlas, spec=CropSpec()))


def test_the_crop_is_somewhat_larger_than_its_region(atlas: Atlas) -> None:
    spec = CropSpec(context=(1.4, 1.4), boxes=1.0)
    for crop in crops(0, 0, 64, new=atlas, other=atlas, spec=spec):
        rows, columns = (np.flatnonzero(crop.region.any(axis=axis)) for axis in (1, 0))
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert SIDE / longer == pytest.approx(1.4, rel=0.04)


def test_a_new_thing_stays_inside_its_region(atlas: Atlas) -> None:
    spec = CropSpec(neighbours=0.0, nothing=0.0)
    red = Atlas(tuple(s for s in atlas.sprites if s.name == "dog"))
    for crop in crops(1, 0, 64, new=red, other=atlas, spec=spec):
        drawn = (crop.image[..., 0] > 200) & (crop.image[..., 1:] < 12).all(axis=-1)
        assert (drawn & crop.region).sum() >= 0.95 * drawn.sum()


def test_the_hidden_picture_shows_nothing_of_the_region_and_all_of_the_rest(atlas: Atlas) -> None:
    crop = next(crops(2, 0, 8, new=atlas, other=atlas, spec=CropSpec()))
    assert (crop.hidden[crop.region] == 128).all()
    np.testing.assert_array_equal(crop.hidden[~crop.region], crop.image[~crop.region])


def test_some_regions_hold_only_background(atlas: Atlas) -> None:
    names = {crop.name for crop in crops(3, 0, 32, new=atlas, other=atlas, spec=CropSpec(nothing=0.5))}
    assert names == {"dog", "car", NOTHING}


def test_portraits_are_one_drawing_a_noun_of_the_world(atlas: Atlas) -> None:
    assert [s.name for s in portraits(atlas).sprites] == ["dog"]
    assert set(PORTRAITS) <= set(GENERATION_NOUNS)


def test_every_word_of_the_world_is_one_token(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path)
    split = {word: tokenizer.tokenize(word) for word in words()}
    assert {word for word, tokens in split.items() if tokens != [word + "</w>"]} == set()


def test_words_of_other_worlds_have_tokens_too(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path)
    ids = tokenizer("Ein Zeppelin, 飛行船", add_special_tokens=False).input_ids
    assert len(ids) > 4
    assert tokenizer.unk_token_id not in ids


def test_a_prompt_is_framed_and_padded_as_clip_does(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(tmp_path)
    ids = tokenizer("a cat", padding="max_length", truncation=True).input_ids
    middle = tokenizer.convert_tokens_to_ids(["a</w>", "cat</w>"])
    end = tokenizer.eos_token_id
    assert ids == [tokenizer.bos_token_id, *middle, *[end] * (TEXT_LENGTH - 3)]


def test_merges_join_the_most_frequent_pair_first() -> None:
    assert learn_merges(["aab", "aac"]) == [("a", "a"), ("aa", "c</w>"), ("aa", "b</w>")]


def test_prompts_name_the_noun_or_a_word_for_it_or_nothing() -> None:
    rng = np.random.default_rng(0)
    said = {prompt(rng, "apple") for _ in range(2000)}
    assert {"", "apple", "an apple", "the apple", "a photo of an apple", "a red apple"} <= said
    assert all(phrase == "" or phrase.endswith("apple") for phrase in said)


def test_standardising_moves_the_latents_and_keeps_the_pictures() -> None:
    torch.manual_seed(0)
    vae = autoencoder().eval()
    images = torch.rand(4, 3, 32, 32) * 2 - 1
    moved = standardised(vae, images)
    with torch.no_grad():
        latents = moved.encode(images).latent_dist
        torch.testing.assert_close(latents.mean.mean(dim=(0, 2, 3)), torch.zeros(LATENT_CHANNELS), atol=1e-4, rtol=0)
        torch.testing.assert_close(latents.mean.std(dim=(0, 2, 3)), torch.ones(LATENT_CHANNELS), atol=1e-4, rtol=0)
        before = vae.decode(vae.encode(images).latent_dist.mean).sample
        torch.testing.assert_close(moved.decode(latents.mean).sample, before, atol=1e-4, rtol=1e-4)


def test_the_schedule_ends_in_noise_alone_and_samples_from_there() -> None:
    scheduler = schedule()
    assert float(scheduler.alphas_cumprod[-1]) == pytest.approx(0, abs=1e-8)
    scheduler.set_timesteps(20)
    assert int(scheduler.timesteps[0]) == 999


def test_the_rate_rises_stays_and_falls() -> None:
    factors = [rate_factor(step, 100, warmup=10, cooldown=50) for step in (0, 9, 40, 75, 99)]
    assert factors == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.05])


class Line:
    """A tiny training whose data depend on the step alone; it may be killed at a step."""

    def __init__(self, folder: Path, killed_at: int = -1) -> None:
        torch.manual_seed(0)
        self.killed_at = killed_at
        self.net = nn.Linear(3, 1)
        self.run = Run(folder, self.net, rate=0.05, decay=0.9)

    def step(self, number: int) -> Mapping[str, Tensor]:
        if number == self.killed_at:
            raise KeyboardInterrupt
        points = torch.randn(8, 3, generator=draws(1, number))
        return {"error": (self.net(points) - points.sum(dim=1, keepdim=True)).square().mean()}

    def train(self) -> None:
        self.run.train(self.step, 12, warmup=1, cooldown=6, save_every=-1.0)


def test_a_killed_training_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = Line(tmp_path / "whole")
    whole.train()
    with pytest.raises(KeyboardInterrupt):
        Line(tmp_path / "killed", killed_at=7).train()
    resumed = Line(tmp_path / "killed")
    assert resumed.run.step == 7
    resumed.train()
    for weights in (lambda line: line.net.state_dict(), lambda line: line.run.average.weights):
        for name, value in weights(whole).items():
            torch.testing.assert_close(weights(resumed)[name], value, atol=0, rtol=0)
