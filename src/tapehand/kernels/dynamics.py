"""Gains over time: compressors with a memory, gates, transient shapers."""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_SHAPE = (_P.F32, _P.F32, _P.F32_OUT, _P.INT, _P.F64, _P.F64_OUT)


class GainFollower:
    """One of the kernels of ``native/kernels/dynamics.cpp``, with what it remembers between blocks."""

    STATE: ClassVar[tuple[str, ...]] = ("_state",)

    def __init__(self, kernel: Kernel, settings: list[float], states: int) -> None:
        self._kernel, self._settings = kernel, np.array(settings, dtype=np.float64)
        self._state = np.zeros(states)

    def follow(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The gains ``(n,)`` for the next samples ``(1 or 2, n)``.

        Raises
        ------
        InternalError
            ``render.not_finite`` for NaN or infinity; ``kernels.argument`` for any other number of channels.
        """
        if samples.ndim != 2 or samples.shape[0] not in (1, 2):
            raise InternalError("kernels.argument", f"Dynamics take mono or stereo, not {samples.shape}")
        gains = np.empty(samples.shape[1], dtype=np.float32)
        self._kernel(samples[0], samples[-1], gains, gains.size, self._settings, self._state)
        return gains


_COMPRESSOR: Final = Kernel("compressor_gain", *_SHAPE)
_GATE: Final = Kernel("gate_gain", *_SHAPE)
_TRANSIENTS: Final = Kernel("transient_gain", *_SHAPE)


def compressor_follower(settings: list[float]) -> GainFollower:
    """Settings in the order of the kernel: 12 numbers."""
    return GainFollower(_COMPRESSOR, _checked(settings, 12), 3)


def gate_follower(settings: list[float]) -> GainFollower:
    """Settings in the order of the kernel: 8 numbers."""
    return GainFollower(_GATE, _checked(settings, 8), 4)


def transient_follower(settings: list[float]) -> GainFollower:
    """Settings in the order of the kernel: 8 numbers."""
    return GainFollower(_TRANSIENTS, _checked(settings, 8), 6)


def _checked(settings: list[float], count: int) -> list[float]:
    if len(settings) != count:
        raise InternalError("kernels.argument", f"This kernel takes {count} settings, not {len(settings)}")
    return settings
