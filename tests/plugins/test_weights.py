"""Finding weights: presets, directories, files and hub ids, without a network and without a model library."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace

import pytest

from pipelines.errors import ModelError
from pipelines.keys import weights_id
from pipelines.models import Model, ModelPool
from plugins.clip.models import FAMILY as CLIP
from plugins.grounding_dino.models import FAMILY as GROUNDING_DINO
from plugins.presets import CHECKPOINTS, PRESETS, bundled_directory, preset_rows
from plugins.sam.models import FAMILY as SAM
from plugins.stable_diffusion.models import FAMILY as STABLE_DIFFUSION
from plugins.vitdet.models import FAMILY as VITDET
from plugins.weights import recommended

FAMILIES = {family.name: family for family in (CLIP, GROUNDING_DINO, SAM, STABLE_DIFFUSION, VITDET)}
ON_A_HUB = {name: family for name, family in FAMILIES.items() if CHECKPOINTS[name]}
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """An empty hub cache, and no network in reach."""
    import huggingface_hub.constants
    import huggingface_hub.file_download

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("plugins.weights._commits", {})
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was touched"))
    return tmp_path


@pytest.fixture
def asked(hub, monkeypatch) -> list[str | None]:
    """A hub with one commit of every repository; it notes of which revisions the commit was asked."""
    asked: list[str | None] = []

    def model_info(self: object, repository: str, *, revision: str | None, timeout: float) -> SimpleNamespace:
        asked.append(revision)
        return SimpleNamespace(sha=SHA)

    def download(repository: str, *, revision: str, **_: object) -> str:
        return str(sam_directory(hub / f"models--{repository.replace('/', '--')}" / "snapshots" / revision))

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


def write(directory: Path, **files: str) -> Path:
    """`config__json` is the file config.json, `unet___model__safetensors` is unet/model.safetensors."""
    for name, text in files.items():
        file = directory / name.replace("___", "/").replace("__", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return directory


def sam_directory(directory: Path) -> Path:
    return write(directory, config__json="{}", model__safetensors="weights")


def in_cache(hub: Path, repository: str) -> Path:
    """Where the hub's cache keeps the one snapshot of a repository."""
    root = hub / f"models--{repository.replace('/', '--')}"
    write(root, refs___main=SHA)
    snapshot = root / "snapshots" / SHA
    snapshot.mkdir(parents=True)
    return snapshot


def test_every_preset_names_weights_of_every_family() -> None:
    assert all(set(CHECKPOINTS[name]) == set(PRESETS) - {"bundled"} for name in ON_A_HUB)
    assert set(CHECKPOINTS) - set(ON_A_HUB) == {"vitdet"}


@pytest.mark.parametrize("family", ON_A_HUB.values(), ids=ON_A_HUB)
@pytest.mark.parametrize("preset", ["base", "large"])
def test_offline_a_missing_checkpoint_is_one_clear_line_at_once(hub, family, preset) -> None:
    hub_id = CHECKPOINTS[family.name][preset].hub_id
    started = perf_counter()
    with pytest.raises(ModelError) as caught:
        family.resolve(preset, offline=True)
    assert perf_counter() - started < 1
    assert re.fullmatch(
        rf".*'{re.escape(hub_id)}' is not on this machine .*{re.escape(str(hub))}.*`hf download {re.escape(hub_id)}`.*"
        r"--preset bundled\.",
        str(caught.value),
    )


def test_the_hubs_own_switch_means_offline_too(hub, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="not on this machine"):
        SAM.resolve("base", offline=False)


def test_a_hub_that_does_not_answer_leaves_a_missing_checkpoint_to_the_loader(hub, monkeypatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)
    source = SAM.resolve("facebook/sam-vit-base@v2", offline=False)
    assert (source.location, source.revision) == ("facebook/sam-vit-base", "v2")


def unreachable(*_: object, **__: object) -> None:
    raise ConnectionError


@pytest.mark.parametrize(("ref", "revision"), [("base", None), ("facebook/sam-vit-base@v2", "v2")])
def test_a_download_changes_where_a_checkpoint_lies_and_not_which_it_is(asked, monkeypatch, ref, revision) -> None:
    monkeypatch.setitem(sys.modules, "loader_of_nothing", SimpleNamespace(load=lambda path, **_: path))
    pool = ModelPool(families={"sam": replace(SAM, loader="loader_of_nothing:load")}, device="cpu")
    model = Model(ref)
    before = weights_id(pool, "sam", model), pool.resolve("sam", model).revision
    with pool.lease("sam", model) as first, pool.lease("sam", model) as second:
        assert first is second
    assert (weights_id(pool, "sam", model), pool.resolve("sam", model).revision) == before
    assert before[1] == SHA
    assert asked == [revision]


def test_what_was_downloaded_by_its_commit_is_found_offline_by_its_name(asked, monkeypatch) -> None:
    SAM._download(SAM.resolve("base", offline=False))
    monkeypatch.setattr("plugins.weights._commits", {})
    assert SAM.resolve("base", offline=True).revision == SHA


