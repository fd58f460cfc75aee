"""A training goes on exactly where it was stopped, keeps what it learnt, and learns only what it should."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch

from sam_model import Predictor, load_sam
from sam_model.errors import ConfigError, DatasetError, UnreadableCheckpointError
from sam_model.training.events import Drawn, Saved, Started, Stepped, Validated
from sam_model.training.trainer import Trainer


def train(config, *, until=None):
    """Train and give the outcome and all events; `until` may interrupt by raising."""
    events = []

    def listen(event):
        events.append(event)
        if until is not None:
            until(event)

    return Trainer(config, listeners=[listen]).train(), events


def steps(events):
    return [event for event in events if isinstance(event, Stepped)]


def weights(folder):
    return load_sam(folder).state_dict()


class Killed(BaseException):
    """What nobody catches."""


def test_the_result_is_a_network_that_answers(begin):
    outcome, events = train(begin())
    assert outcome.step == 4
    assert outcome.signal is None
    assert not (outcome.folder.parent / "checkpoints" / ".partial").exists()
    predictor = Predictor(load_sam(outcome.folder))
    assert predictor.embed(np.zeros((9, 9, 3), np.uint8)).features.shape[1] == 32
    assert isinstance(events[0], Started)
    assert events[0].pictures == "4 pictures"
    assert [event.step for event in steps(events)] == [1, 2, 3, 4]


def test_learning_lowers_the_loss(begin):
    changes = {"data": {"jitter": None}, "prompts": {"rounds": 2}, "optimiser": {"rate": 2e-3}}
    _, events = train(begin(run={"steps": 20}, **changes))
    losses = [event.loss for event in steps(events)]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])


def test_a_killed_run_goes_on_as_if_it_had_not_been(begin):
    whole, events = train(begin(output="whole"))
    broken = begin(output="broken", run={"save_minutes": 0.0})

    def kill(event):
        if isinstance(event, Stepped) and event.step == 3:
            raise Killed

    with pytest.raises(Killed):
        train(broken, until=kill)
    outcome, later = train(broken)
    assert later[0].step == 2
    assert steps(later) == steps(events)[2:], "the same losses to the last bit"
    ends = weights(whole.folder), weights(outcome.folder)
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops_after_the_step(begin, number):
    config = begin()

    def interrupt(event):
        if isinstance(event, Stepped) and event.step == 2:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    outcome, events = train(config, until=interrupt)
    assert (outcome.step, outcome.signal) == (2, number)
    assert outcome.folder.name == "step-00000002"
    assert load_sam(outcome.folder).config == load_sam(config.network.start).config
    assert isinstance(events[-1], Saved)
    assert signal.getsignal(number) == before
    assert [event.step for event in steps(train(config)[1])] == [3, 4]


def test_a_finished_run_has_nothing_left_to_do_and_a_longer_one_goes_on(begin):
    config = begin(run={"steps": 2})
    train(config)
    assert steps(train(config)[1]) == []
    longer, events = train(replace(config, run=replace(config.run, steps=3)))
    assert [event.step for event in steps(events)] == [3]
    assert [path.name for path in (longer.folder.parent / "checkpoints").iterdir()] == ["step-00000003"]


def test_a_checkpoint_holds_no_pickle(begin):
    outcome, _ = train(begin(run={"steps": 1}))
    (place,) = (outcome.folder.parent / "checkpoints").iterdir()
    names = ["config.json", "model.safetensors", "optimiser.safetensors", "state.json"]
    assert sorted(path.name for path in place.iterdir()) == names


@pytest.mark.parametrize("drop_path", [0.0, 0.7])
def test_the_order_of_processes_and_portions_does_not_matter(begin, drop_path):
    ends = []
    for name, at_once in (("apart", 1), ("together", 2)):
        config = begin(output=name, run={"at_once": at_once, "steps": 3}, network={"drop_path": drop_path})
        outcome, events = train(config)
        ends.append((weights(outcome.folder), [event.loss for event in steps(events)]))
    (apart, losses), (together, others) = ends
    assert others == pytest.approx(losses, rel=1e-4)
    for name in apart:
        assert torch.allclose(apart[name], together[name], atol=2e-4), name


def test_a_frozen_encoder_stays_as_it_was_and_the_rest_learns(begin):
    config = begin(network={"freeze": "encoder"})
    outcome, events = train(config)
    before, after = weights(config.network.start), weights(outcome.folder)
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"prompt_encoder", "mask_decoder"}
    learning = sum(tensor.numel() for name, tensor in before.items() if not name.startswith("image_encoder."))
    assert (
        events[0].learning == learning - before["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"].numel()
    )


def test_a_frozen_encoder_is_embedded_without_a_graph(begin, monkeypatch):
    trainer = Trainer(begin(network={"freeze": "encoder", "drop_path": 0.5}, run={"steps": 1}))
    seen = []
    trainer.learner.sam.image_encoder.register_forward_hook(
        lambda encoder, inputs, output: seen.append((output.requires_grad, encoder.training))
    )
    trainer.train()
    assert seen[:2] == [(False, False)] * 2


def test_the_gradient_is_that_of_one_pass_through_everything(begin):
    config = begin(optimiser={"weight_decay": 0.0}, run={"steps": 1})
    trainer = Trainer(config)
    gradients = {}
    trainer.learner.optimiser.step = lambda: gradients.update(
        {name: parameter.grad.clone() for name, parameter in trainer.learner.sam.named_parameters()}
    )
    figures = trainer.train() and gradients
    assert set(figures) == {name for name, _ in trainer.learner.sam.named_parameters()}
    assert gradients["image_encoder.patch_embed.proj.weight"].abs().sum() > 0
    whole = whole_gradient(Trainer(replace(config, run=replace(config.run, output=config.run.output / "other"))))
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, whole.get(name, torch.zeros(())), atol=1e-5, rtol=1e-3), name


def whole_gradient(trainer):
    """The mean loss over pictures and rounds, differentiated at once through encoder and decoder."""
    from sam_model.training.interaction import converse
    from sam_model.training.samples import Samples

    config, sam = trainer.config, trainer.learner.sam.train()
    samples = Samples(trainer.pictures, config.data, sam.config, seed=0)
    losses = []
    for number in range(config.run.batch):
        sample = samples[number]
        generator = torch.Generator().manual_seed(trainer.learner._seed(number, 1))
        embedding = sam.image_encoder(sample.image[None])
        rounds = converse(sam, embedding, sample.wanted, config.prompts, generator=generator)
        losses += [answered.loss.mean() for answered in rounds]
    torch.autograd.backward(torch.stack(losses).mean())
    return {name: parameter.grad for name, parameter in sam.named_parameters() if parameter.grad is not None}


def test_bfloat16_learns_and_keeps_its_weights_in_float32(begin):
    outcome, events = train(begin(run={"precision": "bfloat16", "steps": 2}))
    assert all(tensor.dtype == torch.float32 for tensor in weights(outcome.folder).values())
    exact = steps(train(begin(output="exact", run={"steps": 2}))[1])
    assert [event.loss for event in steps(events)] == pytest.approx([event.loss for event in exact], rel=0.05)
    assert steps(events) != exact


def test_validation_and_panels_come_before_the_first_step_and_as_often_as_wished(begin):
    config = begin()
    config = replace(config, data=replace(config.data, validation=config.data.train))
    _, events = train(replace(config, run=replace(config.run, validate_every=3)))
    measured = [event for event in events if isinstance(event, Validated)]
    assert [event.step for event in measured] == [0, 3, 4]
    assert {event.scores.masks for event in measured} == {8}
    drawn = [event for event in events if isinstance(event, Drawn)]
    assert [event.path.name for event in drawn] == [f"step-{step:08}.png" for step in (0, 3, 4)]
    assert np.array_equal(np.asarray(PIL.Image.open(drawn[-1].path)), drawn[-1].panel)
    assert drawn[-1].panel.shape == (4 * (192 + 4), 3 * (256 + 4), 3)


def test_measuring_does_not_change_the_course(begin):
    plain = steps(train(begin(output="plain"))[1])
    config = begin(output="measured", run={"validate_every": 1}, network={"drop_path": 0.0})
    measured = steps(train(replace(config, data=replace(config.data, validation=config.data.train)))[1])
    assert plain == measured


def test_other_settings_do_not_go_on_in_the_same_folder(begin):
    train(begin(run={"steps": 1}))
    message = r"run holds a run with optimiser\.rate 0\.001 \(now 0\.002\): choose another output, or the same settings"
    with pytest.raises(ConfigError, match=message):
        Trainer(begin(optimiser={"rate": 2e-3}))


def test_a_damaged_state_is_named(begin):
    outcome, _ = train(begin(run={"steps": 1}))
    (place,) = (outcome.folder.parent / "checkpoints").iterdir()
    (place / "state.json").write_text("{")
    with pytest.raises(UnreadableCheckpointError, match=r"state\.json is damaged: remove \S+ to begin anew"):
        Trainer(begin(run={"steps": 1}))


def test_all_mistakes_of_a_configuration_are_told_at_once(begin):
    message = "network.drop_path must be below 1, not 2.0; run.at_once must divide the batch"
    with pytest.raises(ConfigError, match=message):
        Trainer(begin(network={"drop_path": 2.0}, run={"at_once": 3}))


def test_missing_pictures_are_named(begin, tmp_path):
    config = begin()
    for picture in (tmp_path / "pictures").glob("*.png"):
        picture.unlink()
    with pytest.raises(DatasetError, match=r"holds no picture with a mask; left out: pictures without a file \(4\)"):
        Trainer(config)
