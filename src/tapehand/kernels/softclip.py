"""Kernel of the soft clipper."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter
from tapehand.kernels.meter import require_bank

_P = Parameter
_SOFTCLIP = Kernel(
    "softclip", _P.F32, _P.F32_OUT, _P.INT, _P.F32, _P.INT, _P.INT, *[_P.REAL] * 3, _P.F32_OUT, _P.F32_OUT
)


class SoftClipper:
    """One channel times ``drive``, linear up to ``knee`` and bent towards ``top`` above, with what it remembers.

    Parameters
    ----------
    bank : interpolation bank ``(phases, taps)``, taps a multiple of 8.
    drive, knee, top : linear; ``0 < knee < top``.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_heard", "_pending")

    def __init__(self, bank: NDArray[np.float32], *, drive: float, knee: float, top: float) -> None:
        require_bank(bank)
        if not 0.0 < knee < top or bank.shape[1] % 8:
            raise InternalError("kernels.argument", "The soft clipper takes 0 < knee < top, and taps by eights")
        self.late_samples = bank.shape[1] - 1
        self._settings = (bank, *bank.shape, drive, knee, top)
        self._heard = np.zeros(self.late_samples, dtype=np.float32)
        self._pending = np.zeros(self.late_samples, dtype=np.float32)

    def follow(self, samples: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """The next ``(n,)`` samples, and what comes out, ``late_samples`` behind them.

        Raises
        ------
        InternalError
            ``render.not_finite`` with the sample.
        """
        _SOFTCLIP(samples, out, samples.size, *self._settings, self._heard, self._pending)
