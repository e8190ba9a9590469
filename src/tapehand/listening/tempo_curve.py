"""How a tempo moves: a curve bar by bar, how straight it is, and how sure each stretch of it is."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.metre import strongest_onsets
from tapehand.listening.onsets import Onsets
from tapehand.listening.rhythm import Rhythm

Values = NDArray[np.float64]
Kind = Literal["steady", "drifting", "free"]

SPAN_BEATS: Final = 8
SMOOTHED_BARS: Final = 3
FEWEST_BEATS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TempoPoint:
    """The tempo of one bar (or of four beats where bars are not known)."""

    start_s: float
    end_s: float
    bpm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """How a tempo keeps.

    Parameters
    ----------
    kind : ``steady`` (a straight grid fits), ``drifting`` (it leans), ``free``.
    off_grid_ms : root mean square distance of the beats from the best straight grid.
    lean_percent : from the slowest to the fastest eight beats, over the median, one in twenty left out at each end.
    """

    kind: Kind
    off_grid_ms: float
    lean_percent: float


def tempo_curve(rhythm: Rhythm) -> tuple[TempoPoint, ...]:
    """Tempo bar by bar, the median of three bars, in beats of the metre per minute."""
    sure = rhythm.downbeats_s.size > 1
    edges_s = rhythm.downbeats_s if sure else rhythm.beats_s[::4]
    if edges_s.size < 2:
        return ()
    beats = np.round(np.diff(np.searchsorted(rhythm.beats_s, edges_s - 1e-6)))
    per_minute = 60.0 * np.maximum(beats, 1) / np.diff(edges_s) * _beats_counted(rhythm)
    padded = np.pad(per_minute, SMOOTHED_BARS // 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED_BARS), axis=1)
    return tuple(
        TempoPoint(start_s=float(start), end_s=float(end), bpm=float(bpm))
        for start, end, bpm in zip(edges_s[:-1], edges_s[1:], smooth, strict=True)
    )


def steadiness(beats_s: Values) -> Steadiness | None:
    """Whether one tempo holds; None for fewer than sixteen beats."""
    if beats_s.size < FEWEST_BEATS:
        return None
    limits = load("rhythm")["steadiness"]
    numbers = np.arange(beats_s.size) - 0.5 * (beats_s.size - 1)
    slope = float((numbers * beats_s).sum() / np.square(numbers).sum())
    off_s = beats_s - beats_s.mean() - slope * numbers
    off_grid_ms = 1000.0 * math.sqrt(float(np.square(off_s).mean()))
    spans = np.sort(beats_s[SPAN_BEATS:] - beats_s[:-SPAN_BEATS])
    cut = spans.size // 20
    lean_percent = 100.0 * float(spans[spans.size - 1 - cut] - spans[cut]) / float(np.median(spans))
    kind: Kind = "free"
    if lean_percent < float(limits["drifting_percent"]):
        straight = off_grid_ms < float(limits["steady_ms"]) and lean_percent < float(limits["steady_percent"])
        kind = "steady" if straight else "drifting"
    return Steadiness(kind=kind, off_grid_ms=off_grid_ms, lean_percent=lean_percent)


def confidence_between(rhythm: Rhythm, heard: Onsets, start_s: float, end_s: float) -> float:
    """How sure the beats of a stretch are, 0..1: the recording's confidence, as clear as its onsets are there.

    A stretch in which nothing begins on the beats is counted through, not heard.
    """
    inside = rhythm.beats_s[(rhythm.beats_s >= start_s) & (rhythm.beats_s < end_s)]
    if not inside.size or not 0.0 < rhythm.beat_confidence < 1.0:
        return 0.0
    whole, here = (_on_beats(beats_s, heard) for beats_s in (rhythm.beats_s, inside))
    weight = float(load("rhythm")["steadiness"]["clarity_weight"])
    odds = math.log(rhythm.beat_confidence / (1.0 - rhythm.beat_confidence))
    odds += weight * min(0.0, math.log(max(here, 1e-3) / max(whole, 1e-3)))
    return 1.0 / (1.0 + math.exp(-odds))


def _on_beats(beats_s: Values, heard: Onsets) -> float:
    return float(strongest_onsets(beats_s, heard).sum(axis=1).mean())


def _beats_counted(rhythm: Rhythm) -> float:
    """Beats that the tempo counts for each that is tracked: in 7/8 the beats are eighths and the tempo quarters."""
    return 0.5 if rhythm.metre.unit == 8 and rhythm.metre.beats == 7 else 1.0
