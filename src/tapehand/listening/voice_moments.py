"""What a voice does that no score asks for: it breaks for a moment, it laughs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tapehand.audio import Audio
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.moment_kinds import Moment, settings
from tapehand.listening.pitch import PitchRange, track_pitch
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact

Series = NDArray[np.float64]

NOTHING: Final = 1e-12
SPECTRUM_SIZE: Final = 8192


def voice_breaks(name: str, pitch: PitchCurve, sound: Audio) -> list[Moment]:
    """Where a held tone leaps up for a moment and comes back to where it was; ``sound`` is what the pitch is of."""
    if pitch.times_s.size < 2:
        return []
    hop_s = float(pitch.times_s[1] - pitch.times_s[0])
    found = []
    for first, end, home_hz in _interruptions(pitch, hop_s):
        start_s, end_s = (float(pitch.times_s[frame]) - 0.5 * hop_s for frame in (first, end))
        away = _leap(sound, start_s, end_s, home_hz)
        if away is not None:
            found.append(_break(name, start_s, end_s, away))
    return [each for each in found if each.confidence >= settings("voice_break")["least_confidence"]]


def _break(name: str, start_s: float, end_s: float, away: float) -> Moment:
    """Surer the farther and the shorter: a quick note lasts longer, an ornament stays nearer; slips are shorter."""
    limits = settings("voice_break")
    far = min(1.0, away / limits["surely_semitones"])
    length_s = end_s - start_s
    short = min(1.0, limits["surely_s"] / length_s, length_s / limits["surely_from_s"])
    confidence = limits["confidence"] * far * short
    return Moment(what="voice_break", track=name, start_s=start_s, end_s=end_s, value=away, confidence=confidence)


def _interruptions(pitch: PitchCurve, hop_s: float) -> Iterator[tuple[int, int, float]]:
    """Where a held tone stops being there and is there again soon: first frame, end, and the tone in Hz."""
    limits = settings("voice_break")
    beside, shortest, longest = (
        round(limits[key] / hop_s) for key in ("shortest_neighbour_s", "shortest_s", "longest_s")
    )
    if pitch.hz.size < 2 * beside + shortest:
        return
    semitones = np.where(pitch.hz > 0.0, 12.0 * np.log2(np.maximum(pitch.hz, 1.0)), -np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(semitones, beside)
    homes = np.sort(windows, axis=1)[:, beside // 2]
    with np.errstate(invalid="ignore"):
        held = (np.abs(windows - homes[:, np.newaxis]) <= limits["held_semitones"]).mean(axis=1) >= limits["held_share"]
        here = semitones[beside:]
        leaves = held[:-1] & ~(np.abs(here - homes[:-1]) <= limits["back_semitones"])
    free_from = 0
    for before in np.flatnonzero(leaves).tolist():
        first = before + beside
        if first < free_from:
            continue
        home = homes[before]
        for end in range(first + shortest, min(first + longest, held.size - 1) + 1):
            if held[end] and abs(homes[end] - home) <= limits["back_semitones"]:
                free_from = end
                yield first, end, float(2.0 ** (home / 12.0))
                break


def _leap(sound: Audio, start_s: float, end_s: float, home_hz: float) -> float | None:
    """How many semitones above ``home_hz`` a stretch sounds; None where it is none, nearer, or hardly sounds at all.

    Told from its partials, not from the curve: a curve that follows a voice rather falls by a third than leaps by a
    sixth, which is the octave between them.
    """
    limits = settings("voice_break")
    rate_hz, length_s = sound.rate_hz, end_s - start_s
    first, end = max(0, round(start_s * rate_hz)), round(end_s * rate_hz)
    piece = sound.samples[0, first:end].astype(np.float64)
    around = sound.samples[0, max(0, 2 * first - end) : 2 * end - first].astype(np.float64)
    if float(np.square(piece).mean()) < limits["least_power"] * float(np.square(around).mean()):
        return None
    spectrum = np.fft.rfft(piece * np.hanning(piece.size), SPECTRUM_SIZE)
    power = np.concatenate([[0.0], np.cumsum(spectrum.real**2 + spectrum.imag**2)])
    aways = np.arange(-1.0, limits["most_semitones"] + 0.01, 0.25)
    fits = np.array([_fit(power, rate_hz, home_hz, away, 1.5 / length_s) for away in aways.tolist()])
    if float(fits.max()) < limits["least_fit"]:
        return None
    # A tone fits all that its octave fits: the highest is meant that fits next to best.
    best = int(np.flatnonzero(fits >= limits["as_good"] * float(fits.max()))[-1])
    at_home = float(fits[np.abs(aways) <= 0.5].max())
    away = float(aways[best])
    # To the octave the partials from before go along; there what lay between them has to be gone.
    octave = abs(away - 12.0) <= 1.0
    leaps = fits[best] - at_home >= (-limits["octave_slack"] if octave else limits["better_than_home"])
    return away if leaps and away >= limits["least_semitones"] else None


def _fit(power: Series, rate_hz: float, home_hz: float, away: float, reach_hz: float) -> float:
    """Which share of the power up to 2 kHz lies about the partials of a pitch, over the share that noise had there."""
    hz, line_hz = home_hz * 2.0 ** (away / 12.0), rate_hz / SPECTRUM_SIZE
    lowest_hz, highest_hz = 0.8 * home_hz, max(2000.0, 3.0 * home_hz)
    centres = hz * np.arange(1, math.floor(highest_hz / hz) + 1)
    low, high = (np.round((centres + side * reach_hz) / line_hz).astype(np.int64) for side in (-1.0, 1.0))
    top = min(power.size - 1, int(high[-1]) + 1, round(highest_hz / line_hz))
    within = float((power[np.minimum(high + 1, top)] - power[low]).sum())
    share = within / max(float(power[top] - power[round(lowest_hz / line_hz)]), NOTHING)
    by_chance: float = min(0.9, 2.0 * reach_hz / hz)
    return (share - by_chance) / (1.0 - by_chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bout:
    """Calls in a row.

    Parameters
    ----------
    calls : frames of their loudest places.
    evenness : deviation of their distances, as a share.
    fades_db_per_s : by how much they get louder; below 0 where they die away.
    falls : by how many semitones a second the pitch of a call rises, at the median; below 0 where it falls; 0 unknown.
    sinks : by how many semitones each call lies over the last, at the median.
    held_share : of the calls, how many hold a pitch that can be followed.
    """

    calls: tuple[int, ...]
    evenness: float
    fades_db_per_s: float
    falls: float
    sinks: float
    held_share: float


def laughs(name: str, compact: Compact) -> list[Moment]:
    """Bouts of four and more calls at an even pace, deep between, which die away and fall as no sung line does."""
    if compact.levels.size < 2 * compact.frames_per_s:
        return []
    padded = np.pad(compact.levels.astype(np.float64), 1, mode="edge")
    level_db = 10.0 * np.log10((padded[:-2] + padded[1:-1] + padded[2:]) / 3.0 + NOTHING)
    loud_db = float(np.quantile(level_db, 0.95))
    bouts = (_bout(compact, level_db, calls) for calls in _rows_of_calls(level_db, loud_db, compact.frames_per_s))
    return [_laugh(name, bout, level_db, loud_db, compact.frames_per_s) for bout in bouts if _is_laugh(bout)]


def _rows_of_calls(level_db: Series, loud_db: float, frames_per_s: float) -> Iterator[list[int]]:
    """Rows of summits at the pace of a laugh."""
    limits = settings("laugh")
    near, far = frames_per_s / limits["fastest_hz"], frames_per_s / limits["slowest_hz"]
    summits = _summits(level_db, round(0.06 * frames_per_s), loud_db - limits["deepest_db"])
    row: list[int] = []
    for summit in summits:
        goes_on = bool(row) and near <= summit - row[-1] <= far and _is_deep(level_db, row[-1], summit)
        keeps_pace = goes_on and _keeps_pace(row, summit)
        if not keeps_pace:
            if len(row) >= limits["fewest_calls"]:
                yield row
            row = row[-1:] if goes_on else []
        row.append(summit)
    if len(row) >= limits["fewest_calls"]:
        yield row


def _keeps_pace(row: Sequence[int], summit: int) -> bool:
    usual = float(np.median(np.diff(row))) if len(row) > 1 else float(summit - row[-1])
    return bool(abs(summit - row[-1] - usual) <= settings("laugh")["off_pace"] * usual)


def _summits(level_db: Series, reach: int, least_db: float) -> list[int]:
    """Frames that are the loudest of all within reach."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(level_db, reach, mode="edge"), 2 * reach + 1)
    found: list[int] = []
    for frame in np.flatnonzero((level_db >= around.max(axis=1)) & (level_db > least_db)).tolist():
        if not found or frame - found[-1] > reach:
            found.append(frame)
    return found


