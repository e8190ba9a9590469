"""Moments of a running mixer, kept every few seconds, so that listening can begin at any of them with the same bits."""

from typing import Any, Final

from numpy.typing import NDArray

from tapehand.render.cache import RecordWriter
from tapehand.render.mixer import STEP_SAMPLES

MOST_APART_S: Final = 5.0


def moment_samples(rate_hz: int) -> int:
    """How far apart moments are: whole steps of the mixer, at most five seconds (or one step)."""
    return max(1, int(MOST_APART_S * rate_hz) // STEP_SAMPLES) * STEP_SAMPLES


class MomentKeeper:
    """Writes a record for every moment: the first is one distance into the song."""

    def __init__(self, writer: RecordWriter, rate_hz: int) -> None:
        self._writer, self._apart = writer, moment_samples(rate_hz)

    def wants(self, position: int) -> bool:
        """Whether the mixer's state at a song position is to be kept."""
        return position % self._apart == 0

    def take(self, state: list[NDArray[Any]]) -> None:
        """The state at such a position; they come in order."""
        self._writer.append(state)
