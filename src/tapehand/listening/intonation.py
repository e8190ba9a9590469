"""Who is in tune with whom: parts as a whole against each other, and the notes of melodies against the parts.

Questions only, naming notes and cents. What is bent on purpose stays bent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from tapehand.catalogue.loading import load
from tapehand.dsp.psola import PitchCurve
from tapehand.listening.attacks import attack_times_s
from tapehand.listening.kinds import clock_time, finding, limit, threshold
from tapehand.listening.notes import Note, notes_of, settled
from tapehand.listening.pitch import PitchRange, track_pitch
from tapehand.listening.recordings import Recordings
from tapehand.listening.roles import group_of
from tapehand.listening.tuning_of_parts import (
    REFERENCE_HZ,
    PartTuning,
    common_tuning,
    part_tuning,
    tuning_fact,
    wrapped,
    wrapped_difference,
)
from tapehand.song.finding import Fact, Finding

MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Intonation:
    """What is known of the pitch of a session.

    Parameters
    ----------
    parts : tuning of every part that has one, by its name.
    common_cents : what most parts that hold their pitch agree on, off A at 440 Hz; None without any.
    notes : of the tracks that carry one voice, by their names.
    curves : their pitch over time.
    """

    parts: Mapping[str, PartTuning]
    common_cents: float | None
    notes: Mapping[str, tuple[Note, ...]]
    curves: Mapping[str, PitchCurve] = field(default_factory=dict)

    def among(self, names: Sequence[str]) -> "Intonation":
        """The same without the other tracks."""
        return replace(
            self,
            parts={name: tuning for name, tuning in self.parts.items() if name in names},
            notes={name: notes for name, notes in self.notes.items() if name in names},
        )


def settings() -> Mapping[str, Any]:
    """The figures of ``catalogue/between.toml`` for intonation."""
    figures: Mapping[str, Any] = load("between")["intonation"]
    return figures


def intonation(recordings: Recordings) -> Intonation:
    """Tunings of all parts that sound, and the notes of all that are one voice by their role."""
    tunings = {name: part_tuning(recordings.compact(name)) for name in recordings.names if _has_keys(recordings, name)}
    parts = {name: tuning for name, tuning in tunings.items() if tuning is not None}
    melodies = [name for name in recordings.names if recordings.role(name) in settings()["melody_roles"]]
    curves = {name: _voice_pitch(recordings, name) for name in melodies}
    return Intonation(
        parts=parts,
        common_cents=common_tuning(_sure(parts, melodies)),
        notes={name: notes_of(curve, attack_times_s(recordings.compact(name))) for name, curve in curves.items()},
        curves=curves,
    )


def intonation_facts(heard: Intonation) -> tuple[Fact, ...]:
    """The tuning of each part."""
    return tuple(tuning_fact(name, tuning) for name, tuning in heard.parts.items())


def intonation_findings(heard: Intonation) -> tuple[Finding, ...]:
    """Questions about parts that lie beside the others, and about notes of melodies."""
    return (*_parts_beside(heard), *_notes_beside(heard))


def _has_keys(recordings: Recordings, name: str) -> bool:
    return group_of(recordings.role(name)) not in settings()["groups_without_keys"]


def _sure(parts: Mapping[str, PartTuning], melodies: Sequence[str]) -> list[PartTuning]:
    return [
        tuning
        for name, tuning in parts.items()
        if name not in melodies and tuning.confidence >= limit("part_out_of_tune", "least_confidence")
    ]


def _voice_pitch(recordings: Recordings, name: str) -> PitchCurve:
    low_hz, high_hz = settings()["pitch_range_hz"]
    return track_pitch(recordings.compact(name).mono, PitchRange(low_hz=low_hz, high_hz=high_hz))


def _parts_beside(heard: Intonation) -> list[Finding]:
    found = []
    for name, tuning in heard.parts.items():
        if name in heard.notes or heard.common_cents is None:
            continue
        if tuning.confidence < limit("part_out_of_tune", "least_confidence"):
            continue
        off_cents = wrapped_difference(tuning.cents, heard.common_cents)
        if abs(off_cents) < max(threshold("part_out_of_tune"), 3.0 * tuning.error_cents):
            continue
        found.append(
            finding(
                "part_out_of_tune",
                track=name,
                path=None,
                value=off_cents,
                confidence=0.9 * tuning.confidence,
                off=f"{abs(off_cents):.0f} cents {'above' if off_cents > 0 else 'below'}",
            )
        )
    return found


def _notes_beside(heard: Intonation) -> list[Finding]:
    found = []
    for name, notes in heard.notes.items():
        sung = settled(notes)
        if len(sung) < limit("notes_beside_the_key", "fewest_notes") or not is_sung(notes):
            continue
        reference = _reference_cents(heard, sung)
        tuning_hz = REFERENCE_HZ * float(np.exp2(reference / 1200.0))
        beside = [
            note
            for note in sung
            if abs(note.off_cents(tuning_hz)) >= threshold("notes_beside_the_key")
            and note.duration_s >= limit("notes_beside_the_key", "shortest_s")
        ]
        if beside:
            found.append(_notes_question(name, beside, len(sung), tuning_hz))
    return found


def is_sung(notes: Sequence[Note]) -> bool:
    """Whether a line is sung or played: speech and rap slide all the time, and nothing is said about their notes."""
    whole = sum(note.duration_s for note in notes)
    return sum(note.duration_s for note in settled(notes)) >= limit("notes_beside_the_key", "sung_share") * whole


def _reference_cents(heard: Intonation, sung: Sequence[Note]) -> float:
    """What the parts agree on; without any, the middle of the voice's own notes."""
    if heard.common_cents is not None:
        return heard.common_cents
    off = np.array([note.off_cents() for note in sung])
    first = float(off[np.abs(wrapped(off[:, np.newaxis] - off)).sum(axis=0).argmin()])
    return first + float(np.median(wrapped(off - first)))


def _notes_question(name: str, beside: Sequence[Note], of: int, tuning_hz: float) -> Finding:
    worst = sorted(beside, key=lambda note: -abs(note.off_cents(tuning_hz)))[:MOST_NAMED]
    named = [_named(note, tuning_hz) for note in sorted(worst, key=lambda note: note.start_s)]
    far = abs(worst[0].off_cents(tuning_hz)) >= limit("notes_beside_the_key", "asked_cents")
    many = len(beside) >= limit("notes_beside_the_key", "asked_share") * of
    question = finding(
        "notes_beside_the_key",
        track=name,
        path=None,
        value=worst[0].off_cents(tuning_hz),
        start_s=beside[0].start_s,
        end_s=beside[0].end_s,
        confidence=float(np.mean([note.confidence for note in beside])) * 0.9,
        count="1 note lies" if len(beside) == 1 else f"{len(beside)} notes lie",
        of=of,
        named=", ".join(named),
    )
    return question if far or many else replace(question, severity="note")


def _named(note: Note, tuning_hz: float) -> str:
    off_cents = note.off_cents(tuning_hz)
    where = "high" if off_cents > 0 else "low"
    return f"{note.name} at {clock_time(note.start_s)} {abs(off_cents):.0f} cents {where}"
