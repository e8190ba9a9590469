"""A second opinion on notes that we are not sure of, from whoever else can follow a pitch.

Agreement of two who listen in different ways says more than either's own confidence: a note that both hear is believed
more, one that the other hears elsewhere hardly at all. What was heard stays ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from tapehand.audio import Audio
from tapehand.catalogue.loading import load
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.notes import Note


class PitchTracker(Protocol):
    """Somebody else who follows the pitch of one voice."""

    @property
    def name(self) -> str:
        """Name and version, such as ``"swift-f0/0.3.0"``: part of the method of what it was asked about."""
        ...

    def pitch(self, sound: Audio) -> PitchCurve:
        """The pitch of a mono sound over time; 0 Hz where it hears none or is not sure."""
        ...


# So much of what surrounds a note is given along, for those who listen in context.
AROUND_S: Final = 0.3


def settings() -> Mapping[str, float]:
    """The figures of ``catalogue/between.toml`` for second opinions."""
    figures: Mapping[str, float] = load("between")["second_opinion"]
    return figures


def with_second_opinion(notes: Sequence[Note], sound: Audio, tracker: PitchTracker | None) -> tuple[Note, ...]:
    """The same notes; the confidence of those that are not sure follows from whether ``tracker`` hears them too.

    ``sound`` is what they were heard in, from 0 s on.
    """
    if tracker is None:
        return tuple(notes)
    asked = {number for number, note in enumerate(notes) if note.confidence < settings()["asked_below"]}
    heard: dict[int, Note] = {}
    for numbers in _neighbours(notes, sorted(asked)):
        start_s = max(0.0, notes[numbers[0]].start_s - AROUND_S)
        end_s = notes[numbers[-1]].end_s + AROUND_S
        curve = tracker.pitch(sound.span(round(start_s * sound.rate_hz), round(end_s * sound.rate_hz)))
        heard |= {number: _judged(notes[number], curve, start_s) for number in numbers}
    return tuple(heard.get(number, note) for number, note in enumerate(notes))


def _neighbours(notes: Sequence[Note], numbers: Sequence[int]) -> list[list[int]]:
    """Notes that lie so near each other that they are listened to together."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and notes[number].start_s - notes[groups[-1][-1]].end_s < 2.0 * AROUND_S:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _judged(note: Note, curve: PitchCurve, offset_s: float) -> Note:
    inside = (curve.times_s + offset_s >= note.start_s) & (curve.times_s + offset_s < note.end_s)
    known = curve.hz[inside]
    known = known[known > 0.0]
    if not known.size or known.size < settings()["heard_share"] * inside.sum():
        return replace(note, confidence=note.confidence * settings()["unheard"])
    off_cents = abs(1200.0 * float(np.log2(np.median(known) / note.centre_hz)))
    if off_cents > settings()["agreeing_cents"]:
        return replace(note, confidence=note.confidence * settings()["disagreed"])
    return replace(note, confidence=note.confidence + settings()["agreed"] * (1.0 - note.confidence))
