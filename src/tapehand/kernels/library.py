"""The one place where arrays meet C: loading the native library, and calls checked before they happen."""

import ctypes
import os
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from tapehand.errors import InternalError

LIBRARY_PATH: Final = Path(__file__).with_name("_native.so")


class _Kind(NamedTuple):
    """What one place takes: an array of ``dtype``, or a number of ``c_type``."""

    c_type: Any
    dtype: "np.dtype[Any] | None" = None
    writes: bool = False
    only_rows: bool = False


def _array(dtype: str, *, writes: bool = False, only_rows: bool = False) -> _Kind:
    return _Kind(ctypes.c_void_p, np.dtype(dtype), writes, only_rows)


class Parameter(Enum):
    """What a kernel takes in one place: an array to read, an array to write (``_OUT``), or a number.

    Arrays are C-contiguous; of ``ROWS`` only every row is, so that a stretch ``[:, a:b]`` of longer rows will do.
    """

    F32 = _array("float32")
    F64 = _array("float64")
    I32 = _array("int32")
    I64 = _array("int64")
    U8 = _array("uint8")
    F32_OUT = _array("float32", writes=True)
    F64_OUT = _array("float64", writes=True)
    I32_OUT = _array("int32", writes=True)
    I64_OUT = _array("int64", writes=True)
    U8_OUT = _array("uint8", writes=True)
    F32_ROWS_OUT = _array("float32", writes=True, only_rows=True)
    INT = _Kind(ctypes.c_int64)
    REAL = _Kind(ctypes.c_double)


class Kernel:
    """A function of the native library, found at its first call.

    Parameters
    ----------
    name : as in ``KERNEL(name)`` of ``native/kernels/*.cpp``.
    parameters : one for each C parameter, in order.
    """

    def __init__(self, name: str, *parameters: Parameter) -> None:
        self.name = name
        self._kinds: list[_Kind] = [parameter.value for parameter in parameters]
        self._functions: dict[str, Any] = {}

    def __call__(self, *arguments: Any, where: str = "") -> None:
        """Run the kernel; ``where`` names the place (a track, a bus) if the sound turns out not to be finite.

        Raises
        ------
        InternalError
            ``kernels.argument`` for a wrong type, layout or count; ``render.not_finite`` for NaN or infinity.
        """
        position = self.status(*arguments)
        if position >= 0:
            raise NotFinite(where, position)

    def status(self, *arguments: Any) -> int:
        """Run the kernel and return its own answer."""
        self._require_count(len(arguments))
        answer: int = self._function()(*self._passed(arguments, 0))
        return answer

    def prepared(self, *first: Any) -> Callable[..., int]:
        """The kernel with its first arguments checked once and for all; called with the rest, it runs as ``status``.

        For calls that come by the thousand. The caller keeps the arrays alive; they may change in content.
        """
        function, head = self._function(), self._passed(first, 0)
        only_numbers = all(kind.dtype is None for kind in self._kinds[len(head) :])

        def run(*rest: Any) -> int:
            self._require_count(len(head) + len(rest))
            answer: int = function(*head, *(rest if only_numbers else self._passed(rest, len(head))))
            return answer

        return run

    def _function(self) -> Any:
        level = simd_level()
        found = self._functions.get(level)
        if found is None:
            found = self._functions[level] = _find(self.name, level, [kind.c_type for kind in self._kinds])
        return found

    def _require_count(self, given: int) -> None:
        if given != len(self._kinds):
            raise InternalError("kernels.argument", f"{self.name} takes {len(self._kinds)} arguments, not {given}")

    def _passed(self, arguments: Sequence[Any], offset: int) -> list[Any]:
        return [
            value if kind.dtype is None else _address(self.name, kind, value)
            for kind, value in zip(self._kinds[offset:], arguments, strict=False)
        ]


class NotFinite(InternalError):
    """A NaN or infinity at ``sample`` of a place (a track, a bus) that may have a name; ``render.not_finite``."""

    def __init__(self, place: str, sample: int) -> None:
        where = f"{place}, sample {sample}" if place else f"sample {sample}"
        super().__init__("render.not_finite", "The sound holds a value that is not a number", where=where)
        self.place, self.sample = place, sample

    def within(self, place: str, samples_later: int) -> "NotFinite":
        """The same as told from further outside: what stands around the place, and the sample counted from there."""
        names = ", ".join(name for name in (place, self.place) if name)
        return NotFinite(names, self.sample + samples_later)


def _address(name: str, kind: _Kind, array: Any) -> Any:
    if not isinstance(array, np.ndarray) or array.dtype != kind.dtype or not _lies_well(array, kind):
        shown = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InternalError("kernels.argument", f"{name} takes {_wanted(kind)} here, not {shown}")
    return array.ctypes.data


def _lies_well(array: "np.ndarray[Any, Any]", kind: _Kind) -> bool:
    flags = array.flags
    if kind.writes and not flags.writeable:
        return False
    rows = kind.only_rows and array.ndim == 2 and array.strides[1] == array.itemsize
    return rows or flags.c_contiguous


def _wanted(kind: _Kind) -> str:
    return f"a {'writeable ' if kind.writes else ''}C-contiguous {kind.dtype} array"


def simd_level() -> str:
    """``"v3"`` (AVX2) where the CPU has it, else ``"base"``; ``TAPEHAND_SIMD=base`` forces the slow copy."""
    return "base" if os.environ.get("TAPEHAND_SIMD") == "base" else _best_level()


@cache
def _best_level() -> str:
    return "v3" if _find("cpu_level", "base", [])() == 3 else "base"


def _find(name: str, level: str, c_types: Sequence[Any]) -> Any:
    try:
        function = _library()[f"tapehand_{name}_{level}"]
    except AttributeError as error:
        raise _not_built(f"The native library has no kernel {name!r}") from error
    function.argtypes = c_types
    function.restype = ctypes.c_int64
    return function


@cache
def _library() -> ctypes.CDLL:
    if not LIBRARY_PATH.exists():
        raise _not_built("The native library has not been built")
    return ctypes.CDLL(str(LIBRARY_PATH))


def _not_built(message: str) -> InternalError:
    return InternalError("kernels.not_built", message, hint="Run `make` in the source folder.", where=LIBRARY_PATH.name)
