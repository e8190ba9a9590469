"""The tempo map and markers that a DAW exported beside the stems, as a Standard MIDI File.

A file counts only where it says a tempo itself. Where several say different things, one that calls itself a map or has
changes in it leads; where that does not settle it, none is believed and the music is listened to.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import mido

from tapehand.listening.marks import DawTime, Mark
from tapehand.music.time import PPQ, Metre, MetreChange, TempoChange, TempoMap

SUFFIXES: Final = (".mid", ".midi", ".smf")
LARGEST_BYTES: Final = 4 << 20
MOST_FILES: Final = 64
UNITS: Final = (1, 2, 4, 8, 16, 32)
TEMPI_BPM: Final = (10.0, 1_000.0)
MAP_NAME: Final = re.compile(r"tempo|map|marker|click|grid|conductor|guide", re.IGNORECASE)
UNREADABLE: Final = (OSError, EOFError, ValueError, TypeError, KeyError, IndexError, mido.KeySignatureError)


class _Timed(NamedTuple):
    tick: int
    message: mido.MetaMessage


def read_daw_time(paths: Sequence[Path]) -> DawTime | None:
    """What MIDI files say together of tempo, metre and markers; None where that is nothing, or in doubt."""
    found = [(path, told) for path in paths[:MOST_FILES] if (told := daw_time_of(path)) is not None]
    if not found:
        return None
    leading = [each for each in found if _leads(*each)] or found
    if any(told.grid != leading[0][1].grid for _, told in leading):
        return None
    return max((told for _, told in leading), key=lambda told: len(told.marks))


def daw_time_of(path: Path) -> DawTime | None:
    """What one MIDI file says; None where it says no tempo, is damaged, or counts in frames of film."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        file = mido.MidiFile(path, clip=True, charset="latin-1")
        events = [each for track in file.tracks for each in _timed(track)]
        ticks_per_beat = int(file.ticks_per_beat)
    except UNREADABLE:
        return None
    if ticks_per_beat <= 0 or file.type == 2:
        return None
    events = [_Timed(round(each.tick * PPQ / ticks_per_beat), each.message) for each in events]
    events.sort(key=lambda each: each.tick)
    tempos = _tempos(events)
    if not tempos:
        return None
    grid = TempoMap(tempos=tempos, metres=_metres(events))
    return DawTime(source=path.name, grid=grid, marks=_marks(events, grid))


def _leads(path: Path, told: DawTime) -> bool:
    return bool(MAP_NAME.search(path.stem)) or len(told.grid.tempos) > 1 or len(told.grid.metres) > 1


def _timed(track: mido.MidiTrack) -> list[_Timed]:
    events, tick = [], 0
    for message in track:
        tick += message.time
        if message.is_meta and message.type in ("set_tempo", "time_signature", "marker", "cue_marker", "text"):
            events.append(_Timed(tick, message))
    return events


def _tempos(events: Sequence[_Timed]) -> tuple[TempoChange, ...]:
    """Of changes at one tick the last counts; before the first the first holds."""
    said = [each for each in events if each.message.type == "set_tempo" and each.message.tempo]
    told = {each.tick: _bpm(each.message.tempo) for each in said}
    told = {tick: bpm for tick, bpm in told.items() if TEMPI_BPM[0] <= bpm <= TEMPI_BPM[1]}
    changes: list[TempoChange] = []
    for tick in sorted(told):
        if not changes or changes[-1].bpm != told[tick]:
            changes.append(TempoChange(at=tick if changes else 0, bpm=told[tick]))
    return tuple(changes)


def _bpm(microseconds: int) -> float:
    """Quarter notes a minute: the round number that the file can only say in whole microseconds, where there is one."""
    exact = 60_000_000 / microseconds
    rounded = round(exact, 3)
    return rounded if rounded and round(60_000_000 / rounded) == microseconds else exact


def _metres(events: Sequence[_Timed]) -> tuple[MetreChange, ...]:
    """Those that begin at a bar line of what holds before; 4/4 where nothing is said."""
    changes = [MetreChange(at=0, metre=Metre())]
    for each in events:
        if each.message.type != "time_signature":
            continue
        beats, unit = int(each.message.numerator), int(each.message.denominator)
        if not 1 <= beats <= 64 or unit not in UNITS:
            continue
        last = changes[-1]
        if (each.tick - last.at) % last.metre.bar_ticks == 0 and last.metre != Metre(beats=beats, unit=unit):
            changes = [change for change in changes if change.at < each.tick]
            changes.append(MetreChange(at=each.tick, metre=Metre(beats=beats, unit=unit)))
    return tuple(changes)


def _marks(events: Sequence[_Timed], grid: TempoMap) -> tuple[Mark, ...]:
    named = (each for each in events if each.message.type in ("marker", "cue_marker", "text"))
    spoken = [(each.tick, _text(each.message.text)) for each in named]
    return tuple(Mark(name=text, start_s=grid.seconds_at(tick)) for tick, text in spoken if text)


def _text(text: str) -> str:
    """What was written as UTF-8, though the format means Latin-1."""
    try:
        return text.encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        return text.strip()
