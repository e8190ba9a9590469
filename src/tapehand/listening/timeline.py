"""The time and harmony of a session, from those of its tracks that tell them best: drums for time, chords for harmony.

Order of trust: the song's own tempo map, a person's word (which is one), then what is heard. What is heard without
confidence is told, and nothing is built on it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from tapehand.listening.click_track import hear_click
from tapehand.listening.harmony import Harmony, hear_harmony, hear_tones
from tapehand.listening.onsets import Onsets, onsets, together
from tapehand.listening.recordings import Compact, Recordings, summed
from tapehand.listening.rhythm import Rhythm, hear_rhythm
from tapehand.listening.roles import group_of
from tapehand.listening.stirring import are_alike, stirs
from tapehand.listening.tempo_curve import confidence_between, steadiness, tempo_curve
from tapehand.listening.tones import Chroma
from tapehand.song.finding import Fact

RHYTHM_METHOD: Final = "rhythm/1"
HARMONY_METHOD: Final = "harmony/1"
SURE: Final = 0.8
LIKELY: Final = 0.5
# What one tone that is held says about the tuning of what plays it.
BY_ONE_TONE: Final = 0.55
# What is said of bars where neither strokes nor chords tell them.
WITHOUT_ACCENTS: Final = 0.2
UNPITCHED: Final = ("drums", "effects")
BESIDE: Final = "reference"
CLICK: Final = "click"
VOICES: Final = "vocals"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Timeline:
    """What was heard of time and harmony.

    ``rhythm`` is None where nothing returns that could be a beat, ``chroma`` where there are no chords.
    """

    rhythm: Rhythm | None
    harmony: Harmony
    onsets: Onsets | None
    chroma: Chroma | None = None

    @property
    def sure_beats_s(self) -> tuple[float, ...]:
        """The beats, where they are confident; else none."""
        if self.rhythm is None or self.rhythm.beat_confidence < SURE:
            return ()
        return tuple(self.rhythm.beats_s.tolist())

    def bars_s(self, end_s: float) -> tuple[float, ...] | None:
        """Starts of the bars and the end of the last, from 0 to at least ``end_s``; None where they are not likely."""
        rhythm = self.rhythm
        if rhythm is None or rhythm.bar_confidence < LIKELY or rhythm.downbeats_s.size < 2:
            return None
        lines = rhythm.downbeats_s
        bar_s = float(np.median(np.diff(lines)))
        before = np.arange(float(lines[0]) - bar_s, 0.5 * bar_s, -bar_s)[::-1]
        after = np.arange(float(lines[-1]) + bar_s, end_s + bar_s, bar_s)
        bars = [0.0, *before.tolist(), *lines.tolist(), *after.tolist()]
        # An upbeat of less than half a bar belongs to the first bar.
        return tuple(bars if bars[1] > 0.5 * bar_s else [0.0, *bars[2:]])

    def facts(self) -> tuple[Fact, ...]:
        """Tempo and how it keeps, metre, tuning, keys and chords, each with its place and confidence."""
        if self.rhythm is None:
            return tuple(_harmony_facts(self.harmony))
        return (*_rhythm_facts(self.rhythm), *_course_facts(self.rhythm), *_harmony_facts(self.harmony))

    def beat_facts(self, stretches_s: Sequence[tuple[float, float]]) -> tuple[Fact, ...]:
        """How sure the beats of each stretch are: where nothing plays they are counted through, not heard."""
        rhythm, heard = self.rhythm, self.onsets
        if rhythm is None or heard is None:
            return ()
        return tuple(
            Fact(
                name="beats",
                value=float(((rhythm.beats_s >= start) & (rhythm.beats_s < end)).sum()),
                unit="beats",
                start_s=start,
                end_s=end,
                confidence=round(confidence_between(rhythm, heard, start, end), 3),
                method=RHYTHM_METHOD,
            )
            for start, end in stretches_s
        )


def hear_timeline(recordings: Recordings) -> Timeline:
    """Time and harmony of the tracks of a session."""
    groups = {name: group_of(recordings.role(name)) for name in recordings.names}
    loud = [name for name in recordings.names if recordings.compact(name).coded.any()]
    # A click or a rough mix beside the tracks is no part of the music, unless there is nothing else.
    sounding = [name for name in loud if groups[name] != BESIDE] or loud
    drums = [name for name in sounding if groups[name] == "drums"]
    pitched = [name for name in sounding if groups[name] not in UNPITCHED]
    played = [name for name in pitched if groups[name] != VOICES]
    heard = _onsets(recordings, drums, sounding)
    tones = hear_tones([_sum(recordings, played or pitched or sounding or list(recordings.names))])
    stirring = any(stirs(recordings.compact(name)) for name in sounding)
    clicked = _clicked(recordings, loud)
    rhythm = clicked or (hear_rhythm(heard, tones.chroma) if heard and stirring else None)
    harmony = hear_harmony(tones, rhythm)
    chords = {chord.chord for chord in harmony.chords if chord.chord is not None}
    if rhythm and heard and not clicked and len(chords) < 2 and are_alike(rhythm.beats_s, heard):
        rhythm = replace(rhythm, bar_confidence=min(rhythm.bar_confidence, WITHOUT_ACCENTS))
    return Timeline(rhythm=rhythm, harmony=harmony, onsets=heard, chroma=tones.chroma if chords else None)


def _clicked(recordings: Recordings, names: Sequence[str]) -> Rhythm | None:
    """What a click track says, where there is one and it says where the bars begin."""
    clicks = (hear_click(recordings.compact(name)) for name in names if recordings.role(name) == CLICK)
    return next((grid.rhythm() for grid in clicks if grid is not None and grid.beats_to_bar), None)


def _onsets(recordings: Recordings, drums: Sequence[str], every: Sequence[str]) -> Onsets | None:
    """Onsets of everything, and those of the drums once more: each side as loud as the other."""
    sides = [onsets(_sum(recordings, side)) for side in (drums, every) if side]
    return together(sides) if sides else None


def _sum(recordings: Recordings, names: Sequence[str]) -> Compact:
    return summed([recordings.compact(name) for name in names])


def _rhythm_facts(rhythm: Rhythm) -> Iterator[Fact]:
    yield Fact(
        name="tempo_bpm",
        value=round(rhythm.tempo_bpm, 3),
        unit="BPM",
        confidence=rhythm.tempo_confidence,
        method=RHYTHM_METHOD,
    )
    yield Fact(name="metre", value=str(rhythm.metre), confidence=rhythm.bar_confidence, method=RHYTHM_METHOD)
    for other in rhythm.alternatives[:2]:
        yield Fact(
            name="tempo_alternative_bpm",
            value=round(other.bpm, 2),
            unit="BPM",
            confidence=other.likelihood,
            method=RHYTHM_METHOD,
        )


def _course_facts(rhythm: Rhythm) -> Iterator[Fact]:
    """Whether one tempo holds; bar by bar where it does not."""
    course = steadiness(rhythm.beats_s)
    if course is None:
        return
    told = partial(Fact, confidence=rhythm.beat_confidence, method=RHYTHM_METHOD)
    yield told(name="tempo_keeps", value=course.kind)
    yield told(name="tempo_leans", value=round(course.lean_percent, 2), unit="%")
    if course.kind != "steady":
        for point in tempo_curve(rhythm):
            yield told(name="tempo_at", value=round(point.bpm, 2), unit="BPM", start_s=point.start_s, end_s=point.end_s)


def _harmony_facts(harmony: Harmony) -> Iterator[Fact]:
    tuning = harmony.tuning
    yield Fact(
        name="tuning_hz",
        value=round(tuning.a4_hz, 2),
        unit="Hz",
        confidence=tuning.agreement * (BY_ONE_TONE + (1.0 - BY_ONE_TONE) * harmony.moves),
        method=HARMONY_METHOD,
    )
    for key in harmony.keys:
        yield Fact(
            name="key",
            value=str(key.key),
            start_s=key.start_s,
            end_s=key.end_s,
            confidence=key.confidence,
            method=HARMONY_METHOD,
        )
    for chord in harmony.chords:
        yield Fact(
            name="chord",
            value="N" if chord.chord is None else chord.chord.symbol(),
            start_s=chord.start_s,
            end_s=chord.end_s,
            confidence=chord.confidence,
            method=HARMONY_METHOD,
        )
