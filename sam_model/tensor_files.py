"""Tensors in files: safetensors, or pickles that are read without executing anything, for nobody has to trust them."""

from __future__ import annotations

import errno
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sam_model.errors import CheckpointNotFoundError, UnreadableCheckpointError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

_DAMAGED = (
    pickle.UnpicklingError,
    RuntimeError,
    ValueError,
    LookupError,
    AttributeError,
    EOFError,
    OSError,
    struct.error,
)


def read_tensors(path: Path, *, under: str | None = None) -> dict[str, Tensor]:
    """Read the tensors of a file, or of the whole or sharded safetensors of a directory, by name.

    They are copies: the file may be replaced while the network is in use. In a pickle they may lie in a dictionary
    `under` that name, as training code saves them.

    Raises:
        CheckpointNotFoundError: when there is no such file, or no weights in the directory.
        UnreadableCheckpointError: when a file is damaged, holds other things than tensors, or would execute code.
    """
    if not path.exists():
        raise CheckpointNotFoundError(f"{path}: no such file or directory")
    files = _files(path) if path.is_dir() else [path]
    return {name: tensor for file in files for name, tensor in _read_file(file, under).items()}


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file. Raises `OSError` where it cannot be written, as every other file does."""
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(path)) from error


def _files(directory: Path) -> list[Path]:
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    index = directory / INDEX
    if not index.is_file():
        raise CheckpointNotFoundError(f"{directory} has no weights: expected {WEIGHTS}, or {INDEX} and its shards")
    shards = [directory / name for name in _shard_names(index)]
    for shard in shards:
        if not shard.is_file():
            raise CheckpointNotFoundError(f"{index} names {shard.name}, which is not there")
    return shards


def _shard_names(index: Path) -> list[str]:
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = sorted({str(name) for name in places.values()})
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UnreadableCheckpointError(f"{index} is no index of shards: expected a 'weight_map'") from None
    for name in names:
        if Path(name).name != name:
            raise UnreadableCheckpointError(f"{index} names {name!r}: shards must lie beside it")
    return names


def _read_file(path: Path, under: str | None) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return _read_pickle(path, under)
    try:
        return {name: tensor.clone() for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError) as error:
        raise UnreadableCheckpointError(f"{path} is damaged or no safetensors file: {error}") from error


def _read_pickle(path: Path, under: str | None) -> dict[str, Tensor]:
    # A file of nothing but weights is read tensor by tensor, so that the memory holds them once; of a training's, which
    # holds three times as much, only what is copied is read.
    mapped = under is not None and zipfile.is_zipfile(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except _DAMAGED as error:
        raise UnreadableCheckpointError(_why_unreadable(path, str(error))) from error
    if isinstance(content, dict) and isinstance(content.get(under), dict):
        content = content[under]
    if not isinstance(content, dict):
        raise UnreadableCheckpointError(f"{path} holds a {type(content).__name__}, expected a dictionary of tensors")
    for name, value in content.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            kind = type(value).__name__
            raise UnreadableCheckpointError(f"{path} holds a {kind} under {name!r}, expected the tensors themselves")
    return {name: value.clone() for name, value in content.items()} if mapped else _apart(content)


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copy those that share memory with others or with more than themselves."""
    found, seen = {}, set()
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        alone = storage.nbytes() == tensor.nbytes and storage.data_ptr() not in seen
        seen.add(storage.data_ptr())
        found[name] = tensor if alone else tensor.clone()
    return found


def _why_unreadable(path: Path, message: str) -> str:
    if code := re.search(r"GLOBAL (\S+)", message):
        return f"{path} would run code when loaded ({code[1]}): only plain tensors are accepted"
    return f"{path} is damaged or no checkpoint: expected a PyTorch file (.pth) or .safetensors"
