"""Kernel of the soft clipper."""

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter
from tapehand.kernels.meter import require_bank

_P = Parameter
_SOFTCLIP = Kernel("softclip", _P.F32, _P.INT, _P.F32, _P.INT, _P.INT, _P.REAL, _P.REAL, _P.F32_OUT)


def softclip(channel: NDArray[np.float32], bank: NDArray[np.float32], knee: float, top: float) -> NDArray[np.float32]:
    """One channel, linear up to ``knee``, bent towards ``top`` above; both linear amplitudes, ``0 < knee < top``."""
    require_bank(bank)
    if channel.ndim != 1 or not 0.0 < knee < top:
        raise InternalError("kernels.argument", "The soft clipper takes one channel and 0 < knee < top")
    shaped = channel.copy()
    if channel.size:
        _SOFTCLIP(channel, channel.size, bank, *bank.shape, knee, top, shaped)
    return shaped
