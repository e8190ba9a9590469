"""Which tones sound, every 50 ms: spectral peaks folded into pitch classes, and the reference they are tuned to."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact

Values = NDArray[np.float64]
Magnitudes = NDArray[np.float32]

HOP_SAMPLES: Final = COMPACT_RATE_HZ // 20
FRAMES_PER_SECOND: Final = 20
WINDOW_SAMPLES: Final = 4_096
LINE_HZ: Final = COMPACT_RATE_HZ / WINDOW_SAMPLES
LOWEST_HZ: Final = 38.0
HIGHEST_HZ: Final = 2_200.0
BASS_FULL_HZ: Final = 130.0
BASS_NONE_HZ: Final = 260.0
TREBLE_FULL_HZ: Final = 220.0
TREBLE_NONE_HZ: Final = 110.0
# Tones outlast this to either side, strokes do not.
STEADY_FRAMES: Final = 2
SURROUNDINGS_LINES: Final = 24
ABOVE_SURROUNDINGS: Final = 1.4
BELOW_LOUDEST: Final = 0.003
# Tuning is read where overtones are few and lines fine enough.
TUNING_LOW_HZ: Final = 120.0
TUNING_HIGH_HZ: Final = 1_400.0
A4_HZ: Final = 440.0
A4_PITCH: Final = 69
BATCH: Final = 256
NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Peaks:
    """Spectral peaks of tones.

    Parameters
    ----------
    frame : int64 ``(peaks,)``, rising.
    pitch : MIDI pitch with fraction at A4 = 440 Hz, float64 ``(peaks,)``.
    weight : compressed magnitude, 0 and more, float64 ``(peaks,)``.
    frames : how many frames there are, at 20 a second.
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
    """

    treble: Values
    bass: Values

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return int(self.treble.shape[0])

    def over(self, edges_s: Values) -> tuple[Values, Values]:
        """Means of treble and bass between neighbouring rising times, each ``(edges - 1, 12)``."""
        at = np.clip(np.round(np.asarray(edges_s) * FRAMES_PER_SECOND).astype(np.int64), 0, self.frames)
        return _means(self.treble, at), _means(self.bass, at)


def peaks(heard: Compact) -> Peaks:
    """Spectral peaks that last, with their exact frequencies by a parabola through the log magnitudes."""
    mono = heard.mono.samples[0]
    frames = -(-mono.size // HOP_SAMPLES)
    magnitudes = _steady(_magnitudes(mono, frames))
    first = math.ceil(LOWEST_HZ / LINE_HZ)
    row, line = _maxima(magnitudes, first)
    below, at, above = (np.log(magnitudes[row, line + shift] + NOTHING) for shift in (-1, 0, 1))
    bend = np.minimum(below - 2.0 * at + above, -1e-9)
    hz = (line + np.clip(0.5 * (below - above) / bend, -0.5, 0.5)) * LINE_HZ
    return Peaks(
        frame=row.astype(np.int64),
        pitch=A4_PITCH + 12.0 * np.log2(hz / A4_HZ),
        weight=np.sqrt(np.exp(at)).astype(np.float64),
        frames=frames,
    )


def tuning(found: Peaks) -> Tuning:
    """The reference that makes the peaks fall on semitones: the circular mean of how far they lie beside them."""
    low, high = (A4_PITCH + 12.0 * math.log2(hz / A4_HZ) for hz in (TUNING_LOW_HZ, TUNING_HIGH_HZ))
    heard = (found.pitch >= low) & (found.pitch <= high)
    turns = 2.0 * np.pi * found.pitch[heard]
    weight = found.weight[heard]
    total = float(weight.sum())
    if total <= NOTHING:
        return Tuning(cents=0.0, agreement=0.0)
    real, imaginary = float((weight * np.cos(turns)).sum()), float((weight * np.sin(turns)).sum())
    cents = 100.0 * math.atan2(imaginary, real) / (2.0 * math.pi)
    return Tuning(cents=cents, agreement=math.hypot(real, imaginary) / total)


def chroma(found: Peaks, reference: Tuning) -> Chroma:
    """Peaks folded into pitch classes; one that lies between two semitones counts for little."""
    pitch = found.pitch - reference.cents / 100.0
    nearest = np.round(pitch)
    centred = found.weight * np.square(np.cos(np.pi * (pitch - nearest)))
    place = found.frame * 12 + nearest.astype(np.int64) % 12
    bass, treble = (_ramp(found.pitch, *edges) for edges in _REGISTERS)
    folded = [
        np.bincount(place, weights=centred * part, minlength=found.frames * 12).reshape(-1, 12).astype(np.float64)
        for part in (treble, bass)
    ]
    return Chroma(treble=folded[0], bass=folded[1])


def _pitch_of(hz: float) -> float:
    return A4_PITCH + 12.0 * math.log2(hz / A4_HZ)


# For bass and treble: the pitch at which they count nothing, and the one from which they count fully.
_REGISTERS: Final = (
    (_pitch_of(BASS_NONE_HZ), _pitch_of(BASS_FULL_HZ)),
    (_pitch_of(TREBLE_NONE_HZ), _pitch_of(TREBLE_FULL_HZ)),
)


def _ramp(pitch: Values, none: float, full: float) -> Values:
    ramp: Values = np.clip((pitch - none) / (full - none), 0.0, 1.0)
    return ramp


def _magnitudes(mono: NDArray[np.float32], frames: int) -> Magnitudes:
    """Magnitudes ``(frames, lines)`` up to the highest frequency; frame ``i`` has its middle at ``i`` hops."""
    window = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)
    lines = math.ceil(HIGHEST_HZ / LINE_HZ) + 2
    padded = np.pad(mono, (WINDOW_SAMPLES // 2, WINDOW_SAMPLES))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES][:frames]
    magnitudes = np.empty((frames, lines), dtype=np.float32)
    for first in range(0, frames, BATCH):
        spectrum = np.fft.rfft(pieces[first : first + BATCH] * window, axis=1)[:, :lines]
        magnitudes[first : first + BATCH] = np.sqrt(spectrum.real**2 + spectrum.imag**2)
    return magnitudes


def _steady(magnitudes: Magnitudes) -> Magnitudes:
    """The middle one of each magnitude and those before and after it: strokes and noise fall away."""
    if not magnitudes.shape[0]:
        return magnitudes
    padded = np.pad(magnitudes, ((STEADY_FRAMES, STEADY_FRAMES), (0, 0)), mode="edge")
    before, after = padded[: -2 * STEADY_FRAMES], padded[2 * STEADY_FRAMES :]
    low, high = np.minimum(before, after), np.maximum(before, after)
    steady: Magnitudes = np.maximum(low, np.minimum(high, magnitudes))
    return steady


def _maxima(magnitudes: Magnitudes, first: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Frames and lines of what stands out of its surroundings and is not far below the loudest of its frame."""
    if not magnitudes.shape[0]:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    sums = np.cumsum(np.pad(magnitudes, ((0, 0), (SURROUNDINGS_LINES + 1, SURROUNDINGS_LINES)), mode="edge"), axis=1)
    width = 2 * SURROUNDINGS_LINES + 1
    around = (sums[:, width:] - sums[:, :-width]) / width
    floor = np.maximum(around * ABOVE_SURROUNDINGS, BELOW_LOUDEST * magnitudes.max(axis=1, keepdims=True))
    inner = magnitudes[:, first:-1]
    top = (inner > magnitudes[:, first - 1 : -2]) & (inner >= magnitudes[:, first + 1 :])
    top &= inner > np.maximum(floor[:, first:-1], np.float32(NOTHING))
    row, line = np.nonzero(top)
    return row, line + first


def _means(values: Values, at: NDArray[np.int64]) -> Values:
    sums = np.concatenate([np.zeros((1, 12)), np.cumsum(values, axis=0)])
    # A stretch shorter than a frame is the frame it lies in.
    starts = np.minimum(at[:-1], max(values.shape[0] - 1, 0))
    ends = np.clip(np.maximum(at[1:], starts + 1), 0, values.shape[0])
    means: Values = (sums[ends] - sums[starts]) / np.maximum(ends - starts, 1)[:, np.newaxis]
    return means
