"""Which tones sound, 20 times a second: spectral peaks folded into pitch classes, and the reference they are tuned to.

Spectra of half a second are taken every 100 ms; between two of them the strengths of the tones go on evenly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.kernels.spectra import PowerSpectra
from tapehand.kernels.tones import beside_semitones, pitch_classes, steady_peaks
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact

Values = NDArray[np.float64]

FRAMES_PER_SECOND: Final = 20
HOP_SAMPLES: Final = 2 * COMPACT_RATE_HZ // FRAMES_PER_SECOND
WINDOW_SAMPLES: Final = 4_096
LINE_HZ: Final = COMPACT_RATE_HZ / WINDOW_SAMPLES
LOWEST_HZ: Final = 38.0
HIGHEST_HZ: Final = 2_200.0
BASS_FULL_HZ: Final = 130.0
BASS_NONE_HZ: Final = 260.0
TREBLE_FULL_HZ: Final = 220.0
TREBLE_NONE_HZ: Final = 110.0
SURROUNDINGS_LINES: Final = 24
ABOVE_SURROUNDINGS: Final = 1.4
BELOW_LOUDEST: Final = 0.003
# Tuning is read where overtones are few and lines fine enough.
TUNING_LOW_HZ: Final = 120.0
TUNING_HIGH_HZ: Final = 1_400.0
A4_HZ: Final = 440.0
A4_PITCH: Final = 69
BATCH: Final = 128
NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Peaks:
    """Spectral peaks of tones.

    Parameters
    ----------
    frame : int64 ``(peaks,)``, rising.
    pitch : MIDI pitch with fraction at A4 = 440 Hz, float64 ``(peaks,)``.
    weight : compressed magnitude, 0 and more, float64 ``(peaks,)``.
    frames : how many frames there are, at 10 a second.
    """

    frame: NDArray[np.int64]
    pitch: Values
    weight: Values
    frames: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tuning:
    """What a recording is tuned to: ``cents`` (-50..50) off A4 = 440 Hz; ``agreement`` 0 (no tones) .. 1."""

    cents: float
    agreement: float

    @property
    def a4_hz(self) -> float:
        """The reference tone."""
        return A4_HZ * math.exp2(self.cents / 1200.0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Chroma:
    """Strength of the twelve pitch classes, C first.

    Parameters
    ----------
    treble, bass : float64 ``(frames, 12)``, 0 and more, at 20 frames a second; frame ``i`` has its middle at
        ``i / 20`` s. Not normalised: a frame without tones is near 0.
    treble_sums, bass_sums : float64 ``(frames + 1, 12)``, the sums of all frames before.
    """

    treble: Values
    bass: Values
    treble_sums: Values = field(init=False)
    bass_sums: Values = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "treble_sums", _sums(self.treble))
        object.__setattr__(self, "bass_sums", _sums(self.bass))

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return int(self.treble.shape[0])

    def over(self, edges_s: Values) -> tuple[Values, Values]:
        """Means of treble and bass between neighbouring rising times, each ``(edges - 1, 12)``."""
        at = self.nearest_edges(edges_s)
        # A stretch shorter than a frame is the frame it lies in.
        starts = np.minimum(at[:-1], max(self.frames - 1, 0))
        ends = np.clip(np.maximum(at[1:], starts + 1), 0, self.frames)
        counts = np.maximum(ends - starts, 1)[:, np.newaxis]
        treble, bass = ((sums[ends] - sums[starts]) / counts for sums in (self.treble_sums, self.bass_sums))
        return treble, bass

    def nearest_edges(self, times_s: Values) -> NDArray[np.int64]:
        """The edges between frames (0 to ``frames``) that lie next to times, of the same shape."""
        nearest = np.rint(times_s * FRAMES_PER_SECOND).astype(np.int64)
        return np.minimum(np.maximum(nearest, 0), self.frames)


def peaks(heard: Compact) -> Peaks:
    """Spectral peaks that last, with their exact frequencies by a parabola through the log magnitudes.

    Of each magnitude and those a tenth of a second before and after it the middle one counts: strokes and noise fall
    away. A peak stands out of its surroundings and is not far below the loudest of its frame.
    """
    frames = -(-heard.coded.size // HOP_SAMPLES)
    first, lines = math.ceil(LOWEST_HZ / LINE_HZ), math.ceil(HIGHEST_HZ / LINE_HZ) + 1
    found = [
        steady_peaks(powers, first, lines, SURROUNDINGS_LINES, ABOVE_SURROUNDINGS, BELOW_LOUDEST)
        for powers in _with_neighbours(heard, frames)
    ]
    counts, places, weights = (np.concatenate([part[row] for part in found]) for row in range(3))
    return Peaks(
        frame=np.repeat(np.arange(frames), counts),
        pitch=A4_PITCH + 12.0 * np.log2(places * (LINE_HZ / A4_HZ)),
        weight=weights,
        frames=frames,
    )


def tuning(found: Peaks) -> Tuning:
    """The reference that makes the peaks fall on semitones: the circular mean of how far they lie beside them."""
    low, high = _pitch_of(TUNING_LOW_HZ), _pitch_of(TUNING_HIGH_HZ)
    real, imaginary, total = beside_semitones(found.pitch, found.weight, low, high)
    if total <= NOTHING:
        return Tuning(cents=0.0, agreement=0.0)
    cents = 100.0 * math.atan2(imaginary, real) / (2.0 * math.pi)
    return Tuning(cents=cents, agreement=math.hypot(real, imaginary) / total)


def chroma(found: Peaks, reference: Tuning) -> Chroma:
    """Peaks folded into pitch classes; one that lies between two semitones counts for little."""
    bass = _pitch_of(BASS_NONE_HZ), _pitch_of(BASS_FULL_HZ)
    treble = _pitch_of(TREBLE_NONE_HZ), _pitch_of(TREBLE_FULL_HZ)
    offset = reference.cents / 100.0
    high, low = pitch_classes(found.frame, found.pitch, found.weight, found.frames, offset, treble, bass)
    return Chroma(treble=_twice_as_fine(high), bass=_twice_as_fine(low))


def _pitch_of(hz: float) -> float:
    return A4_PITCH + 12.0 * math.log2(hz / A4_HZ)


def _with_neighbours(heard: Compact, frames: int) -> Iterator[NDArray[np.float32]]:
    """Power spectra of neighbouring frames, one more before and after; frame ``i`` has its middle at ``i`` hops."""
    around = WINDOW_SAMPLES // 2 + HOP_SAMPLES
    sound = np.zeros(heard.coded.size + 2 * around + HOP_SAMPLES, dtype=np.float32)
    np.multiply(heard.coded, np.float32(heard.coding_gain), out=sound[around : around + heard.coded.size])
    spectra = PowerSpectra(_window(), 1.0)
    for first in range(0, max(frames, 1), BATCH):
        yield spectra.of(sound[first * HOP_SAMPLES :], HOP_SAMPLES, min(BATCH, frames - first) + 2)


def _twice_as_fine(frames: Values) -> Values:
    """Each frame and the mean of it and the next; the last goes on."""
    fine = np.repeat(frames, 2, axis=0)
    fine[1:-1:2] += frames[1:]
    fine[1:-1:2] *= 0.5
    return fine


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


def _sums(values: Values) -> Values:
    sums = np.zeros((values.shape[0] + 1, 12))
    np.cumsum(values, axis=0, out=sums[1:])
    return sums
