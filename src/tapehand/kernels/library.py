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
    """What a kernel takes in one place: an array to read, an array to write (``_OUT``), or a number."""

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
    INT = ("int", None)
    REAL = ("real", None)


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
            place = f"{where}, sample {position}" if where else f"sample {position}"
            raise InternalError("render.not_finite", "The sound holds a value that is not a number", where=place)

    def status(self, *arguments: Any) -> int:
        """Run the kernel and return its own answer."""
        return self.prepared(*arguments)()

    def prepared(self, *first: Any) -> Callable[..., int]:
        """The kernel with its first arguments checked once and for all; called with the rest, it runs as ``status``.

        For calls that come by the thousand. The caller keeps the arrays alive; they may change in content.
        """
        function, head = _function(self.name, simd_level()), self._passed(first, 0)

        def run(*rest: Any) -> int:
            if len(head) + len(rest) != len(self.parameters):
                given = len(head) + len(rest)
                raise InternalError(
                    "kernels.argument", f"{self.name} takes {len(self.parameters)} arguments, not {given}"
                )
            return int(function(*head, *self._passed(rest, len(head))))

        return run

    def _passed(self, arguments: Sequence[Any], offset: int) -> list[Any]:
        kinds = self.parameters[offset : offset + len(arguments)]
        return [_passed(self.name, kind, value) for kind, value in zip(kinds, arguments, strict=False)]


def _passed(name: str, kind: Parameter, value: Any) -> Any:
    dtype, writes = kind.value
    if dtype == "int":
        return ctypes.c_int64(value)
    if dtype == "real":
        return ctypes.c_double(value)
    fits = isinstance(value, np.ndarray) and value.dtype.name == dtype and value.flags.c_contiguous
    if not fits or (writes and not value.flags.writeable):
        shown = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InternalError("kernels.argument", f"{name} takes a C-contiguous {kind.name} array here, not {shown}")
    return ctypes.c_void_p(value.ctypes.data)


def simd_level() -> str:
    """``"v3"`` (AVX2) where the CPU has it, else ``"base"``; ``TAPEHAND_SIMD=base`` forces the slow copy."""
    return "base" if os.environ.get("TAPEHAND_SIMD") == "base" else _best_level()


@cache
def _best_level() -> str:
    return "v3" if _function("cpu_level", "base")() == 3 else "base"


@cache
def _function(name: str, level: str) -> Any:
    try:
        function = _library()[f"tapehand_{name}_{level}"]
    except AttributeError as error:
        raise _not_built(f"The native library has no kernel {name!r}") from error
    function.restype = ctypes.c_int64
    return function


@cache
def _library() -> ctypes.CDLL:
    if not LIBRARY_PATH.exists():
        raise _not_built("The native library has not been built")
    return ctypes.CDLL(str(LIBRARY_PATH))


def _not_built(message: str) -> InternalError:
    return InternalError("kernels.not_built", message, hint="Run `make` in the source folder.", where=LIBRARY_PATH.name)
