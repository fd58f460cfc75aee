"""Arrays from a pickle that nobody has to trust, such as detectron2's published `.pkl` files.

A pickle is a program for a small machine that can call anything importable. This reader hands it no function of Python
or numpy at all: the few names that saved arrays need stand for objects of this file, which copy numbers and nothing
else. Any other name ends the reading before anything of it is imported.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import ModelError

_DAMAGED = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
    struct.error,
)
_KINDS = frozenset("biuf")
"""Truth values, whole numbers and floats: never objects, text or records."""
MODEL = "model"


class ForbiddenError(pickle.UnpicklingError):
    """The file asks for more than arrays."""


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a checkpoint by name, from its entry "model" or, without one, from the top.

    Raises:
        ModelError: when the file cannot be read, is damaged, holds other things than arrays, or would run code.
    """
    try:
        with path.open("rb") as stream:
            content = _ArrayReader(stream).load()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    except ForbiddenError as error:
        raise ModelError(f"{path} would run code when loaded ({error}): only arrays are accepted.") from error
    except _DAMAGED as error:
        raise ModelError(f"{path} is damaged or no pickle of arrays.") from error
    if isinstance(content, dict) and isinstance(content.get(MODEL), dict):
        content = content[MODEL]
    return _arrays(content, path)


def _arrays(content: object, path: Path) -> dict[str, NDArray[Any]]:
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no arrays by name, which a checkpoint does.")
    for name, value in content.items():
        if not (isinstance(name, str) and isinstance(value, _Array) and value.filled):
            kind = "an unfinished array" if isinstance(value, _Array) else type(value).__name__
            raise ModelError(f"{path} holds {kind} under {name!r}, expected an array.")
    return {name: value.array for name, value in content.items()}


class _Dtype:
    """What a pickle says of an array's type, until it is known to be one of numbers."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str):
            raise ForbiddenError("an array type without a name")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """`state`: (version, byte order, no records, ...) as numpy writes it."""
        if state[1] not in ("<", ">", "|", "="):
            raise ForbiddenError(f"byte order {state[1]!r}")
        self.order = state[1]

    def resolve(self) -> np.dtype[Any]:
        code = self.code.lstrip("<>|=")
        if code[:1] not in _KINDS or not code[1:].isdigit():
            raise ForbiddenError(f"array of type {self.code!r}")
        return np.dtype(f"{self.order if self.order != '|' else '='}{code}")


class _Array:
    """An array: made empty, then filled by its state, as numpy's own are."""

    __slots__ = ("array", "filled")

    def __init__(self) -> None:
        self.array: NDArray[Any] = np.empty(0)
        self.filled = False

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """`state`: (version, shape, type, whether column by column, bytes)."""
        _, shape, dtype, by_columns, data = state
        self.fill(data, dtype, shape, "F" if by_columns else "C")

    def fill(self, data: object, dtype: object, shape: object, order: object) -> None:
        if not isinstance(data, bytes | bytearray) or not isinstance(dtype, _Dtype):
            raise ForbiddenError("an array of other things than numbers")
        if not isinstance(shape, tuple) or any(type(side) is not int or side < 0 for side in shape):
            raise ValueError("shape")
        kind = dtype.resolve()
        if len(data) != kind.itemsize * prod(shape):
            raise ValueError("an array's bytes do not fill its shape")
        array: NDArray[Any] = np.frombuffer(data, kind).reshape(shape, order="F" if order == "F" else "C")
        self.array, self.filled = array.astype(kind.newbyteorder("=")), True


class _Named:
    """A name that a pickle may call. It holds nothing, so a pickle cannot change it for the next reader."""

    __slots__ = ("_make",)
    _make: Callable[..., object]

    def __init__(self, make: Callable[..., object]) -> None:
        object.__setattr__(self, "_make", make)

    def __call__(self, *arguments: object) -> object:
        return self._make(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise ForbiddenError("a change of the reader itself")


def _make_empty(*_: object) -> _Array:
    return _Array()


def _make_filled(data: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.fill(data, dtype, shape, order)
    return array


def _make_number(dtype: object, data: object) -> _Array:
    return _make_filled(data, dtype, (), "C")


def _make_bytes(text: object, encoding: object) -> bytes:
    """Bytes as old protocols write them: as text of the characters 0 to 255."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ForbiddenError("_codecs.encode of something else than bytes")
    return text.encode("latin1")


def _make_no_bytes() -> bytes:
    """Old protocols call `bytes` for the contents of an empty array."""
    return b""


def _make_mapping(*items: object) -> dict[Any, Any]:
    """An ordered dictionary: pickles fill it afterwards, or give a list of pairs."""
    return dict(*items)


class _ArrayReader(pickle._Unpickler):  # noqa: SLF001 - see below
    """The machine without its functions.

    It is the one written in Python: that in C makes as many places as a damaged file claims to need, gigabytes of them.
    """

    known: ClassVar[Mapping[str, Callable[..., object]]] = {
        **{
            f"{numpy}.{name}": make
            for numpy in ("numpy.core", "numpy._core")
            for name, make in (
                ("multiarray._reconstruct", _make_empty),
                ("multiarray.scalar", _make_number),
                ("numeric._frombuffer", _make_filled),
            )
        },
        "numpy.ndarray": _make_empty,
        "numpy.dtype": _Dtype,
        "_codecs.encode": _make_bytes,
        "__builtin__.bytes": _make_no_bytes,
        "collections.OrderedDict": _make_mapping,
    }

    def load_bytearray8(self) -> None:
        """Read what is there, instead of making room for what the file claims."""
        (length,) = struct.unpack("<Q", self.read(8))  # type: ignore[attr-defined]
        self.append(self.read(length))  # type: ignore[attr-defined]

    dispatch: ClassVar[dict[int, Any]] = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: load_bytearray8}  # noqa: SLF001

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Give the stand-in for a name; nothing is imported."""
        name = f"{module_name}.{global_name}"
        if name not in self.known:
            raise ForbiddenError(name)
        return _Named(self.known[name])

    def persistent_load(self, pid: object, /) -> Any:
        """Refuse objects that lie outside the file."""
        raise ForbiddenError(f"an object {pid!r} outside the file")
