"""Overviews for drawing: the lowest and highest value of every N samples, at several zoom levels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapehand.audio.buffer import Audio

FINEST_SAMPLES = 256
ZOOM_STEP = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PeakLevel:
    """One zoom level: ``lowest`` and ``highest`` of every ``samples_per_point``, float32 ``(channels, points)``."""

    samples_per_point: int
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]

    @property
    def points(self) -> int:
        """How many points the level has."""
        return int(self.lowest.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peaks:
    """All zoom levels of one recording, finest first."""

    rate_hz: int
    length_samples: int
    levels: tuple[PeakLevel, ...]

    def level_for(self, points_wanted: int) -> PeakLevel:
        """The coarsest level that still has ``points_wanted`` points, else the finest."""
        enough = [level for level in self.levels if level.points >= points_wanted]
        return enough[-1] if enough else self.levels[0]


def peaks(audio: Audio, finest_samples: int = FINEST_SAMPLES) -> Peaks:
    """Overview of ``audio``; the last point of a level may cover fewer samples."""
    return peaks_of_blocks([audio], finest_samples)


def peaks_of_blocks(blocks: Iterable[Audio], finest_samples: int = FINEST_SAMPLES) -> Peaks:
    """Overview of a recording that arrives in blocks of any length; at least one block is needed."""
    lowest: list[NDArray[np.float32]] = []
    highest: list[NDArray[np.float32]] = []
    rate_hz, length_samples, rest = 0, 0, None
    for block in blocks:
        rate_hz, length_samples = block.rate_hz, length_samples + block.length_samples
        samples = block.samples if rest is None else np.concatenate([rest, block.samples], axis=1)
        whole = samples.shape[1] - samples.shape[1] % finest_samples
        _append(lowest, highest, samples[:, :whole], finest_samples)
        rest = samples[:, whole:]
    if rest is None:
        raise ValueError("an overview needs at least one block, which may be empty")
    _append(lowest, highest, rest, finest_samples)
    finest = PeakLevel(
        samples_per_point=finest_samples,
        lowest=np.concatenate(lowest, axis=1) if lowest else rest,
        highest=np.concatenate(highest, axis=1) if highest else rest,
    )
    return Peaks(rate_hz=rate_hz, length_samples=length_samples, levels=_zoomed_out(finest))


def _append(
    lowest: list[NDArray[np.float32]], highest: list[NDArray[np.float32]], samples: NDArray[np.float32], step: int
) -> None:
    if samples.shape[1]:
        starts = np.arange(0, samples.shape[1], step)
        lowest.append(np.minimum.reduceat(samples, starts, axis=1))
        highest.append(np.maximum.reduceat(samples, starts, axis=1))


def _zoomed_out(finest: PeakLevel) -> tuple[PeakLevel, ...]:
    levels = [finest]
    while levels[-1].points > ZOOM_STEP:
        fine = levels[-1]
        starts = np.arange(0, fine.points, ZOOM_STEP)
        levels.append(
            PeakLevel(
                samples_per_point=fine.samples_per_point * ZOOM_STEP,
                lowest=np.minimum.reduceat(fine.lowest, starts, axis=1),
                highest=np.maximum.reduceat(fine.highest, starts, axis=1),
            )
        )
    return tuple(levels)
