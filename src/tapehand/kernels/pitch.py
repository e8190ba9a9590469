"""Kernels that follow a pitch through the candidates of its frames, and find the steps that it takes."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.errors import InternalError
from tapehand.kernels.library import Kernel, Parameter

_P = Parameter
_PATH = Kernel("pitch_path", _P.F64, _P.F64, _P.INT, _P.INT, _P.REAL, _P.REAL, _P.F64_OUT, _P.I64_OUT, _P.I64_OUT)
_STEPS = Kernel("pitch_steps", _P.F64, _P.F64, _P.INT, _P.INT, _P.REAL, _P.F64_OUT, _P.I64_OUT)
NO_PITCH: Final = -1000.0


def cheapest_path(
    octaves: NDArray[np.float64], strengths: NDArray[np.float64], jump_cost: float, voicing_cost: float
) -> NDArray[np.int64]:
    """Of each frame the number of the candidate on the path of greatest strength less the costs of its jumps (Viterbi).

    Parameters
    ----------
    octaves : float64 ``(frames, candidates)``: pitch in octaves above any reference; ``NO_PITCH`` for none.
    strengths : float64 of the same shape; ``-inf`` for a candidate that is none.
    jump_cost : of an octave between two neighbouring frames.
    voicing_cost : of a change between pitch and none.

    Returns
    -------
    int64 ``(frames,)``.
    """
    if octaves.ndim != 2 or octaves.shape != strengths.shape or not octaves.shape[1]:
        raise InternalError("kernels.argument", "Each candidate of a pitch has one octave and one strength")
    frames, candidates = octaves.shape
    chosen = np.zeros(frames, dtype=np.int64)
    came_from = np.zeros((frames, candidates), dtype=np.int64)
    if frames:
        scores = np.zeros(2 * candidates)
        _PATH(octaves, strengths, frames, candidates, jump_cost, voicing_cost, scores, came_from, chosen)
    return chosen


def cheapest_steps(values: NDArray[np.float64], longest: int, price: float) -> list[tuple[int, int]]:
    """Begin and end of the stretches of ``values (count,)`` with least squared distance from their means.

    ``price`` is added for each stretch; none is longer than ``longest`` values.
    """
    if values.ndim != 1 or longest < 1:
        raise InternalError("kernels.argument", "Steps are found in one row of values, and have a length")
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (values, values * values))
    came_from = np.zeros(values.size + 1, dtype=np.int64)
    _STEPS(sums, squares, values.size, longest, price, np.zeros(values.size + 1), came_from)
    cuts = [values.size]
    while cuts[-1]:
        cuts.append(int(came_from[cuts[-1]]))
    return list(pairwise(reversed(cuts)))
