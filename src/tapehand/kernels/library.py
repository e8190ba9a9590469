"""The one place where arrays meet C: loading the native library, and calls checked before they happen."""

import ctypes
import os
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from tapehand.errors import InternalError

LIBRARY_PATH: Final = Path(__file__).with_name("_native.so")


class Parameter(Enum):
    """What a kernel takes in one place: an array to read, an array to write (``_OUT``), or a number.

    Arrays are C-contiguous; of ``ROWS`` only every row is, so that a stretch ``[:, a:b]`` of longer rows will do.
    """

    F32 = ("float32", False)
    F64 = ("float64", False)
    I32 = ("int32", False)
    I64 = ("int64", False)
    U8 = ("uint8", False)
    F32_OUT = ("float32", True)
    F64_OUT = ("float64", True)
    I32_OUT = ("int32", True)
    I64_OUT = ("int64", True)
    U8_OUT = ("uint8", True)
    F32_ROWS_OUT = ("float32 rows", True)
    INT = ("int", None)
    REAL = ("real", None)


_NUMBERS: Final[dict[str, Any]] = {"int": ctypes.c_int64, "real": ctypes.c_double}


class Kernel:
    """A function of the native library, found at its first call.

    Parameters
    ----------
    name : as in ``KERNEL(name)`` of ``native/kernels/*.cpp``.
    parameters : one for each C parameter, in order.
    """

    def __init__(self, name: str, *parameters: Parameter) -> None:
        self.name = name
        self.parameters = parameters

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
        return self.prepared(*arguments)()

    def prepared(self, *first: Any) -> Callable[..., int]:
        """The kernel with its first arguments checked once and for all; called with the rest, it runs as ``status``.

        For calls that come by the thousand. The caller keeps the arrays alive; they may change in content.
        """
        function, head = _function(self.name, simd_level(), self.parameters), self._passed(first, 0)
        awaited = len(self.parameters) - len(head)
        only_numbers = all(kind is Parameter.INT for kind in self.parameters[len(head) :])

        def run(*rest: Any) -> int:
            if len(rest) != awaited:
                given = len(head) + len(rest)
                raise InternalError(
                    "kernels.argument", f"{self.name} takes {len(self.parameters)} arguments, not {given}"
                )
            answer: int = function(*head, *(rest if only_numbers else self._passed(rest, len(head))))
            return answer

        return run

    def _passed(self, arguments: Sequence[Any], offset: int) -> list[Any]:
        kinds = self.parameters[offset : offset + len(arguments)]
        return [_passed(self.name, kind, value) for kind, value in zip(kinds, arguments, strict=False)]


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


def _passed(name: str, kind: Parameter, value: Any) -> Any:
    dtype, writes = kind.value
    if dtype in _NUMBERS:
        return value
    fits = isinstance(value, np.ndarray) and dtype.startswith(value.dtype.name) and _lies_well(value, dtype)
    if not fits or (writes and not value.flags.writeable):
        shown = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InternalError("kernels.argument", f"{name} takes a C-contiguous {kind.name} array here, not {shown}")
    return value.ctypes.data


def _lies_well(array: "np.ndarray[Any, Any]", dtype: str) -> bool:
    if dtype.endswith("rows"):
        return array.ndim == 2 and (array.strides[1] == array.itemsize or array.size == 0)
    return array.flags.c_contiguous


def simd_level() -> str:
    """``"v3"`` (AVX2) where the CPU has it, else ``"base"``; ``TAPEHAND_SIMD=base`` forces the slow copy."""
    return "base" if os.environ.get("TAPEHAND_SIMD") == "base" else _best_level()


@cache
def _best_level() -> str:
    return "v3" if _function("cpu_level", "base", ())() == 3 else "base"


@cache
def _function(name: str, level: str, parameters: tuple[Parameter, ...]) -> Any:
    try:
        function = _library()[f"tapehand_{name}_{level}"]
    except AttributeError as error:
        raise _not_built(f"The native library has no kernel {name!r}") from error
    function.argtypes = [_NUMBERS.get(kind.value[0], ctypes.c_void_p) for kind in parameters]
    function.restype = ctypes.c_int64
    return function


@cache
def _library() -> ctypes.CDLL:
    if not LIBRARY_PATH.exists():
        raise _not_built("The native library has not been built")
    return ctypes.CDLL(str(LIBRARY_PATH))


def _not_built(message: str) -> InternalError:
    return InternalError("kernels.not_built", message, hint="Run `make` in the source folder.", where=LIBRARY_PATH.name)
