"""Kernels of tones: spectral peaks that last, what they are tuned to, and their pitch classes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_PEAKS = Kernel(
    "tone_peaks",
    *(_P.F32, _P.INT, _P.INT, _P.INT, _P.INT, _P.INT, _P.REAL, _P.REAL, _P.REAL),
    *(_P.F32_OUT, _P.I64_OUT, _P.F64_OUT, _P.F64_OUT),
)
_TUNING = Kernel("tone_tuning", _P.F64, _P.F64, _P.INT, _P.REAL, _P.REAL, _P.F64_OUT)
_CHROMA = Kernel(
    "tone_chroma",
    *(_P.I64, _P.F64, _P.F64, _P.INT, _P.REAL, _P.REAL, _P.REAL, _P.REAL, _P.REAL),
    *(_P.F64_OUT, _P.F64_OUT),
)
Values = NDArray[np.float64]
Ramp = tuple[float, float]
FEWEST_LINES: Final = 7
NOTHING: Final = 1e-12


def steady_peaks(
    powers: NDArray[np.float32], first: int, lines: int, reach: int, above: float, share: float
) -> tuple[NDArray[np.int64], Values, Values]:
    """Peaks of the magnitudes that last: of each the middle one of itself and those a frame before and after it.

    Parameters
    ----------
    powers : float32 ``(frames + 2, more than lines)``; the first and the last are only neighbours.
    first, lines : peaks are looked for from line ``first`` (1 or more) on and below ``lines``.
    reach, above : a peak is ``above`` times the mean of so many lines to either side, the last ones counting further.
    share : and more than so much of the highest of its frame.

    Returns
    -------
    int64 ``(frames,)``, how many peaks each frame has; of all peaks the lines, with fraction, and the roots of their
    magnitudes, float64.
    """
    frames = powers.shape[0] - 2
    fits = (
        powers.ndim == 2
        and frames >= 0
        and 1 <= first <= lines < powers.shape[1]
        and lines >= FEWEST_LINES
        and reach >= 0
    )
    _require(fits, "lines")
    counts, room = np.zeros(frames, dtype=np.int64), frames * (lines // 2 + 1)
    places, weights = np.empty(room), np.empty(room)
    work = np.empty(lines + 9 + 2 * reach, dtype=np.float32)
    _PEAKS(powers, frames, powers.shape[1], first, lines, reach, above, share, NOTHING, work, counts, places, weights)
    found = int(counts.sum())
    return counts, places[:found].copy(), weights[:found].copy()


def beside_semitones(pitches: Values, weights: Values, low: float, high: float) -> tuple[float, float, float]:
    """Real and imaginary part of weights turned by their pitches, a semitone being a turn, and the sum of the weights.

    Parameters
    ----------
    pitches, weights : float64 ``(peaks,)``; only pitches from ``low`` to ``high`` count.
    """
    _require(pitches.ndim == 1 and pitches.shape == weights.shape, "peaks")
    sums = np.empty(3)
    _TUNING(pitches, weights, pitches.size, low, high, sums)
    return float(sums[0]), float(sums[1]), float(sums[2])


def pitch_classes(
    at: NDArray[np.int64], pitches: Values, weights: Values, frames: int, offset: float, treble: Ramp, bass: Ramp
) -> tuple[Values, Values]:
    """Treble and bass of the twelve pitch classes, C first, each float64 ``(frames, 12)``.

    Parameters
    ----------
    at : int64 ``(peaks,)``, the frame of each peak.
    pitches, weights : float64 ``(peaks,)``; MIDI pitches with fraction. One between two semitones counts for little.
    offset : semitones that the music lies above the piano's.
    treble, bass : the pitch at which a peak does not count, and that from which on it counts fully.
    """
    inside = not at.size or (int(at.min()) >= 0 and int(at.max()) < frames)
    _require(at.ndim == 1 and at.shape == pitches.shape == weights.shape and inside, "peaks")
    high, low = np.zeros((frames, 12)), np.zeros((frames, 12))
    _CHROMA(at, pitches, weights, at.size, offset, *treble, *bass, high, low)
    return high, low


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise InternalError("kernels.argument", f"The kernels for tones cannot work with these {what}")
