"""What kind of line a track carries: one voice that holds its notes, one that slides as speech does, or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.notes import Note, settled
from tapehand.listening.pitch import HOP_S
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact

Series = NDArray[np.float64]
LineKind = Literal["one voice", "sliding voice", "several voices", "no line"]

# Of these the notes are told; a sliding one is speech, rap, or singing that never settles.
ONE: Final = ("one voice", "sliding voice")
SIZE: Final = 2048
LINE_HZ: Final = COMPACT_RATE_HZ / SIZE
AROUND: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNote:
    """A note of a line, in plain values.

    Parameters
    ----------
    name : the nearest key of the line's tuning, such as ``"F#4"``; ``off_cents`` is the distance from it.
    centre_hz, drift_cents, scoop_cents, vibrato_hz, vibrato_cents, confidence : as ``listening.notes.Note`` has them.
    """

    start_s: float
    end_s: float
    name: str
    centre_hz: float
    off_cents: float
    drift_cents: float
    scoop_cents: float
    vibrato_hz: float
    vibrato_cents: float
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardLine:
    """The line of a track, in plain values.

    Parameters
    ----------
    tuning_hz : the A that its notes are told against.
    notes : empty where it is not one voice: what is heard then is no note that anybody sang.
    method : who heard the pitch.
    """

    track: str
    kind: LineKind
    confidence: float
    tuning_hz: float
    notes: tuple[LineNote, ...]
    method: str


def settings() -> Mapping[str, Any]:
    """The figures of ``catalogue/between.toml`` for lines."""
    figures: Mapping[str, Any] = load("between")["lines"]
    return figures


def line_kind(compact: Compact, pitch: PitchCurve, notes: Sequence[Note]) -> tuple[LineKind, float]:
    """What kind of line a track carries, and how sure that is (0..1)."""
    alone, together = _frames_told_apart(compact, pitch)
    if not notes:
        return "no line", 0.5
    held = held_share(notes)
    if alone + together < settings()["fewest_frames"]:
        # Too short, or too restless for frames of a quarter of a second; breath and noise have hardly a pitch.
        pitched = _pitched_share(compact, pitch) >= settings()["pitched_share"]
        return (_by_rest(held) if pitched else "no line"), 0.45
    several = together / (alone + together)
    if several >= settings()["several_share"]:
        return "several voices", min(1.0, 0.5 + several - settings()["several_share"])
    apart = min(1.0, 0.5 + 1.5 * (settings()["several_share"] - several))
    off = abs(held - settings()["sung_share"])
    return _by_rest(held), min(apart, 0.55 + off)


def _by_rest(held: float) -> LineKind:
    return "one voice" if held >= settings()["sung_share"] else "sliding voice"


def held_share(notes: Sequence[Note]) -> float:
    """The share of the time of notes that is held: speech and rap slide all the time, and some singers do."""
    whole = sum(note.duration_s for note in notes)
    return sum(note.duration_s for note in settled(notes)) / whole if whole else 0.0


def heard_line(
    track: str, kind: tuple[LineKind, float], notes: Sequence[Note], tuning_hz: float, method: str
) -> HeardLine:
    """A line for a person or a program to read; ``notes`` only of one voice."""
    told = tuple(_plain(note, tuning_hz) for note in notes) if kind[0] in ONE else ()
    return HeardLine(track=track, kind=kind[0], confidence=kind[1], tuning_hz=tuning_hz, notes=told, method=method)


def _plain(note: Note, tuning_hz: float) -> LineNote:
    return LineNote(
        start_s=note.start_s,
        end_s=note.end_s,
        name=note.name_in(tuning_hz),
        centre_hz=note.centre_hz,
        off_cents=note.off_cents(tuning_hz),
        drift_cents=note.drift_cents,
        scoop_cents=note.scoop_cents,
        vibrato_hz=note.vibrato_hz,
        vibrato_cents=note.vibrato_cents,
        confidence=note.confidence,
    )


def _pitched_share(compact: Compact, pitch: PitchCurve) -> float:
    """Of the loud moments, the share that has a pitch."""
    loud = compact.levels > settings()["loud_share"] * float(np.quantile(compact.levels, 0.95))
    frames = np.round(np.flatnonzero(loud) / compact.frames_per_s / HOP_S).astype(np.int64)
    heard = pitch.hz[frames[frames < pitch.hz.size]] > 0.0
    return float(heard.mean()) if heard.size else 0.0


def _frames_told_apart(compact: Compact, pitch: PitchCurve) -> tuple[int, int]:
    """Of the loud, tonal frames: how many are explained by the partials of one pitch, and how many are not."""
    places = _loud_places(compact)
    if not places.size:
        return 0, 0
    sound = compact.mono.samples[0]
    frames = np.stack([sound[place : place + SIZE] for place in places.tolist()])
    lines = np.fft.rfft(frames * np.hanning(SIZE).astype(np.float32), axis=1)
    powers = lines.real.astype(np.float64) ** 2 + lines.imag.astype(np.float64) ** 2
    low, high = (round(settings()[key] / LINE_HZ) for key in ("low_hz", "high_hz"))
    alone = together = 0
    for place, power in zip(places.tolist(), powers, strict=True):
        peaks, tonal = _tonal_power(power[:high], low)
        if tonal < settings()["tonal_share"]:
            continue
        hz = _pitch_within(pitch, place / COMPACT_RATE_HZ, (place + SIZE) / COMPACT_RATE_HZ)
        explained = hz is not None and _explained(power, peaks, *hz) >= settings()["explained_share"]
        if hz is not None and explained and _has_low_partials(power, 0.5 * (hz[0] + hz[1])):
            alone += 1
        else:
            together += 1
    return alone, together


def _loud_places(compact: Compact) -> NDArray[np.int64]:
    """Where frames begin that are loud throughout, spread over all that is."""
    step = round(compact.frames_per_s * SIZE / COMPACT_RATE_HZ)
    whole = compact.levels.size // step * step
    softest = compact.levels[:whole].reshape(-1, step).min(axis=1)
    if not softest.size:
        return np.zeros(0, np.int64)
    loud = np.flatnonzero(softest > settings()["loud_share"] * float(np.quantile(compact.levels, 0.95)))
    starts = loud[:: max(1, loud.size // int(settings()["most_frames"]))]
    places = np.round(starts * step / compact.frames_per_s * COMPACT_RATE_HZ).astype(np.int64)
    fitting: NDArray[np.int64] = places[places + SIZE <= compact.coded.size]
    return fitting


def _tonal_power(power: Series, low: int) -> tuple[NDArray[np.int64], float]:
    """Lines of the peaks that stand out, and the share of all power that lies about them."""
    inner = power[2:-2]
    is_peak = (inner > power[1:-3]) & (inner >= power[3:-1]) & (inner > settings()["peak_share"] * power.max())
    peaks = np.flatnonzero(is_peak) + 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(power, AROUND, mode="reflect"), 2 * AROUND + 1)[peaks]
    # Noise has peaks too, but none that stands so far out of what lies around it.
    stands_out = power[peaks] > settings()["over_median"] * np.median(around, axis=1)
    peaks = peaks[(peaks >= low) & stands_out]
    about = sum(power[peaks + shift].sum() for shift in (-2, -1, 0, 1, 2)) if peaks.size else 0.0
    return peaks, float(about) / max(float(power[low:].sum()), 1e-30)


def _pitch_within(pitch: PitchCurve, start_s: float, end_s: float) -> tuple[float, float] | None:
    """Lowest and highest pitch within a frame, without outliers; None where there is none most of the time."""
    inside = pitch.hz[(pitch.times_s >= start_s) & (pitch.times_s < end_s)]
    known = inside[inside > 0.0]
    if known.size < 0.6 * inside.size or not known.size:
        return None
    middle, most = float(np.median(known)), 1.0 + settings()["most_glide"]
    low_hz, high_hz = (float(np.quantile(known, share)) for share in (0.1, 0.9))
    return max(low_hz, middle / most), min(high_hz, middle * most)


def _explained(power: Series, peaks: NDArray[np.int64], low_hz: float, high_hz: float) -> float:
    """Which share of the power of the peaks lies where a partial of a pitch between the two may be."""
    hz = peaks * LINE_HZ
    number = np.maximum(1.0, np.round(hz / (0.5 * (low_hz + high_hz))))
    reach_hz = 1.5 * LINE_HZ + settings()["off_partial"] * 0.5 * (low_hz + high_hz)
    fits = (hz >= number * low_hz - reach_hz) & (hz <= number * high_hz + reach_hz)
    strength = power[peaks]
    return float(strength[fits].sum()) / max(float(strength.sum()), 1e-30)


def _has_low_partials(power: Series, hz: float) -> bool:
    """Whether the lowest partials of a pitch are there, or three of four.

    The tones of a fifth or a triad are partials of a pitch an octave or two below the root, which nobody sings.
    """
    least = settings()["least_partial"] * float(power.max())
    present = 0
    lowest = round(hz / LINE_HZ)
    if float(power[max(0, lowest - 2) : lowest + 3].max(initial=0.0)) > settings()["strong_fundamental"] * power.max():
        return True
    for number in (1, 2, 3, 5):
        at, beside = (round(place * hz / LINE_HZ) for place in (number, number - 0.5))
        tone, valley = (float(power[max(0, line - 2) : line + 3].max(initial=0.0)) for line in (at, beside))
        present += tone > least and tone > settings()["over_valley"] * valley
    return present >= 3