def test_a_commit_is_not_asked_for(asked) -> None:
    other = "f" * 40
    assert SAM.resolve(f"facebook/sam-vit-base@{other}", offline=False).revision == other
    assert asked == []


@pytest.mark.parametrize(
    ("device", "dtype", "message"),
    [
        ("gpu", "float32", "cannot run on 'gpu': "),
        ("cpu", "fp16", "cannot run in 'fp16', which is no dtype. Choose from: float32, bfloat16, float16, float64."),
        ("cpu", "nn", "cannot run in 'nn', which is no dtype."),
    ],
)
def test_a_device_or_dtype_that_there_is_not_is_told(tmp_path, device, dtype, message) -> None:
    source = SAM.resolve(str(sam_directory(tmp_path)), offline=True)
    with pytest.raises(ModelError, match=re.escape(message)):
        SAM.load(source, device=device, dtype=dtype)


def test_what_the_hubs_cache_holds_is_found_by_its_commit(hub) -> None:
    snapshot = sam_directory(in_cache(hub, "facebook/sam-vit-base"))
    source = SAM.resolve("base", offline=True)
    assert (source.location, source.revision, source.size_bytes) == (snapshot, SHA, len("weights"))


def test_half_a_download_is_not_a_checkpoint(hub) -> None:
    write(in_cache(hub, "facebook/sam-vit-base"), config__json="{}")
    with pytest.raises(ModelError, match=r"safetensors not found in"):
        SAM.resolve("base", offline=True)


def test_a_directorys_revision_follows_its_content_and_not_its_name(tmp_path) -> None:
    one, same, other = (sam_directory(tmp_path / name) for name in ("one", "same", "other"))
    write(other, model__safetensors="Weights")
    revisions = [SAM.resolve(str(directory), offline=True).revision for directory in (one, same, other)]
    assert revisions[0] == revisions[1] != revisions[2]


def test_a_change_at_the_end_of_a_large_file_is_another_revision(tmp_path) -> None:
    directory = write(sam_directory(tmp_path), model__safetensors="a" * 200_000 + "b")
    before = SAM.resolve(str(directory), offline=True).revision
    write(directory, model__safetensors="a" * 200_000 + "c")
    assert SAM.resolve(str(directory), offline=True).revision != before


def test_a_single_file_serves_where_the_family_reads_one(tmp_path) -> None:
    file = write(tmp_path, sam_vit_b__pth="weights") / "sam_vit_b.pth"
    assert SAM.resolve(str(file), offline=True).location == file
    with pytest.raises(ModelError, match="is a file; CLIP needs a directory or a hub id"):
        CLIP.resolve(str(file), offline=True)


def test_a_directory_of_something_else_says_what_it_lacks(tmp_path) -> None:
    with pytest.raises(
        ModelError, match=r"no directory of Stable Diffusion inpainting, unet/\*.safetensors is missing"
    ):
        STABLE_DIFFUSION.resolve(str(write(tmp_path, model_index__json="{}")), offline=True)


@pytest.mark.parametrize("ref", ["./no/such/place", "bundeld", "weights/sam_vit_b.pth", ""])
def test_a_name_that_is_nothing_says_what_names_there_are(ref) -> None:
    with pytest.raises(ModelError, match=r"not a preset \(bundled, base, large\), not on disk and not a hub id"):
        SAM.resolve(ref, offline=True)


def test_a_misspelt_preset_is_recognised() -> None:
    with pytest.raises(ModelError, match="Did you mean 'bundled'"):
        SAM.resolve("bundeld", offline=True)


def test_the_table_of_presets_says_what_is_on_disk(hub) -> None:
    sam_directory(in_cache(hub, "facebook/sam-vit-huge"))
    rows = {(row.preset, row.family): row for row in preset_rows(FAMILIES)}
    assert len(rows) == len(PRESETS) * len(ON_A_HUB) + 1
    assert (rows["large", "sam"].on_disk, rows["large", "sam"].size_bytes) == (True, len("weights"))
    assert (rows["base", "sam"].on_disk, rows["base", "sam"].size_bytes) == (False, 375_000_000)


def test_bundled_weights_lie_beside_the_code() -> None:
    import plugins

    assert bundled_directory("sam") == Path(plugins.__file__).parent / "bundled" / "sam"


def test_recommendations_stand_beside_the_weights(tmp_path) -> None:
    assert recommended(tmp_path) == {}
    assert recommended(write(tmp_path, samloom__json=json.dumps({"steps": 3}))) == {"steps": 3}


def test_resolving_imports_no_model_library() -> None:
    code = """
import sys
from plugins.clip.models import FAMILY as CLIP
from plugins.grounding_dino.models import FAMILY as GROUNDING_DINO
from plugins.presets import preset_rows
from plugins.sam.models import FAMILY as SAM
from plugins.stable_diffusion.models import FAMILY as STABLE_DIFFUSION
from plugins.vitdet.models import FAMILY as VITDET
list(preset_rows({family.name: family for family in (CLIP, GROUNDING_DINO, SAM, STABLE_DIFFUSION, VITDET)}))
print(*sorted({"torch", "transformers", "diffusers", "supervision"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"