def _is_deep(level_db: Series, first: int, second: int) -> bool:
    limits = settings("laugh")
    softer = min(level_db[first], level_db[second])
    alike = abs(level_db[first] - level_db[second]) <= limits["most_step_db"]
    return bool(alike and softer - level_db[first : second + 1].min() >= limits["least_depth_db"])


def _bout(compact: Compact, level_db: Series, calls: Sequence[int]) -> _Bout:
    distances = np.diff(calls)
    slope, _ = np.polyfit(calls, level_db[list(calls)], 1)
    slopes, middles = _course_of_calls(compact, calls)
    steps = np.diff(middles)
    return _Bout(
        calls=tuple(calls),
        evenness=float(distances.std() / distances.mean()),
        fades_db_per_s=float(slope) * compact.frames_per_s,
        falls=float(np.median(slopes)) if slopes else 0.0,
        sinks=float(np.median(steps)) if steps.size else 0.0,
        held_share=len(slopes) / len(calls),
    )


def _course_of_calls(compact: Compact, calls: Sequence[int]) -> tuple[list[float], list[float]]:
    """How the pitch moves within each call that holds one, in semitones a second, and where its middle lies."""
    low_hz, high_hz = settings("laugh")["pitch_range_hz"]
    start_s = max(0.0, calls[0] / compact.frames_per_s - 0.1)
    end_s = calls[-1] / compact.frames_per_s + 0.1
    piece = compact.mono.span(round(start_s * COMPACT_RATE_HZ), round(end_s * COMPACT_RATE_HZ))
    curve = track_pitch(piece, PitchRange(low_hz=low_hz, high_hz=high_hz))
    slopes, middles = [], []
    for call in calls:
        at_s = call / compact.frames_per_s - start_s
        near = (np.abs(curve.times_s - at_s) <= 0.055) & (curve.hz > 0.0)
        semitones = 12.0 * np.log2(curve.hz[near])
        if semitones.size >= 4 and float(np.abs(np.diff(semitones)).max()) < 1.5:
            slopes.append(float(np.polyfit(curve.times_s[near], semitones, 1)[0]))
            middles.append(float(np.median(semitones)))
    return slopes, middles


