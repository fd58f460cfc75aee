"""`samloom train sam`: one command from pictures to a model that the other commands take."""

from __future__ import annotations

import io
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
import typer
from rich.console import Console

from pipelines.command.terminal import exit_code
from plugins.clip.models import FAMILY as CLIP_FAMILY
from plugins.sam.models import FAMILY
from plugins.training.commands import sam
from plugins.training.progress import TrainingProgress
from sam_model import TINY, Predictor, TextPrompt, build_sam, load_sam, save_sam
from sam_model.training.events import Saved, Started, Stepped

SLIM = replace(
    TINY,
    image_size=64,
    encoder_width=16,
    encoder_depth=1,
    encoder_heads=1,
    window_size=4,
    global_blocks=(0,),
    width=16,
    decoder_heads=1,
    decoder_mlp_width=16,
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a small network, two pictures and their annotations, as the current one."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    save_sam(build_sam(SLIM), "start")
    Path("photos").mkdir()
    square = [[10, 10, 40, 10, 40, 40, 10, 40]]
    crowd = {"image_id": 0, "segmentation": {"size": [50, 60], "counts": [3000]}, "iscrowd": 1}
    content = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 60, "height": 50} for n in range(3)],
        "annotations": [{"image_id": n, "segmentation": square} for n in range(3)] + [crowd],
    }
    for n in range(2):
        pixels = np.random.default_rng(n).integers(0, 255, (50, 60, 3)).astype(np.uint8)
        PIL.Image.fromarray(pixels).save(f"photos/{n}.png")
    Path("masks.json").write_text(json.dumps(content))
    Path("short.yaml").write_text(
        "prompts: {rounds: 2}\ndata: {workers: 0}\nrun: {batch: 1, output: runs/mine, validate_every: 2}\n"
    )
    return tmp_path


@pytest.fixture
def train(capsys):
    """Run the command: exit code, standard output, standard error."""
    app = typer.Typer()
    app.command()(sam)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = exit_code(app, [str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run


DATA = ("--from", "start", "--images", "photos", "--annotations", "masks.json")
CHECK = ("--validation-images", "photos", "--validation-annotations", "masks.json")


def test_one_command_fine_tunes_and_its_result_is_a_model_of_the_family(here, train):
    code, out, err = train("short.yaml", *DATA, *CHECK, "--freeze", "encoder", "--steps", 2)
    assert (code, out) == (0, "runs/mine/model\n"), err
    assert "\n\n" not in err
    assert "2 pictures; left out: crowd regions (1), pictures without a file (1); " in err
    assert "step 0: IoU of 2 masks from a box " in err
    assert "step 2: IoU of 2 masks from a box " in err
    assert list((here / "runs/mine/panels").glob("*.png"))
    assert list((here / "runs/mine/logs").glob("events*"))
    source = FAMILY.resolve("runs/mine/model", offline=True)
    cut, _ = FAMILY.load(source, device="cpu", dtype="float32").cut(
        np.zeros((50, 60, 3), np.uint8), np.array([[5, 5, 30, 30]], np.float32), multimask=False
    )
    assert cut.shape == (1, 50, 60)


def test_a_network_learns_to_be_asked_in_the_words_of_the_bundled_clip(here, train):
    code, out, err = train("short.yaml", *DATA, "--clip", "bundled", "--texts", 1.0, "--steps", 1)
    assert (code, out) == (0, "runs/mine/model\n"), err
    clip = CLIP_FAMILY.load(CLIP_FAMILY.resolve("bundled", offline=True), device="cpu", dtype="float32")
    trained = load_sam("runs/mine/model")
    predictor = Predictor(trained)
    words = TextPrompt(clip.embed_phrases(["dog", "cat"]))
    assert predictor.predict(predictor.embed(np.zeros((50, 60, 3), np.uint8)), words).masks.shape == (2, 1, 50, 60)
    bundled = Path(CLIP_FAMILY.resolve("bundled", offline=True).location)
    assert json.loads(Path("runs/mine/model/config.json").read_text())["text_width"] == trained.config.text_width
    assert str(bundled) in next(Path("runs/mine/checkpoints").rglob("*.json")).read_text()


def test_a_clip_alone_asks_half_of_the_masks(here, train):
    assert "texts: 0.5" in train("short.yaml", *DATA, "--clip", "bundled", "--print")[1]
    assert train("short.yaml", *DATA, "--texts", 0.5)[0] == 2


def test_without_options_nothing_but_what_was_told_is_trained(here, train):
    code, out, _ = train("short.yaml", *DATA, "--print")
    assert code == 0
    assert 'train: {images: "photos", annotations: "masks.json"}' in out
    assert not Path("runs").exists()


def test_recipes_are_listed_and_printed_without_pictures(train):
    code, out, _ = train("--list")
    assert [line.split("\t")[0] for line in out.splitlines()] == ["recipe", "vit_h", "vit_l", "vit_b", "finetune"]
    assert train("vit_h", "--print")[0] == code == 0
    assert "milestones: [60000, 86666]" in train("vit_h", "--print")[1]


def test_a_stopped_training_says_how_it_goes_on_and_does(here, train, monkeypatch):
    from plugins.training import progress

    original = progress.TrainingProgress.__call__

    def stopping(self, event):
        original(self, event)
        if getattr(event, "loss", None) is not None and event.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(progress.TrainingProgress, "__call__", stopping)
    code, out, err = train("short.yaml", *DATA, "--steps", 3)
    assert (code, out) == (128 + signal.SIGTERM, "")
    assert "samloom: stopped after step 1: the same command goes on from" in err
    monkeypatch.undo()
    monkeypatch.chdir(here)
    code, _, err = train("short.yaml", *DATA, "--steps", 3)
    assert code == 0
    assert "going on after step 1 of 3" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("short.yaml", *DATA, "--freeze", "decoder"), "samloom: --freeze: is 'decoder', there are: nothing, encoder."),
        (("short.yaml",), "data, train: is missing: name the pictures to learn from."),
        ((*DATA[2:], "--from", "nothing"), "samloom: No Segment Anything at 'nothing': not a preset"),
        ((*DATA[:4], "--annotations", "no.json"), "samloom: no.json cannot be read: No such file or directory"),
        ((*DATA[:2], "--images", "empty"), "samloom: empty: no such folder"),
        ((*DATA, "-o", "masks.json"), "samloom: cannot write into masks.json: it is a file, not a folder."),
        (("vit_b", *DATA[2:], "--mae", "start"), "start is no masked autoencoder: expected tensors pos_embed"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(here, train, arguments, message):
    code, out, err = train(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_on_a_terminal_a_bar_shows_the_latest_figures(tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, no_color=True, highlight=False, width=120)
    with TrainingProgress(console) as progress:
        progress(Started(3, 10, "4 pictures", 1234))
        progress(Stepped(4, 0.5, 0.61, 0.72, 1e-4))
        progress(Saved(4, tmp_path))
    shown = console.file.getvalue()
    for part in ("4 pictures; 1,234 parameters learn", "going on after step 3 of 10", "4/10", "IoU 0.610 → 0.720"):
        assert part in shown
    assert f"step 4: saved in {tmp_path}" in shown.replace("\n", "")
