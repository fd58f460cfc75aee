"""Finding a model's weights: a preset, directory, file or hub id becomes a `ModelSource`, without a model library.

Everything here is cheap and, offline, touches no network: the hub's cache on disk is read, nothing is asked. Online a
hub is asked once for the commit of what is not on disk.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import xxhash

from pipelines.devices import DTYPES
from pipelines.errors import ModelError
from pipelines.families import ModelSource
from pipelines.files import write_atomically
from pipelines.memory import is_out_of_memory
from plugins.presets import BUNDLED, PRESETS, location_of

_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_TRUE = {"1", "on", "true", "yes"}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_EDGE_BYTES = 64 * 1024
_PATIENCE_SECONDS = 10
_DOWNLOAD = ("*.json", "*.txt", "*.model", "*.safetensors")
_NO_DOWNLOAD = ("*.fp16.*", "*.non_ema.*", "onnx/*", "openvino/*")
_commits: dict[tuple[str, str | None], str] = {}
"""The commit that this process uses for a repository at a revision: a push meanwhile must not bring in a second one."""


@dataclass(frozen=True, slots=True)
class HubFamily:
    """One family of models whose weights are a directory in a standard format, on disk or on the Hugging Face hub.

    `loader` ("plugins.sam.adapter:load") is imported on the first load only. Of each tuple in `needs` at least one
    pattern must match a file of the directory. `suffixes`: single files that the loader reads as well. `companions`:
    patterns of what it reads beside such a file.
    """

    name: str
    title: str
    loader: str
    needs: tuple[tuple[str, ...], ...] = field(default=())
    suffixes: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()

    def resolve(self, ref: str, *, offline: bool) -> ModelSource:
        """Find the weights that `ref` names: a preset, a directory, a file or a hub id (`owner/name@revision`).

        The revision of weights on disk is a hash of every file's name, size, first and last 64 KiB: all of a config
        or a safetensors header, and enough of the tensors to tell two trainings apart. Raises `ModelError`.
        """
        location = location_of(ref, self.name) if ref in PRESETS else ref
        path = Path(location).expanduser()
        if isinstance(location, Path) or (location and path.exists()):
            return self._on_disk(ref, path)
        match = _HUB_ID.fullmatch(location)
        if match is None or location.startswith((".", "~")) or path.suffix in {".pkl", ".pth", ".safetensors"}:
            raise ModelError(_unknown(ref, self.title))
        return self._on_hub(ref, match["repository"], match["revision"], offline=offline or hub_is_offline())

    def load(self, source: ModelSource, *, device: str, dtype: str) -> Any:
        """Build the model of `source`, downloaded first if it lies on the hub. Raises `ModelError`."""
        from safetensors import SafetensorError

        # Read once, when transformers is imported: it warns of torchvision's absence, which nothing here needs.
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        _check_place(self.title, device, dtype)
        module, _, function = self.loader.partition(":")
        path = source.location if isinstance(source.location, Path) else self._download(source)
        try:
            return getattr(import_module(module), function)(path, device=device, dtype=dtype)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise ModelError(f"{path} cannot be loaded as {self.title}: {reason}") from error

    def _on_disk(self, ref: str, path: Path) -> ModelSource:
        if path.is_file() and path.suffix not in self.suffixes:
            raise ModelError(f"{path} is a file; {self.title} needs {_shapes(self.suffixes)} or a hub id.")
        if missing := self._missing(path):
            where = "the bundled weights are incomplete" if ref == BUNDLED else f"this is no directory of {self.title}"
            raise ModelError(f"{path}: {where}, {missing} is missing. {_remedy(ref)}")
        found = self._files(path)
        size = sum(file.stat().st_size for file in found if file.suffix in {".pkl", ".pth", ".safetensors"})
        return ModelSource(self.name, ref, path, content_revision(path, found), size)

    def _files(self, path: Path) -> list[Path]:
        """Every file whose content decides what is loaded."""
        if path.is_dir():
            return sorted(file for file in path.rglob("*") if file.is_file())
        beside = (file for pattern in self.companions for file in path.parent.glob(pattern))
        return [path, *sorted({file for file in beside if file.is_file()} - {path})]

    def _on_hub(self, ref: str, repository: str, revision: str | None, *, offline: bool) -> ModelSource:
        snapshot = _cached_snapshot(repository, self.needs[0][0], _commits.get((repository, revision), revision))
        missing = self.needs[0][0] if snapshot is None else self._missing(snapshot)
        if snapshot is not None and not missing:
            _commits.setdefault((repository, revision), snapshot.name)
            size = sum(file.stat().st_size for file in snapshot.rglob("*.safetensors"))
            return ModelSource(self.name, ref, snapshot, snapshot.name, size, repository)
        if offline:
            raise ModelError(_not_in_cache(self.title, repository, revision, missing))
        commit = _commit_of(repository, revision)
        return ModelSource(self.name, ref, repository, commit or revision or "main", None, repository)

    def _missing(self, path: Path) -> str:
        """The first needed file that is not there, or nothing."""
        if path.is_file():
            return ""
        return next((" or ".join(choice) for choice in self.needs if not _has_any(path, choice)), "")

    def _download(self, source: ModelSource) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            snapshot = Path(
                snapshot_download(
                    str(source.location),
                    revision=source.revision,
                    allow_patterns=list(_DOWNLOAD),
                    ignore_patterns=list(_NO_DOWNLOAD),
                )
            )
        except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"{source.location} cannot be downloaded: {reason} {_remedy(source.ref)}") from error
        _note_names(snapshot)
        return snapshot


def _check_place(title: str, device: str, dtype: str) -> None:
    """Raise `ModelError` where this machine has no such device, or torch no such type: known only once it is there."""
    import torch

    if not isinstance(getattr(torch, dtype, None), torch.dtype):
        raise ModelError(f"{title} cannot run in '{dtype}', which is no dtype. Choose from: {', '.join(DTYPES)}.")
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:  # the former from a torch without CUDA
        if is_out_of_memory(error):
            raise
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ModelError(f"{title} cannot run on '{device}': {reason}. Choose another device, such as cpu.") from error


def recommended(path: Path) -> Mapping[str, Any]:
    """What a model's makers recommend, from `samloom.json` beside its weights; published checkpoints have none."""
    advice = path / "samloom.json"
    if not advice.is_file():
        return {}
    found: Mapping[str, Any] = json.loads(advice.read_text(encoding="utf-8"))
    return found


