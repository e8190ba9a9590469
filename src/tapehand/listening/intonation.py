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
from tapehand.listening.lines import HeardLine, LineKind, heard_line, line_kind
from tapehand.listening.notes import Note, notes_of, settled
from tapehand.listening.pitch import PitchRange, track_pitch
from tapehand.listening.recordings import Compact, Recordings
from tapehand.listening.roles import group_of
from tapehand.listening.second_opinion import PitchTracker, with_second_opinion
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
from tapehand.song.kept import KeptStretch

MOST_NAMED: Final = 3
METHOD: Final = "notes/2"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Intonation:
    """What is known of the pitch of a session.

    Parameters
    ----------
    parts : tuning of every part that has one, by its name.
    common_cents : what most parts that hold their pitch agree on, off A at 440 Hz; None without any.
    notes : of the tracks that carry one voice, by their names.
    curves : their pitch over time.
    kinds : what kind of line each of them carries, and how sure that is.
    method : who heard the notes.
    kept : what of them a person keeps as it was sung.
    """

    parts: Mapping[str, PartTuning]
    common_cents: float | None
    notes: Mapping[str, tuple[Note, ...]]
    curves: Mapping[str, PitchCurve] = field(default_factory=dict)
    kinds: Mapping[str, tuple[LineKind, float]] = field(default_factory=dict)
    method: str = METHOD
    kept: tuple[KeptStretch, ...] = ()

    def is_sung(self, name: str) -> bool:
        """Whether a track carries one voice that holds its notes; of others nothing is said about single notes."""
        return name in self.kinds and self.kinds[name][0] == "one voice"

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


def intonation(
    recordings: Recordings, second: PitchTracker | None = None, kept: tuple[KeptStretch, ...] = ()
) -> Intonation:
    """Tunings of all parts that sound, and the notes of all that are one voice by their role.

    ``second`` is asked about the notes that are not sure; of what is ``kept`` no note will be asked about.
    """
    tunings = {name: part_tuning(recordings.compact(name)) for name in recordings.names if _has_keys(recordings, name)}
    parts = {name: tuning for name, tuning in tunings.items() if tuning is not None}
    melodies = [name for name in recordings.names if recordings.role(name) in settings()["melody_roles"]]
    curves = {name: _voice_pitch(recordings, name) for name in melodies}
    notes = {name: _notes(recordings.compact(name), curve, second) for name, curve in curves.items()}
    return Intonation(
        parts=parts,
        common_cents=common_tuning(_sure(parts, melodies)),
        notes=notes,
        curves=curves,
        kinds={name: line_kind(recordings.compact(name), curves[name], notes[name]) for name in melodies},
        method=METHOD if second is None else f"{METHOD} with {second.name}",
        kept=kept,
    )


def heard_lines(heard: Intonation) -> tuple[HeardLine, ...]:
    """The line of each track that is one voice by its role, with its notes."""
    return tuple(
        heard_line(name, kind, heard.notes[name], _tuning_hz(heard, settled(heard.notes[name])), heard.method)
        for name, kind in heard.kinds.items()
    )


def _notes(compact: Compact, curve: PitchCurve, second: PitchTracker | None) -> tuple[Note, ...]:
    return with_second_opinion(notes_of(curve, attack_times_s(compact)), compact.mono, second)


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
        if len(sung) < limit("notes_beside_the_key", "fewest_notes") or not heard.is_sung(name):
            continue
        tuning_hz = _tuning_hz(heard, sung)
        beside = [
            note
            for note in sung
            if abs(note.off_cents(tuning_hz)) >= threshold("notes_beside_the_key")
            and note.duration_s >= limit("notes_beside_the_key", "shortest_s")
            and not any(one.holds(name, *_middle_s(note)) for one in heard.kept)
        ]
        if beside:
            found.append(_notes_question(name, beside, len(sung), tuning_hz))
    return found


def _middle_s(note: Note) -> tuple[float, float]:
    """Its middle half: a note is kept with the moment that most of it lies in."""
    quarter_s = 0.25 * note.duration_s
    return note.start_s + quarter_s, note.end_s - quarter_s


def _tuning_hz(heard: Intonation, sung: Sequence[Note]) -> float:
    """The A that a line is held against."""
    return REFERENCE_HZ * float(np.exp2(_reference_cents(heard, sung) / 1200.0))


def _reference_cents(heard: Intonation, sung: Sequence[Note]) -> float:
    """What the parts agree on; without any, the middle of the voice's own notes; 0 without those."""
    if heard.common_cents is not None or not sung:
        return heard.common_cents or 0.0
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
