"""The same recording twice: equal but for gain, polarity and where it begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.arrivals import stretch
from tapehand.listening.correlation import summit
from tapehand.listening.frames import one_channel
from tapehand.listening.kinds import finding, threshold
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact, Recordings
from tapehand.song.finding import Finding
from tapehand.units import gain_to_db, power_to_db

Series = NDArray[np.float64]

NOTHING: Final = 1e-20
# What 16 bits may leave where two files are one.
BEST_NULL_DB: Final = -120.0
MARGIN_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A track that is a copy of another.

    Parameters
    ----------
    shift_samples : by how much it is late.
    gain : what the other is multiplied by to give it; negative where it is upside down.
    null_db : what is left of it when the other is taken away, at its worst place.
    """

    track: str
    original: str
    shift_samples: int
    gain: float
    null_db: float
    rate_hz: int


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for copies."""
    figures: Mapping[str, float] = load("between")["copies"]
    return figures


def copies(recordings: Recordings) -> tuple[Copy, ...]:
    """Tracks that are copies of one before them; each is told once."""
    names = tuple(recordings.names)
    envelopes = _Envelopes([recordings.compact(name) for name in names])
    found: dict[str, Copy] = {}
    for second in range(1, len(names)):
        for first in range(second):
            shift_s = envelopes.shift_s(first, second)
            if shift_s is None or names[second] in found or names[first] in found:
                continue
            copy = _compared(recordings, names[first], names[second], shift_s)
            if copy is not None and copy.null_db <= threshold("same_recording"):
                found[copy.track] = copy
    return tuple(found.values())


def copy_findings(copies: tuple[Copy, ...]) -> tuple[Finding, ...]:
    """A question about each."""
    return tuple(
        finding(
            "same_recording",
            track=copy.track,
            path=None,
            value=copy.null_db,
            start_s=0.0,
            original=copy.original,
            how=_words(copy),
        )
        for copy in copies
    )


def _words(copy: Copy) -> str:
    words = []
    gain_db = gain_to_db(copy.gain)
    if abs(gain_db) >= 0.05:
        words.append(f"{abs(gain_db):.1f} dB {'louder' if gain_db > 0 else 'quieter'}")
    if copy.shift_samples:
        late = "later" if copy.shift_samples > 0 else "earlier"
        words.append(f"{abs(copy.shift_samples) / copy.rate_hz * 1000:.1f} ms {late}")
    if copy.gain < 0:
        words.append("upside down")
    return " (" + ", ".join(words) + ")" if words else ""


class _Envelopes:
    """Levels of all tracks every 10 ms, as spectra: one product of two tells at which shift they agree best."""

    def __init__(self, compacts: list[Compact]) -> None:
        self._frames_per_s = compacts[0].frames_per_s if compacts else 100.0
        longest = max((compact.levels.size for compact in compacts), default=0)
        self._reach = round(settings()["longest_shift_s"] * self._frames_per_s)
        self._size = 1 << max(4, (longest + self._reach).bit_length())
        self._lines = [self._spectrum(compact) for compact in compacts]

    def _spectrum(self, compact: Compact) -> NDArray[np.complex64]:
        course = np.sqrt(compact.levels.astype(np.float64))
        course = course - (course.mean() if course.size else 0.0)
        strength = float(np.sqrt(np.square(course).sum()))
        lines: NDArray[np.complex64] = np.fft.rfft(course / max(strength, NOTHING), self._size).astype(np.complex64)
        return lines

    def shift_s(self, first: int, second: int) -> float | None:
        """Where the envelopes agree as copies do; None where they do not."""
        agreement = np.fft.irfft(self._lines[second] * self._lines[first].conj(), self._size)
        around = np.concatenate([agreement[-self._reach :], agreement[: self._reach + 1]])
        peak = int(around[1:-1].argmax()) + 1
        if around[peak] < settings()["least_envelope_correlation"]:
            return None
        return (peak - self._reach + summit(*map(float, around[peak - 1 : peak + 2]))) / self._frames_per_s


def _compared(recordings: Recordings, first: str, second: str, shift_s: float) -> Copy | None:
    """What is left when the first is taken from the second, in a few windows where either is loud."""
    rate_hz, length = recordings.rate_hz, round(settings()["window_s"] * recordings.rate_hz)
    starts = _loud_starts(recordings, first, second, shift_s)
    if not starts or not _alike(recordings, first, second, starts[0], shift_s):
        return None
    shift = _exact_shift(recordings, first, second, starts[0], shift_s)
    gain, nulls = 0.0, []
    for start in starts:
        own = one_channel(recordings.span(first, start, start + length)).astype(np.float64)
        other = one_channel(recordings.span(second, start + shift, start + shift + length)).astype(np.float64)
        gain = gain or _gain(own, other)
        nulls.append(_null_db(own, other, gain))
        if nulls[-1] > threshold("same_recording"):
            return None
    null_db = max(max(nulls), BEST_NULL_DB)
    return Copy(track=second, original=first, shift_samples=shift, gain=gain, null_db=null_db, rate_hz=rate_hz)


def _alike(recordings: Recordings, first: str, second: str, start: int, shift_s: float) -> bool:
    """Whether the small copies are worth a closer look."""
    begin = round(start / recordings.rate_hz * COMPACT_RATE_HZ)
    length, margin = round(settings()["window_s"] * COMPACT_RATE_HZ), round(MARGIN_S * COMPACT_RATE_HZ)
    moved = begin + round(shift_s * COMPACT_RATE_HZ) - margin
    own = stretch(recordings.compact(first), begin, begin + length).astype(np.float64)
    other = stretch(recordings.compact(second), max(0, moved), moved + length + 2 * margin).astype(np.float64)
    if own.size >= other.size:
        return False
    offset = _best_offset(own, other)
    other = other[offset : offset + own.size]
    return _null_db(own, other, _gain(own, other)) <= settings()["alike_db"]


def _exact_shift(recordings: Recordings, first: str, second: str, start: int, shift_s: float) -> int:
    """By how many samples the second is late."""
    length, margin = (round(time_s * recordings.rate_hz) for time_s in (settings()["window_s"], MARGIN_S))
    begin = start + round(shift_s * recordings.rate_hz) - margin
    own = one_channel(recordings.span(first, start, start + length)).astype(np.float64)
    other = one_channel(recordings.span(second, begin, begin + length + 2 * margin)).astype(np.float64)
    return begin + _best_offset(own, other) - start


def _gain(own: Series, other: Series) -> float:
    energy = float((own * own).sum())
    return float((own * other).sum()) / energy if energy > NOTHING else 0.0


def _null_db(own: Series, other: Series, gain: float) -> float:
    """What is left of the second when the first is taken away, over the second."""
    left, whole = float(np.square(other - gain * own).sum()), float(np.square(other).sum())
    return power_to_db(left / whole) if whole > NOTHING else 0.0


def _loud_starts(recordings: Recordings, first: str, second: str, shift_s: float) -> list[int]:
    """The loudest window of the louder of both first, then others over the length of both."""
    compacts = [recordings.compact(name) for name in (first, second)]
    moved = round(shift_s * compacts[0].frames_per_s)
    own, other = compacts[0].levels, np.roll(compacts[1].levels, -moved)
    size = min(own.size, other.size)
    loudest = [max(float(levels.max(initial=0.0)), NOTHING) for levels in (own, other)]
    either = np.maximum(own[:size] / loudest[0], other[:size] / loudest[1])
    # Not from the very edge, as the shift is known to a frame only.
    first_frame, last_frame = max(0, -moved) + 2, size - max(0, moved) - 2
    width = round(settings()["window_s"] * compacts[0].frames_per_s)
    starts = range(first_frame, max(first_frame + 1, last_frame - width + 1), width)
    loudness = sorted(((float(either[start : start + width].sum()), -start) for start in starts), reverse=True)
    chosen = [-start for level, start in loudness if level > 0.0]
    spread = chosen[:1] + [chosen[len(chosen) * step // 4] for step in (1, 2) if len(chosen) > 2]
    return [round(start / compacts[0].frames_per_s * recordings.rate_hz) for start in spread]


def _best_offset(own: Series, other: Series) -> int:
    """Where ``own`` lies best inside the longer ``other``."""
    size = 1 << other.size.bit_length()
    product = np.fft.irfft(np.fft.rfft(other, size) * np.fft.rfft(own, size).conj(), size)
    return int(np.abs(product[: other.size - own.size + 1]).argmax())
