"""The kernel that finds the spectral peaks of tones."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_PEAKS = Kernel(
    "tone_peaks",
    *(_P.F32, _P.INT, _P.INT, _P.INT, _P.INT, _P.INT, _P.REAL, _P.REAL, _P.REAL),
    *(_P.F32_OUT, _P.F64_OUT, _P.I64_OUT, _P.F64_OUT, _P.F64_OUT),
)
STEADY_FRAMES: Final = 2
NOTHING: Final = 1e-12


def steady_peaks(
    powers: NDArray[np.float32], first: int, lines: int, reach: int, above: float, share: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Peaks of the magnitudes that last: of each the middle one of itself and its neighbours two frames to either side.

    Parameters
    ----------
    powers : float32 ``(frames + 4, more than lines)``; the two first and the two last are only neighbours.
    first, lines : peaks are looked for from line ``first`` (1 or more) on and below ``lines``.
    reach, above : a peak is ``above`` times the mean of so many lines to either side, the last ones counting further.
    share : and more than so much of the highest of its frame.

    Returns
    -------
    int64 ``(frames,)``, how many peaks each frame has; of all peaks the lines, with fraction, and the roots of their
    magnitudes, float64.
    """
    frames = powers.shape[0] - 2 * STEADY_FRAMES
    fits = powers.ndim == 2 and frames >= 0 and 1 <= first <= lines < powers.shape[1] and reach >= 0
    if not fits:
        raise InternalError("kernels.argument", "The kernel for tones cannot work with these lines")
    counts, room = np.zeros(frames, dtype=np.int64), frames * (lines // 2 + 1)
    places, weights = np.empty(room), np.empty(room)
    work = np.empty(lines + 1, dtype=np.float32), np.empty(lines + 2 + 2 * reach)
    _PEAKS(powers, frames, powers.shape[1], first, lines, reach, above, share, NOTHING, *work, counts, places, weights)
    found = int(counts.sum())
    return counts, places[:found], weights[:found]
