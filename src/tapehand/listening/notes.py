"""The notes of one voice, from its pitch curve: where each is, how high, and how it gets there and stays.

A run of pitch is cut into the steps that fit it best for their number (optimal partition by dynamic programming, B.
Jackson et al., IEEE Signal Processing Letters 12, 2005): a cut has to save more than a half-wave of vibrato could.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.dsp.psola import PitchCurve
from tapehand.kernels.pitch import cheapest_steps
from tapehand.music.pitch import note_name
from tapehand.units import hz_to_midi

Cents = NDArray[np.float64]

REFERENCE_HZ: Final = 440.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of a voice.

    Parameters
    ----------
    start_s, end_s : where it sounds.
    centre_hz : median pitch without its beginning and end.
    spread_cents : median distance of its pitch from its own line, vibrato included.
    drift_cents : by how much its middle line rises (or falls, below 0) from beginning to end.
    scoop_cents : its first 40 ms over its centre; far below 0 where it is slid into.
    vibrato_hz, vibrato_cents : rate and reach to either side; 0 where there is none.
    confidence : 0..1; low for short notes and for such as never settle.
    """

    start_s: float
    end_s: float
    centre_hz: float
    spread_cents: float
    drift_cents: float
    scoop_cents: float
    vibrato_hz: float
    vibrato_cents: float
    confidence: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    @property
    def name(self) -> str:
        """The nearest key at 440 Hz, such as ``"F#4"``."""
        return self.name_in(REFERENCE_HZ)

    def name_in(self, tuning_hz: float) -> str:
        """The nearest key where A4 has ``tuning_hz``."""
        return note_name(round(hz_to_midi(self.centre_hz, tuning_hz)))

    def off_cents(self, tuning_hz: float = REFERENCE_HZ) -> float:
        """Distance from the nearest key of equal temperament, -50..50."""
        exact = hz_to_midi(self.centre_hz, tuning_hz)
        return 100.0 * (exact - round(exact))


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for notes."""
    figures: Mapping[str, float] = load("between")["notes"]
    return figures


def notes_of(pitch: PitchCurve, attacks_s: Cents | None = None) -> tuple[Note, ...]:
    """The notes of a curve with a value every few ms; stretches shorter than 60 ms are none.

    ``attacks_s``, where they are known, part notes of one pitch that are struck or sung again.
    """
    if pitch.times_s.size < 2:
        return ()
    hop_s = float(pitch.times_s[1] - pitch.times_s[0])
    fewest = max(3, round(settings()["shortest_s"] / hop_s))
    made = []
    for first, end in _parted(_voiced_runs(pitch), pitch, attacks_s, fewest):
        cents = 1200.0 * np.log2(pitch.hz[first:end] / REFERENCE_HZ)
        made += [
            _note(float(pitch.times_s[first + start]), hop_s, cents[start:stop])
            for start, stop in _steps(cents, hop_s)
            if stop - start >= fewest
        ]
    return tuple(made)


def _voiced_runs(pitch: PitchCurve) -> Iterator[tuple[int, int]]:
    voiced = np.concatenate([[False], pitch.hz > 0.0, [False]])
    edges = np.flatnonzero(voiced[1:] != voiced[:-1]).tolist()
    yield from zip(edges[::2], edges[1::2], strict=True)


def _parted(
    runs: Iterator[tuple[int, int]], pitch: PitchCurve, attacks_s: Cents | None, fewest: int
) -> Iterator[tuple[int, int]]:
    """The runs, cut at the attacks inside them that leave enough on both sides."""
    frames = np.searchsorted(pitch.times_s, np.zeros(0) if attacks_s is None else attacks_s)
    for first, end in runs:
        cuts = [first]
        for frame in frames[(frames > first) & (frames < end)].tolist():
            if frame - cuts[-1] >= fewest and end - frame >= fewest:
                cuts.append(frame)
        yield from pairwise([*cuts, end])


def _steps(cents: Cents, hop_s: float) -> list[tuple[int, int]]:
    """Begin and end of the steps of a run: least squared distance from their means plus a price for each."""
    smooth = _median_of_three(cents) - float(np.median(cents))
    return cheapest_steps(smooth, round(settings()["longest_s"] / hop_s), settings()["cut_price"] * 0.01 / hop_s)


def _median_of_three(values: Cents) -> Cents:
    if values.size < 3:
        return values
    before, at, after = values[:-2], values[1:-1], values[2:]
    middle = np.maximum(np.minimum(before, at), np.minimum(np.maximum(before, at), after))
    smooth: Cents = np.concatenate([values[:1], middle, values[-1:]]).astype(np.float64)
    return smooth


def _note(start_s: float, hop_s: float, cents: Cents) -> Note:
    inner = _inner(cents, hop_s)
    centre = float(np.median(inner))
    slope, line = _line(inner)
    vibrato_hz, vibrato_cents = _vibrato(inner - line, hop_s)
    spread = float(np.median(np.abs(inner - line)))
    first = cents[: max(1, round(settings()["scoop_s"] / hop_s))]
    return Note(
        start_s=max(0.0, start_s - 0.5 * hop_s),
        end_s=start_s + (cents.size - 0.5) * hop_s,
        centre_hz=REFERENCE_HZ * math.exp2(centre / 1200.0),
        spread_cents=spread,
        drift_cents=slope * (inner.size - 1),
        scoop_cents=float(np.median(first)) - centre,
        vibrato_hz=vibrato_hz,
        vibrato_cents=vibrato_cents,
        confidence=_confidence(cents.size * hop_s, spread, slope * (inner.size - 1), vibrato_cents),
    )


def _inner(cents: Cents, hop_s: float) -> Cents:
    """Without the beginning and the end, as far as enough is left."""
    head, tail = round(settings()["head_s"] / hop_s), round(settings()["tail_s"] / hop_s)
    most = cents.size // 4
    return cents[min(head, most) : cents.size - min(tail, most)]


def _line(cents: Cents) -> tuple[float, Cents]:
    """Slope a frame and the straight line of least squares."""
    about = np.arange(cents.size) - 0.5 * (cents.size - 1)
    spread = float((about * about).sum())
    slope = float((about * cents).sum()) / spread if spread > 0.0 else 0.0
    line: Cents = about * slope + cents.mean()
    return slope, line


def _vibrato(around: Cents, hop_s: float) -> tuple[float, float]:
    """Rate and reach of a wave of 4 to 8.5 Hz that makes up most of what is left of a note."""
    low_hz, high_hz = settings()["vibrato_low_hz"], settings()["vibrato_high_hz"]
    energy = float((around * around).sum())
    if around.size * hop_s < settings()["vibrato_shortest_s"] or energy <= 0.0:
        return 0.0, 0.0
    rates = np.arange(low_hz, high_hz, 0.1)
    turns = 2.0 * math.pi * np.outer(rates, np.arange(around.size) * hop_s)
    fit = np.hypot((np.cos(turns) * around).sum(axis=1), (np.sin(turns) * around).sum(axis=1)) * (2.0 / around.size)
    best = int(fit.argmax())
    share = 0.5 * float(fit[best]) ** 2 * around.size / energy
    if share < settings()["vibrato_share"] or fit[best] < settings()["vibrato_least_cents"]:
        return 0.0, 0.0
    return float(rates[best]), float(fit[best])


def _confidence(duration_s: float, spread_cents: float, drift_cents: float, vibrato_cents: float) -> float:
    """1 for a note that is long and steady; what vibrato explains is no unrest."""
    unrest = max(0.0, spread_cents - vibrato_cents * 0.75) + 0.25 * abs(drift_cents)
    settled = 1.0 / (1.0 + (unrest / settings()["restless_cents"]) ** 2)
    return settled * min(1.0, duration_s / settings()["surely_s"])


def settled(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Those that a statement about their pitch may rest on."""
    return tuple(note for note in notes if note.confidence >= settings()["settled_confidence"])