def _signs(bout: _Bout) -> int:
    """How many of the signs it has: calls that fall, or hold no pitch at all; calls that die away; calls that sink."""
    limits = settings("laugh")
    unsung = bout.falls <= -limits["falls"] or bout.held_share < limits["held_share"]
    sinking = -limits["most_sinking"] <= bout.sinks <= -limits["least_sinking"]
    fading = bout.fades_db_per_s <= -limits["fades_db_per_s"]
    return sum(bool(sign) for sign in (unsung, fading, sinking))


def _is_laugh(bout: _Bout) -> bool:
    limits = settings("laugh")
    return bool(bout.evenness <= limits["evenness"] and _signs(bout) >= limits["fewest_signs"])


def _laugh(name: str, bout: _Bout, level_db: Series, loud_db: float, frames_per_s: float) -> Moment:
    limits = settings("laugh")
    first, last = bout.calls[0], bout.calls[-1]
    aside = 0.5 * (last - first) / (len(bout.calls) - 1)
    certain = limits["confidence"] + limits["per_sign"] * (_signs(bout) - limits["fewest_signs"])
    return Moment(
        what="laugh",
        track=name,
        start_s=max(0.0, first - aside) / frames_per_s,
        end_s=min(level_db.size, last + aside) / frames_per_s,
        value=float(level_db[first : last + 1].max()) - loud_db,
        confidence=certain + limits["per_call"] * min(len(bout.calls) - limits["fewest_calls"], 3),
    )