def hub_is_offline() -> bool:
    """Whether the user switched the hub off for every tool (`HF_HUB_OFFLINE=1`)."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE


def content_revision(root: Path, found: Iterable[Path]) -> str:
    """A hash that changes when a file's name, size, first or last 64 KiB does; see `HubFamily.resolve`."""
    digest = xxhash.xxh3_128()
    for file in found:
        size = file.stat().st_size
        name = Path(os.path.relpath(file, root)).as_posix()
        digest.update(f"{name}\0{size}\0".encode())
        with file.open("rb") as stream:
            digest.update(stream.read(_EDGE_BYTES))
            if size > _EDGE_BYTES:
                stream.seek(-_EDGE_BYTES, os.SEEK_END)
                digest.update(stream.read())
    return digest.hexdigest()


def _has_any(directory: Path, patterns: Iterable[str]) -> bool:
    return any(next(directory.glob(pattern), None) is not None for pattern in patterns)


def _cached_snapshot(repository: str, marker: str, revision: str | None) -> Path | None:
    """The directory of a repository's files in the hub's cache, if `marker` is among them."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, marker, revision=revision)
    return Path(found).parent if isinstance(found, str) else None


def _commit_of(repository: str, revision: str | None) -> str | None:
    """The commit of a repository, asked for once; None where the hub does not say."""
    from huggingface_hub import HfApi

    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    if (repository, revision) not in _commits:
        try:
            commit = HfApi().model_info(repository, revision=revision, timeout=_PATIENCE_SECONDS).sha
        except Exception:  # noqa: BLE001 - whatever it is, the download meets it again, and explains it
            return None
        if commit is None:
            return None
        _commits.setdefault((repository, revision), commit)  # another thread may have been faster
    return _commits[repository, revision]


def _note_names(snapshot: Path) -> None:
    """Write down which revisions a commit stands for, as the hub's cache does of a download by a revision's name.

    Without it nothing would be found by that name afterwards, offline least of all.
    """
    for (repository, revision), commit in list(_commits.items()):
        root = snapshot.parent.parent
        if commit == snapshot.name and root.name == f"models--{repository.replace('/', '--')}":
            write_atomically(root / "refs" / (revision or "main"), commit.encode())


def _unknown(ref: str, title: str) -> str:
    close = difflib.get_close_matches(ref, PRESETS, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"No {title} at '{ref}': not a preset ({', '.join(PRESETS)}), not on disk and not a hub id.{hint}"


def _not_in_cache(title: str, repository: str, revision: str | None, missing: str) -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    name = f"{repository} --revision {revision}" if revision else repository
    return (
        f"{title} '{repository}' is not on this machine ({missing} not found in {HF_HUB_CACHE}) and offline mode "
        f"forbids fetching it. Run `hf download {name}` where there is a network, or use --preset bundled."
    )


def _shapes(suffixes: tuple[str, ...]) -> str:
    return f"a directory, a file ({', '.join(suffixes)})" if suffixes else "a directory"


def _remedy(ref: str) -> str:
    if ref == BUNDLED:
        return "Reinstall samloom, or name a model with --preset base."
    return "Check the path, or use --preset bundled."
