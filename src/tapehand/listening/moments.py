"""Moments: things that may be the best part, told without a judgement, to be kept or not by the producer.

What sounds before the first phrase or apart from the phrases, a voice that breaks, a tone that feeds back, a laugh, and
where the tempo pushes or gives. Nothing of it is a fault; what a person keeps is locked against every repair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.kinds import clock_time, finding
from tapehand.listening.notes import Note
from tapehand.listening.recordings import COMPACT_RATE_HZ, Compact, Recordings
from tapehand.listening.roles import group_of
from tapehand.song.finding import Fact, Finding
from tapehand.units import hz_to_midi

Levels = NDArray[np.float64]
Mask = NDArray[np.bool_]

METHOD: Final = "moments/1"
NOTHING: Final = 1e-12
FEEDBACK_SIZE: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that may be meant.

    Parameters
    ----------
    what : a kind of moment of ``catalogue/moments.toml``.
    track : None where it concerns the whole song.
    value : how far it goes, in the kind's unit.
    """

    what: str
    track: str | None
    start_s: float
    end_s: float
    value: float
    confidence: float


def settings(what: str) -> Mapping[str, Any]:
    """The entry of a kind of moment."""
    entry: Mapping[str, Any] = load("moments")["kinds"][what]
    return entry


def find_moments(
    recordings: Recordings, notes: Mapping[str, Sequence[Note]], beats_s: Sequence[float] = ()
) -> tuple[Moment, ...]:
    """All moments of a session; ``notes`` of its voices by track, ``beats_s`` where beats are known with confidence."""
    found: list[Moment] = []
    for name in recordings.names:
        role, compact = recordings.role(name), recordings.compact(name)
        if _is_played(role):
            found += apart_from_phrases(name, compact, is_voice=group_of(role) == "vocals")
        if role in settings("feedback")["roles"]:
            found += feedback(name, compact)
    for name, heard in notes.items():
        found += voice_breaks(name, heard)
    return (*found, *tempo_moments(beats_s))


def moment_facts(moments: Sequence[Moment]) -> tuple[Fact, ...]:
    """Each moment with its place."""
    return tuple(
        Fact(
            name="moment",
            value=str(settings(each.what)["name"]),
            track=each.track,
            start_s=each.start_s,
            end_s=each.end_s,
            confidence=each.confidence,
            method=METHOD,
        )
        for each in moments
    )


def moment_findings(moments: Sequence[Moment]) -> tuple[Finding, ...]:
    """One neutral question a moment: keep or not? A note, unless it is sure enough to be asked about."""
    ask_from = load("moments")["ask_from"]
    return tuple(
        finding(
            "moments",
            track=each.track,
            path=None,
            value=None,
            start_s=each.start_s,
            end_s=each.end_s,
            severity="ask" if each.confidence >= ask_from else "note",
            confidence=each.confidence,
            moment=str(settings(each.what)["name"]).capitalize(),
            at=clock_time(each.start_s)[:-2],
        )
        for each in sorted(moments, key=lambda each: (each.track or "", each.start_s))
    )


def apart_from_phrases(name: str, compact: Compact, *, is_voice: bool) -> list[Moment]:
    """Quiet events that stand alone: before the first phrase, or far from any; a laugh where they come in bursts."""
    limits = settings("apart")
    level_db = 10.0 * np.log10(_smoothed(compact.levels.astype(np.float64), 5) + NOTHING)
    sounding = level_db[level_db > limits["silent_db"]]
    if sounding.size < 2 * compact.frames_per_s:
        return []
    loud_db, floor_db = float(np.quantile(sounding, 0.9)), float(np.quantile(sounding, 0.05))
    loud = _stretches(level_db > loud_db - limits["phrase_below_db"], round(0.3 * compact.frames_per_s))
    phrases = [(a, b) for a, b in loud if b - a >= limits["shortest_phrase_s"] * compact.frames_per_s]
    least_db = max(floor_db + limits["over_floor_db"], loud_db - limits["deepest_db"])
    events = _stretches(level_db > least_db, round(0.15 * compact.frames_per_s))
    if not phrases:
        return []
    return [
        _apart(name, a, b, phrases, level_db, loud_db, compact.frames_per_s, is_voice=is_voice)
        for a, b in events
        if _stands_alone(a, b, phrases, compact.frames_per_s, limits)
    ]


def feedback(name: str, compact: Compact) -> list[Moment]:
    """A single tone that swells by itself and holds its pitch."""
    limits = settings("feedback")
    sound, hop = compact.mono.samples[0], COMPACT_RATE_HZ // 20
    if sound.size < FEEDBACK_SIZE:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(sound, FEEDBACK_SIZE)[::hop]
    window = np.hanning(FEEDBACK_SIZE).astype(np.float32)
    peak, share, total = (np.zeros(frames.shape[0]) for _ in range(3))
    for first in range(0, frames.shape[0], 256):
        lines = np.fft.rfft(frames[first : first + 256] * window, axis=1)
        power = lines.real**2 + lines.imag**2
        power[:, : round(limits["lowest_hz"] * FEEDBACK_SIZE / COMPACT_RATE_HZ)] = 0.0
        rows = slice(first, first + power.shape[0])
        peak[rows] = power.argmax(axis=1)
        total[rows] = power.sum(axis=1) + NOTHING
        share[rows] = _around_peak(power) / total[rows]
    return list(_swelling(name, peak, share, 10.0 * np.log10(total), limits))


