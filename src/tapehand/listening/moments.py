"""Moments: things that may be the best part, told without a judgement, to be kept or not by the producer.

What sounds before the first phrase or apart from the phrases, a voice that breaks, a tone that feeds back, a laugh, and
where the tempo pushes or gives. Nothing of it is a fault; what a person keeps is locked against every repair.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.feedback import feedback
from tapehand.listening.intonation import Intonation
from tapehand.listening.kinds import clock_time, finding
from tapehand.listening.moment_kinds import Moment, settings
from tapehand.listening.recordings import Compact, Recordings
from tapehand.listening.roles import group_of
from tapehand.listening.voice_moments import laughs, voice_breaks
from tapehand.song.finding import Fact, Finding

Levels = NDArray[np.float64]
Mask = NDArray[np.bool_]

METHOD: Final = "moments/2"
NOTHING: Final = 1e-12
VOICES: Final = "vocals"


def find_moments(recordings: Recordings, pitch: Intonation, beats_s: Sequence[float] = ()) -> tuple[Moment, ...]:
    """All moments of a session; ``beats_s`` where beats are known with confidence."""
    found: list[Moment] = []
    for name in recordings.names:
        role, compact = recordings.role(name), recordings.compact(name)
        laughing = laughs(name, compact) if group_of(role) == VOICES else []
        if _is_played(role):
            found += [each for each in apart_from_phrases(name, compact) if not _overlaps(each, laughing)]
        if role in settings("feedback")["roles"]:
            found += feedback(name, compact)
        if group_of(role) == VOICES and pitch.is_sung(name):
            found += voice_breaks(name, pitch.curves[name], compact.mono)
        found += laughing
    return (*found, *tempo_moments(beats_s))


def _overlaps(moment: Moment, others: Sequence[Moment]) -> bool:
    return any(moment.start_s < other.end_s and other.start_s < moment.end_s for other in others)


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


def apart_from_phrases(name: str, compact: Compact) -> list[Moment]:
    """Quiet events that stand alone: before the first phrase, or far from any."""
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
        _apart(name, a, b, phrases, level_db, loud_db, compact.frames_per_s)
        for a, b in events
        if _stands_alone(a, b, phrases, compact.frames_per_s, limits)
    ]


def tempo_moments(beats_s: Sequence[float]) -> list[Moment]:
    """Where the tempo gives way and comes back (rubato), and where it is pushed for bars."""
    if len(beats_s) < 16:
        return []
    limits = settings("rubato")
    lengths = np.diff(np.asarray(beats_s, dtype=np.float64))
    width = int(limits["around_beats"])
    padded = np.pad(lengths, width, mode="reflect")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1), axis=1)
    slower = _smoothed(lengths / usual - 1.0, int(limits["smoothing_beats"]))
    found = []
    for what, mask in (
        ("rubato", slower > limits["slower"]),
        ("push", slower < -settings("push")["faster"]),
    ):
        for a, b in _stretches(mask, 3):
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
) -> Moment:
    return Moment(
        what="before" if end <= phrases[0][0] else "apart",
        track=name,
        start_s=first / frames_per_s,
        end_s=end / frames_per_s,
        value=float(level_db[first:end].max()) - loud_db,
        confidence=0.5,
    )


def _stands_alone(
    first: int, end: int, phrases: Sequence[tuple[int, int]], frames_per_s: float, limits: Mapping[str, Any]
) -> bool:
    length_s = (end - first) / frames_per_s
    gap = limits["alone_s"] * frames_per_s
    far = all(end + gap <= a or b + gap <= first for a, b in phrases)
    return far and limits["shortest_s"] <= length_s <= limits["longest_s"]


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