def voice_breaks(name: str, notes: Sequence[Note]) -> list[Moment]:
    """A voice that jumps away for a moment and comes back to where it was, without a rest between."""
    limits = settings("voice_break")
    found = []
    for before, at, after in zip(notes, notes[1:], notes[2:], strict=False):
        pitches = [hz_to_midi(note.centre_hz) for note in (before, at, after)]
        away = min(abs(pitches[1] - pitches[0]), abs(pitches[1] - pitches[2]))
        gaps_s = (at.start_s - before.end_s, after.start_s - at.end_s)
        if (
            at.duration_s <= limits["longest_s"]
            and limits["least_semitones"] <= away <= limits["most_semitones"]
            and abs(pitches[2] - pitches[0]) <= limits["back_semitones"]
            and max(gaps_s) <= limits["longest_gap_s"]
            and min(before.duration_s, after.duration_s) >= limits["shortest_neighbour_s"]
        ):
            where = {"start_s": at.start_s, "end_s": at.end_s}
            found.append(Moment(what="voice_break", track=name, value=away, confidence=0.6, **where))
    return found


def tempo_moments(beats_s: Sequence[float]) -> list[Moment]:
    """Where the tempo gives way and comes back (rubato), and where it is pushed for bars."""
    if len(beats_s) < 16:
        return []
    limits = settings("rubato")
    lengths = np.diff(np.asarray(beats_s, dtype=np.float64))
    width = int(limits["around_beats"])
    padded = np.pad(lengths, width, mode="reflect")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1), axis=1)
    slower = _smoothed(lengths / usual - 1.0, 3)
    found = []
    for what, mask in (
        ("rubato", slower > limits["slower"]),
        ("push", slower < -settings("push")["faster"]),
    ):
        for a, b in _stretches(mask, 1):
            if b - a >= settings(what)["fewest_beats"]:
                value = 100.0 * float(np.abs(slower[a:b]).max())
                span = {"start_s": float(beats_s[a]), "end_s": float(beats_s[b])}
                found.append(Moment(what=what, track=None, value=value, confidence=0.6, **span))
    return found


def _is_played(role: str) -> bool:
    """Whether a person stood before a microphone: on programmed tracks nothing happens by chance."""
    return role in load("moments")["played_roles"]


def _apart(
    name: str,
    first: int,
    end: int,
    phrases: Sequence[tuple[int, int]],
    level_db: Levels,
    loud_db: float,
    frames_per_s: float,
    *,
    is_voice: bool,
) -> Moment:
    what = "before" if end <= phrases[0][0] else "apart"
    confidence = 0.5
    if is_voice and _comes_in_bursts(level_db[first:end], frames_per_s):
        what, confidence = "laugh", 0.5
    return Moment(
        what=what,
        track=name,
        start_s=first / frames_per_s,
        end_s=end / frames_per_s,
        value=float(level_db[first:end].max()) - loud_db,
        confidence=confidence,
    )


def _stands_alone(
    first: int, end: int, phrases: Sequence[tuple[int, int]], frames_per_s: float, limits: Mapping[str, Any]
) -> bool:
    length_s = (end - first) / frames_per_s
    gap = limits["alone_s"] * frames_per_s
    far = all(end + gap <= a or b + gap <= first for a, b in phrases)
    return far and limits["shortest_s"] <= length_s <= limits["longest_s"]


def _comes_in_bursts(level_db: Levels, frames_per_s: float) -> bool:
    """Four and more bursts at an even pace of 4 to 6.5 a second, deep between: how people laugh (Bachorowski 2001)."""
    limits = settings("laugh")
    if level_db.size < limits["shortest_s"] * frames_per_s:
        return False
    course = level_db - level_db.mean()
    power = float(np.square(course).mean())
    if power < limits["least_depth_db"] ** 2:
        return False
    paces = range(round(frames_per_s / limits["fastest_hz"]), round(frames_per_s / limits["slowest_hz"]) + 1)
    return any(
        float((course[lag:] * course[:-lag]).mean()) > limits["evenness"] * power for lag in paces if lag < course.size
    )


def _around_peak(power: Levels) -> Levels:
    rows = np.arange(power.shape[0])
    at = power.argmax(axis=1)
    near = [power[rows, np.clip(at + shift, 0, power.shape[1] - 1)] for shift in (-2, -1, 0, 1, 2)]
    around: Levels = np.sum(near, axis=0, dtype=np.float64)
    return around


def _swelling(name: str, peak: Levels, share: Levels, level_db: Levels, limits: Mapping[str, Any]) -> Iterator[Moment]:
    loud = level_db > float(level_db.max()) - limits["least_below_loudest_db"]
    held = np.concatenate([[False], np.abs(np.diff(peak)) <= 1.0])
    for first, end in _stretches((share > limits["share"]) & held & loud, 1):
        rise_db = float(level_db[first:end].max() - level_db[first])
        if (end - first) / 20.0 >= limits["shortest_s"] and rise_db >= limits["rise_db"]:
            # A plucked string is loudest where it begins.
            late = int(level_db[first:end].argmax()) >= 0.4 * (end - first)
            if late:
                span = {"start_s": first / 20.0, "end_s": end / 20.0}
                yield Moment(what="feedback", track=name, value=rise_db, confidence=0.6, **span)


def _stretches(mask: Mask, bridge: int) -> list[tuple[int, int]]:
    """Stretches ``(first, end)`` where it is true; shorter gaps than ``bridge`` are closed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    found: list[tuple[int, int]] = []
    for first, end in edges.reshape(-1, 2).tolist():
        if found and first - found[-1][1] < bridge:
            found[-1] = (found[-1][0], end)
        else:
            found.append((first, end))
    return found


def _smoothed(values: Levels, width: int) -> Levels:
    """Mean of ``width`` neighbours."""
    padded = np.pad(values, width // 2, mode="edge")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    smooth: Levels = (sums[width:] - sums[:-width]) / width
    return smooth[: values.size]
